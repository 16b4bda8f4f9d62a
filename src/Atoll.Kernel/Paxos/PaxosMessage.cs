using Atoll.Foundation.Time;

namespace Atoll.Kernel.Paxos;

/// <summary>What a message between a coordinator and a replica says. docs/eventual.md has the catalogue.</summary>
public enum PaxosMessageKind : byte
{
    /// <summary>What do you have? Nothing changes at the replica.</summary>
    Inspect = 1,

    /// <summary>The answer to <see cref="Inspect"/>.</summary>
    Inspected = 2,

    /// <summary>Take part in this ballot, and in none below it (phase 1a).</summary>
    Prepare = 3,

    /// <summary>I do; here is what I have (phase 1b).</summary>
    Promise = 4,

    /// <summary>Accept this (phase 2a).</summary>
    Propose = 5,

    /// <summary>I have (phase 2b).</summary>
    Accepted = 6,

    /// <summary>Prepare, Propose: I have promised a higher ballot.</summary>
    Refused = 7,

    /// <summary>This is decided.</summary>
    Commit = 8,

    /// <summary>It is in my data.</summary>
    Committed = 9,

    /// <summary>All replicas have everything through this ballot: it need not be remembered. No answer.</summary>
    Settled = 10,

    /// <summary>Inspect, Prepare, Propose: my version of the membership is another one.</summary>
    WrongEpoch = 11,
}

/// <summary>One message. Which fields mean something depends on the kind; the factories name them.</summary>
public readonly record struct PaxosMessage
{
    /// <summary>What it says.</summary>
    public PaxosMessageKind Kind { get; init; }

    /// <summary>The coordinator's number for the operation; answers carry it back.</summary>
    public ulong Operation { get; init; }

    /// <summary>The sender's version of the membership.</summary>
    public ulong Epoch { get; init; }

    /// <summary>The partition: its key with whatever the host needs before it (space, token).</summary>
    public ReadOnlyMemory<byte> Partition { get; init; }

    /// <summary>
    /// Prepare, Promise, Accepted, Committed, Settled: the ballot it is about. Inspect and its answer: an attempt's mark, to tell answers
    /// apart. Refused: the ballot refused.
    /// </summary>
    public Ballot Ballot { get; init; }

    /// <summary>
    /// Refused: the ballot promised. Committed: the replica has every decree through here. Inspected, Promise: of decrees through here the
    /// replica may have forgotten whose they were.
    /// </summary>
    public Ballot Bound { get; init; }

    /// <summary>Inspected, Promise: accepted and not known to be decided. Propose, Commit: the decree.</summary>
    public PaxosDecree Decree { get; init; }

    /// <summary>Inspected, Promise: the last decided one that the replica knows.</summary>
    public PaxosDecree LastCommitted { get; init; }

    /// <summary>Inspected, Promise: all replicas have <see cref="LastCommitted"/>, and everything before it.</summary>
    public bool IsSettled { get; init; }

    /// <summary>Promise: somebody else's ballot was promised a moment before, so that it has lost to this one.</summary>
    public bool IsContended { get; init; }

    /// <summary>Refused: the ballot was never accepted here, and never will be.</summary>
    public bool WasNeverAccepted { get; init; }

    /// <summary>Inspect, Prepare: what to read, opaque. Inspected, Promise: the data read; the host fills it in.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }

    /// <summary>The latest time in the message: what the receiver's hybrid clock observes.</summary>
    public HybridTime Time => Ballot.Max(Ballot.Max(Ballot, Bound), LastCommitted.Ballot).Time;

    internal PaxosMessage Answer(PaxosMessageKind kind, ulong epoch) =>
        new() { Kind = kind, Operation = Operation, Epoch = epoch, Partition = Partition, Ballot = Ballot };
}
