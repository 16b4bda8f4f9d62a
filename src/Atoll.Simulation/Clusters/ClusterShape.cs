using System.Collections.Immutable;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;

namespace Atoll.Simulation.Clusters;

/// <summary>What a simulated cluster is made of: the numbers that an operator would choose.</summary>
public sealed record ClusterShape
{
    /// <summary>Nodes at the beginning.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>The regions that the nodes stand in, one after the other and then again from the first; empty: none is given.</summary>
    public ImmutableArray<string> Regions { get; init; } = [];

    /// <summary>Event loops of each node.</summary>
    public int LoopsPerNode { get; init; } = 1;

    /// <summary>Nodes that found the cluster and hold the directory at first; the others join.</summary>
    public int Founders { get; init; } = 3;

    /// <summary>Replicas that the directory grows to as nodes join.</summary>
    public int DirectoryReplicas { get; init; } = 3;

    /// <summary>The least election timeout.</summary>
    public Duration ElectionTimeout { get; init; } = Duration.FromMilliseconds(600);

    /// <summary>The heartbeat interval.</summary>
    public Duration HeartbeatInterval { get; init; } = Duration.FromMilliseconds(100);

    /// <summary>When an idle group goes to sleep.</summary>
    public Duration QuiesceAfter { get; init; } = Duration.FromSeconds(3);

    /// <summary>Whether linearizable reads are served from leases.</summary>
    public bool LeaseReads { get; init; }

    /// <summary>The bound of clock drift that leases rely on.</summary>
    public Duration LeaseClockDriftBound { get; init; } = Duration.FromMilliseconds(100);

    /// <summary>Log bytes after which a snapshot is taken.</summary>
    public long SnapshotAfterLogBytes { get; init; } = 256 * 1024;

    /// <summary>Entries that stay in the log behind a snapshot.</summary>
    public ulong LogEntriesKept { get; init; } = 100;

    /// <summary>Bytes of a journal segment.</summary>
    public int SegmentBytes { get; init; } = 2 * 1024 * 1024;

    /// <summary>The bounds of each loop's store.</summary>
    public LsmOptions Store { get; init; } = new() { MemtableBytes = 1024 * 1024, CacheBytes = 1024 * 1024 };

    /// <summary>The least that a loop with little to do reads in a second, to find damage, in bytes.</summary>
    public long ScrubBytesPerSecondMin { get; init; } = 64 * 1024;

    /// <summary>Requests that a loop may hold.</summary>
    public int RequestsInFlightMax { get; init; } = 4096;

    /// <summary>Proposals of a shard that may wait.</summary>
    public int ProposalsPendingMax { get; init; } = 1024;

    /// <summary>How often a loop ticks.</summary>
    public Duration TickInterval { get; init; } = Duration.FromMilliseconds(10);

    /// <summary>The longest time between an event and the end of its batch.</summary>
    public Duration BatchTimeMax { get; init; } = Duration.FromMicroseconds(100);

    /// <summary>The bug that is planted in every node.</summary>
    internal Sabotage Sabotage { get; init; }
}
