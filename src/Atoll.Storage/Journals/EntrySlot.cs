using Atoll.Foundation.Logs;

namespace Atoll.Storage.Journals;

/// <summary>Where an entry is: on disk, and perhaps in memory.</summary>
internal struct EntrySlot
{
    /// <summary>The payload while it is in memory.</summary>
    public ReadOnlyMemory<byte> Payload;

    /// <summary>The segment of its record.</summary>
    public Segment Segment;

    /// <summary>The batch that makes the record durable.</summary>
    public long Sequence;

    /// <summary>Where in the segment the record begins.</summary>
    public long OffsetBytes;

    /// <summary>Length of the payload.</summary>
    public int PayloadBytes;

    /// <summary>The entry's kind.</summary>
    public EntryKind Kind;

    /// <summary>True while <see cref="Payload"/> is there.</summary>
    public bool IsCached;

    /// <summary>Length of the record.</summary>
    public readonly int RecordBytes => RecordHeader.SizeBytes + PayloadBytes;

    /// <summary>What the entry costs in memory.</summary>
    public readonly int CachedBytes => LogEntry.OverheadBytes + PayloadBytes;
}
