using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.StateMachines.Streams.Compaction;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>A partition that is compacted by key.</summary>
/// <param name="shard">Its shard.</param>
/// <param name="settings">How it is compacted.</param>
/// <param name="checker">What is promised of it.</param>
internal sealed class CompactedPartition(ShardId shard, CompactionSettings settings, CompactedChecker checker)
{
    public ShardId Shard => shard;

    public CompactedChecker Checker => checker;

    /// <summary>A round, or the rest of one.</summary>
    /// <param name="planted">A bug of whoever compacts.</param>
    /// <param name="nowMilliseconds">The present, since 1970.</param>
    public CompactionRun NewRun(Sabotage planted, long nowMilliseconds) => new(settings, nowMilliseconds) { Sabotage = planted };
}
