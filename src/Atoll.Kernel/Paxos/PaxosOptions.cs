using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Paxos;

/// <summary>Every timeout and bound of a Paxos coordinator, in one table.</summary>
public sealed record PaxosOptions
{
    /// <summary>This node.</summary>
    public required NodeId Self { get; init; }

    /// <summary>The region that this node stands in; empty when there are none.</summary>
    public string Region { get; init; } = "";

    /// <summary>What sets this coordinator's ballots apart from those of the node's other loops and lives.</summary>
    public required uint Lane { get; init; }

    /// <summary>Silence after which a phase asks again those that have not answered.</summary>
    public Duration ResendAfter { get; init; } = Duration.FromMilliseconds(150);

    /// <summary>The first wait after a lost attempt is at most this: about one attempt of another coordinator.</summary>
    public Duration BackoffMin { get; init; } = Duration.FromMilliseconds(10);

    /// <summary>No wait is longer than this.</summary>
    public Duration BackoffMax { get; init; } = Duration.FromMilliseconds(500);

    /// <summary>
    /// How long a decided update is sent again to replicas that do not confirm it, before they get a hint. Nobody waits for it.
    /// </summary>
    public Duration CommitPatience { get; init; } = Duration.FromSeconds(1);

    /// <summary>Operations that a coordinator holds at once; more are refused.</summary>
    public int OperationsMax { get; init; } = 16 * 1024;

    /// <summary>A planted bug; only tests set it.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <summary>Says what is wrong with the table, or null when nothing is.</summary>
    public string? Validate() =>
        Self == NodeId.None ? "Self must be a node."
        : ResendAfter <= Duration.Zero || CommitPatience <= Duration.Zero ? "ResendAfter and CommitPatience must be positive."
        : BackoffMin <= Duration.Zero || BackoffMax < BackoffMin ? "BackoffMin must be positive, and BackoffMax at least as long."
        : OperationsMax < 1 ? "OperationsMax must be positive."
        : null;
}
