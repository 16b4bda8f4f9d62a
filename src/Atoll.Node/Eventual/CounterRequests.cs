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
/// Updates of counters: one replica takes the update under its own name, durably, and what its counter then is goes to the others as any
/// write. The update's identity is the request's: a retry changes nothing, wherever it goes (museum, row 25).
/// </summary>
internal sealed class CounterRequests
{
    private readonly EventualEnvironment _environment;
    private readonly IReadOnlyDictionary<ShardId, EventualReplica> _replicas;
    private readonly Prng _random;

    // Updates that this loop's replicas are taking: no round of the coordinator holds the floor for them yet.
    private readonly SortedSet<HybridTime> _stamps = [];

    public CounterRequests(
        EventualEnvironment environment, IReadOnlyDictionary<ShardId, EventualReplica> replicas, Prng random)
    {
        _environment = environment;
        _replicas = replicas;
        _random = random;
    }

    /// <summary>Replicates a version as a request's write.</summary>
    public required Action<PendingRequest, ShardInfo, ReadOnlyMemory<byte>, HybridTime> Write { get; init; }

    /// <summary>The earliest stamp of an update that is being taken, or Max.</summary>
    public HybridTime EarliestStamp => _stamps.Count == 0 ? HybridTime.Max : _stamps.Min;

    /// <summary>Takes a write with increments.</summary>
    public void Take(PendingRequest pending, ShardInfo shard, RowsMutation mutation)
    {
        if (_replicas.TryGetValue(shard.Id, out var replica) && replica.IsReady)
        {
            var held = new HeldRequest(pending, pending.Number);
            replica.WithGeneration(_random, generation =>
            {
                if (held.IsHeld)
                {
                    Lead(held, shard, mutation, replica, generation);
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
            _environment.Router.TryLater(pending, "no replica of the shard can take updates of counters yet");
            return;
        }

        var effect = new EventualEffect { Outcome = EventualOutcome.Unavailable, Required = 1, Write = WriteKind.Counter };
        _environment.Router.Complete(pending, CoordinatedRequests.ShortfallOf(effect, isWrite: true, shard.Id));
    }

    private void Lead(HeldRequest held, ShardInfo shard, RowsMutation mutation, EventualReplica replica, uint? generation)
    {
        var pending = held.Pending;
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
        _stamps.Add(stamp);
        var origin = new CounterOrigin(_environment.Options.Self, generation.Value);
        replica.Increment(
            new CounterIncrement(mutation, EventualClock.MicrosOf(stamp), stamp, origin, id),
            (status, result) =>
            {
                _stamps.Remove(stamp);
                if (!held.IsHeld)
                {
                    return;
                }

                if (status == ResponseStatus.Ok)
                {
                    Write(pending, shard, result.Version, stamp);
                }
                else
                {
                    _environment.Router.Complete(pending, Refusal(status, shard, result.Detail));
                }
            });
    }

    private Response Refusal(ResponseStatus status, ShardInfo shard, string? why) => new(
        status, Shard: shard.Id, RetryAfter: status == ResponseStatus.Overloaded ? Duration.FromMilliseconds(50) : default,
        AppliedVersion: status == ResponseStatus.RequestExpired ? _environment.Stamps.Peek() : default,
        Detail: status == ResponseStatus.RequestExpired
            ? "the update is older than the time for which updates of counters are remembered" : why);
}
