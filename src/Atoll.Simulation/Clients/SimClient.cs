using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.World;
using Atoll.StateMachines.Requests;

namespace Atoll.Simulation.Clients;

/// <summary>
/// A client as a good library behaves: tries again with the identity of the first attempt, here and there, until its patience ends, and
/// then knows whether it knows.
/// </summary>
public sealed class SimClient
{
    // Per shard: the clocks of different shards may be hours apart, and a shard refuses what lies far from its own.
    private readonly SortedDictionary<ShardId, IdentityStream> _streams = [];
    private readonly SortedDictionary<ShardId, HybridTime> _seen = [];

    internal SimClient(SimCluster cluster, Prng prng)
    {
        Cluster = cluster;
        Prng = prng;
        Id = prng.NextUInt64() | 1;
        Clock = new SimClock(cluster.Scheduler, Instant.Zero, Duration.Zero);
    }

    /// <summary>The number that its requests are remembered under.</summary>
    public ulong Id { get; }

    /// <summary>Its clocks.</summary>
    public SimClock Clock { get; }

    /// <summary>The only node that it talks to; null for any, another one each time.</summary>
    public SimNode? Home { get; set; }

    /// <summary>How long one attempt may take.</summary>
    public Duration AttemptTimeout { get; set; } = Duration.FromSeconds(2);

    /// <summary>How long it goes on trying.</summary>
    public Duration Patience { get; set; } = Duration.FromSeconds(15);

    /// <summary>
    /// Whether it tries a write again that may have taken effect. Not where a retry is judged as a request of its own: a condition that a
    /// first attempt has made false.
    /// </summary>
    public bool RetriesUnknownOutcomes { get; set; } = true;

    /// <summary>
    /// Whether its writes have identities, so that each has one effect however often it is tried. Batches of streams have none.
    /// </summary>
    public bool IdentifiesWrites { get; set; } = true;

    internal SimCluster Cluster { get; }

    internal Prng Prng { get; }

    /// <summary>
    /// From now on it asks for what nothing hinders: it tries for long, and never for so short a time that a disk without a cache, which
    /// the numbers of a run may ask for, takes longer over a megabyte.
    /// </summary>
    public void BePatient()
    {
        Patience = Duration.FromSeconds(40);
        AttemptTimeout = Duration.FromMilliseconds(Math.Max(AttemptTimeout.Milliseconds, 3_000));
    }

    /// <summary>Asks for something; the end comes as a call, always.</summary>
    /// <param name="request">What, without an identity; writes get one.</param>
    /// <param name="done">The end.</param>
    public void Call(Request request, Action<CallResult> done) => new ClientCall(this, request, done).Begin();

    /// <summary>Asks for something and lets time pass until the end.</summary>
    public CallResult CallAndWait(Request request)
    {
        CallResult? result = null;
        Call(request, ended => result = ended);
        Check.That(Cluster.RunUntil(() => result is not null, Patience + (AttemptTimeout * 4)));
        return result!;
    }

    internal RequestIdentity NewIdentity(ShardId shard)
    {
        if (!_streams.TryGetValue(shard, out var stream))
        {
            var id = _streams.Count == 0 ? Id : Prng.NextUInt64() | 1;
            _streams[shard] = stream = new IdentityStream(id);
        }

        return stream.Next(_seen.TryGetValue(shard, out var seen) && seen > HybridTime.Zero
            ? seen
            : HybridTime.FromUnixMilliseconds(Clock.WallTime.Milliseconds));
    }

    // The request will not be sent again.
    internal void Close(ShardId shard, in RequestIdentity identity)
    {
        if (_streams.TryGetValue(shard, out var stream) && stream.Id == identity.ClientId)
        {
            stream.Close(identity.Sequence);
        }
    }

    // The stream's time has run away from the shard's: what comes next is another client's, as far as the shard can tell.
    internal void BeginAnew(ShardId shard) => _streams[shard] = new IdentityStream(Prng.NextUInt64() | 1);

    internal void Saw(ShardId shard, HybridTime version)
    {
        if (!_seen.TryGetValue(shard, out var seen) || version > seen)
        {
            _seen[shard] = version;
        }
    }
}

/// <summary>The identities of one client's requests to one shard: numbered from 1, issued at times that never go back.</summary>
internal sealed class IdentityStream(ulong id)
{
    private readonly SortedSet<ulong> _open = [];
    private ulong _lastSequence;
    private HybridTime _lastIssuedAt;

    public ulong Id => id;

    public RequestIdentity Next(HybridTime now)
    {
        var sequence = ++_lastSequence;
        _open.Add(sequence);
        _lastIssuedAt = now > _lastIssuedAt ? now : _lastIssuedAt;
        return new RequestIdentity(id, sequence, _open.Min, _lastIssuedAt);
    }

    public void Close(ulong sequence) => _open.Remove(sequence);
}

/// <summary>The end of a client's call.</summary>
/// <param name="Response">The last answer; OutcomeUnknown when there was none.</param>
/// <param name="MayHaveTakenEffect">For writes without a success: whether one of the attempts may have had an effect, now or later.</param>
/// <param name="Attempts">Attempts made.</param>
public sealed record CallResult(Response Response, bool MayHaveTakenEffect, int Attempts)
{
    /// <summary>For writes: whether one attempt's fate is not known, also when another one succeeded.</summary>
    public bool HasUncertainAttempt { get; init; }
}
