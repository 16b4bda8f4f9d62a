namespace Atoll.StateMachines.Records;

/// <summary>What is wrong with a command that arrived.</summary>
public enum CommandFaultKind : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>It is not a command.</summary>
    Invalid = 1,

    /// <summary>A key, a value or the whole is larger than allowed.</summary>
    TooLarge = 2,

    /// <summary>A key belongs to another shard: the route that it came by is stale, or a batch spans shards.</summary>
    WrongShard = 3,
}

/// <summary>Why a command is not proposed, in words for its sender.</summary>
/// <param name="Kind">The kind of fault.</param>
/// <param name="Detail">The sentence; empty when there is no fault.</param>
public readonly record struct CommandFault(CommandFaultKind Kind, string Detail)
{
    /// <summary>No fault.</summary>
    public static readonly CommandFault None = new(CommandFaultKind.None, "");

    /// <summary>True when the command may be proposed.</summary>
    public bool IsNone => Kind == CommandFaultKind.None;

    internal static CommandFault Invalid(string detail) => new(CommandFaultKind.Invalid, detail);

    internal static CommandFault TooLarge(string detail) => new(CommandFaultKind.TooLarge, detail);

    internal static CommandFault WrongShard(string detail) => new(CommandFaultKind.WrongShard, detail);
}
