using System.Collections.Immutable;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Node.Loops;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;
using Microsoft.Extensions.Logging;

namespace Atoll.Node.Replicas;

/// <summary>The replicas of one loop: brings them back from disk, makes and drops them as the directory says, and drives them.</summary>
internal sealed class ReplicaHost : ILocalReplicas
{
    // A journal this many segments long holds on to old entries of quiet shards: their snapshots free it.
    private const int SegmentsBeforeForcedSnapshot = 8;

    // A replica that found no room tries again after this long: each attempt may write a whole state.
    private static readonly Duration SpaceRetryInterval = Duration.FromSeconds(1);

    // One flush of the store, mostly a small one, gives as much as a segment of the journal back; and no more often than this.
    private static readonly Duration ReleaseInterval = Duration.FromSeconds(5);

    private readonly NodeOptions _options;
    private readonly DirectoryFollower _directory;
    private readonly ILogger _logger;
    private readonly Func<Request, Response> _answerLocally;
    private readonly SortedDictionary<ShardId, ShardReplica> _replicas = [];
    private readonly SortedSet<ShardId> _recovering = [];
    private readonly SortedSet<ShardId> _awaitingSpace = [];

    // Shards in the journal of which the directory's view, as far as it is known here, does not say what they hold.
    private readonly SortedSet<ShardId> _awaitingKind = [];
    private readonly SortedSet<ShardId> _damagedLeaderless = [];
    private readonly ReplicaRepairs _repairs = new();
    private readonly DirectoryPolicy _directoryPolicy = new();
    private readonly LocalPolicy _localPolicy = new();
    private readonly RecordLimits _limits;
    private readonly RecordsPolicy _recordsPolicy;
    private readonly RowsPolicy _rowsPolicy;
    private readonly StreamsPolicy _streamsPolicy;
    private readonly TransactionsPolicy _transactionsPolicy;
    private ReplicaEnvironment? _environment;
    private readonly ReplicaTurns _turns = new();
    private ShardReplica[]? _inOrder; // made when it is asked for: ten thousand are recovered one after the other
    private Instant _nextSpaceRetry;
    private Instant _nextRelease;

    public ReplicaHost(NodeOptions options, DirectoryFollower directory, ILogger logger, Func<Request, Response> answerLocally)
    {
        _options = options;
        _directory = directory;
        _logger = logger;
        _answerLocally = answerLocally;
        _limits = new RecordLimits(options.KeyBytesMax, options.ValueBytesMax);
        _recordsPolicy = new RecordsPolicy(_limits, options.Sabotage);
        _rowsPolicy = new RowsPolicy(_limits, options.Sabotage);
        _streamsPolicy = new StreamsPolicy(options.Sabotage);
        _transactionsPolicy = new TransactionsPolicy(options.Sabotage);
    }

    /// <summary>The replicas, by shard.</summary>
    public IReadOnlyDictionary<ShardId, ShardReplica> Replicas => _replicas;

    private ShardReplica[] InOrder => _inOrder ??= [.. _replicas.Values];

    /// <summary>Brings back every replica that the journal knows, then calls back.</summary>
    public void Start(ReplicaEnvironment environment, Action done)
    {
        _environment = environment;
        var shards = new SortedSet<ShardId>(environment.Journal.Shards);
        if (_options.IsFounder && _options.Loop == 0)
        {
            shards.Add(ShardId.Directory);
        }

        // What was dropped right before a crash, or was still being loaded when its space went.
        foreach (var stale in environment.Store.Shards.Select(static tree => tree.Shard).Where(shard => !shards.Contains(shard)).ToArray())
        {
            environment.Store.DropShard(stale, static _ => { });
        }

        if (shards.Count == 0)
        {
            done();
            return;
        }

        var left = shards.Count;
        foreach (var shard in shards)
        {
            Recover(shard, () =>
            {
                if (--left == 0)
                {
                    done();
                }
            });
        }
    }

    /// <inheritdoc />
    public bool Has(ShardId shard) => _replicas.ContainsKey(shard) || _repairs.Has(shard);

    /// <inheritdoc />
    public void Take(PendingRequest pending)
    {
        if (_replicas.TryGetValue(pending.Shard, out var replica))
        {
            replica.Take(pending);
        }
        else
        {
            _repairs.Take(_environment!, pending);
        }
    }

    /// <inheritdoc />
    public Response AnswerLocally(Request request) => _answerLocally(request);

    /// <summary>A consensus message for a replica; one for a shard that is not (yet) here is as good as lost.</summary>
    public void Step(ShardId shard, NodeId from, in RaftMessage message)
    {
        if (_replicas.TryGetValue(shard, out var replica))
        {
            replica.Step(from, message);
        }
        else if (_directory.TryGetShard(shard, out var info) && _directory.IsEventual(info!))
        {
            return; // each replica's log is its own
        }
        else if (_environment is not null && _repairs.TryBegin(_environment, shard, from, message))
        {
            Recover(shard, () => { });
        }
        else if (_environment is not null && !_recovering.Contains(shard))
        {
            _directory.Refresh(); // someone counts on a replica here: the directory may have decided so lately
        }
    }

    /// <summary>Shards without leaders whose replica here is damaged: it works with what can be read, or stands still.</summary>
    public IReadOnlyList<ShardId> DamagedLeaderless =>
    [
        .. _damagedLeaderless.Where(static shard => shard != ShardId.Local)
            .Concat(_repairs.Shards.Where(shard => _directory.TryGetShard(shard, out var info) && _directory.IsEventual(info!)))
            .Distinct(),
    ];

    /// <summary>
    /// Makes what the loop keeps for itself, if it is not there yet. Damaged, it begins anew: it is nothing that others could not make up
    /// for.
    /// </summary>
    /// <returns>It, or null while it is not there.</returns>
    public ShardReplica? TakeLocal()
    {
        if (_repairs.Has(ShardId.Local) || _damagedLeaderless.Contains(ShardId.Local))
        {
            TryRestartEmpty(ShardId.Local);
        }
        else if (!_replicas.ContainsKey(ShardId.Local) && !_recovering.Contains(ShardId.Local) && !_awaitingSpace.Contains(ShardId.Local))
        {
            Recover(ShardId.Local, static () => { });
        }

        return _replicas.TryGetValue(ShardId.Local, out var replica) && replica.FaultReason is null ? replica : null;
    }

    /// <summary>
    /// Begins such a replica anew, with nothing. What it acknowledged is lost here: the caller sees to it that it counts for nothing before
    /// it has everything from the others. False when that cannot be done now.
    /// </summary>
    /// <param name="shard">Its shard.</param>
    /// <param name="isOutdated">It is not damaged; what it has is from when this node was a replica before.</param>
    public bool TryRestartEmpty(ShardId shard, bool isOutdated = false)
    {
        if (_environment!.Journal.State != JournalState.Ready || _environment.Journal.DropShard(shard) == Journal.Refused)
        {
            return false;
        }

        if (_replicas.TryGetValue(shard, out var replica))
        {
            if (isOutdated)
            {
                replica.Outdated();
            }
            else
            {
                replica.Fault("it begins anew");
            }

            Remove(shard);
        }

        _damagedLeaderless.Remove(shard);
        _repairs.Remove(shard);
        _environment.Snapshots.DropShard(shard);
        _environment.Store.DropShard(shard, static _ => { }); // a disk that fails stops the loop
        Recover(shard, () => { });
        return true;
    }

    /// <summary>Makes replicas that the directory places here, and drops those of shards that are no more.</summary>
    public void FollowDirectory()
    {
        if (_environment is null)
        {
            return;
        }

        FollowKinds();
        foreach (var shard in _directory.View.Shards)
        {
            if (BelongsHere(shard) && NodeOptions.LoopOf(shard.Id, _options.LoopCount) == _options.Loop
                && !Has(shard.Id) && !_recovering.Contains(shard.Id) && !_awaitingSpace.Contains(shard.Id))
            {
                Recover(shard.Id, () => _environment.Router.RetryParked(_environment.Clock.Now));
            }
        }

        foreach (var replica in InOrder)
        {
            if (replica.Shard != ShardId.Local && (!_directory.TryGetShard(replica.Shard, out var info) || HasLeft(info!)))
            {
                Drop(replica);
            }
        }

        foreach (var shard in _repairs.Shards.ToArray())
        {
            if (shard != ShardId.Local && _directory.IsConfirmed
                && (!_directory.TryGetShard(shard, out var info) || HasLeft(info!)))
            {
                Forget(shard);
            }
        }
    }

    /// <summary>The store has found damage in one of its files.</summary>
    public void StoreFaultFound(StoreFault fault) => _repairs.FaultFound(fault);

    /// <summary>The journal has made more durable.</summary>
    public void Durable()
    {
        if (_environment is null)
        {
            return; // the journal has something of its own to write when it was opened behind damage
        }

        var waiting = _environment.AwaitingDurability;
        var count = waiting.Count;
        for (var i = 0; i < count; i++)
        {
            waiting[i].Durable();
        }

        waiting.RemoveRange(0, count);
    }

    /// <summary>Lets time pass for those that are awake.</summary>
    public void Tick(Instant now) => _turns.Tick(now);

    /// <summary>Slow housekeeping: space, and replicas that stopped because there was none.</summary>
    public void Maintain()
    {
        var journal = _environment!.Journal;
        if (journal.DiskBytes > (long)SegmentsBeforeForcedSnapshot * _options.SegmentBytes
            && _replicas.TryGetValue(journal.LargestHolderOfOldestSegment(), out var holder))
        {
            holder.WantDurableState();
        }

        if (journal.State == JournalState.Ready && _awaitingSpace.Count > 0 && _environment.Clock.Now >= _nextSpaceRetry)
        {
            _nextSpaceRetry = _environment.Clock.Now + SpaceRetryInterval;
            var shards = _awaitingSpace.ToArray();
            _awaitingSpace.Clear();
            foreach (var shard in shards)
            {
                Recover(shard, () => { });
            }
        }

        foreach (var replica in _turns.TakeTurn(InOrder, _environment.Clock.Now))
        {
            Maintain(replica);
        }

        _repairs.Maintain(_environment);
        FollowKinds();
    }

    private void Maintain(ShardReplica replica)
    {
        replica.StateDurable();
        if (_environment!.Clock.Now >= _nextRelease && replica.HoldsOnTo(_options.SegmentBytes))
        {
            _nextRelease = _environment.Clock.Now + ReleaseInterval;
            replica.WantDurableState();
        }

        if (replica.IsFaultedByFullDisk && _environment!.Journal.State == JournalState.Ready)
        {
            replica.Persist();
            Remove(replica.Shard);
            Recover(replica.Shard, () => { });
        }
        else if (replica.FaultReason is { } why && !replica.IsFaultedByFullDisk)
        {
            Remove(replica.Shard);
            _repairs.Add(_environment!, replica.Shard, why, replica);
        }
        else if (replica.FaultReason is null && _repairs.FindDamage(_environment!, replica.Shard) is { } damage)
        {
            // One without a leader goes on with what can be read, until it may begin anew.
            replica.Rebuild(damage);
            _ = replica.IsLeaderless && _damagedLeaderless.Add(replica.Shard);
        }
        else if (replica.Shard == ShardId.Directory && replica.State.Machine is DirectoryStateMachine machine)
        {
            _directory.Publish(machine.View);
        }
    }

    /// <summary>The peer cannot be reached at the moment.</summary>
    public void PeerUnreachable(NodeId peer)
    {
        foreach (var replica in InOrder)
        {
            replica.PeerUnreachable(peer);
        }
    }

    /// <summary>The peer fell silent.</summary>
    public void PeerDied(NodeId peer)
    {
        foreach (var replica in InOrder)
        {
            replica.PeerDied(peer);
        }
    }

    /// <summary>Ends a batch of events in every replica that had some.</summary>
    public void Flush()
    {
        if (_environment is null)
        {
            return;
        }

        // By index: flushing one replica (the directory's, say) may give others something to do.
        var dirty = _environment.Dirty;
        for (var i = 0; i < dirty.Count; i++)
        {
            var replica = dirty[i];
            _turns.Wake(replica);
            replica.Flush();
            if (replica.Shard == ShardId.Directory && replica.State.Machine is DirectoryStateMachine machine)
            {
                _directory.Publish(machine.View);
            }
        }

        dirty.Clear();
    }

    /// <summary>Hands over what is led here; returns how many shards are led here still that could be led elsewhere.</summary>
    public int HandOver(Instant now) => InOrder.Count(replica => replica.HandOver(now));

    /// <summary>Stops every replica.</summary>
    public void FaultAll(string why)
    {
        foreach (var replica in InOrder)
        {
            replica.Fault(why);
        }
    }

    /// <summary>What the replicas look like, by shard.</summary>
    public ImmutableArray<ReplicaStatus> Describe() =>
        _environment is null ? [] :
        [
            .. InOrder.Where(static replica => replica.Shard != ShardId.Local)
                .Select(replica => replica.Describe(_repairs))
                .Concat(_repairs.Describe(_environment))
                .OrderBy(static status => status.Shard),
        ];

    private void Recover(ShardId shard, Action done)
    {
        Check.That(!_replicas.ContainsKey(shard));
        _recovering.Add(shard);
        if (PolicyOf(shard) is not { } policy)
        {
            _recovering.Remove(shard);
            _awaitingKind.Add(shard);
            _directory.Refresh();
            done();
            return;
        }

        var founders = FoundersOf(shard, policy.IsLeaderless);
        var standsFirst = _directory.View.TryGetShard(shard, out var info) && info.PreferredLeader == _options.Self;
        ReplicaRecovery.Run(_environment!, shard, policy, founders, standsFirst, (replica, failure) =>
        {
            _recovering.Remove(shard);
            if (replica is not null)
            {
                _replicas[shard] = replica;
                _inOrder = null;
                _turns.Wake(replica);
            }
            else
            {
                // What is on the disk is good while only room is missing: the replica waits, it is not repaired from others.
                var why = failure!.Why;
                var isFull = failure.IsOutOfSpace || _environment!.Journal.State == JournalState.Full;
                NodeLog.ReplicaFaulted(_logger, shard.Value, why);
                _environment!.Observer?.Faulted(_options.Self, shard, isFull ? ReplicaStop.DiskFull : ReplicaStop.Untrusted, why);
                if (isFull)
                {
                    _awaitingSpace.Add(shard);
                }
                else
                {
                    _repairs.Add(_environment, shard, why);
                }
            }

            done();
        });
    }

    private IShardPolicy? PolicyOf(ShardId shard)
    {
        if (shard == ShardId.Directory)
        {
            return _directoryPolicy;
        }

        if (shard == ShardId.Local)
        {
            return _localPolicy;
        }

        if (!_directory.View.TryGetShard(shard, out var info) || !_directory.View.TryGetSpace(info.Space, out var space))
        {
            return null;
        }

        return space.Options.FaultModel == FaultModel.Eventual
            ? new EventualPolicy(info.HashLow, info.HashHigh, _options.EventualSync.TreeDepth, _limits, _options.Sabotage)
            : space.Options.Kind switch
            {
                SpaceKind.Rows => _rowsPolicy,
                SpaceKind.Streams => _streamsPolicy,
                SpaceKind.Groups => new GroupsPolicy(_options.Sabotage),
                SpaceKind.Transactions => _transactionsPolicy,
                _ => _recordsPolicy,
            };
    }

    private void FollowKinds()
    {
        foreach (var shard in _awaitingKind.ToArray())
        {
            if (PolicyOf(shard) is not null)
            {
                _awaitingKind.Remove(shard);
                Recover(shard, () => _environment!.Router.RetryParked(_environment.Clock.Now));
            }
            else if (_directory.IsConfirmed)
            {
                _awaitingKind.Remove(shard);
                Forget(shard);
            }
        }
    }

    // A founder makes its replica even when the directory has moved the shard elsewhere before the founder heard of it: only the founders
    // can elect the first leader, and it is that leader who moves the shard.
    private bool BelongsHere(ShardInfo shard) => _directory.IsEventual(shard)
        ? !HasLeft(shard) : shard.Replicas.Contains(_options.Self) || shard.Founders.Contains(_options.Self);

    // Without a leader there is nobody to elect one: who is no replica any more needs nothing of it, and begins empty should it come back.
    private bool HasLeft(ShardInfo shard) => _directory.IsEventual(shard) && !shard.Keepers.Contains(_options.Self);

    // The membership at index 0 is the same for everyone: the founding replicas. Who joins later learns it from the log. Without a leader
    // each is alone.
    private Membership FoundersOf(ShardId shard, bool isLeaderless)
    {
        if (shard == ShardId.Directory && _options.IsFounder)
        {
            return Membership.Of(_options.Members.Select(member => member.Id));
        }

        return isLeaderless ? Membership.Of([_options.Self])
            : _directory.View.TryGetShard(shard, out var info) ? Membership.Of(info.Founders)
            : Membership.Empty;
    }

    // A shard that an acknowledged, newer directory does not have was dropped with its space; numbers are never given twice. Only what the
    // directory's leader has confirmed since this start counts: a cached view may be older than the replica itself.
    private void Drop(ShardReplica replica)
    {
        if (!_directory.IsConfirmed)
        {
            _directory.Refresh();
            return;
        }

        replica.Dropped();
        Remove(replica.Shard);
        Forget(replica.Shard);
    }

    private void Forget(ShardId shard)
    {
        _damagedLeaderless.Remove(shard);
        _repairs.Remove(shard);
        _environment!.Journal.DropShard(shard);
        _environment.Snapshots.DropShard(shard);
        _environment.Store.DropShard(shard, static _ => { });
        NodeLog.ReplicaDropped(_logger, shard.Value);
    }

    private void Remove(ShardId shard)
    {
        if (_replicas.Remove(shard, out var replica))
        {
            _turns.Remove(replica);
            _inOrder = null;
        }
    }
}
