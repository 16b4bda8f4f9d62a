using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Node.Loops;
using Atoll.Node.Requests;
using Atoll.StateMachines.Directory;

namespace Atoll.Node.Routing;

/// <summary>
/// Takes requests and sees each to exactly one answer. A request goes to the replica that can serve it: here, on another loop, or on
/// another node. Stale knowledge is corrected on the way and costs a detour, never a failure. Nothing is tried again without
/// end: the request's deadline bounds it, and a write that may have taken effect is only tried again when its identity makes that safe.
/// </summary>
public sealed class Router
{
    // A lost message between nodes shows only by silence: after this long an attempt is given up and the request tried again. Each attempt
    // waits twice as long as the one before it, or a slow shard would be sent its own backlog again and again (museum, row 41).
    private static readonly Duration AttemptTimeout = Duration.FromSeconds(1);
    private const int AttemptDoublingsMax = 4;

    // Between attempts that found no leader: an election takes about a second, so a few tries fall into it.
    private static readonly Duration ParkFor = Duration.FromMilliseconds(20);

    private static readonly Duration SweepInterval = Duration.FromMilliseconds(50);

    private static readonly Probe Rerouted = Probe.Define("router: request tried again after its peer was lost");
    private static readonly Probe TimedOutUnknown = Probe.Define("router: write timed out with its outcome unknown");
    private static readonly Probe FollowedHint = Probe.Define("router: followed a leader hint");

    private readonly NodeOptions _options;
    private readonly LoopAddress _self;
    private readonly PeerOutbox _outbox;
    private readonly PeerLiveness _liveness;
    private readonly DirectoryFollower _directory;
    private readonly ILocalReplicas _replicas;
    private readonly InFlightTable _inFlight;
    private readonly RequestSpans _spans;

    // A follower calls an election after at most two election timeouts of silence; a little is left for the votes.
    private readonly Duration _leaderPatience;
    private readonly LeaderTable _leaders = new();
    private IEventualShards? _eventual;
    private Instant _now;
    private Instant _nextSweep;
    private int _parked;

    internal Router(
        NodeOptions options, PeerOutbox outbox, PeerLiveness liveness, DirectoryFollower directory, ILocalReplicas replicas,
        IRequestTracer? tracer, Instant now)
    {
        _options = options;
        _self = new LoopAddress(options.Self, options.Loop);
        _outbox = outbox;
        _liveness = liveness;
        _directory = directory;
        _replicas = replicas;
        _inFlight = new InFlightTable(options.RequestsInFlightMax, (ulong)(now - Instant.Zero).Nanoseconds);
        _spans = new RequestSpans(tracer, options.Self);
        _leaderPatience = (options.ElectionTimeout * 2) + (options.HeartbeatInterval * 3);
    }

    /// <summary>Requests that wait for their answer.</summary>
    public int InFlight => _inFlight.Count;

    /// <summary>Requests answered since the start.</summary>
    public long Served { get; private set; }

    /// <summary>Takes a request from a gateway or service of this process.</summary>
    public void Submit(Request request, IResponseSink sink, Instant now)
    {
        _now = now;
        var pending = _inFlight.TryTake();
        if (pending is null)
        {
            sink.Complete(request, Overloaded("this node holds as many requests as it may"));
            return;
        }

        pending.Sink = sink;
        Start(pending, request);
    }

    /// <summary>Says where requests to eventual shards go.</summary>
    internal void CoordinateWith(IEventualShards eventual) => _eventual = eventual;

    /// <summary>
    /// Takes a request of this loop's own for its replica of a shard: it is refused rather than tried elsewhere or later.
    /// </summary>
    public void SubmitLocal(Request request, IResponseSink sink, Instant now)
    {
        _now = now;
        var pending = _inFlight.TryTake();
        if (pending is null)
        {
            sink.Complete(request, Overloaded("this loop holds as many requests as it may"));
            return;
        }

        pending.Sink = sink;
        pending.Request = request;
        pending.Deadline = now + request.Timeout;
        pending.Shard = request.Shard;
        pending.StaysHere = true;
        pending.State = PendingState.InReplica;
        if (_replicas.Has(request.Shard))
        {
            _replicas.Take(pending);
        }
        else
        {
            Complete(pending, new Response(ResponseStatus.StaleRoute, Shard: request.Shard, Detail: "no replica of the shard is here"));
        }
    }

    /// <summary>Nobody can take the request now, and nobody has: it is tried again in a moment.</summary>
    internal void TryLater(PendingRequest pending, string problem)
    {
        pending.StaysHere = false;
        Park(pending, problem);
    }

    /// <summary>Passes a request on to a node that keeps its shard; false when it was passed on already, or nobody knows how.</summary>
    internal bool TryForward(PendingRequest pending, NodeId node)
    {
        if (pending.Sink is null || !_directory.TryLoopOf(node, pending.Shard, out var loop))
        {
            return false;
        }

        pending.StaysHere = false;
        NoteLeader(pending.Shard, node);
        Forward(pending, new LoopAddress(node, loop));
        return true;
    }

    /// <summary>Takes a request that another loop passed on.</summary>
    public void Received(LoopAddress from, ulong number, Request request, Instant now)
    {
        _now = now;
        var pending = _inFlight.TryTake();
        if (pending is null)
        {
            Answer(from, number, Overloaded("the shard's node holds as many requests as it may"));
            return;
        }

        pending.Origin = from;
        pending.OriginNumber = number;
        Start(pending, request);
    }

    /// <summary>The answer to a request that this loop passed on.</summary>
    public void Answered(LoopAddress from, ulong number, in Response response, Instant now)
    {
        _now = now;
        if (!_inFlight.TryFind(number, out var pending) || pending.State != PendingState.Forwarded)
        {
            return; // late or doubled: the request has been answered, or is being tried elsewhere
        }

        if (pending.ForwardedTo != from && response.Status.IsRetryable())
        {
            return; // a refusal of an earlier attempt says nothing about the present one
        }

        if (pending.ForwardedTo == from)
        {
            _spans.AttemptAnswered(pending, response);
        }
        else
        {
            _spans.AttemptAbandoned(pending, "an earlier attempt was answered");
        }

        switch (response.Status)
        {
            case ResponseStatus.NotLeader:
                _leaders.Redirected(pending.Shard, from.Node, response.LeaderHint);
                if (response.LeaderHint != NodeId.None && response.LeaderHint != from.Node && pending.Attempts % 4 != 0)
                {
                    FollowedHint.Hit();
                    Route(pending);
                }
                else
                {
                    Park(pending, response.Detail ?? "the shard has no leader now");
                }

                break;
            case ResponseStatus.StaleRoute:
                _directory.Refresh();
                _leaders.Redirected(pending.Shard, from.Node, NodeId.None);
                Park(pending, response.Detail ?? "the route was out of date");
                break;
            case ResponseStatus.Ok:
                if (response.LeaderHint != NodeId.None)
                {
                    NoteLeader(pending.Shard, response.LeaderHint);
                }

                Complete(pending, response);
                break;
            default:
                Complete(pending, response);
                break;
        }
    }

    /// <summary>
    /// Answers a request that this loop holds. A refusal, by another node or by a replica here, says nothing about attempts before it that
    /// went elsewhere: then the outcome is unknown.
    /// </summary>
    public void Complete(PendingRequest pending, in Response response) => End(
        pending, DeniesEffect(response.Status) && HasEarlierAttempt(pending)
            ? Unknown(response.Detail ?? "an earlier attempt may have taken effect")
            : response);

    /// <summary>A replica of this loop could not serve the request, which had no effect there: elsewhere, or later.</summary>
    public void Return(PendingRequest pending, NodeId leaderHint, string problem)
    {
        _leaders.Redirected(pending.Shard, _self.Node, leaderHint);
        if (pending.Sink is null || pending.StaysHere)
        {
            // Who passed it on decides what to do next, with fresher knowledge and its own deadline.
            Complete(
                pending, new Response(ResponseStatus.NotLeader, LeaderHint: leaderHint, Shard: pending.Shard, Detail: problem));
        }
        else if (leaderHint != NodeId.None && leaderHint != _self.Node && pending.Attempts % 4 != 0)
        {
            Route(pending);
        }
        else
        {
            Park(pending, problem);
        }
    }

    /// <summary>
    /// A replica of this loop lost sight of the write's fate. With an identity it may be tried again, and has one effect; without, its
    /// outcome is unknown.
    /// </summary>
    public void ReturnUncertain(PendingRequest pending)
    {
        pending.MayHaveTakenEffect = true;
        if (pending.Sink is null || pending.Request.Identity.IsNone)
        {
            Complete(pending, Unknown("the replica was replaced by a snapshot before it saw the write's fate"));
        }
        else
        {
            Park(pending, "the replica was replaced by a snapshot before it saw the write's fate");
        }
    }

    /// <summary>Remembers who leads a shard.</summary>
    public void NoteLeader(ShardId shard, NodeId leader) => _leaders.Note(shard, leader);

    /// <summary>A shard of this loop has a leader, or the directory has news: parked requests are tried at once.</summary>
    public void RetryParked(Instant now)
    {
        _now = now;
        if (_parked > 0)
        {
            _inFlight.Visit(this, static (router, pending) =>
            {
                if (pending.State == PendingState.Parked)
                {
                    pending.RetryAt = router._now;
                }
            });
        }
    }

    /// <summary>
    /// The network did not take a frame to that loop: what was in it certainly did not arrive. What went before is under way still.
    /// </summary>
    public void Refused(LoopAddress to, long frame) =>
        Abandon(pending => pending.ForwardedTo == to && pending.Frame == frame, wasDelivered: false);

    /// <summary>The peer cannot be reached, or was silent for long: what is under way to it may or may not arrive.</summary>
    public void PeerLost(NodeId peer, Instant now)
    {
        _now = now;
        Abandon(pending => pending.ForwardedTo.Node == peer, wasDelivered: true);
    }

    /// <summary>Tries parked requests again and ends those whose time is over.</summary>
    public void Tick(Instant now)
    {
        _now = now;
        if (_parked == 0 && now < _nextSweep)
        {
            return;
        }

        _nextSweep = now + SweepInterval;
        _inFlight.Visit(this, static (router, pending) => router.Sweep(pending));
    }

    /// <summary>Answers everything that is held: the loop stops.</summary>
    public void Stop(string why)
    {
        _inFlight.Visit((this, why), static (state, pending) =>
            state.Item1.End(pending, MayHaveEffect(pending)
                ? Unknown(state.why)
                : new Response(ResponseStatus.Unavailable, Detail: state.why)));
    }

    private static bool MayHaveEffect(PendingRequest pending) =>
        pending.MayHaveTakenEffect
        || (pending.Request.Kind == RequestKind.Write && pending.State is PendingState.Forwarded or PendingState.InReplica);

    // "Expired" is a refusal, too: who believes it issues the request anew.
    private static bool DeniesEffect(ResponseStatus status) => status.IsRetryable() || status == ResponseStatus.RequestExpired;

    // That an earlier attempt was refused proves little: of a doubled message one copy may have been refused, and the other not.
    private static bool HasEarlierAttempt(PendingRequest pending) =>
        pending.MayHaveTakenEffect
        || (pending.Request.Kind == RequestKind.Write && pending.Forwards > (pending.State == PendingState.Forwarded ? 1 : 0));

    private static Response Unknown(string detail) => new(ResponseStatus.OutcomeUnknown, Detail: detail);

    private static Response Overloaded(string detail) =>
        new(ResponseStatus.Overloaded, RetryAfter: Duration.FromMilliseconds(50), Detail: detail);

    private void End(PendingRequest pending, in Response response)
    {
        Check.That(pending.State != PendingState.Free);
        Served++;
        if (pending.State == PendingState.Parked)
        {
            _parked--;
        }

        _spans.Completed(pending, response);
        var (request, sink, origin, number) = (pending.Request, pending.Sink, pending.Origin, pending.OriginNumber);
        _inFlight.Release(pending);
        if (sink is not null)
        {
            sink.Complete(request, response);
        }
        else
        {
            Answer(origin, number, response);
        }
    }

    private void Start(PendingRequest pending, Request request)
    {
        pending.Request = request;
        pending.Deadline = _now + request.Timeout;
        if (pending.Sink is null)
        {
            _spans.Arrived(pending);
        }

        _parked++; // a slot begins as parked; Route takes it out
        Route(pending);
    }

    private void Sweep(PendingRequest pending)
    {
        if (_now >= pending.Deadline || IsBetterAskedElsewhere(pending))
        {
            TimeOut(pending);
        }
        else if (pending.State == PendingState.Parked && _now >= pending.RetryAt)
        {
            Route(pending);
        }
        else if (pending.State == PendingState.Forwarded && _now >= pending.RetryAt)
        {
            GiveUpAttempt(pending, wasDelivered: true, "no answer came in time");
        }
    }

    // A node that is cut off finds no leader, while whoever asks may reach nodes that have one. To hold the request until its deadline
    // would make the shard as unavailable as this node; what may safely be tried again is given back once an election had time enough.
    private bool IsBetterAskedElsewhere(PendingRequest pending) =>
        pending.Sink is not null
        && !pending.StaysHere
        && pending.Shard != ShardId.None
        && !_leaders.TryGet(pending.Shard, out _)
        && _now - (pending.Deadline - pending.Request.Timeout) >= _leaderPatience
        && (pending.Request.Kind != RequestKind.Write || !pending.Request.Identity.IsNone);

    private void TimeOut(PendingRequest pending)
    {
        // The deadline may be shorter than the patience with one attempt: then this is the only place that learns of the silence.
        if (pending.State == PendingState.Forwarded)
        {
            _leaders.Redirected(pending.Shard, pending.ForwardedTo.Node, NodeId.None);
        }

        if (MayHaveEffect(pending))
        {
            TimedOutUnknown.Hit();
            Complete(pending, Unknown($"no answer within the deadline; {pending.LastProblem ?? "it may have taken effect"}"));
        }
        else
        {
            End(pending, new Response(
                ResponseStatus.Unavailable, Shard: pending.Shard,
                Detail: $"no replica could answer within the deadline: {pending.LastProblem ?? "no quorum confirmed it"}"));
        }
    }

    private void Abandon(Func<PendingRequest, bool> which, bool wasDelivered)
    {
        _inFlight.Visit((this, which, wasDelivered), static (state, pending) =>
        {
            if (pending.State == PendingState.Forwarded && state.which(pending))
            {
                state.Item1.GiveUpAttempt(pending, state.wasDelivered, "the connection to the shard's node was lost");
            }
        });
    }

    private void GiveUpAttempt(PendingRequest pending, bool wasDelivered, string problem)
    {
        Rerouted.Hit();
        _spans.AttemptAbandoned(pending, problem);
        _leaders.Redirected(pending.Shard, pending.ForwardedTo.Node, NodeId.None);
        if (pending.Request.Kind == RequestKind.Write && wasDelivered)
        {
            pending.MayHaveTakenEffect = true;
            if (pending.Request.Identity.IsNone)
            {
                // Without an identity a second attempt could be a second effect.
                Complete(pending, Unknown(problem));
                return;
            }
        }

        Park(pending, problem);
    }

    private void Park(PendingRequest pending, string problem)
    {
        if (pending.State != PendingState.Parked)
        {
            _parked++;
            pending.State = PendingState.Parked;
        }

        pending.LastProblem = problem;
        pending.RetryAt = _now + (ParkFor * Math.Min(10, 1 + pending.Attempts));
    }

    private void SetState(PendingRequest pending, PendingState state)
    {
        if (pending.State == PendingState.Parked)
        {
            _parked--;
        }

        pending.State = state;
    }

    private void Route(PendingRequest pending)
    {
        pending.Attempts++;
        var request = pending.Request;
        if (request.Kind is RequestKind.DirectoryView or RequestKind.Status)
        {
            Complete(pending, _replicas.AnswerLocally(request));
            return;
        }

        if (!_directory.TryRoute(request, out var shard))
        {
            // The space may be younger than this node's view: ask once, then believe the answer.
            if (pending.Sink is null)
            {
                _directory.Refresh();
                Complete(pending, new Response(ResponseStatus.StaleRoute, Detail: "this node does not know the shard"));
            }
            else if (_directory.IsFreshSince(pending.Deadline - request.Timeout))
            {
                Complete(pending, new Response(ResponseStatus.UnknownSpace, Detail: "there is no such space"));
            }
            else
            {
                _directory.Refresh();
                Park(pending, "the space is not in this node's view of the directory");
            }

            return;
        }

        pending.Shard = shard.Id;
        if (_eventual is not null && _directory.IsEventual(shard) && request.Kind is RequestKind.Write or RequestKind.Read)
        {
            SetState(pending, PendingState.InReplica);
            pending.StaysHere = true;
            _eventual.Take(pending, shard);
            return;
        }

        var loop = NodeOptions.LoopOf(shard.Id, _options.LoopCount);
        if (loop == _self.Loop && _replicas.Has(shard.Id) && !BelongsElsewhere(pending, shard))
        {
            SetState(pending, PendingState.InReplica);
            pending.RetryAt = Instant.Zero;
            _replicas.Take(pending);
        }
        else if (pending.Sink is null && pending.Origin.Node != _self.Node)
        {
            _directory.Refresh();
            Complete(pending, new Response(
                ResponseStatus.StaleRoute, Shard: shard.Id, Detail: "this node has no replica of the shard"));
        }
        else if (loop != _self.Loop && shard.Replicas.Contains(_self.Node) && pending.Origin.Node != _self.Node
            && pending.Attempts % 4 == 1)
        {
            Forward(pending, new LoopAddress(_self.Node, loop));
        }
        else
        {
            ForwardToReplica(pending, shard);
        }
    }

    // A request of this process for a shard that is led elsewhere goes there. While no leader is known, every other attempt asks another
    // replica: the one here may have stopped, or be cut off. What was left behind by a move knows nothing.
    private bool BelongsElsewhere(PendingRequest pending, ShardInfo shard) =>
        pending.Sink is not null
        && (pending.Request.Kind != RequestKind.Read || pending.Request.Level == ReadLevel.Linearizable)
        && (_leaders.TryGet(pending.Shard, out var leader)
            ? leader != _self.Node && _liveness.IsAlive(leader)
            : pending.Attempts % 2 == 0 || !shard.Replicas.Contains(_self.Node));

    private void ForwardToReplica(PendingRequest pending, ShardInfo shard)
    {
        var replicas = shard.Replicas.AsSpan();
        var target = NodeId.None;
        if (pending.Request.Level == ReadLevel.Linearizable || pending.Request.Kind != RequestKind.Read)
        {
            _ = _leaders.TryGet(pending.Shard, out target);
        }

        if (target == _self.Node || (target != NodeId.None && !_liveness.IsAlive(target)))
        {
            target = NodeId.None;
        }

        // No leader known: whoever did not serve lately is followed by the next. The first in the list is the preferred leader.
        var turn = _leaders.TurnOf(shard.Id, replicas.Length);
        for (var i = 0; target == NodeId.None && i < replicas.Length; i++)
        {
            var candidate = replicas[(turn + i) % replicas.Length];
            if (candidate != _self.Node && _liveness.IsAlive(candidate))
            {
                target = candidate;
            }
        }

        if (target == NodeId.None || !_directory.TryLoopOf(target, pending.Shard, out var loop))
        {
            Park(pending, "no replica of the shard can be reached");
            return;
        }

        Forward(pending, new LoopAddress(target, loop));
    }

    private void Forward(PendingRequest pending, LoopAddress to)
    {
        Check.That(to != _self);
        SetState(pending, PendingState.Forwarded);
        pending.ForwardedTo = to;
        pending.Frame = _outbox.NumberOf(to, Lane.Urgent);
        pending.Forwards++;
        pending.RetryAt = _now + (AttemptTimeout * (1L << Math.Min(pending.Attempts - 1, AttemptDoublingsMax))) + pending.Request.Linger;
        var remaining = pending.Deadline - _now;
        var context = _spans.PassedOn(pending);
        var writer = _outbox.Begin(to, Lane.Urgent, PeerMessageKind.Request, out var position);
        writer.WriteUInt64(pending.Number);
        RequestCodec.WriteForwarded(
            writer, pending.Request, pending.Shard, remaining > Duration.Zero ? remaining : Duration.Zero, context.Span);
        _outbox.End(to, Lane.Urgent, position);
    }

    private void Answer(LoopAddress to, ulong number, in Response response)
    {
        var writer = _outbox.Begin(to, Lane.Urgent, PeerMessageKind.Response, out var position);
        writer.WriteUInt64(number);
        RequestCodec.Write(writer, response);
        _outbox.End(to, Lane.Urgent, position);
    }
}
