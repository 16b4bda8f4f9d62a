using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Kernel.Raft;
using Atoll.Node.Loops;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;

namespace Atoll.Node.Replicas;

/// <summary>
/// One replica of one shard: the consensus core, its log in the loop's journal, and the state that the log feeds, kept in step. It
/// carries out the core's effects in order; it decides nothing that the core or the state machine could.
///
/// Ordered positions: snapshotted &lt;= applied &lt;= committed &lt;= last, durable &lt;= last; a snapshot is only taken of
/// what is durable here (<see cref="CheckInvariants"/>).
/// </summary>
internal sealed class ShardReplica
{
    private readonly ReplicaEnvironment _environment;
    private readonly IShardPolicy _policy;
    private readonly ShardLog _log;
    private readonly RaftCore _raft;
    private readonly EntryApplier _applier;
    private readonly DurabilityQueue _durability = new();
    private readonly ReplicaWrites _writes;
    private readonly EntrySender _entrySender;
    private readonly ReplicaReads _reads;
    private readonly SnapshotExchange _snapshots;
    private readonly ReplicaReconciler _reconciler;
    private readonly VersionHorizon? _versions;
    private bool _isFlushing;
    private bool _isAwaitingDurability;
    private bool _isDamageTold;

    internal ShardReplica(
        ReplicaEnvironment environment, ShardId shard, IShardPolicy policy, ShardLog log, ReplicatedState state, RaftCore raft)
    {
        _environment = environment;
        _policy = policy;
        _log = log;
        _raft = raft;
        Shard = shard;
        State = state;
        _applier = new EntryApplier(log, state, OnApplied, Fault, () => _raft.Role == Role.Leader, MaySkip)
        {
            DurableIndex = state.Machine.SnapshotPoint is null ? null : () => _raft.DurableIndex,
        };
        _writes = new ReplicaWrites(environment, shard, policy, raft, state, this);
        _entrySender = new EntrySender(environment, log, raft, this);
        var window = policy.IsLeaderless ? Duration.Zero : environment.Options.VersionWindow;
        _versions = state.Machine.Tree is { } versioned ? new VersionHorizon(versioned, state, window) : null;
        _reads = new ReplicaReads(environment, shard, policy, raft, state, log, StateDamaged) { Versions = _versions };
        _snapshots = new SnapshotExchange(environment, shard, log, state, raft, _applier, this);
        _reconciler = new ReplicaReconciler(environment, shard, raft);
        if (state.Machine.Tree is { } tree)
        {
            tree.Freezing = Persist;
        }

        _applier.Resume();
        MarkDirty();
    }

    /// <summary>The shard.</summary>
    public ShardId Shard { get; }

    /// <summary>The state that the log feeds.</summary>
    public ReplicatedState State { get; }

    /// <summary>The consensus core; only to be read from outside.</summary>
    public RaftCore Raft => _raft;

    /// <summary>Whether its group is itself alone.</summary>
    public bool IsLeaderless => _policy.IsLeaderless;

    /// <summary>Why this replica stopped itself; null while it runs.</summary>
    public string? FaultReason { get; private set; }

    /// <summary>Whether it stopped because the disk was full, and may be recovered when there is room.</summary>
    public bool IsFaultedByFullDisk { get; private set; }

    /// <summary>Set whenever something happened that <see cref="Flush"/> has to look at.</summary>
    public bool IsDirty { get; private set; }

    /// <summary>Whether <see cref="ReplicaTurns"/> has it among those that time passes for all the time.</summary>
    public bool IsAwake { get; set; }

    /// <summary>Whether the loop has given it up: another one may have its place.</summary>
    public bool IsGone { get; set; }

    /// <summary>Whether nothing is under way, and nothing comes of the passing of so much time.</summary>
    public bool MayRestFor(Duration duration) =>
        FaultReason is null && !IsDirty && !AwaitsDurability && _raft.NextDeadline == Instant.Never && !_policy.HasTimers
        && _applier.IsIdle && _reads.IsIdle && _snapshots.IsIdle
        && _writes.IsIdleUntil(_environment.Hybrid.Peek().Add(duration));

    private Instant Now => _environment.Clock.Now;

    private NodeId Self => _environment.Options.Self;

    // Who compares the logs of a shard's replicas has nothing to look at where each has its own.
    private IReplicaObserver? Observer => _policy.IsLeaderless ? null : _environment.Observer;

    /// <summary>A message of another replica.</summary>
    public void Step(NodeId from, in RaftMessage message)
    {
        if (FaultReason is not null || (_environment.Journal.State != JournalState.Ready && WouldGrowLog(message.Kind)))
        {
            return; // as if it had been lost: the sender will try again
        }

        _raft.Step(from, message, Now);
        MarkDirty();
    }

    /// <summary>Does what time asks for.</summary>
    public void Tick(Instant now)
    {
        if (FaultReason is not null)
        {
            return;
        }

        // A full disk cannot take a new leader's first entry: no elections from here until there is room. A leader goes on serving reads.
        if (_environment.Journal.State == JournalState.Ready || _raft.Role == Role.Leader)
        {
            if (now >= _raft.NextDeadline)
            {
                _raft.Tick(now);
                MarkDirty();
            }
        }

        _applier.Tick();
        _versions?.Tick(now, _environment.Space.HasRoom);
        _writes.ProposeExpiry(now);
        if (_writes.IsHeldUpNoMore | (!_policy.IsLeaderless && _reconciler.Tick(now)) | _snapshots.Tick(now) | _reads.Tick(now))
        {
            MarkDirty();
        }
    }

    /// <summary>A request of the router's: it is answered or given back, now or later.</summary>
    public void Take(PendingRequest pending)
    {
        if (FaultReason is not null)
        {
            var leader = pending.Sink is null || _raft.Leader == Self ? NodeId.None : _raft.Leader;
            _environment.Router.Return(pending, leader, $"the replica has stopped: {FaultReason}");
            return;
        }

        if (_raft.IsRebuilding && pending.Request.Kind == RequestKind.Read)
        {
            // It has less than it had: even a reader that takes anything would see time go back.
            _environment.Router.Return(pending, _raft.Leader, "the replica is being repaired");
            return;
        }

        if (_raft.Role == Role.Leader && pending.Request.Kind is (RequestKind.Write or RequestKind.Read))
        {
            _policy.Heard(State.Machine, pending.Request.Payload, Now);
        }

        switch (pending.Request.Kind)
        {
            case RequestKind.Write:
                _writes.Take(pending);
                break;
            case RequestKind.Read or RequestKind.ReadIndex:
                _reads.Take(pending);
                break;
            case RequestKind.TransferLeadership:
                Transfer(pending);
                break;
            default:
                _environment.Router.Complete(pending, new Response(ResponseStatus.Unsupported, Detail: "unknown kind of request"));
                break;
        }

        MarkDirty();
    }

    /// <summary>The peer cannot be reached at the moment.</summary>
    public void PeerUnreachable(NodeId peer)
    {
        if (FaultReason is null && _raft.Membership.Contains(peer))
        {
            _raft.PeerUnreachable(peer, Now);
            MarkDirty();
        }
    }

    /// <summary>The peer's node fell silent: a group that sleeps under its lead must wake.</summary>
    public void PeerDied(NodeId peer)
    {
        if (FaultReason is null && _raft.IsQuiescent && (_raft.Leader == peer || _raft.Leader == NodeId.None || _raft.Role == Role.Leader))
        {
            _raft.Wake(Now);
            MarkDirty();
        }
    }

    /// <summary>Whether something waits for the journal.</summary>
    public bool AwaitsDurability => FaultReason is null && !_durability.IsEmpty;

    /// <summary>The journal has made more durable: what waited for it happens now.</summary>
    public void Durable()
    {
        if (FaultReason is not null)
        {
            return;
        }

        _isAwaitingDurability = false;
        while (_durability.TryTake(_environment.Journal.DurableSequence, out var to, out var message, out var durable, out var term))
        {
            if (to != NodeId.None)
            {
                Send(to, message);
            }
            else
            {
                _raft.LogDurable(durable, term, Now);
            }

            MarkDirty();
        }

        _applier.Tick();
        if (AwaitsDurability)
        {
            _isAwaitingDurability = true;
            _environment.AwaitingDurability.Add(this);
        }
    }

    /// <summary>Ends a batch of events: proposes what has gathered, asks for read indices, and carries out the core's effects.</summary>
    public void Flush()
    {
        IsDirty = false;
        if (_isFlushing || FaultReason is not null)
        {
            return;
        }

        _isFlushing = true;
        _writes.Propose(Now);
        _reads.AskForIndex(Now);
        CarryOut();
        if (FaultReason is null)
        {
            _reads.Serve();
            CheckInvariants(); // not of a replica that stopped half-way, because its disk is full, say: it begins anew from its disk
        }

        if (AwaitsDurability && !_isAwaitingDurability)
        {
            _isAwaitingDurability = true;
            _environment.AwaitingDurability.Add(this);
        }

        _isFlushing = false;
    }

    /// <summary>What this replica looks like from outside.</summary>
    public ReplicaStatus Describe(ReplicaRepairs repairs)
    {
        var (records, bytes) = _policy.Measure(State.Machine);
        var role = FaultReason is not null ? ReplicaRole.Faulted
            : _raft.IsRebuilding ? ReplicaRole.Repairing
            : _raft.Role == Role.Leader ? ReplicaRole.Leader
            : _raft.Role is Role.Candidate or Role.PreCandidate ? ReplicaRole.Candidate
            : _raft.Membership.IsVoter(Self) ? ReplicaRole.Follower : ReplicaRole.Learner;
        return new ReplicaStatus(
            Shard, role, _raft.Term, _raft.Leader, _raft.LastIndex, _raft.CommitIndex, State.AppliedIndex, records, bytes,
            _raft.IsQuiescent, FaultReason ?? (_raft.IsRebuilding ? repairs.WhyRebuilding(Shard) : ""))
        {
            DurableIndex = State.DurableIndex,
        };
    }

    /// <summary>
    /// Stops this replica: its disk, its log or its state cannot be trusted, or its disk is full. The others go on without it.
    /// </summary>
    public void Fault(string why) =>
        Stop(_environment.Journal.State == JournalState.Full ? ReplicaStop.DiskFull : ReplicaStop.Untrusted, why);

    /// <summary>
    /// The log or the state is damaged, but goes on for now: a leader hands over first; then the replica stops, to be repaired from others.
    /// The shard's only voter goes on with what it has: there is nobody to repair it from.
    /// </summary>
    public void Rebuild(string why)
    {
        var isAlone = _raft.Membership is { IsJoint: false, Voters: [var only] } && only == Self;
        if (isAlone)
        {
            if (!_isDamageTold)
            {
                _isDamageTold = true;
                NodeLog.OnlyReplicaDamaged(_environment.Logger, Shard.Value, why);
            }
        }
        else if (_raft.Role == Role.Leader)
        {
            HandOver(Now);
        }
        else if (_raft.Leader != NodeId.None)
        {
            // Without a leader nothing could be repaired, and this replica may be needed to elect one.
            Fault(why);
        }
    }

    /// <summary>Stops this replica because its shard is no more.</summary>
    public void Dropped() => Stop(ReplicaStop.Dropped, "its space was dropped");

    /// <summary>Stops this replica because what it has is from when its node was a replica before.</summary>
    public void Outdated() => Stop(ReplicaStop.Outdated, "what it has is from when it was a replica before");

    private void Stop(ReplicaStop reason, string why)
    {
        if (FaultReason is not null)
        {
            return;
        }

        FaultReason = why;
        IsFaultedByFullDisk = reason == ReplicaStop.DiskFull;
        _applier.Stop();
        _snapshots.Stop();
        if (reason is ReplicaStop.Untrusted or ReplicaStop.DiskFull)
        {
            NodeLog.ReplicaFaulted(_environment.Logger, Shard.Value, why); // whoever drops a shard says so; that is no error
        }

        _environment.Observer?.Faulted(Self, Shard, reason, why);
        _writes.ReturnGathered("the replica has stopped");
        _reads.ReturnAll("the replica has stopped");
    }

    /// <summary>Hands leadership to any voter that is there, because the node is about to stop.</summary>
    /// <returns>True when this replica leads (still) and somebody else could.</returns>
    public bool HandOver(Instant now)
    {
        if (FaultReason is not null || !_reconciler.HandOverToAnyone(now))
        {
            return false;
        }

        MarkDirty();
        return true;
    }

    /// <summary>Makes the state durable soon, whatever the size of the log: its old entries keep space that is short.</summary>
    public void WantDurableState()
    {
        if (State.Machine.Tree is null)
        {
            _snapshots.WantSnapshot();
        }
        else if (State.AppliedIndex > State.DurableIndex && !_environment.Store.IsFlushing)
        {
            _environment.Store.Flush();
        }
    }

    /// <summary>
    /// Whether its log holds on to so many bytes that the state does not need any more, and would let go of if it were durable: what
    /// retention or compaction left behind in a partition of a stream.
    /// </summary>
    /// <param name="bytes">How many.</param>
    public bool HoldsOnTo(long bytes) => FaultReason is null && State.Machine.SnapshotPoint is { } point
        && _log.SizeBytes - _policy.Measure(State.Machine).Bytes >= bytes && point.Index > State.FindUnneeded();

    /// <summary>
    /// Writes into the store what the replica keeps beside it, if that has changed: before the store makes it durable, and before another
    /// replica takes over from this one, which has stopped.
    /// </summary>
    public void Persist()
    {
        if (State.NeedsPersisting)
        {
            Check.That(_raft.TryGetTerm(State.AppliedIndex, out var term));
            State.Persist(new ReplicaNote(term, _raft.MembershipAt(State.AppliedIndex)).ToBytes());
        }
    }

    /// <summary>The store has made more of the state durable, or a while has passed.</summary>
    public void StateDurable()
    {
        if (FaultReason is null && State.Machine.Tree is not null && _environment.Journal.State == JournalState.Ready)
        {
            _snapshots.StateDurable();
        }
    }

    /// <summary>Requests whose entries a snapshot has skipped over: their fate was decided where it cannot be seen.</summary>
    public void SkippedBySnapshot(LogIndex through) => _writes.SkippedBySnapshot(through);

    /// <summary>Says that <see cref="Flush"/> has something to do.</summary>
    public void MarkDirty()
    {
        if (!IsDirty)
        {
            IsDirty = true;
            _environment.Dirty.Add(this);
        }
    }

    /// <summary>Sends a message of this shard's group.</summary>
    public void Send(NodeId to, in RaftMessage message) => _environment.Send(Shard, to, message);

    /// <summary>The chain of positions; see the type's own comment.</summary>
    public void CheckInvariants()
    {
        Check.That(State.AppliedIndex <= LogIndex.Max(_raft.CommitIndex, _log.CompactedIndex));
        Check.That(_raft.CommitIndex <= _raft.LastIndex);
        Check.That(_raft.DurableIndex <= _raft.LastIndex);
        Check.That(_log.CompactedIndex <= State.AppliedIndex || _snapshots.IsInstalling);
        Check.That(_log.LastIndex == _raft.LastIndex || _snapshots.IsInstalling);
    }

    // These make the receiver append: entries, or a new leader's first one.
    private static bool WouldGrowLog(RaftMessageKind kind) =>
        kind is RaftMessageKind.Append or RaftMessageKind.VoteReply or RaftMessageKind.PreVoteReply or RaftMessageKind.TimeoutNow;

    private void CarryOut()
    {
        var effects = _raft.Effects;

        // By position: carrying out an effect may call the core, which then has more of them.
        for (var i = 0; i < effects.Count && FaultReason is null; i++)
        {
            var effect = effects[i];
            CarryOut(effects, effect);
        }

        effects.Clear();
    }

    private void CarryOut(RaftEffects effects, in RaftEffect effect)
    {
        switch (effect.Kind)
        {
            case RaftEffectKind.SaveHardState:
                Wrote(_log.SaveHardState(effect.HardState));
                break;
            case RaftEffectKind.AppendEntries:
                var entries = effects.EntriesOf(effect);
                var sequence = _log.Append(entries);
                if (Wrote(sequence))
                {
                    _durability.Appended(sequence, effect.Last, entries[^1].Term);
                }

                break;
            case RaftEffectKind.Send:
                if (!effect.AfterDurable
                    || !_durability.TryHold(effect.Peer, effects.MessageOf(effect), _environment.Journal.DurableSequence))
                {
                    Send(effect.Peer, effects.MessageOf(effect));
                }

                break;
            case RaftEffectKind.SendEntries:
                _entrySender.Send(effect);
                break;
            case RaftEffectKind.SendSnapshot:
                _snapshots.BeginSending(effect.Peer, effect.Index);
                break;
            case RaftEffectKind.SnapshotChunkReceived:
                _snapshots.ChunkReceived(effect.Peer, effects.MessageOf(effect));
                break;
            case RaftEffectKind.SnapshotReplyReceived:
                _snapshots.ReplyReceived(effect.Peer, effects.MessageOf(effect));
                break;
            case RaftEffectKind.Committed:
                Observer?.Committed(Self, Shard, effect.Index);
                _applier.Advance(effect.Index);
                break;
            case RaftEffectKind.ReadReady:
                _reads.Ready(effect.Context, effect.Index);
                break;
            case RaftEffectKind.ReadFailed:
                _reads.Failed(effect.Context);
                break;
            case RaftEffectKind.RoleChanged:
                OnRoleChanged(effect);
                break;
            case RaftEffectKind.Rebuilt:
                Wrote(_log.EndRebuilding());
                NodeLog.Repaired(_environment.Logger, Shard.Value, _raft.LastIndex.Value);
                break;
            case RaftEffectKind.MembershipChanged:
                NodeLog.MembershipChanged(_environment.Logger, Shard.Value, effect.Membership!, effect.Index.Value, effect.IsCommitted);
                break;
            default:
                Check.Unreachable("an effect of unknown kind");
                break;
        }
    }

    // Where other replicas have what is lost here, this one must not go on with less.
    private bool MaySkip(StoreFault fault) => !StateDamaged(fault);

    private bool StateDamaged(StoreFault fault)
    {
        var isAlone = _raft.Membership.Voters.Length == 1 && _raft.Membership.IsVoter(Self);
        if (!isAlone)
        {
            Fault($"the store is damaged: {fault}");
        }

        return !isAlone;
    }

    private bool Wrote(long sequence)
    {
        if (sequence == Journal.Refused)
        {
            Fault($"the journal refuses writes: {_environment.Journal.LastError.Detail ?? _environment.Journal.State.ToString()}");
            return false;
        }

        _durability.Wrote(sequence);
        return true;
    }

    private void OnRoleChanged(in RaftEffect effect)
    {
        NodeLog.RoleChanged(_environment.Logger, Shard.Value, effect.Role, effect.Term.Value, effect.Peer.Value);
        Observer?.RoleChanged(Self, Shard, effect.Role, effect.Term, effect.Peer);
        if (effect.Role == Role.Leader)
        {
            _reconciler.BeganToLead(Now);
            _policy.BeganToLead();
        }
        else
        {
            _writes.LostLeadership();
            _reads.ReturnGathered("this replica does not lead any more");
        }

        _environment.Router.NoteLeader(Shard, effect.Peer);
        if (effect.Peer != NodeId.None)
        {
            _environment.Router.RetryParked(Now);
        }
    }

    private void Transfer(PendingRequest pending)
    {
        var payload = new WireReader(pending.Request.Payload);
        var to = new NodeId(payload.ReadUInt32());
        if (!payload.OkAtEnd)
        {
            _environment.Router.Complete(pending, new Response(ResponseStatus.Invalid, Detail: "the payload is not a node's number"));
        }
        else if (_raft.Role != Role.Leader)
        {
            _environment.Router.Return(pending, _raft.Leader, "this replica does not lead");
        }
        else if (to == Self || _raft.TransferLeadership(to, Now))
        {
            _environment.Router.Complete(pending, new Response(ResponseStatus.Ok, Shard: Shard, LeaderHint: to));
        }
        else
        {
            _environment.Router.Complete(pending, new Response(
                ResponseStatus.Invalid, Shard: Shard, Detail: $"node {to} is not a voter of the shard, or another transfer is under way"));
        }
    }

    private void OnApplied(in LogEntry entry, ApplyStatus status, ReadOnlySpan<byte> result)
    {
        Observer?.Applied(Self, Shard, entry, State);
        _writes.Applied(entry, status, result);
        if (_policy.IsLeaderless)
        {
            _log.LetGo(entry.Index); // no other replica will ask for it
        }

        _reads.StateChanged();
        MarkDirty();
    }
}
