using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>Every timeout and bound of the coordinators of reads and writes, in one table.</summary>
public sealed record EventualOptions
{
    /// <summary>This node.</summary>
    public required NodeId Self { get; init; }

    /// <summary>The region that it stands in; empty when there are none.</summary>
    public string Region { get; init; } = "";

    /// <summary>Whether reads are hedged at all.</summary>
    public bool Hedges { get; init; } = true;

    /// <summary>A read is not hedged earlier than this, however fast replicas usually are: it would double the load.</summary>
    public Duration HedgeAfterMin { get; init; } = Duration.FromMilliseconds(2);

    /// <summary>A read is hedged after this at the latest, and when nothing is known yet about how fast replicas are.</summary>
    public Duration HedgeAfterMax { get; init; } = Duration.FromMilliseconds(50);

    /// <summary>A latency that was seen counts half after this time, so that a replica that was slow is tried again.</summary>
    public Duration LatencyHalfLife { get; init; } = Duration.FromSeconds(10);

    /// <summary>Reads, or writes, that a coordinator holds at once; more are refused.</summary>
    public int OperationsMax { get; init; } = 64 * 1024;

    /// <summary>A planted bug; only simulation sets it.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <summary>Says what is wrong with the table, or null when nothing is.</summary>
    public string? Validate() =>
        Self == NodeId.None ? "Self must be a node."
        : HedgeAfterMin <= Duration.Zero || HedgeAfterMax < HedgeAfterMin ? "HedgeAfterMin must be positive and at most HedgeAfterMax."
        : LatencyHalfLife <= Duration.Zero ? "LatencyHalfLife must be positive."
        : OperationsMax < 1 ? "OperationsMax must be positive."
        : null;
}
