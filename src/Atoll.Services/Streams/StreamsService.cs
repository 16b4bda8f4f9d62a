using Atoll.Foundation;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.Services.Spaces;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;

namespace Atoll.Services.Streams;

/// <summary>Topics over a request port: spaces and documents of the directory, and requests to their shards.</summary>
public sealed class StreamsService : IStreams
{
    // A read is answered by a replica that is there, or asked of another one; beyond what it lingers it takes no longer than this.
    private static readonly TimeSpan ReadPatience = TimeSpan.FromSeconds(5);

    private static readonly ResponseReader<FetchedBatches> ReadFetched = static (in Response response) =>
        FetchedBatches.TryRead(response.Body) ?? throw Garbled();

    private static readonly ResponseReader<FoundOffset> ReadFound = static (in Response response) =>
        FoundOffset.TryRead(response.Body, out var found) ? found : throw Garbled();

    private static readonly ResponseReader<KnownProducers> ReadProducers = static (in Response response) =>
        KnownProducers.TryRead(response.Body) ?? throw Garbled();

    private static readonly ResponseReader<PartitionResult> ReadResult = static (in Response response) =>
        PartitionResult.TryRead(response.Body, out var result) ? result : throw Garbled();

    private static readonly ResponseReader<CompactionStatus> ReadCompaction = static (in Response response) =>
        CompactionStatus.TryRead(response.Body) ?? throw Garbled();

    private readonly IRequestPort _port;
    private readonly Caller _caller;
    private readonly DirectoryCache _directory;
    private readonly ISpaces _spaces;
    private readonly DirectoryDocuments _settings;
    private readonly ProducerIds _producers;
    private volatile TopicCatalog? _catalog;

    internal StreamsService(IRequestPort port, Caller caller, DirectoryCache directory, ISpaces spaces)
    {
        _port = port;
        _caller = caller;
        _directory = directory;
        _spaces = spaces;
        _settings = new DirectoryDocuments(caller, directory, TopicCatalog.DocumentPrefix);
        _producers = new ProducerIds(new DirectoryDocuments(caller, directory, "streams:"));
    }

    /// <inheritdoc />
    public async ValueTask<TopicCatalog> TopicsAsync(CancellationToken cancellationToken) =>
        CatalogOf(await _directory.GetAsync(cancellationToken).ConfigureAwait(false));

    /// <inheritdoc />
    public async ValueTask<TopicCatalog> RefreshAsync(CancellationToken cancellationToken) =>
        CatalogOf(await _directory.RefreshAsync(cancellationToken).ConfigureAwait(false));

    /// <inheritdoc />
    public async ValueTask<Topic> CreateAsync(TopicCreation creation, CancellationToken cancellationToken)
    {
        var view = await _directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        var options = OptionsOf(creation, view);
        if (view.TryGetSpace(creation.Name, out _))
        {
            throw new AtollException(ErrorCode.SpaceExists, $"there is a topic, or another space, with the name \"{creation.Name}\"");
        }

        var space = await _spaces.CreateAsync(options, cancellationToken).ConfigureAwait(false);
        if (creation.Settings.Chosen.Count > 0)
        {
            await AlterAsync(creation.Name, _ => creation.Settings, cancellationToken).ConfigureAwait(false);
        }

        var catalog = await TopicsAsync(cancellationToken).ConfigureAwait(false);
        return catalog.Find(space.Name)
            ?? throw new UnknownSpaceException($"topic \"{space.Name}\" was created, and deleted again at once by somebody else");
    }

    /// <inheritdoc />
    public async ValueTask ValidateAsync(TopicCreation creation, CancellationToken cancellationToken)
    {
        var view = await _directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        _ = OptionsOf(creation, view);
        if (view.TryGetSpace(creation.Name, out _))
        {
            throw new AtollException(ErrorCode.SpaceExists, $"there is a topic, or another space, with the name \"{creation.Name}\"");
        }
    }

    /// <inheritdoc />
    public async ValueTask GrowAsync(string name, int partitions, CancellationToken cancellationToken)
    {
        while (true)
        {
            var topic = await this.TopicAsync(name, cancellationToken).ConfigureAwait(false);
            if (partitions == topic.Partitions.Length)
            {
                // An earlier call may have been stopped when the directory knew of them, and they not of the topic's settings.
                await AlterAsync(name, static settings => settings, cancellationToken).ConfigureAwait(false);
            }

            CheckGrowth(topic, partitions);
            try
            {
                await DirectoryWrites.InvokeAsync(
                    _caller,
                    writer => DirectoryCommand.WriteGrowSpace(writer, topic.Space.Id, topic.Partitions.Length, partitions),
                    cancellationToken).ConfigureAwait(false);
            }
            catch (AtollException error) when (error.Code is ErrorCode.Conflict or ErrorCode.NotFound)
            {
                continue; // somebody else has made it larger, or deleted it
            }

            var grown = await this.TopicAsync(name, cancellationToken).ConfigureAwait(false);
            if (grown.Settings.Chosen.Count > 0)
            {
                await AlterAsync(name, static settings => settings, cancellationToken).ConfigureAwait(false);
            }

            return;
        }
    }

    /// <inheritdoc />
    public async ValueTask ValidateGrowthAsync(string name, int partitions, CancellationToken cancellationToken) =>
        CheckGrowth(await this.TopicAsync(name, cancellationToken).ConfigureAwait(false), partitions);

    /// <inheritdoc />
    public async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        var topic = (await RefreshAsync(cancellationToken).ConfigureAwait(false)).Find(name);
        if (topic is null || !await _spaces.DropAsync(name, cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        if (topic.Settings.Chosen.Count > 0)
        {
            var document = TopicCatalog.NameOfDocument(topic.Space.Id);
            var known = (await _settings.ReadAsync(cancellationToken).ConfigureAwait(false))
                .FirstOrDefault(stored => string.Equals(stored.Name, document, StringComparison.Ordinal));

            // The number is never given again: a document that stays behind is not looked at by anybody.
            _ = known is not null
                && await _settings.TryWriteAsync(document, known.Version, null, cancellationToken).ConfigureAwait(false);
        }

        await _directory.RefreshAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <inheritdoc />
    public async ValueTask AlterAsync(string name, Func<TopicSettings, TopicSettings> change, CancellationToken cancellationToken)
    {
        while (true)
        {
            var topic = await this.TopicAsync(name, cancellationToken).ConfigureAwait(false);
            var document = TopicCatalog.NameOfDocument(topic.Space.Id);
            var known = (await _settings.ReadAsync(cancellationToken).ConfigureAwait(false))
                .FirstOrDefault(stored => string.Equals(stored.Name, document, StringComparison.Ordinal));
            var settings = change(known is null ? TopicSettings.Default : TopicSettings.OfDocument(known.Bytes.Span));
            CheckFit(settings);
            var bytes = settings.Chosen.Count == 0 ? default(ReadOnlyMemory<byte>?) : settings.ToDocument();
            if ((known is null && bytes is null)
                || await _settings.TryWriteAsync(document, known?.Version ?? 0, bytes, cancellationToken).ConfigureAwait(false))
            {
                // Also when they are what they were: an earlier change may have been stopped before it was everywhere.
                await ConfigureAsync(topic, settings.Partition, cancellationToken).ConfigureAwait(false);
                return;
            }
        }
    }

    /// <inheritdoc />
    public ValueTask<Response> AppendAsync(Topic topic, int partition, ReadOnlyMemory<byte> batch, TimeSpan timeout)
    {
        var payload = GC.AllocateUninitializedArray<byte>(PartitionCommand.BatchAt + batch.Length);
        payload[0] = (byte)PartitionCommandKind.Append;
        batch.Span.CopyTo(payload.AsSpan(PartitionCommand.BatchAt));
        var appended = new SingleAnswer();
        _port.Submit(
            new Request
            {
                Kind = RequestKind.Write, Shard = topic.Partitions[partition].Id, Timeout = Caller.ToDuration(timeout), Payload = payload,
                IsRepeatable = false,
            },
            appended);
        return new ValueTask<Response>(appended.Task);
    }

    /// <inheritdoc />
    public ValueTask<FetchedBatches> FetchAsync(
        Topic topic, int partition, PartitionFetch fetch, TimeSpan linger, ReadLevel level, CancellationToken cancellationToken)
    {
        var writer = Payloads.Begin();
        PartitionQuery.Write(writer, fetch);
        var request = Read(topic, partition, Payloads.Take(writer)) with { Level = level, Linger = Caller.ToDuration(linger) };
        return _caller.Invoke(request, ReadPatience + linger, null, ReadFetched, cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<FoundOffset> FindAsync(Topic topic, int partition, PartitionFind find, CancellationToken cancellationToken)
    {
        var writer = Payloads.Begin();
        PartitionQuery.Write(writer, find);
        return _caller.Invoke(Read(topic, partition, Payloads.Take(writer)), ReadPatience, null, ReadFound, cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<FoundOffset> FindEpochEndAsync(Topic topic, int partition, int epoch, CancellationToken cancellationToken)
    {
        var writer = Payloads.Begin();
        PartitionQuery.WriteEpochEnd(writer, epoch);
        return _caller.Invoke(Read(topic, partition, Payloads.Take(writer)), ReadPatience, null, ReadFound, cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<KnownProducers> ProducersAsync(Topic topic, int partition, CancellationToken cancellationToken)
    {
        var writer = Payloads.Begin();
        PartitionQuery.WriteProducers(writer);
        return _caller.Invoke(Read(topic, partition, Payloads.Take(writer)), ReadPatience, null, ReadProducers, cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<PartitionResult> DeleteBeforeAsync(Topic topic, int partition, long offset, CancellationToken cancellationToken)
    {
        var writer = Payloads.Begin();
        PartitionCommand.WriteDeleteBefore(writer, offset);
        return WriteAsync(topic.Partitions[partition], Payloads.Take(writer), cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<PartitionResult> BeginTransactionAsync(
        Topic topic, int partition, ProducerTransaction transaction, CancellationToken cancellationToken)
    {
        var writer = Payloads.Begin();
        PartitionCommand.WriteBeginTransaction(writer, transaction.ProducerId, transaction.Epoch, transaction.Number);
        return WriteAsync(topic.Partitions[partition], Payloads.Take(writer), cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<PartitionResult> EndTransactionAsync(
        Topic topic, int partition, TransactionMarker marker, CancellationToken cancellationToken)
    {
        var writer = Payloads.Begin();
        PartitionCommand.WriteEndTransaction(writer, marker, _caller.Time.GetUtcNow().ToUnixTimeMilliseconds());
        return WriteAsync(topic.Partitions[partition], Payloads.Take(writer), cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<CompactionStatus> CompactionAsync(
        Topic topic, int partition, ReadLevel level, CancellationToken cancellationToken)
    {
        var writer = Payloads.Begin();
        PartitionQuery.WriteCompaction(writer);
        var request = Read(topic, partition, Payloads.Take(writer)) with { Level = level };
        return _caller.Invoke(request, ReadPatience, null, ReadCompaction, cancellationToken);
    }

    /// <inheritdoc />
    public ValueTask<PartitionResult> CompactAsync(
        Topic topic, int partition, ReadOnlyMemory<byte> command, CancellationToken cancellationToken) =>
        WriteAsync(topic.Partitions[partition], command.ToArray(), cancellationToken);

    /// <inheritdoc />
    public ValueTask<long> NewProducerIdAsync(CancellationToken cancellationToken) => _producers.NextAsync(cancellationToken);

    private static AtollException Garbled() => new(ErrorCode.Protocol, "the partition's answer cannot be decoded");

    private static Request Read(Topic topic, int partition, byte[] payload) => new()
    {
        Kind = RequestKind.Read, Shard = topic.Partitions[partition].Id, Payload = payload,
    };

    private static SpaceOptions OptionsOf(TopicCreation creation, DirectoryView view)
    {
        if (Topic.FaultOfName(creation.Name) is { } fault)
        {
            throw new InvalidRequestException(fault);
        }

        CheckFit(creation.Settings);

        var members = view.Nodes.Count(static node => node.Standing == NodeStanding.Member);
        var replicas = creation.Replicas ?? (creation.Regions?.ReplicaCount is > 0 and var ofRegions ? ofRegions : members >= 3 ? 3 : 1);
        if (replicas is not (1 or 3 or 5 or 7) || replicas > members)
        {
            throw new InvalidReplicasException(
                $"a topic has 1, 3, 5 or 7 replicas, and at most as many as there are nodes ({members}), not {replicas}");
        }

        var partitions = creation.Partitions ?? 1;
        CheckPartitions(partitions);
        return new SpaceOptions(
            creation.Name, creation.FaultModel, replicas, ShardCount: partitions, Kind: SpaceKind.Streams, Regions: creation.Regions);
    }

    private static void CheckFit(TopicSettings settings)
    {
        if (settings.Conflict is { } conflict)
        {
            throw new InvalidSettingsException(conflict);
        }
    }

    private static void CheckGrowth(Topic topic, int partitions)
    {
        if (partitions <= topic.Partitions.Length)
        {
            throw new InvalidPartitionsException(
                $"topic \"{topic.Name}\" has {topic.Partitions.Length} partitions, and can have more, not {partitions}");
        }

        CheckPartitions(partitions);
    }

    private static void CheckPartitions(int partitions)
    {
        if (partitions is < 1 or > Limits.ShardsPerSpaceMax)
        {
            throw new InvalidPartitionsException($"a topic has 1 to {Limits.ShardsPerSpaceMax} partitions, not {partitions}");
        }
    }

    private TopicCatalog CatalogOf(DirectoryView view)
    {
        var known = _catalog;
        return known is not null && ReferenceEquals(known.View, view) ? known : _catalog = TopicCatalog.Of(view);
    }

    private async Task ConfigureAsync(Topic topic, PartitionSettings settings, CancellationToken cancellation)
    {
        var writer = Payloads.Begin();
        PartitionCommand.WriteConfigure(writer, settings);
        var payload = Payloads.Take(writer);
        await Task.WhenAll(topic.Partitions.Select(partition => WriteAsync(partition, payload, cancellation).AsTask()))
            .ConfigureAwait(false);
    }

    // What it does twice it does once: it may be retried.
    private ValueTask<PartitionResult> WriteAsync(ShardInfo partition, byte[] payload, CancellationToken cancellation) => _caller.Invoke(
        new Request { Kind = RequestKind.Write, Shard = partition.Id, Payload = payload }, null, null, ReadResult, cancellation);
}
