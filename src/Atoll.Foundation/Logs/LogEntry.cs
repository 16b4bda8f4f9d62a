namespace Atoll.Foundation.Logs;

/// <summary>What an entry of a replicated log carries.</summary>
public enum EntryKind : byte
{
    /// <summary>Nothing: a new leader's first entry, which lets it commit what came before (dissertation, 6.4).</summary>
    Empty = 0,

    /// <summary>A command for the shard's state machine.</summary>
    Command = 1,

    /// <summary>A replica set (voters, outgoing voters, learners); in force as soon as it is appended.</summary>
    Membership = 2,
}

/// <summary>One entry of a shard's log.</summary>
/// <param name="Index">Its position.</param>
/// <param name="Term">The term of the leader that created it.</param>
/// <param name="Kind">What the payload is.</param>
/// <param name="Payload">The bytes; immutable from the moment the entry exists, so that everyone may keep them.</param>
public readonly record struct LogEntry(LogIndex Index, Term Term, EntryKind Kind, ReadOnlyMemory<byte> Payload)
{
    /// <summary>Bytes that an entry costs beyond its payload, wherever sizes are budgeted.</summary>
    public const int OverheadBytes = 32;

    /// <summary>The entry's budgeted size in bytes.</summary>
    public int SizeBytes => Payload.Length + OverheadBytes;
}
