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
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;

namespace Atoll.Node.Replicas;

/// <summary>
/// The reads of one replica. Linearizable ones are the leader's, after a round of heartbeats; session and bounded ones are served by any
/// replica that can show that it is fresh enough, with no clock but its own; those that may linger wait for news.
/// </summary>
internal sealed class ReplicaReads : IResponseSink
{
    private static readonly Probe OvertakenProbe = Probe.Define("replica: a read was overtaken by a snapshot");

    private readonly ReplicaEnvironment _environment;
    private readonly ShardId _shard;
    private readonly IShardPolicy _policy;
    private readonly RaftCore _raft;
    private readonly ReplicatedState _state;
    private readonly LogAnswers _log;
    private readonly ReadQueue _queue = new();
    private readonly List<HeldRequest> _bounded = [];
    private readonly List<HeldRequest> _lingering = [];

    // They wait for the disk.
    private readonly List<HeldRequest> _loading = [];
    private readonly Func<StoreFault, bool> _damaged;
    private bool _isStateNew;

    // The state holds everything that was acknowledged before this instant of the node's own clock.
    private Instant _freshAsOf;
    private Instant _askedAt = Instant.Never;
    private LogIndex _freshOnceApplied;

    /// <summary>The reads of a replica.</summary>
    /// <param name="environment">What the loop's replicas share.</param>
    /// <param name="shard">The shard.</param>
    /// <param name="policy">Its kind.</param>
    /// <param name="raft">The consensus core.</param>
    /// <param name="state">The state.</param>
    /// <param name="log">The log, which may have parts of answers.</param>
    /// <param name="damaged">Told of damage that a read has met: true when other replicas may have what is lost here.</param>
    public ReplicaReads(
        ReplicaEnvironment environment, ShardId shard, IShardPolicy policy, RaftCore raft, ReplicatedState state,
        ShardLog log, Func<StoreFault, bool> damaged)
    {
        _log = new LogAnswers(log);
        _damaged = damaged;
        _environment = environment;
        _shard = shard;
        _policy = policy;
        _raft = raft;
        _state = state;
    }

    /// <summary>Keeps what reads at a time need; null for a state without versions.</summary>
    public VersionHorizon? Versions { get; init; }

    /// <summary>Whether no read is under way.</summary>
    public bool IsIdle => _queue.Count == 0 && _bounded.Count == 0 && _lingering.Count == 0 && _loading.Count == 0;

    private bool IsLeader => _raft.Role == Role.Leader;

    private NodeId LeaderHint => IsLeader ? _environment.Options.Self : _raft.Leader;

    /// <summary>Takes a read of any level.</summary>
    public void Take(PendingRequest pending)
    {
        if (_queue.Count + _bounded.Count + _lingering.Count + _loading.Count >= Limits.ReadsPendingMax)
        {
            _environment.Router.Complete(pending, new Response(
                ResponseStatus.Overloaded, RetryAfter: Duration.FromMilliseconds(50),
                Detail: "the shard has as many reads under way as it may"));
            return;
        }

        var request = pending.Request;
        switch (request.Kind == RequestKind.ReadIndex ? ReadLevel.Linearizable : request.Level)
        {
            case ReadLevel.Any:
                Answer(pending);
                break;
            case ReadLevel.Session when _state.Now >= request.MinVersion:
                Answer(pending);
                break;
            case ReadLevel.Bounded when !IsLeader && IsFresh(request.MaxStaleness):
                Answer(pending);
                break;
            case ReadLevel.Bounded when !IsLeader && _raft.Leader != NodeId.None:
                _bounded.Add(new HeldRequest(pending, pending.Number));
                AskLeader();
                break;
            default:
                if (IsLeader)
                {
                    _queue.Add(pending);
                }
                else
                {
                    _environment.Router.Return(pending, _raft.Leader, "this replica does not lead");
                }

                break;
        }
    }

    /// <summary>Asks the core for a read index for what has gathered.</summary>
    public void AskForIndex(Instant now)
    {
        while (_queue.WantsRound)
        {
            var context = _queue.BeginRound();
            if (_raft.RequestRead(context, now) != ReadOutcome.Accepted)
            {
                Failed(context);
            }
        }
    }

    /// <summary>A round of reads was confirmed.</summary>
    public void Ready(ulong context, LogIndex index) => _queue.RoundReady(context, index);

    /// <summary>A round of reads lost its leader.</summary>
    public void Failed(ulong context) =>
        _queue.RoundFailed(
            context, pending => _environment.Router.Return(pending, NodeId.None, "leadership was lost before the read was confirmed"));

    /// <summary>Gives back what has not been asked for.</summary>
    public void ReturnGathered(string why) => _queue.ReturnGathered(pending => _environment.Router.Return(pending, _raft.Leader, why));

    /// <summary>Gives back everything: the replica has stopped.</summary>
    public void ReturnAll(string why)
    {
        ReturnGathered(why);
        Drain(_bounded, pending => _environment.Router.Return(pending, NodeId.None, why));
        Drain(_lingering, pending => _environment.Router.Return(pending, NodeId.None, why));
        Drain(_loading, pending => _environment.Router.Return(pending, NodeId.None, why));
    }

    /// <summary>The state has changed: what lingers may have its news.</summary>
    public void StateChanged() => _isStateNew = true;

    /// <summary>Answers every read whose time has come.</summary>
    public void Serve()
    {
        while (_queue.TryNext(_state.AppliedIndex, out var pending))
        {
            Answer(pending);
        }

        if (_freshOnceApplied != LogIndex.Zero && _state.AppliedIndex >= _freshOnceApplied)
        {
            _freshAsOf = Instant.Max(_freshAsOf, _askedAt);
            _freshOnceApplied = LogIndex.Zero;
            _askedAt = Instant.Never;
            Drain(_bounded, Retake);
        }

        if (_isStateNew)
        {
            _isStateNew = false;
            Drain(_lingering, Answer);
        }
    }

    /// <summary>Lets reads that have lingered long enough go. True when that changed something.</summary>
    public bool Tick(Instant now)
    {
        var changed = false;
        for (var i = _lingering.Count - 1; i >= 0; i--)
        {
            var held = _lingering[i];
            if (!held.IsHeld)
            {
                _lingering.RemoveAt(i);
            }
            else if (now >= held.Pending.RetryAt)
            {
                _lingering.RemoveAt(i);
                AnswerNow(held.Pending);
                changed = true;
            }
        }

        _bounded.RemoveAll(static held => !held.IsHeld);
        _loading.RemoveAll(static held => !held.IsHeld);
        return changed;
    }

    /// <summary>The leader's answer to <see cref="AskLeader"/>.</summary>
    void IResponseSink.Complete(Request request, in Response response)
    {
        var reader = new WireReader(response.Body);
        var index = reader.ReadUInt64();
        if (response.Status == ResponseStatus.Ok && reader.OkAtEnd)
        {
            _freshOnceApplied = new LogIndex(Math.Max(1, index));
            Serve();
        }
        else
        {
            _askedAt = Instant.Never;
            Drain(_bounded, pending =>
                _environment.Router.Return(pending, _raft.Leader, "the leader could not confirm how fresh the replica is"));
        }
    }

    private bool IsFresh(Duration maxStaleness) =>
        _freshAsOf != Instant.Zero && _environment.Clock.Now - _freshAsOf <= maxStaleness;

    private void Retake(PendingRequest pending)
    {
        // Fresh as of when the leader was asked; a read that came later and wants more asks again.
        if (IsFresh(pending.Request.MaxStaleness))
        {
            Answer(pending);
        }
        else
        {
            _environment.Router.Return(pending, _raft.Leader, "the replica could not become fresh enough");
        }
    }

    private void AskLeader()
    {
        if (_askedAt == Instant.Never)
        {
            _askedAt = _environment.Clock.Now;
            _environment.Router.Submit(
                new Request { Kind = RequestKind.ReadIndex, Shard = _shard, Timeout = _environment.Options.ElectionTimeout },
                this,
                _askedAt);
        }
    }

    private void Answer(PendingRequest pending)
    {
        var request = pending.Request;
        if (request.Kind == RequestKind.ReadIndex)
        {
            var body = _environment.Answer;
            body.Reset();
            body.WriteUInt64(_state.AppliedIndex.Value);
            _environment.Router.Complete(pending, new Response(ResponseStatus.Ok, body.ToArray(), LeaderHint, Shard: pending.Shard));
            return;
        }

        if (Versions is not null && _policy.TimeOf(request.Payload) is var at && at != HybridTime.Zero)
        {
            Versions.Pin(at, _environment.Clock.Now);
        }

        if (request.Linger <= Duration.Zero)
        {
            AnswerNow(pending);
            return;
        }

        if (!TryRead(pending, out var response))
        {
            ReadLater(pending);
            return;
        }

        if (!_policy.IsNothingYet(request.Payload, response.Body))
        {
            Complete(pending, response);
            return;
        }

        // The first time, RetryAt becomes the end of the lingering; it is kept when the state changes without news for this read.
        if (pending.RetryAt <= Instant.Zero)
        {
            pending.RetryAt = Instant.Min(pending.Deadline - Duration.FromMilliseconds(20), _environment.Clock.Now + request.Linger);
        }

        _lingering.Add(new HeldRequest(pending, pending.Number));
    }

    private void AnswerNow(PendingRequest pending)
    {
        if (TryRead(pending, out var response))
        {
            Complete(pending, response);
        }
        else
        {
            ReadLater(pending);
        }
    }

    private bool TryRead(PendingRequest pending, out Response response)
    {
        var body = _environment.Answer;
        body.Reset();
        if (!_state.TryRead(pending.Request.Payload, body))
        {
            response = default;
            return false;
        }

        response = new Response(ResponseStatus.Ok, body.ToArray(), LeaderHint, AppliedVersion: _state.Now, Shard: pending.Shard);
        return true;
    }

    private void ReadLater(PendingRequest pending)
    {
        var held = new HeldRequest(pending, pending.Number);
        _loading.Add(held);
        var installations = _state.Installations;
        _state.ReadLater(pending.Request.Payload, answer =>
        {
            if (!_loading.Remove(held) || !held.IsHeld)
            {
                return; // given back, or answered at its deadline
            }

            // It went on in what is there now with what it knew of before, and may have found nothing where there is something.
            if (_state.Installations != installations)
            {
                OvertakenProbe.Hit();
                _environment.Router.Return(pending, NodeId.None, "a snapshot took the place of what was being read");
            }
            else if (answer.Fault is not { } fault)
            {
                Complete(pending, new Response(
                    ResponseStatus.Ok, answer.Body.ToArray(), LeaderHint, AppliedVersion: answer.AsOf, Shard: pending.Shard));
            }
            else if (_damaged(fault))
            {
                _environment.Router.Return(pending, NodeId.None, $"the replica's store is damaged: {fault}");
            }
            else
            {
                _environment.Router.Complete(pending, new Response(
                    ResponseStatus.Faulted, Shard: pending.Shard,
                    Detail: $"what was asked for is lost on node {_environment.Options.Self}: {fault}"));
            }
        });
    }

    // What belongs into the answer from the log, if anything does, is read first.
    private void Complete(PendingRequest pending, in Response response)
    {
        if (_policy.EntriesOf(pending.Request.Payload, response.Body) is { } indexes)
        {
            CompleteFromLog(pending, response, indexes);
        }
        else
        {
            _environment.Router.Complete(pending, response);
        }
    }

    private void CompleteFromLog(PendingRequest pending, Response response, IReadOnlyList<LogIndex> indexes)
    {
        var held = new HeldRequest(pending, pending.Number);
        _loading.Add(held);
        _log.Read(indexes, read =>
        {
            if (!_loading.Remove(held) || !held.IsHeld)
            {
                return; // given back, or answered at its deadline
            }

            var body = read.Status == LogReadStatus.Ok ? _policy.Complete(response.Body, read.Entries) : null;
            if (body is not null)
            {
                _environment.Router.Complete(pending, response with { Body = body });
            }
            else
            {
                // Retention has been faster, or the disk has lost it: another attempt, or another replica, may know better.
                _environment.Router.Return(pending, NodeId.None, $"entries of the log cannot be read: {read.Status}");
            }
        });
    }

    private static void Drain(List<HeldRequest> list, Action<PendingRequest> action)
    {
        if (list.Count == 0)
        {
            return;
        }

        var drained = list.ToArray();
        list.Clear();
        foreach (var held in drained)
        {
            if (held.IsHeld)
            {
                action(held.Pending);
            }
        }
    }
}
