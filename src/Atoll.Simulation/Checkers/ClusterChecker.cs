using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Kernel.Raft;
using Atoll.Node.Replicas;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;

namespace Atoll.Simulation.Checkers;

/// <summary>
/// Watches every replica of the cluster from outside, after every event that changes one: election safety, state machine safety (and so log
/// matching of what is committed), leader completeness, equal states, and commitment that never goes back.
/// </summary>
public sealed class ClusterChecker : IReplicaObserver
{
    private readonly SimCluster _cluster;
    private readonly SortedDictionary<ShardId, AgreedLog> _logs = [];

    // In an eventual space each replica has a log of its own, and is alone in it.
    private readonly Dictionary<(NodeId Node, ShardId Shard), OwnLog> _ownLogs = [];
    private readonly Dictionary<ShardId, bool> _isEventual = [];
    private readonly Dictionary<(NodeId Node, ShardId Shard), ReplicaView> _replicas = [];

    internal ClusterChecker(SimCluster cluster) => _cluster = cluster;

    /// <summary>
    /// Each that many entries the states of the replicas are compared, more rarely further on in a log; a power of two. A comparison walks
    /// over a whole state, whose history of changes grows with the log.
    /// </summary>
    public int StateHashInterval { get; set; } = 32;

    /// <summary>Entries applied, over all replicas.</summary>
    public long EntriesApplied { get; private set; }

    /// <summary>Snapshots installed from another replica.</summary>
    public long SnapshotsInstalled { get; private set; }

    /// <summary>Times a replica became leader.</summary>
    public long Elections { get; private set; }

    /// <summary>The highest index that any replica of the shard has applied.</summary>
    public LogIndex LastApplied(ShardId shard) => AgreedLogOf(shard).LastIndex;

    /// <inheritdoc />
    public void RoleChanged(NodeId node, ShardId shard, Role role, Term term, NodeId leader)
    {
        if (role != Role.Leader)
        {
            return;
        }

        var view = ViewOf(node, shard);
        if (view.LeadsIn == term)
        {
            return;
        }

        view.LeadsIn = term;
        Elections++;
        LogOf(node, shard).Lead(node, term);
        if (RaftOf(node, shard) is { } raft)
        {
            LogOf(node, shard).CheckCompleteness(node, term, index => TermAt(raft, index));
        }
    }

    /// <inheritdoc />
    public void Committed(NodeId node, ShardId shard, LogIndex commitIndex)
    {
        var view = ViewOf(node, shard);
        if (commitIndex < view.Commit)
        {
            throw new SafetyViolationException($"shard {shard}: n{node} had committed {view.Commit} and now only {commitIndex}");
        }

        view.Commit = commitIndex;
    }

    /// <inheritdoc />
    public void Applied(NodeId node, ShardId shard, in LogEntry entry, ReplicatedState state)
    {
        EntriesApplied++;
        var view = ViewOf(node, shard);
        if (view.Applied != LogIndex.Zero && entry.Index != view.Applied.Next)
        {
            throw new SafetyViolationException($"shard {shard}: n{node} applies index {entry.Index} right after {view.Applied}");
        }

        view.Applied = entry.Index;
        if (entry.Index == new LogIndex(1))
        {
            BeginsAnew(node, shard);
        }

        var log = LogOf(node, shard);
        var hash = StableHash.Compute(entry.Payload.Span) + (ulong)entry.Kind;
        log.Apply(node, entry.Index, entry.Term, hash, RaftOf(node, shard)?.Term ?? entry.Term);
        if (IsCompared(entry.Index))
        {
            log.State(node, entry.Index, state.StateHash());
        }
    }

    /// <inheritdoc />
    public void SnapshotInstalled(NodeId node, ShardId shard, LogIndex index, Term term, ReplicatedState state)
    {
        SnapshotsInstalled++;
        ViewOf(node, shard).Applied = index;
        LogOf(node, shard).State(node, index, state.StateHash());
    }

    /// <inheritdoc />
    public void Faulted(NodeId node, ShardId shard, ReplicaStop reason, string why)
    {
        _cluster.Say(node, $"replica of shard {shard} has stopped: {why}");
        _replicas.Remove((node, shard));
        if (reason == ReplicaStop.Untrusted)
        {
            CheckMayFail(_cluster.Node((int)node.Value), $"replica of shard {shard}", why);
        }
    }

    internal void NodeStarts(NodeId node)
    {
        foreach (var key in _replicas.Keys.Where(key => key.Node == node).ToList())
        {
            _replicas.Remove(key);
        }
    }

    internal void LoopFaulted(SimNode node, string why) => CheckMayFail(node, "loop", why);

    // Who lives on a disk that only crashes, stalls and fills must never give up.
    private static void CheckMayFail(SimNode node, string what, string why)
    {
        if (!node.IsExpendable)
        {
            throw new SafetyViolationException($"n{node.Id}: a {what} stopped although its disk is sound: {why}");
        }
    }

    private bool IsCompared(LogIndex index)
    {
        var interval = (ulong)StateHashInterval << (index.Value < 1_024 ? 0 : index.Value < 16_384 ? 4 : 6);
        return (index.Value & (interval - 1)) == 0;
    }

    private static Term? TermAt(RaftCore raft, LogIndex index) =>
        index > raft.LastIndex ? null : index < raft.FirstIndex ? Term.Zero : raft.TryGetTerm(index, out var term) ? term : null;

    private RaftCore? RaftOf(NodeId node, ShardId shard)
    {
        var machine = _cluster.Node((int)node.Value);
        for (var i = 0; i < _cluster.Shape.LoopsPerNode; i++)
        {
            if (machine.Loop(i)?.Replicas.TryGetValue(shard, out var replica) == true)
            {
                return replica.Raft;
            }
        }

        return null;
    }

    private AgreedLog LogOf(NodeId node, ShardId shard)
    {
        if (!IsEventual(shard))
        {
            return AgreedLogOf(shard);
        }

        if (!_ownLogs.TryGetValue((node, shard), out var own))
        {
            _ownLogs[(node, shard)] = own = new OwnLog(new AgreedLog(shard), GenerationOf(shard));
        }

        return own.Log;
    }

    // A replica may come back without its log where the disk destroys data, or when it was taken off and put back.
    private void BeginsAnew(NodeId node, ShardId shard)
    {
        if (_ownLogs.TryGetValue((node, shard), out var own)
            && (own.Generation != GenerationOf(shard) || _cluster.Node((int)node.Value).IsExpendable))
        {
            _ownLogs.Remove((node, shard));
        }
    }

    private ulong GenerationOf(ShardId shard) => _cluster.Directory.TryGetShard(shard, out var info) ? info.Generation : 0;

    private bool IsEventual(ShardId shard)
    {
        if (!_isEventual.TryGetValue(shard, out var isEventual) && _cluster.Directory is var view && view.TryGetShard(shard, out var info))
        {
            isEventual = view.TryGetSpace(info.Space, out var space) && space.Options.FaultModel == FaultModel.Eventual;
            _isEventual[shard] = isEventual;
        }

        return isEventual;
    }

    private AgreedLog AgreedLogOf(ShardId shard)
    {
        if (!_logs.TryGetValue(shard, out var log))
        {
            _logs[shard] = log = new AgreedLog(shard);
        }

        return log;
    }

    private ReplicaView ViewOf(NodeId node, ShardId shard)
    {
        if (!_replicas.TryGetValue((node, shard), out var view))
        {
            _replicas[(node, shard)] = view = new ReplicaView();
        }

        return view;
    }

    private sealed record OwnLog(AgreedLog Log, ulong Generation);

    private sealed class ReplicaView
    {
        public Term LeadsIn { get; set; }

        public LogIndex Commit { get; set; }

        public LogIndex Applied { get; set; }
    }
}
