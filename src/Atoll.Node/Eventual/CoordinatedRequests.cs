using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Replicas;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;

namespace Atoll.Node.Eventual;

/// <summary>
/// Clients' requests to eventual shards, as this loop coordinates them: commands become versions, and what the replicas have becomes the
/// same answers that a strong shard gives.
/// </summary>
internal sealed class CoordinatedRequests
{
    private readonly EventualEnvironment _environment;
    private readonly ReplicaSets _sets;
    private readonly OperationNumbers _numbers;
    private readonly RecordLimits _limits;
    private readonly Dictionary<ulong, Held> _held = [];
    private readonly WireWriter _query = new(256);
    private readonly WireWriter _result = new(4096);
    private readonly Func<NodeId, bool> _isUp;
    private readonly RecordRequests _records;

    public CoordinatedRequests(EventualEnvironment environment, ReplicaSets sets, OperationNumbers numbers, PeerLatencies latencies)
    {
        _environment = environment;
        _sets = sets;
        _numbers = numbers;
        _limits = new RecordLimits(environment.Options.KeyBytesMax, environment.Options.ValueBytesMax);
        _isUp = environment.IsUp;
        _records = new RecordRequests(environment, this, _limits);
        var options = new EventualOptions
        {
            Self = environment.Options.Self,
            Region = environment.Options.Description.RegionName,
            Sabotage = environment.Options.Sabotage,
        };
        Writes = new WriteCoordinator(options);
        Reads = new ReadCoordinator(options, environment.Data, latencies);
    }

    /// <summary>The writes under way.</summary>
    public WriteCoordinator Writes { get; }

    /// <summary>The reads under way.</summary>
    public ReadCoordinator Reads { get; }

    /// <summary>What only Paxos can answer.</summary>
    public required ConditionalRequests Conditional { get; init; }

    /// <summary>Updates that one replica leads.</summary>
    public required LedRequests Led { get; init; }

    /// <summary>The oldest version of the directory by which a request under way was begun, or Max.</summary>
    public HybridTime EarliestVersion =>
        _held.Count == 0 ? HybridTime.Max : _held.Values.Min(static held => held.Version);

    /// <summary>Takes a client's request.</summary>
    public void Take(PendingRequest pending, ShardInfo shard, Instant now)
    {
        if (_environment.Directory.IsOfRecords(shard))
        {
            _records.Take(pending, shard, now);
        }
        else if (pending.Request.Kind == RequestKind.Write)
        {
            TakeWrite(pending, shard, now);
        }
        else
        {
            TakeRead(pending, shard, now);
        }
    }

    /// <summary>Does what is due.</summary>
    public void Tick(Instant now) => _records.Tick(now);

    /// <summary>The directory has changed.</summary>
    public void Follow()
    {
        foreach (var held in _held.Values.ToArray())
        {
            _environment.AnswerIfDropped(held.Request, held.Shard);
        }

        Conditional.Follow();
    }

    /// <summary>Replicates a version as the request's write.</summary>
    /// <param name="pending">The request; answered when the write is.</param>
    /// <param name="shard">The shard.</param>
    /// <param name="version">The version.</param>
    /// <param name="stamp">Its stamp.</param>
    /// <param name="told">Which time its client is told that it has: its stamp, or later.</param>
    /// <param name="kind">What its client is told that it was.</param>
    /// <param name="now">The time.</param>
    public void Write(
        PendingRequest pending, ShardInfo shard, ReadOnlyMemory<byte> version, HybridTime stamp, HybridTime told, WriteKind kind,
        Instant now)
    {
        var operation = new WriteOperation
        {
            Number = _numbers.NextWrite(),
            Level = LevelOf(pending, version, shard),
            Range = shard.Id.Value,
            Replicas = _sets.OfWrites(shard),
            Mutation = version,
            Stamp = stamp,
            Kind = kind,
            Deadline = DeadlineOf(pending, now),
        };
        _held[operation.Number] = NewHeld(pending, shard, told);
        if (!Writes.Begin(operation, _isUp, now))
        {
            _held.Remove(operation.Number);
            _environment.Router.Complete(pending, TooMany(shard));
        }
    }

    /// <summary>Those that answer reads of a shard, each by itself.</summary>
    public IEnumerable<NodeId> ReadersOf(ShardInfo shard) =>
        _sets.OfReads(shard, ConsistencyLevel.One).Members.Select(static replica => replica.Node);

    /// <summary>Asks replicas on behalf of a request, which is answered when as many as the level needs have answered.</summary>
    /// <param name="pending">The request.</param>
    /// <param name="shard">The shard.</param>
    /// <param name="query">What the replicas are asked.</param>
    /// <param name="level">How many.</param>
    /// <param name="asOf">The time that the query is about.</param>
    /// <param name="now">The time.</param>
    /// <param name="only">The one replica that is asked; none for any.</param>
    public void Read(
        PendingRequest pending, ShardInfo shard, byte[] query, ConsistencyLevel level, HybridTime asOf, Instant now,
        NodeId only = default)
    {
        if (level == ConsistencyLevel.Any)
        {
            _environment.Router.Complete(pending, new Response(ResponseStatus.Invalid, Detail: "the level ANY is for writes only"));
            return;
        }

        var operation = new ReadOperation
        {
            Number = _numbers.NextRead(),
            Level = level,
            Range = shard.Id.Value,
            Replicas = only == NodeId.None ? _sets.OfReads(shard, level) : _sets.OfReads(shard, level, only),
            Query = query,
            Deadline = DeadlineOf(pending, now),
        };
        _held[operation.Number] = NewHeld(pending, shard, asOf);
        if (!Reads.Begin(operation, _isUp, now))
        {
            _held.Remove(operation.Number);
            _environment.Router.Complete(pending, TooMany(shard));
        }
    }

    /// <summary>An operation of <see cref="Writes"/> or <see cref="Reads"/> has ended: its request is answered.</summary>
    public void Completed(in EventualEffect effect, bool isWrite)
    {
        if (!_held.Remove(effect.Operation, out var held) || !held.Request.IsHeld)
        {
            return;
        }

        var pending = held.Request.Pending;
        if (effect.Outcome != EventualOutcome.Done)
        {
            _environment.Router.Complete(pending, ShortfallOf(effect, isWrite, pending.Shard));
            return;
        }

        if (held.IsOfRecords && RecordsQuery.KindOf(pending.Request.Payload.Span) == RecordsQueryKind.Changes && !isWrite)
        {
            if (!_records.TryLinger(pending, effect.Data, _environment.Clock.Now))
            {
                _environment.Router.Complete(pending, new Response(ResponseStatus.Ok, effect.Data.ToArray(), Shard: pending.Shard));
            }

            return;
        }

        _result.Reset();
        var now = held.AsOf;
        if (held.IsOfRecords && isWrite)
        {
            RecordsPages.WriteDone(RecordsVersion.VersionOf(EventualClock.MicrosOf(now)), _result);
        }
        else if (held.IsOfRecords)
        {
            RecordsPages.Write(pending.Request.Payload, effect.Data, now, _result);
        }
        else if (isWrite)
        {
            // Which time the write has, where its client did not give one.
            RowsResultCodec.WriteHead(_result, RowsStatus.Ok, now);
        }
        else if (IsCount(pending.Request.Payload))
        {
            _result.WriteRaw(effect.Data.Span);
        }
        else
        {
            RowsPages.Write(pending.Request.Payload, effect.Data, now, _result);
        }

        _environment.Router.Complete(
            pending, new Response(ResponseStatus.Ok, _result.ToArray(), Shard: pending.Shard));
    }

    /// <summary>What a client that sees only so much of its level is told.</summary>
    public static Response ShortfallOf(in EventualEffect effect, bool isWrite, ShardId shard)
    {
        var (status, what) = effect.Outcome switch
        {
            // The replica that leads such an update has taken it already.
            EventualOutcome.Unavailable when effect.Write == WriteKind.Counter => (ResponseStatus.OutcomeUnknown, "are up"),
            EventualOutcome.Unavailable => (ResponseStatus.Unavailable, "are up"),
            EventualOutcome.TimedOut => (isWrite ? ResponseStatus.OutcomeUnknown : ResponseStatus.Unavailable, "answered in time"),
            _ => (isWrite ? ResponseStatus.OutcomeUnknown : ResponseStatus.Unavailable, "could do it"),
        };
        return new Response(
            status, Shard: shard, Detail: $"{effect.Received} of the {effect.Required} replicas that the consistency level needs {what}")
        {
            Shortfall = new QuorumShortfall(
                effect.Outcome, effect.Received, effect.Required, effect.Failures, effect.IsDataPresent, effect.Write),
        };
    }

    /// <summary>The level that a request asks for.</summary>
    public static RequestConsistency LevelOf(PendingRequest pending) => pending.Request.Consistency ?? RequestConsistency.Quorum;

    /// <summary>When replicas are waited for no more: before the request itself ends, so that its client hears how far it came.</summary>
    public static Instant DeadlineOf(PendingRequest pending, Instant now) => now + ((pending.Deadline - now) * 9 / 10);

    // A write that need only be a hint somewhere must be at a replica where this node may keep none.
    private ConsistencyLevel LevelOf(PendingRequest pending, ReadOnlyMemory<byte> version, ShardInfo shard)
    {
        var level = Truncation.Is(version) ? ConsistencyLevel.All : LevelOf(pending).Level;
        return level == ConsistencyLevel.Any && !_environment.MayStore(shard.Id) ? ConsistencyLevel.One : level;
    }

    private void TakeWrite(PendingRequest pending, ShardInfo shard, Instant now)
    {
        var command = pending.Request.Payload;
        if (ShardRefusal.Of(RowsCommand.Read(command, shard.HashLow, shard.HashHigh, _limits, out var mutation), shard.Id)
            is { } refusal)
        {
            _environment.Router.Complete(pending, refusal);
            return;
        }

        var stamp = _environment.Stamps.Next();
        if (mutation is null)
        {
            // The only other good command.
            Write(pending, shard, Truncation.PayloadOf(DeadlineOf(pending, now) - now), stamp, stamp, WriteKind.Simple, now);
        }
        else if (mutation.Conditions.Count > 0)
        {
            Conditional.Take(pending, shard, mutation, now);
        }
        else if (RowsVersion.HasIncrements(mutation.Partitions))
        {
            Led.Take(pending, shard, mutation);
        }
        else
        {
            Write(
                pending, shard, RowsVersion.OfMutation(
                    mutation.Partitions, EventualClock.MicrosOf(stamp), stamp, _environment.Options.Self, _query),
                stamp, stamp,
                mutation.Partitions.Count > 1 ? WriteKind.UnloggedBatch : WriteKind.Simple, now);
        }
    }

    private void TakeRead(PendingRequest pending, ShardInfo shard, Instant now)
    {
        var consistency = LevelOf(pending);
        if (consistency.Serial != SerialLevel.None)
        {
            Conditional.TakeRead(pending, shard, now);
            return;
        }

        // A count is what one replica has: there is nothing to merge.
        var isCount = IsCount(pending.Request.Payload);
        var asOf = _environment.Stamps.Peek();
        _query.Reset();
        if (isCount)
        {
            _query.WriteRaw(pending.Request.Payload.Span);
        }
        else
        {
            EventualQuery.WriteRaw(_query, pending.Request.Payload.Span, asOf);
        }

        Read(pending, shard, _query.ToArray(), isCount ? ConsistencyLevel.One : consistency.Level, asOf, now);
    }

    private static bool IsCount(ReadOnlyMemory<byte> query) => RowsQuery.KindOf(query.Span) == RowsQueryKind.Stats;

    private static Response TooMany(ShardInfo shard) => new(
        ResponseStatus.Overloaded, RetryAfter: Duration.FromMilliseconds(50), Shard: shard.Id,
        Detail: "this node coordinates as many requests as it may");

    private Held NewHeld(PendingRequest pending, ShardInfo shard, HybridTime asOf) => new(
        new HeldRequest(pending, pending.Number), shard.Id, asOf,
        _environment.Directory.IsOfRecords(shard), _environment.Directory.View.Version);

    private readonly record struct Held(HeldRequest Request, ShardId Shard, HybridTime AsOf, bool IsOfRecords, HybridTime Version);
}
