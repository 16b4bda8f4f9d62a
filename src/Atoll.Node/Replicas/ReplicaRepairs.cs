using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Node.Loops;
using Atoll.Node.Routing;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;

namespace Atoll.Node.Replicas;

/// <summary>
/// Replicas whose log or state is damaged. Each waits until another node's replica shows that it leads the shard; then it begins anew,
/// without a vote until it has all that it had (docs/raft.md, "Rebuilding"). That a leader lives elsewhere is also what makes sure that
/// this was not the shard's only voter: nobody could rebuild that one.
/// </summary>
internal sealed class ReplicaRepairs
{
    // A group that rests has to be told that somebody is back.
    private static readonly Duration AskInterval = Duration.FromMilliseconds(500);

    private static readonly Probe BegunProbe = Probe.Define("repair: a damaged replica begins anew");
    private static readonly Probe StateProbe = Probe.Define("repair: a damaged state is dropped");

    private readonly SortedDictionary<ShardId, Damaged> _damaged = [];
    private readonly SortedDictionary<ShardId, string> _rebuilding = [];
    private readonly SortedDictionary<ShardId, string> _faults = [];
    private StoreFault? _fault;
    private Instant _nextAsk;

    /// <summary>Replicas that began anew since the loop started.</summary>
    public long Begun { get; private set; }

    /// <summary>Whether the shard's replica is damaged, and stands still.</summary>
    public bool Has(ShardId shard) => _damaged.ContainsKey(shard);

    /// <summary>Why the shard's replica is being rebuilt; empty when it is not, or was before a restart.</summary>
    public string WhyRebuilding(ShardId shard) => _rebuilding.GetValueOrDefault(shard, "it had lost its log or its state");

    /// <summary>What is damaged of a shard whose replica works still; null for nothing.</summary>
    public string? FindDamage(ReplicaEnvironment environment, ShardId shard) =>
        environment.Journal.Shard(shard).Damage is { } damage ? $"the log is damaged: {damage}"
        : _faults.TryGetValue(shard, out var fault) ? $"the state is damaged: {fault}"
        : null;

    /// <summary>The store has found damage in one of its files.</summary>
    public void FaultFound(StoreFault fault) => _fault = fault.IsCorruption ? fault : _fault;

    /// <summary>Works out whom damage in the store concerns, and asks the others of each damaged shard to show who leads.</summary>
    public void Maintain(ReplicaEnvironment environment)
    {
        if (_fault is { } fault)
        {
            _fault = null;
            foreach (var shard in environment.Store.ShardsToRepair)
            {
                _faults.TryAdd(shard, fault.ToString());
            }
        }

        AskAround(environment);
    }

    /// <summary>A replica is damaged, and has stopped.</summary>
    /// <param name="environment">What the loop's replicas share.</param>
    /// <param name="shard">Its shard.</param>
    /// <param name="why">What is wrong.</param>
    /// <param name="stopped">The replica, when it worked until now.</param>
    public void Add(ReplicaEnvironment environment, ShardId shard, string why, ShardReplica? stopped = null)
    {
        // What is wrong with the log, the log knows. All else is about the state.
        var log = environment.Journal.Shard(shard);
        var isStateDamaged = log.Damage is null || _faults.ContainsKey(shard);
        var damaged = new Damaged(why, isStateDamaged, IsHopeless: log.Damage is { IsHardStateProven: false });
        _damaged[shard] = damaged;
        if (stopped is not null && !isStateDamaged)
        {
            // The next replica goes on with this state, and empties the log before it.
            stopped.Persist();
            environment.Store.Flush();
        }

        if (damaged.IsHopeless)
        {
            NodeLog.CannotBeRepaired(environment.Logger, shard.Value, why);
        }
        else
        {
            NodeLog.AwaitsRepair(environment.Logger, shard.Value, why);
        }
    }

    /// <summary>The shard is no more, or nothing is to be done about it any more.</summary>
    public void Remove(ShardId shard)
    {
        _damaged.Remove(shard);
        _rebuilding.Remove(shard);
        _faults.Remove(shard);
    }

    /// <summary>The shards whose replicas stand still.</summary>
    public IReadOnlyCollection<ShardId> Shards => _damaged.Keys;

    /// <summary>A request for a damaged replica: others may have what it asks for.</summary>
    public void Take(ReplicaEnvironment environment, PendingRequest pending) =>
        environment.Router.Return(
            pending, NodeId.None, $"the replica on node {environment.Options.Self} is damaged: {_damaged[pending.Shard].Why}");

    /// <summary>A message for a damaged replica. True when it proves that another one leads, and this one has begun anew.</summary>
    public bool TryBegin(ReplicaEnvironment environment, ShardId shard, NodeId from, in RaftMessage message)
    {
        if (!_damaged.TryGetValue(shard, out var damaged) || damaged.IsHopeless || from == environment.Options.Self
            || environment.Journal.State != JournalState.Ready
            || message.Kind is not (RaftMessageKind.Append or RaftMessageKind.Heartbeat or RaftMessageKind.SnapshotChunk
                or RaftMessageKind.RebuildTarget))
        {
            return false;
        }

        var log = environment.Journal.Shard(shard);
        if (message.Term < log.HardState.Term)
        {
            // A leader of a term that is over, or one that has not heard of this replica's term yet.
            environment.Send(shard, from, RaftMessage.HeartbeatReply(log.HardState.Term, 0));
            return false;
        }

        if (log.BeginRebuilding() == Journal.Refused)
        {
            return false;
        }

        BegunProbe.Hit();
        Begun++;
        NodeLog.RepairBegins(environment.Logger, shard.Value, damaged.Why, from.Value);
        if (damaged.IsStateDamaged)
        {
            StateProbe.Hit();
            environment.Snapshots.DropShard(shard);
            environment.Store.DropShard(shard, static _ => { }); // a disk that fails stops the loop
            _faults.Remove(shard);
        }

        _damaged.Remove(shard);
        _rebuilding[shard] = damaged.Why;
        return true;
    }

    private void AskAround(ReplicaEnvironment environment)
    {
        var now = environment.Clock.Now;
        if (_damaged.Count == 0 || now < _nextAsk)
        {
            return;
        }

        _nextAsk = now + AskInterval;
        foreach (var (shard, damaged) in _damaged)
        {
            // In a shard without a leader there is nobody to be told by.
            if (damaged.IsHopeless || !environment.Directory.TryGetShard(shard, out var info) || environment.Directory.IsEventual(info!)
                || !info!.Replicas.Contains(environment.Options.Self))
            {
                continue;
            }

            foreach (var node in info.Replicas)
            {
                if (node != environment.Options.Self)
                {
                    var term = environment.Journal.Shard(shard).HardState.Term;
                    environment.Send(shard, node, RaftMessage.RebuildAsk(term, 0, LogIndex.Zero));
                }
            }
        }
    }

    /// <summary>What a damaged replica looks like from outside.</summary>
    public IEnumerable<ReplicaStatus> Describe(ReplicaEnvironment environment)
    {
        foreach (var (shard, damaged) in _damaged)
        {
            var term = environment.Journal.Shard(shard).HardState.Term;
            yield return new ReplicaStatus(
                shard,
                damaged.IsHopeless ? ReplicaRole.Faulted : ReplicaRole.Repairing,
                term,
                NodeId.None,
                LogIndex.Zero,
                LogIndex.Zero,
                LogIndex.Zero,
                Records: 0,
                StateBytes: 0,
                Quiescent: false,
                damaged.IsHopeless
                    ? $"{damaged.Why}. It must not vote: move the replica to another node"
                    : $"waiting for another replica that leads; {damaged.Why}");
        }
    }

    private readonly record struct Damaged(string Why, bool IsStateDamaged, bool IsHopeless);
}
