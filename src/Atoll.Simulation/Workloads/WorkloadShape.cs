using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;

namespace Atoll.Simulation.Workloads;

/// <summary>What clients work on.</summary>
public enum WorkloadKind
{
    /// <summary>A space of records.</summary>
    Records = 0,

    /// <summary>A space of rows.</summary>
    Rows = 1,

    /// <summary>An eventual space of rows.</summary>
    Eventual = 2,

    /// <summary>An eventual space of records.</summary>
    EventualRecords = 3,

    /// <summary>An eventual space of records that keeps siblings.</summary>
    Siblings = 4,

    /// <summary>Partitions of a stream, groups of consumers, and transactions.</summary>
    Streams = 5,

    /// <summary>An eventual space of records that are maps.</summary>
    Elements = 6,
}

/// <summary>What clients do: the numbers of a workload. Weights are relative to each other.</summary>
public sealed record WorkloadShape
{
    /// <summary>What they work on.</summary>
    public WorkloadKind Kind { get; init; }

    /// <summary>Whether that is without leaders.</summary>
    public bool IsEventual =>
        Kind is WorkloadKind.Eventual or WorkloadKind.EventualRecords or WorkloadKind.Siblings or WorkloadKind.Elements;

    /// <summary>Clients that work at once, each one request after the other.</summary>
    public int Clients { get; init; } = 5;

    /// <summary>The longest time that a client thinks between two requests.</summary>
    public Duration ThinkMax { get; init; } = Duration.FromMilliseconds(100);

    /// <summary>Keys that stand alone.</summary>
    public int Keys { get; init; } = 20;

    /// <summary>Groups of keys of one shard, for batches and scans.</summary>
    public int Groups { get; init; } = 3;

    /// <summary>Keys of a group.</summary>
    public int GroupKeys { get; init; } = 3;

    /// <summary>The usual size of values.</summary>
    public int ValueBytesMax { get; init; } = 100;

    /// <summary>How often a value is large, in parts per million.</summary>
    public int LargePartsPerMillion { get; init; } = 5_000;

    /// <summary>The size of large values.</summary>
    public int LargeValueBytesMax { get; init; } = 60_000;

    /// <summary>Weight of gets.</summary>
    public int Gets { get; init; } = 30;

    /// <summary>Weight of puts.</summary>
    public int Puts { get; init; } = 30;

    /// <summary>Weight of compare-and-set.</summary>
    public int CompareAndSets { get; init; } = 12;

    /// <summary>Weight of deletes.</summary>
    public int Deletes { get; init; } = 5;

    /// <summary>Weight of batches over a group.</summary>
    public int Batches { get; init; } = 8;

    /// <summary>Weight of scans of a group.</summary>
    public int Scans { get; init; } = 8;

    /// <summary>Weight of reads that ask for less than linearizable.</summary>
    public int RelaxedReads { get; init; } = 8;

    /// <summary>Weight of writes with a time to live.</summary>
    public int ExpiringPuts { get; init; } = 4;

    /// <summary>Clients that follow the changes of a shard.</summary>
    public int Watchers { get; init; } = 1;

    /// <summary>Groups of consumers, of streams.</summary>
    public int ConsumerGroups { get; init; }

    /// <summary>Transactional ids, of streams.</summary>
    public int TransactionalIds { get; init; }

    /// <summary>Partitions that are compacted by key, of streams.</summary>
    public int CompactedPartitions { get; init; }

    /// <summary>How long one attempt of a request may take.</summary>
    public Duration AttemptTimeout { get; init; } = Duration.FromSeconds(2);

    /// <summary>How long a client tries.</summary>
    public Duration Patience { get; init; } = Duration.FromSeconds(10);

    /// <summary>A client that tries for as long as these numbers say.</summary>
    /// <param name="cluster">Whose client it is.</param>
    internal SimClient NewClient(SimCluster cluster)
    {
        var client = cluster.NewClient();
        client.AttemptTimeout = AttemptTimeout;
        client.Patience = Patience;
        return client;
    }

    /// <summary>The size of a value, bytes: seldom a large one.</summary>
    /// <param name="prng">What it is drawn from.</param>
    internal int DrawValueBytes(Prng prng) =>
        prng.NextInt(NumberedValue.BytesMin, prng.Chance(LargePartsPerMillion) ? LargeValueBytesMax : ValueBytesMax);
}
