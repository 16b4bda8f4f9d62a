using System.Globalization;
using System.Runtime.CompilerServices;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Records;

/// <summary>Records over a request port: encodes, routes by the key's hash, and leaves retries to the <see cref="Caller"/>.</summary>
public sealed class RecordsService : IRecords
{
    private readonly Caller _caller;
    private readonly DirectoryCache _directory;

    /// <summary>The records of the space of that name, which need not exist yet.</summary>
    public RecordsService(string space, Caller caller, DirectoryCache directory)
    {
        Space = space;
        Shards = new RecordShards(this);
        _caller = caller;
        _directory = directory;
    }

    /// <inheritdoc />
    public string Space { get; }

    /// <inheritdoc />
    public IRecordShards Shards { get; }

    /// <inheritdoc />
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<Record?> GetAsync(ReadOnlyMemory<byte> key, ReadOptions options, CancellationToken cancellationToken)
    {
        var (space, get) = await ReadAsync(key, options, cancellationToken).ConfigureAwait(false);
        return get.Status != RecordsStatus.Ok ? null
            : RecordOf(space, key, get.Value, get.Version, get.ExpiresAt) is var record && (record.Siblings?.Values.Any() ?? true)
                ? record : null;
    }

    /// <inheritdoc />
    public async ValueTask<ConflictRule> ConflictsAsync(CancellationToken cancellationToken) =>
        (Cached() ?? await ResolveAsync(cancellationToken).ConfigureAwait(false)).Options.Conflicts;

    /// <inheritdoc />
    public async ValueTask<RecordSiblings> GetSiblingsAsync(
        ReadOnlyMemory<byte> key, ReadOptions options, CancellationToken cancellationToken)
    {
        var (space, get) = await ReadAsync(key, options, cancellationToken).ConfigureAwait(false);
        return space.Options.Conflicts != ConflictRule.Siblings
            ? throw new InvalidRequestException($"space \"{Space}\" keeps the last write of each record, and no siblings")
            : get.Status == RecordsStatus.Ok ? SiblingsOf(get.Value) : RecordSiblings.None;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(SpaceInfo Space, GetResult Get)> ReadAsync(
        ReadOnlyMemory<byte> key, ReadOptions options, CancellationToken cancellationToken)
    {
        var refusal = RefuseKey(key.Span);
        if (refusal is not null)
        {
            throw refusal;
        }

        var space = Cached() ?? await ResolveAsync(cancellationToken).ConfigureAwait(false);
        var writer = Payloads.Begin();
        RecordsQuery.WriteGet(writer, key.Span);
        var request = ReadRequest(space, ShardId.None, StableHash.Compute(key.Span), Payloads.Take(writer), options);
        var get = await _caller.Invoke(request, options.Timeout, options.Session, RecordsReaders.Get, cancellationToken)
            .ConfigureAwait(false);
        return (space, get);
    }

    /// <inheritdoc />
    public ValueTask<HybridTime> PutAsync(
        ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, WriteOptions options, CancellationToken cancellationToken) =>
        WriteAsync(RecordOperation.Put(key, value, null, Milliseconds(options)), options, RecordsReaders.Put, cancellationToken);

    /// <inheritdoc />
    public async ValueTask AddAsync(ReadOnlyMemory<byte> key, long delta, WriteOptions options, CancellationToken cancellationToken)
    {
        if (RefuseKey(key.Span) is { } refusal)
        {
            throw refusal;
        }

        var space = await CounterSpaceAsync(cancellationToken).ConfigureAwait(false);
        var writer = Payloads.Begin();
        new AddCommand(key, delta).WriteTo(writer);
        var request = WriteRequest(space, StableHash.Compute(key.Span), Payloads.Take(writer), options, isConditional: false);
        await _caller.Invoke(request, options.Timeout, options.Session, RecordsReaders.Put, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async ValueTask<long> GetCounterAsync(ReadOnlyMemory<byte> key, ReadOptions options, CancellationToken cancellationToken)
    {
        await CounterSpaceAsync(cancellationToken).ConfigureAwait(false);
        var (_, get) = await ReadAsync(key, options, cancellationToken).ConfigureAwait(false);
        return get.Status != RecordsStatus.Ok ? 0
            : long.TryParse(get.Value.Span, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var sum) ? sum
            : throw new AtollException(ErrorCode.Protocol, "the shard's answer cannot be decoded");
    }

    private async ValueTask<SpaceInfo> CounterSpaceAsync(CancellationToken cancellation)
    {
        var space = Cached() ?? await ResolveAsync(cancellation).ConfigureAwait(false);
        return space.Options.Conflicts == ConflictRule.Counters
            ? space : throw new InvalidRequestException($"the records of space \"{Space}\" are no counters");
    }

    /// <inheritdoc />
    public async ValueTask<HybridTime> ChangeAsync(
        ReadOnlyMemory<byte> key, IReadOnlyList<ElementChange> changes, WriteOptions options, CancellationToken cancellationToken)
    {
        var ordered = changes.OrderBy(static change => change.Name, KeyOrder.Instance).ToArray();
        if ((RefuseKey(key.Span) ?? RefuseChanges(ordered) ?? RefuseTimeToLive(Milliseconds(options))) is { } refusal)
        {
            throw refusal;
        }

        var space = await ElementsSpaceAsync(cancellationToken).ConfigureAwait(false);
        var writer = Payloads.Begin();
        new ElementsCommand(key, Milliseconds(options), ordered).WriteTo(writer);
        var request = WriteRequest(space, StableHash.Compute(key.Span), Payloads.Take(writer), options, isConditional: false);
        return await _caller.Invoke(request, options.Timeout, options.Session, RecordsReaders.Put, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<RecordElement>> GetElementsAsync(
        ReadOnlyMemory<byte> key, ReadOptions options, CancellationToken cancellationToken)
    {
        await ElementsSpaceAsync(cancellationToken).ConfigureAwait(false);
        var (_, get) = await ReadAsync(key, options, cancellationToken).ConfigureAwait(false);
        return get.Status == RecordsStatus.Ok ? ElementsOf(get.Value) : [];
    }

    private async ValueTask<SpaceInfo> ElementsSpaceAsync(CancellationToken cancellation)
    {
        var space = Cached() ?? await ResolveAsync(cancellation).ConfigureAwait(false);
        return space.Options.Conflicts is ConflictRule.Sets or ConflictRule.Maps
            ? space : throw new InvalidRequestException($"the records of space \"{Space}\" are neither sets nor maps");
    }

    /// <inheritdoc />
    public ValueTask<bool> DeleteAsync(ReadOnlyMemory<byte> key, WriteOptions options, CancellationToken cancellationToken) =>
        WriteAsync(RecordOperation.Delete(key), options, RecordsReaders.Delete, cancellationToken);

    /// <inheritdoc />
    public ValueTask<ConditionalOutcome> CompareAndSetAsync(
        ReadOnlyMemory<byte> key, HybridTime expected, ReadOnlyMemory<byte> value, WriteOptions options,
            CancellationToken cancellationToken) =>
        WriteAsync(
            RecordOperation.Put(key, value, expected, Milliseconds(options)), options, RecordsReaders.Conditional, cancellationToken);

    /// <inheritdoc />
    public ValueTask<ConditionalOutcome> CompareAndDeleteAsync(
        ReadOnlyMemory<byte> key, HybridTime expected, WriteOptions options, CancellationToken cancellationToken) =>
        WriteAsync(RecordOperation.Delete(key, expected), options, RecordsReaders.Conditional, cancellationToken);

    /// <inheritdoc />
    public async ValueTask<ConditionalOutcome> BatchAsync(
        IReadOnlyList<RecordOperation> operations, WriteOptions options, CancellationToken cancellationToken)
    {
        if (operations.Count is 0 or > Limits.BatchOperationsMax)
        {
            throw new InvalidRequestException($"a batch has 1 to {Limits.BatchOperationsMax} operations, not {operations.Count}");
        }

        foreach (var operation in operations)
        {
            if (Refuse(operation) is { } refusal)
            {
                throw refusal;
            }
        }

        var space = await ResolveAsync(cancellationToken).ConfigureAwait(false);
        var hash = HashInOneShard(space, operations);
        var writer = Payloads.Begin();
        RecordsCommand.WriteBatch(writer, operations.ToArray());
        return await _caller.Invoke(
            WriteRequest(space, hash, Payloads.Take(writer), options, operations.Any(static operation => operation.Expected is not null)),
            options.Timeout, options.Session, RecordsReaders.Conditional,
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public IAsyncEnumerable<Record> ScanAsync(ScanRange range, ReadOptions options, CancellationToken cancellationToken) =>
        new RecordScan(this, range, options).ReadAsync(cancellationToken);

    /// <inheritdoc />
    public IRecordWatch Watch(WatchOptions options) => new RecordWatch(this, options, _caller.Time);

    /// <inheritdoc />
    public async ValueTask<SpaceStatistics> CountAsync(ReadOptions options, CancellationToken cancellationToken)
    {
        var total = default(SpaceStatistics);
        foreach (var shard in await ShardsAsync(cancellationToken).ConfigureAwait(false))
        {
            var stats = await StatsAsync(shard, options, cancellationToken).ConfigureAwait(false);
            total = new SpaceStatistics(total.Records + stats.Records, total.Bytes + stats.Bytes, total.Expiring + stats.Expiring);
        }

        return total;
    }

    internal async ValueTask<ShardInfo[]> ShardsAsync(CancellationToken cancellation)
    {
        var space = await ResolveAsync(cancellation).ConfigureAwait(false);
        var view = await _directory.GetAsync(cancellation).ConfigureAwait(false);
        var shards = view.ShardsOf(space.Id).ToArray();
        return shards.Length > 0 ? shards : throw new UnknownSpaceException($"there is no space \"{Space}\" any longer");
    }

    /// <summary>A record as a get or a scan answers it.</summary>
    internal static Record RecordOf(
        SpaceInfo space, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, HybridTime version, HybridTime expiresAt)
    {
        if (value.IsEmpty)
        {
            return new Record(key, value, version, expiresAt);
        }

        switch (space.Options.Conflicts)
        {
            case ConflictRule.Sets or ConflictRule.Maps:
                return new Record(key, default, version, expiresAt) { Elements = ElementsOf(value) };
            case not ConflictRule.Siblings:
                return new Record(key, value, version, expiresAt);
        }

        var siblings = SiblingsOf(value);
        var latest = siblings.Values.FirstOrDefault();
        return new Record(key, latest.Value, latest.Version, latest.ExpiresAt) { Siblings = siblings };
    }

    internal ValueTask<SpaceInfo> SpaceAsync(CancellationToken cancellation) => ResolveAsync(cancellation);

    private static IReadOnlyList<RecordElement> ElementsOf(ReadOnlyMemory<byte> value) =>
        RecordElements.TryRead(value, out var elements)
            ? elements : throw new AtollException(ErrorCode.Protocol, "the shard's answer cannot be decoded");

    private static RecordSiblings SiblingsOf(ReadOnlyMemory<byte> value) => RecordSiblings.TryRead(value, out var siblings)
        ? siblings : throw new AtollException(ErrorCode.Protocol, "the shard's answer cannot be decoded");

    internal ValueTask<ScanPage> ScanPageAsync(ShardInfo shard, in ScanQuery scan, ReadOptions options, CancellationToken cancellation)
    {
        var writer = Payloads.Begin();
        RecordsQuery.WriteScan(writer, scan);
        return AskAsync(shard, Payloads.Take(writer), options, Duration.Zero, RecordsReaders.Scan, cancellation);
    }

    internal ValueTask<DigestPage> DigestPageAsync(ShardInfo shard, in DigestQuery digest, CancellationToken cancellation)
    {
        var writer = Payloads.Begin();
        RecordsQuery.WriteDigest(writer, digest);
        return AskAsync(shard, Payloads.Take(writer), default, Duration.Zero, RecordsReaders.Digest, cancellation);
    }

    internal ValueTask<HybridTime> AdvanceAsync(ShardInfo shard, CancellationToken cancellation)
    {
        var writer = Payloads.Begin();
        RecordsCommand.WriteAdvance(writer);
        var request = new Request
        {
            Kind = RequestKind.Write,
            Space = shard.Space,
            Shard = shard.Id,
            RoutingHash = shard.HashLow,
            Payload = Payloads.Take(writer),
        };
        return _caller.Invoke(request, null, null, RecordsReaders.Put, cancellation);
    }

    internal ValueTask<ChangesPage> ChangesAsync(
        ShardInfo shard, in ChangesQuery changes, TimeSpan linger, ReadOptions options, CancellationToken cancellation)
    {
        var writer = Payloads.Begin();
        RecordsQuery.WriteChanges(writer, changes);
        return AskAsync(shard, Payloads.Take(writer), options, Caller.ToDuration(linger), RecordsReaders.Changes, cancellation);
    }

    internal ValueTask<RecordsStats> StatsAsync(ShardInfo shard, ReadOptions options, CancellationToken cancellation)
    {
        var writer = Payloads.Begin();
        RecordsQuery.WriteStats(writer);
        return AskAsync(shard, Payloads.Take(writer), options, Duration.Zero, RecordsReaders.Stats, cancellation);
    }

    private ValueTask<T> AskAsync<T>(
        ShardInfo shard, byte[] payload, ReadOptions options, Duration linger, ResponseReader<T> read, CancellationToken cancellation)
    {
        var request = ReadRequest(null, shard.Id, shard.HashLow, payload, options) with { Space = shard.Space, Linger = linger };
        return _caller.Invoke(request, options.Timeout, options.Session, read, cancellation);
    }

    private ValueTask<T> WriteAsync<T>(
        in RecordOperation operation, in WriteOptions options, ResponseReader<T> read, CancellationToken cancellation)
    {
        if (Refuse(operation) is { } refusal)
        {
            return ValueTask.FromException<T>(refusal);
        }

        return Cached() is { } space
            ? Send(space, operation, options, read, cancellation)
            : ResolveAndSendAsync(operation, options, read, cancellation);
    }

    private async ValueTask<T> ResolveAndSendAsync<T>(
        RecordOperation operation, WriteOptions options, ResponseReader<T> read, CancellationToken cancellation)
    {
        var space = await ResolveAsync(cancellation).ConfigureAwait(false);
        return await Send(space, operation, options, read, cancellation).ConfigureAwait(false);
    }

    private ValueTask<T> Send<T>(
        SpaceInfo space, in RecordOperation operation, in WriteOptions options, ResponseReader<T> read, CancellationToken cancellation)
    {
        var isConditional = operation.Expected is not null;
        var keepsSiblings = space.Options.Conflicts == ConflictRule.Siblings && !isConditional;
        if (!keepsSiblings && !options.Context.IsEmpty)
        {
            throw new InvalidRequestException($"space \"{Space}\" takes no context with a write, or none with a condition");
        }

        var writer = Payloads.Begin();
        if (keepsSiblings)
        {
            new SiblingCommand(
                operation.Key, options.Context, operation.Kind == RecordOperationKind.Delete, operation.TimeToLiveMilliseconds,
                operation.Value).WriteTo(writer);
        }
        else
        {
            RecordsCommand.WriteSingle(writer, operation);
        }

        var request = WriteRequest(space, StableHash.Compute(operation.Key.Span), Payloads.Take(writer), options, isConditional);
        return _caller.Invoke(request, options.Timeout, options.Session, read, cancellation);
    }

    private static Request WriteRequest(
        SpaceInfo space, ulong hash, byte[] payload, in WriteOptions options, bool isConditional) => new()
    {
        IsRepeatable = !isConditional || space.Options.FaultModel != FaultModel.Eventual,
        Kind = RequestKind.Write,
        Space = space.Id,
        RoutingHash = hash,
        Identity = options.Identity,
        Consistency = ConsistencyOf(space, options.Consistency),
        Payload = payload,
    };

    private static RequestConsistency? ConsistencyOf(SpaceInfo space, RequestConsistency? asked) =>
        space.Options.FaultModel == FaultModel.Eventual ? asked : null;

    private Request ReadRequest(SpaceInfo? space, ShardId shard, ulong hash, byte[] payload, in ReadOptions options)
    {
        if (options.Level == ReadLevel.Session && options.Session is null)
        {
            throw new InvalidRequestException("a session read needs a session");
        }

        var minVersion = HybridTime.Zero;
        if (options.Level == ReadLevel.Session)
        {
            var at = shard;
            if (at == ShardId.None && space is not null && _directory.Cached is { } view && view.TryGetShard(space.Id, hash, out var found))
            {
                at = found.Id;
            }

            minVersion = options.Session!.MinVersion(at);
        }

        return new Request
        {
            Kind = RequestKind.Read,
            Space = space?.Id ?? SpaceId.None,
            Shard = shard,
            RoutingHash = hash,
            Level = options.Level,
            MinVersion = minVersion,
            MaxStaleness = options.Level == ReadLevel.Bounded ? Caller.ToDuration(options.MaxStaleness) : Duration.Zero,
            Consistency = (space ?? Cached()) is { } known ? ConsistencyOf(known, options.Consistency) : null,
            Payload = payload,
        };
    }

    private SpaceInfo? Cached() => _directory.Cached is { } view && view.TryGetSpace(Space, out var space) ? space : null;

    private ValueTask<SpaceInfo> ResolveAsync(CancellationToken cancellation) => _directory.ResolveAsync(Space, cancellation);

    private ulong HashInOneShard(SpaceInfo space, IReadOnlyList<RecordOperation> operations)
    {
        var hash = StableHash.Compute(operations[0].Key.Span);
        if (_directory.Cached is { } view && view.TryGetShard(space.Id, hash, out var shard))
        {
            for (var i = 1; i < operations.Count; i++)
            {
                if (!shard.Holds(StableHash.Compute(operations[i].Key.Span)))
                {
                    throw new InvalidRequestException(
                        $"the batch's operations 0 and {i} have keys in different shards of space \"{Space}\"; a batch is atomic within "
                        + "one shard only (a space created with one shard keeps all keys together)");
                }
            }
        }

        return hash;
    }

    private static long Milliseconds(in WriteOptions options) => options.TimeToLive is not { } span ? 0
        : span.TotalMilliseconds >= long.MaxValue ? long.MaxValue : (long)Math.Ceiling(span.TotalMilliseconds);

    // The nodes check against the operator's own limits; what no limit could allow is refused here, before it costs a trip.
    private static AtollException? Refuse(in RecordOperation operation) =>
        RefuseKey(operation.Key.Span)
        ?? (operation.Value.Length > Limits.ValueBytesMax
            ? new TooLargeException($"the value has {operation.Value.Length} bytes, the limit is {Limits.ValueBytesMax}")
            : RefuseTimeToLive(operation.TimeToLiveMilliseconds));

    private static AtollException? RefuseTimeToLive(long milliseconds) =>
        milliseconds is < 0 or > Limits.TimeToLiveMillisecondsMax
            ? new InvalidRequestException("the time to live must be longer than nothing and at most 100 years") : null;

    private static AtollException? RefuseChanges(ElementChange[] ordered)
    {
        if (ordered.Length is 0 or > Limits.BatchOperationsMax)
        {
            return new InvalidRequestException($"1 to {Limits.BatchOperationsMax} elements are changed at once, not {ordered.Length}");
        }

        var bytes = (long)ordered[0].Name.Length + ordered[0].Value.Length;
        for (var i = 1; i < ordered.Length; i++)
        {
            bytes += (long)ordered[i].Name.Length + ordered[i].Value.Length;
            if (ordered[i].Name.Span.SequenceEqual(ordered[i - 1].Name.Span))
            {
                return new InvalidRequestException("an element is changed twice at once");
            }
        }

        return bytes <= Limits.ValueBytesMax ? null
            : new TooLargeException($"the elements have {bytes} bytes together, the limit is {Limits.ValueBytesMax}");
    }

    private static AtollException? RefuseKey(ReadOnlySpan<byte> key) =>
        key.IsEmpty ? new InvalidRequestException("the key is empty")
        : key.Length > Limits.KeyBytesMax
            ? new TooLargeException($"the key has {key.Length} bytes, the limit is {Limits.KeyBytesMax}")
            : null;
}
