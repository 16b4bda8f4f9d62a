using Atoll.Foundation.Time;

namespace Atoll.Simulation.Campaigns;

/// <summary>
/// Which faults a run has, and how often. A mean of zero is never. Rates are in parts per million of messages or disk operations.
/// </summary>
public sealed record FaultShape
{
    /// <summary>Mean time between crashes of one node (process or power).</summary>
    public Duration CrashEvery { get; init; }

    /// <summary>The share of crashes that take the power, in parts per million.</summary>
    public int PowerLossPartsPerMillion { get; init; } = 500_000;

    /// <summary>Mean time between power losses of all nodes at once.</summary>
    public Duration PowerLossEverywhereEvery { get; init; }

    /// <summary>The longest time that a node stays down.</summary>
    public Duration DownMax { get; init; } = Duration.FromSeconds(5);

    /// <summary>Nodes that are switched off soon after clients began, and stay so until everything is mended.</summary>
    public int NodesAway { get; init; }

    /// <summary>Mean time between pauses.</summary>
    public Duration PauseEvery { get; init; }

    /// <summary>The longest pause.</summary>
    public Duration PauseMax { get; init; } = Duration.FromSeconds(4);

    /// <summary>Mean time between cuts of a link in one direction.</summary>
    public Duration OneWayCutEvery { get; init; }

    /// <summary>Mean time between partitions of the cluster into two groups.</summary>
    public Duration PartitionEvery { get; init; }

    /// <summary>The longest time that a cut or partition lasts.</summary>
    public Duration CutMax { get; init; } = Duration.FromSeconds(8);

    /// <summary>Mean time between slow links.</summary>
    public Duration SlowLinkEvery { get; init; }

    /// <summary>Mean time between jumps of a wall clock.</summary>
    public Duration WallJumpEvery { get; init; }

    /// <summary>The longest jump, either way.</summary>
    public Duration WallJumpMax { get; init; } = Duration.FromSeconds(60);

    /// <summary>How far wall clocks may be from the right time when clients begin, either way.</summary>
    public Duration ClocksApartMax { get; init; }

    /// <summary>Mean time between changes of a clock's drift.</summary>
    public Duration DriftEvery { get; init; }

    /// <summary>The most by which a clock runs fast or slow.</summary>
    public int DriftPartsPerMillionMax { get; init; } = 500;

    /// <summary>Mean time between stalls of a disk.</summary>
    public Duration DiskStallEvery { get; init; }

    /// <summary>The longest stall.</summary>
    public Duration DiskStallMax { get; init; } = Duration.FromSeconds(3);

    /// <summary>Mean time between disks that are full for a while.</summary>
    public Duration DiskFullEvery { get; init; }

    /// <summary>Mean time between operators' actions: moves of replicas and of leadership.</summary>
    public Duration OperatorEvery { get; init; }

    /// <summary>Mean time until a further node joins.</summary>
    public Duration JoinEvery { get; init; }

    /// <summary>Lost messages.</summary>
    public int LossPartsPerMillion { get; init; }

    /// <summary>Doubled messages.</summary>
    public int DuplicatePartsPerMillion { get; init; }

    /// <summary>Messages that may be overtaken.</summary>
    public int ReorderPartsPerMillion { get; init; }

    /// <summary>Late messages.</summary>
    public int TailPartsPerMillion { get; init; }

    /// <summary>How late.</summary>
    public Duration TailLatencyMax { get; init; } = Duration.FromMilliseconds(300);

    /// <summary>Broken connections.</summary>
    public int ResetPartsPerMillion { get; init; }

    /// <summary>Refused messages.</summary>
    public int RefusePartsPerMillion { get; init; }

    /// <summary>Slow disk operations.</summary>
    public int SlowDiskPartsPerMillion { get; init; }

    /// <summary>On expendable nodes only: mean time between bits that rot.</summary>
    public Duration RotEvery { get; init; }

    /// <summary>On expendable nodes only: failed reads.</summary>
    public int ReadFailsPartsPerMillion { get; init; }

    /// <summary>On expendable nodes only: failed writes.</summary>
    public int WriteFailsPartsPerMillion { get; init; }

    /// <summary>On expendable nodes only: failed syncs.</summary>
    public int SyncFailsPartsPerMillion { get; init; }

    /// <summary>On expendable nodes only: bits flipped on the way from the disk.</summary>
    public int FlipOnReadPartsPerMillion { get; init; }

    /// <summary>Mean time between moves of replicas of shards without a leader; zero for none.</summary>
    public Duration LeaderlessMoveEvery { get; init; }

    /// <summary>What decides about those moves.</summary>
    public ulong LeaderlessMoveSeed { get; init; }

    /// <summary>On expendable nodes only: misdirected reads.</summary>
    public int MisdirectPartsPerMillion { get; init; }
}
