using System.Globalization;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines;
using Atoll.StateMachines.Requests;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;

namespace Atoll.Node.Replicas;

/// <summary>
/// The writes of one replica: checked, stamped and proposed by a leader, a batch at a time; answered when they are applied.
/// </summary>
internal sealed class ReplicaWrites
{
    private readonly ReplicaEnvironment _environment;
    private readonly ShardId _shard;
    private readonly IShardPolicy _policy;
    private readonly RaftCore _raft;
    private readonly ReplicatedState _state;
    private readonly ShardReplica _replica;
    private readonly ProposalQueue _proposals = new();
    // A request may be answered at its deadline while it waits here: what is proposed must still be held.
    private readonly List<HeldRequest> _gathered = [];
    private readonly WireWriter _scratch = new(128);
    private readonly Action<PendingRequest> _giveBackLost;
    private Proposal[] _proposalBuffer = new Proposal[16];
    private LogIndex _expiryIndex;
    private bool _isLookingForExpired;
    private Instant _nextExpiryLook;

    public ReplicaWrites(
        ReplicaEnvironment environment, ShardId shard, IShardPolicy policy, RaftCore raft, ReplicatedState state, ShardReplica replica)
    {
        _replica = replica;
        _environment = environment;
        _shard = shard;
        _policy = policy;
        _raft = raft;
        _state = state;
        _giveBackLost = pending => environment.Router.Return(pending, raft.Leader, "another leader's entry took its place");
    }

    private NodeId Self => _environment.Options.Self;

    /// <summary>Takes a write: it is refused, given back, or gathered for the next <see cref="Propose"/>.</summary>
    public void Take(PendingRequest pending)
    {
        if (_raft.Role != Role.Leader || _raft.TransferTarget != NodeId.None)
        {
            _environment.Router.Return(pending, _raft.Leader == Self ? _raft.TransferTarget : _raft.Leader, "this replica does not lead");
            return;
        }

        if (!_state.TakesWrites && _environment.Store.State == LsmState.Full)
        {
            _environment.Router.Complete(pending, new Response(
                ResponseStatus.DiskFull, RetryAfter: Duration.FromSeconds(1), Shard: _shard,
                Detail: $"the disk of node {Self} is full: what was written cannot leave its memory"));
            return;
        }

        if (!MayPropose(pending) && !_environment.Space.MayMakeRoom)
        {
            RefuseForSpace(pending);
            return;
        }

        if (_environment.Journal.State == JournalState.Full)
        {
            _environment.Router.Complete(pending, new Response(
                ResponseStatus.DiskFull, RetryAfter: Duration.FromSeconds(1), Shard: _shard,
                Detail: $"the disk of node {Self} is full: {_environment.Journal.LastError.Detail}"));
            return;
        }

        if ((_proposals.Count + _gathered.Count >= _environment.Options.ProposalsPendingMax
                || _proposals.Bytes >= Limits.ProposalBytesPendingMax)
            && !_environment.Options.Sabotage.Has(Sabotage.NeverOverloaded))
        {
            _environment.Router.Complete(pending, new Response(
                ResponseStatus.Overloaded, RetryAfter: Duration.FromMilliseconds(50), Shard: _shard,
                Detail: "the shard has as many writes under way as it may"));
            return;
        }

        _ = _environment.Directory.TryGetShard(_shard, out var record);
        if (_policy.Refuse(pending.Request.Payload, record) is { } refusal)
        {
            _environment.Router.Complete(pending, refusal);
            return;
        }

        _gathered.Add(new HeldRequest(pending, pending.Number));
    }

    /// <summary>Whether no write is under way, and nothing expires before that time.</summary>
    public bool IsIdleUntil(HybridTime time) =>
        _gathered.Count == 0 && _proposals.Count == 0 && !_isLookingForExpired && !(_state.Machine.NextExpiry <= time);

    /// <summary>Whether writes wait for <see cref="Propose"/>, and may be proposed.</summary>
    public bool IsHeldUpNoMore =>
        _gathered.Count > 0 && _state.TakesWrites && (_environment.Space.HasRoom || !_environment.Space.MayMakeRoom);

    /// <summary>
    /// Proposes what has gathered, all of it at once. While the store's memory is full they wait here, up to the shard's bounds: flushes
    /// and merges that fall behind slow writers down, and fail nobody. So do those that the disk has no room for, as long as merges may
    /// make some.
    /// </summary>
    public void Propose(Instant now)
    {
        _gathered.RemoveAll(static held => !held.IsHeld);
        if (_gathered.Count == 0 || !_state.TakesWrites)
        {
            return;
        }

        if (!_environment.Space.HasRoom)
        {
            ProposeWithoutRoom(now);
            return;
        }

        ProposeGathered(now);
    }

    // What frees space goes on; the others wait for merges, or are refused once those are done and have not made room.
    private void ProposeWithoutRoom(Instant now)
    {
        var others = _gathered.FindAll(held => !MayPropose(held.Pending));
        _gathered.RemoveAll(held => !MayPropose(held.Pending));
        if (_gathered.Count > 0)
        {
            ProposeGathered(now);
        }

        foreach (var held in others)
        {
            if (_environment.Space.MayMakeRoom)
            {
                _gathered.Add(held);
            }
            else
            {
                RefuseForSpace(held.Pending);
            }
        }
    }

    private bool MayPropose(PendingRequest pending) => _environment.Space.HasRoom || !_policy.TakesSpace(pending.Request.Payload);

    private void RefuseForSpace(PendingRequest pending)
    {
        const long Mebibyte = 1024 * 1024;
        var (free, needed) = (_environment.Space.FreeBytes / Mebibyte, (_environment.Space.NeededBytes + Mebibyte - 1) / Mebibyte);
        var detail = string.Create(
            CultureInfo.InvariantCulture,
            $"the disk of node {Self} is full: {free} MiB are free, merges and the log need {needed} MiB; deletes are taken");
        _environment.Router.Complete(
            pending, new Response(ResponseStatus.DiskFull, RetryAfter: Duration.FromSeconds(1), Shard: _shard, Detail: detail));
    }

    private void ProposeGathered(Instant now)
    {
        if (_proposalBuffer.Length < _gathered.Count)
        {
            _proposalBuffer = new Proposal[Math.Max(_gathered.Count, _proposalBuffer.Length * 2)];
        }

        _environment.Hybrid.Observe(_state.Now);
        for (var i = 0; i < _gathered.Count; i++)
        {
            _proposalBuffer[i] = new Proposal(EntryKind.Command, EntryOf(_gathered[i].Pending.Request));
        }

        var proposals = _proposalBuffer.AsSpan(0, _gathered.Count);
        if (_environment.Journal.State != JournalState.Ready
            || _raft.Propose(proposals, now, out var first) != ProposalOutcome.Accepted)
        {
            proposals.Clear();
            ReturnGathered("this replica does not lead");
            return;
        }

        for (var i = 0; i < _gathered.Count; i++)
        {
            _proposals.Add(first + (ulong)i, _raft.Term, _gathered[i].Pending, proposals[i].Payload.Length, _giveBackLost);
        }

        proposals.Clear();
        _gathered.Clear();
    }

    private ReadOnlyMemory<byte> EntryOf(Request request)
    {
        var stamp = _environment.Hybrid.Next();
        if (request.Envelope.IsEmpty)
        {
            return CommandEnvelope.Encode(stamp, request.Identity, request.Payload.Span, _scratch);
        }

        CommandEnvelope.PutStamp(request.Envelope.Span, stamp);
        return request.Envelope;
    }

    /// <summary>Gives back what has gathered and was not proposed.</summary>
    public void ReturnGathered(string why)
    {
        foreach (var held in _gathered)
        {
            if (held.IsHeld)
            {
                _environment.Router.Return(held.Pending, _raft.Leader == Self ? NodeId.None : _raft.Leader, why);
            }
        }

        _gathered.Clear();
    }

    /// <summary>Looks for what has expired, when it is time, and proposes its removal.</summary>
    public void ProposeExpiry(Instant now)
    {
        if (_isLookingForExpired || !MayProposeExpiry)
        {
            return;
        }

        if (_policy.FindDue(_state.Machine, now) is { } overdue)
        {
            ProposeExpiryBy(overdue);
            return;
        }

        if (now < _nextExpiryLook || _state.Machine.NextExpiry is not { } due || due > _environment.Hybrid.Peek())
        {
            return;
        }

        _isLookingForExpired = true;
        _environment.Hybrid.Observe(_state.Now);
        _state.Machine.FindExpired(_environment.Hybrid.Peek(), (command, fault) =>
        {
            _isLookingForExpired = false;
            if (fault is not null)
            {
                // What cannot be read is reported by who reads it for a client, or by the scrub.
                _nextExpiryLook = _environment.Clock.Now + Duration.FromSeconds(10);
            }
            else if (command is not null && MayProposeExpiry)
            {
                ProposeExpiryBy(command);
            }
        });
    }

    private void ProposeExpiryBy(byte[] command)
    {
        _environment.Hybrid.Observe(_state.Now);
        var payload = CommandEnvelope.Encode(_environment.Hybrid.Next(), RequestIdentity.None, command, _scratch);
        if (_raft.Propose([new Proposal(EntryKind.Command, payload)], _environment.Clock.Now, out var index)
            == ProposalOutcome.Accepted)
        {
            _expiryIndex = index;
            _replica.MarkDirty();
        }
    }

    private bool MayProposeExpiry =>
        _raft.Role == Role.Leader && _environment.Journal.State == JournalState.Ready && _expiryIndex <= _state.AppliedIndex
        && _replica.FaultReason is null;

    /// <summary>Another replica leads: what has gathered goes there. What was proposed waits for its fate.</summary>
    public void LostLeadership()
    {
        ReturnGathered("this replica does not lead any more");
        _expiryIndex = LogIndex.Zero;
    }

    /// <summary>An entry was applied: its request, if it was made here, is answered.</summary>
    public void Applied(in LogEntry entry, ApplyStatus status, ReadOnlySpan<byte> result)
    {
        if (_proposals.Applied(entry.Index, entry.Term, _giveBackLost) is { } owner)
        {
            _environment.Router.Complete(owner, ResponseTo(owner, status, result));
        }
    }

    /// <summary>Requests whose entries a snapshot has skipped over: their fate was decided where it cannot be seen.</summary>
    public void SkippedBySnapshot(LogIndex through) => _proposals.Skipped(through, _environment.Router.ReturnUncertain);

    private Response ResponseTo(PendingRequest owner, ApplyStatus status, ReadOnlySpan<byte> result)
    {
        var leader = _raft.Role == Role.Leader ? Self : NodeId.None;
        return status switch
        {
            ApplyStatus.Applied or ApplyStatus.Repeated => new Response(
                ResponseStatus.Ok, result.ToArray(), leader, AppliedVersion: _state.Now, Shard: _shard),
            ApplyStatus.Expired when owner.MayHaveTakenEffect || owner.Attempts > 1 => new Response(
                ResponseStatus.OutcomeUnknown, AppliedVersion: _state.Now, Shard: _shard,
                Detail: "an earlier attempt may have taken effect, but its answer is not remembered any more"),
            ApplyStatus.Expired => new Response(
                ResponseStatus.RequestExpired, AppliedVersion: _state.Now, Shard: _shard,
                Detail: "the request is older than the time for which answers are remembered"),
            ApplyStatus.Overloaded => new Response(
                ResponseStatus.Overloaded, RetryAfter: Duration.FromSeconds(1), AppliedVersion: _state.Now, Shard: _shard,
                Detail: "the shard remembers as many answers as it may"),
            ApplyStatus.Unreadable => new Response(
                ResponseStatus.Faulted, AppliedVersion: _state.Now, Shard: _shard,
                Detail: $"what the command needs is lost on node {Self}: {System.Text.Encoding.UTF8.GetString(result)}"),
            _ => new Response(ResponseStatus.Invalid, AppliedVersion: _state.Now, Shard: _shard, Detail: "the command cannot be read"),
        };
    }
}
