using Atoll.Foundation.Logs;
using Atoll.Kernel.Raft;
using Atoll.Storage.Journals;

namespace Atoll.Node.Replicas;

/// <summary>Drops the beginning of a replica's log, once the state is durable without it.</summary>
internal sealed class LogCompactor(NodeOptions options, ShardLog log, RaftCore raft)
{
    /// <summary>
    /// Drops what is not needed behind an index up to which the state is durable. Some entries stay, so that a follower that is a little
    /// late needs no snapshot; but never so many bytes that they would hold on to the disk.
    /// </summary>
    /// <param name="durable">The index.</param>
    public void Compact(LogIndex durable)
    {
        var entries = log.LastIndex - log.CompactedIndex;
        var averageBytes = entries == 0 ? 1 : Math.Max(1, log.SizeBytes / (long)entries);
        var kept = Math.Min(options.LogEntriesKept, (ulong)(options.SnapshotAfterLogBytes / 4 / averageBytes));
        if (durable.Value <= kept || durable.Value - kept <= log.CompactedIndex.Value)
        {
            return;
        }

        var through = LogIndex.Min(new LogIndex(durable.Value - kept), log.LastIndex);
        if (through > log.CompactedIndex && log.CompactPrefix(through) != Journal.Refused)
        {
            raft.Compacted(through);
        }
    }
}
