using Atoll.Foundation.Identity;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>A partition of a workload of streams.</summary>
/// <param name="shard">Its shard.</param>
/// <param name="checker">What is promised of it.</param>
internal sealed class StreamPartition(ShardId shard, PartitionChecker checker)
{
    public ShardId Shard => shard;

    public PartitionChecker Checker => checker;

    /// <summary>The log start, when everything was read.</summary>
    public long LogStart { get; set; }

    /// <summary>The high watermark, when everything was read.</summary>
    public long End { get; set; }
}
