using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Replicas;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Rows;

namespace Atoll.Node.Eventual;

/// <summary>
/// Updates that one replica leads: of counters, and of records that keep siblings. It takes the update under its own name, durably, and
/// what it then has goes to the others as any write. The update's identity is the request's: a retry changes nothing, wherever it goes
/// (museum, row 25).
/// </summary>
internal sealed class LedRequests
{
    private readonly EventualEnvironment _environment;
    private readonly IReadOnlyDictionary<ShardId, EventualReplica> _replicas;
    private readonly Prng _random;

    // Updates that this loop's replicas are taking: no round of the coordinator holds the floor for them yet.
    private readonly SortedSet<(HybridTime Stamp, ulong Update)> _stamps = [];
    private ulong _updates;

    // Requests that this loop holds, by their numbers. Where a range has closed the time at which one was issued, nobody takes it any more:
    // so that time is not closed while it is tried.
    private readonly Dictionary<ulong, (PendingRequest Pending, HybridTime IssuedAt)> _asked = [];

    public LedRequests(
        EventualEnvironment environment, IReadOnlyDictionary<ShardId, EventualReplica> replicas, Prng random)
    {
        _environment = environment;
        _replicas = replicas;
        _random = random;
    }

    /// <summary>Replicates a version as a request's write: first its stamp, then the time that its client is told.</summary>
    public required Action<PendingRequest, ShardInfo, ReadOnlyMemory<byte>, HybridTime, HybridTime> Write { get; init; }

    /// <summary>The earliest stamp of an update that is being taken, or of one that may be tried again, or Max.</summary>
    public HybridTime EarliestStamp
    {
        get
        {
            var earliest = _stamps.Count == 0 ? HybridTime.Max : _stamps.Min.Stamp;
            foreach (var (number, (pending, issuedAt)) in _asked)
            {
                earliest = !IsAnswered(number, pending) && issuedAt < earliest ? issuedAt : earliest;
            }

            return earliest;
        }
    }

    /// <summary>Forgets the requests that were answered: they hold no floor any more. To be called whenever the floor may move.</summary>
    public void ForgetAnswered()
    {
        foreach (var (number, (pending, _)) in _asked)
        {
            if (IsAnswered(number, pending))
            {
                _asked.Remove(number);
            }
        }
    }

    /// <summary>Takes a write with increments.</summary>
    public void Take(PendingRequest pending, ShardInfo shard, RowsMutation mutation) => Take(
        pending, shard, WriteKind.Counter, (_, names, writer) => EventualCommand.WriteIncrement(
            writer,
            new CounterIncrement(
                mutation, EventualClock.MicrosOf(names.Stamp), names.Stamp, names.Origin, names.Id, names.IsOnlyAgain)));

    /// <summary>Takes an addition to a record that is a counter.</summary>
    public void Take(PendingRequest pending, ShardInfo shard, AddCommand command) => Take(
        pending, shard, WriteKind.Counter,
        (_, names, writer) => new RecordAddition(
            command.Key, command.Delta, names.Origin, names.Id, names.IsOnlyAgain).WriteTo(writer));

    /// <summary>Takes a write of a record that keeps siblings.</summary>
    /// <param name="pending">The request.</param>
    /// <param name="shard">The shard.</param>
    /// <param name="command">The write.</param>
    /// <param name="seen">What its writer had read.</param>
    public void Take(PendingRequest pending, ShardInfo shard, SiblingCommand command, CausalContext seen) => Take(
        pending, shard, WriteKind.Simple, (replica, names, writer) =>
        {
            var expires = command.TimeToLiveMilliseconds == 0 ? 0 : names.Stamp.UnixMilliseconds + command.TimeToLiveMilliseconds;
            var write = new Sibling(names.Origin, HybridTime.Zero, names.Id, command.IsDeletion, expires, command.Value);
            new SiblingPut(command.Key, seen, write, names.Stamp, replica.Basis).WriteTo(writer);
        });

    // Requests are used again under other numbers.
    private static bool IsAnswered(ulong number, PendingRequest pending) =>
        pending.Number != number || pending.State == PendingState.Free;

    private void Take(PendingRequest pending, ShardInfo shard, WriteKind kind, LedUpdate update)
    {
        // What this loop's floor has passed cannot be held any more; and a client whose clock is far behind must not hold it for ever.
        var issuedAt = pending.Request.Identity.IssuedAt;
        if (issuedAt > _environment.Floors.Own)
        {
            _asked.TryAdd(pending.Number, (pending, issuedAt));
        }

        if (_replicas.TryGetValue(shard.Id, out var replica) && replica.IsReady)
        {
            var held = new HeldRequest(pending, pending.Number);
            replica.WithGeneration(_random, generation =>
            {
                if (held.IsHeld)
                {
                    Lead(held, shard, update, replica, generation);
                }
            });
            return;
        }

        // Another node leads the update. Whoever did not answer is followed by the next.
        for (var i = 0; i < shard.Replicas.Length; i++)
        {
            var candidate = shard.Replicas[(pending.Attempts + i) % shard.Replicas.Length];
            if (candidate != _environment.Options.Self && _environment.Liveness.IsAlive(candidate)
                && _environment.Router.TryForward(pending, candidate))
            {
                return;
            }
        }

        if (shard.Replicas.Any(node => _environment.IsUp(node)))
        {
            _environment.Router.TryLater(pending, "no replica of the shard can lead updates yet");
            return;
        }

        var effect = new EventualEffect { Outcome = EventualOutcome.Unavailable, Required = 1, Write = kind };
        _environment.Router.Complete(pending, CoordinatedRequests.ShortfallOf(effect, isWrite: true, shard.Id));
    }

    private void Lead(HeldRequest request, ShardInfo shard, LedUpdate update, EventualReplica replica, uint? generation)
    {
        var pending = request.Pending;
        if (generation is null)
        {
            _environment.Router.Complete(pending, Refusal(ResponseStatus.Overloaded, shard, "the replica cannot write at the moment"));
            return;
        }

        var stamp = _environment.Stamps.Next();
        var identity = pending.Request.Identity;
        var id = identity.IsNone || _environment.Options.Sabotage.Has(Sabotage.ForgetsAnswers)
            ? new CounterUpdateId(stamp, _random.NextUInt64(), 0)
            : new CounterUpdateId(identity.IssuedAt, identity.ClientId, identity.Sequence);
        var held = HeldAt(stamp, id);
        var number = ++_updates;
        _stamps.Add((held, number));
        var origin = new CounterOrigin(_environment.Options.Self, generation.Value);
        var isTooOld = id.Stamp <= replica.Closed || (held > id.Stamp && replica.Shard.Move is not null);
        var names = new UpdateNames(stamp, origin, id, IsOnlyAgain: isTooOld);
        replica.Lead(writer => update(replica, names, writer), (status, result) =>
        {
            _stamps.Remove((held, number));
            if (!request.IsHeld)
            {
                return;
            }

            if (status == ResponseStatus.Ok)
            {
                Write(pending, shard, result.Version, held, stamp);
            }
            else
            {
                _environment.Router.Complete(pending, Refusal(status, shard, result.Detail));
            }
        });
    }

    // Horizons must not pass the time at which an update was issued while a write or a hint with it is under way, also when its client has
    // long been answered: another replica may have taken it, too, would forget it, and count it twice when it comes from here at last, if
    // this replica is one no more by then. What this loop's floor has passed cannot be held; then it counts on exchanges with this
    // replica, which are certain to come first unless it is in a move, and may be sent away.
    private HybridTime HeldAt(HybridTime stamp, CounterUpdateId id) =>
        id.Stamp < stamp && id.Stamp > _environment.Floors.Own ? id.Stamp : stamp;

    // Writes the command that the replica takes.
    private delegate void LedUpdate(EventualReplica replica, UpdateNames names, WireWriter writer);

    /// <summary>By what an update is known.</summary>
    /// <param name="Stamp">Its stamp.</param>
    /// <param name="Origin">Who takes it.</param>
    /// <param name="Id">What all its retries share.</param>
    /// <param name="IsOnlyAgain">Whether it is too old to be taken, and only answered if it was before.</param>
    private readonly record struct UpdateNames(HybridTime Stamp, CounterOrigin Origin, CounterUpdateId Id, bool IsOnlyAgain);

    private Response Refusal(ResponseStatus status, ShardInfo shard, string? why) => new(
        status, Shard: shard.Id, RetryAfter: status == ResponseStatus.Overloaded ? Duration.FromMilliseconds(50) : default,
        AppliedVersion: status == ResponseStatus.RequestExpired ? _environment.Stamps.Peek() : default,
        Detail: status == ResponseStatus.RequestExpired
            ? "the update is older than the time for which updates of counters are remembered" : why);
}
