using System.Globalization;
using System.Text;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Services.Errors;
using Atoll.Services.Streams.Groups;
using Atoll.Services.Streams.Transactions;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Transactions;

namespace Atoll.Services.Streams.Feeds;

/// <summary>
/// Writes what a feed has read of one shard: records, and how far it has come, in one transaction. Who begins as the writer of a shard
/// fences off the ones before it, and aborts what they have left open. One that has failed is not used any more: another one is begun.
/// </summary>
internal sealed class FeedWriter
{
    private const int TransactionTimeoutMilliseconds = 60_000;
    private const int BatchBytes = 256 * 1024;
    private const int RecordOverheadBytes = 128;

    private static readonly TimeSpan AppendTimeout = TimeSpan.FromSeconds(20);

    private static readonly byte[] OperationName = Encoding.UTF8.GetBytes("atoll-operation");
    private static readonly byte[] VersionName = Encoding.UTF8.GetBytes("atoll-version");
    private static readonly byte[] ShardName = Encoding.UTF8.GetBytes("atoll-shard");
    private static readonly byte[] SnapshotName = Encoding.UTF8.GetBytes("atoll-snapshot");
    private static readonly byte[] BeginsSnapshot = Encoding.UTF8.GetBytes("snapshot-begin");
    private static readonly byte[] EndsSnapshot = Encoding.UTF8.GetBytes("snapshot-end");

    private static readonly byte[][] OperationWords =
        [.. new[] { "", "put", "delete", "expire", "truncate", "snapshot" }.Select(Encoding.UTF8.GetBytes)];

    private readonly AtollClient _client;
    private readonly Feed _feed;
    private readonly Topic _topic;
    private readonly ShardInfo _shard;
    private readonly TimeProvider _time;
    private readonly byte[] _shardText;
    private readonly string _id;
    private readonly long _producerId;
    private readonly short _epoch;
    private readonly int[] _sequences;

    private FeedWriter(AtollClient client, Feed feed, Topic topic, ShardInfo shard, TimeProvider time, TransactionResult producer)
    {
        _client = client;
        _feed = feed;
        _topic = topic;
        _shard = shard;
        _time = time;
        _shardText = Encoding.UTF8.GetBytes($"{shard.Id}");
        _id = feed.TransactionalId(shard.Id);
        (_producerId, _epoch) = (producer.ProducerId, producer.Epoch);
        _sequences = new int[feed.Partitions];
    }

    /// <summary>Where the feed is.</summary>
    public FeedPosition Position { get; private set; }

    /// <summary>Takes over a shard, and learns where the feed is there.</summary>
    /// <exception cref="AtollException">Somebody is not there at the moment, or is still ending what another writer has begun.</exception>
    public static async ValueTask<FeedWriter> BeginAsync(
        AtollClient client, Feed feed, Topic topic, ShardInfo shard, TimeProvider time, CancellationToken cancellation)
    {
        var producer = await client.Transactions.InitAsync(
            feed.TransactionalId(shard.Id), TransactionTimeoutMilliseconds, -1, TransactionalProducer.NoEpoch, cancellation)
            .ConfigureAwait(false);
        ThrowUnlessOk(producer.Status);
        var places = FeedPosition.PlacesOf(shard.Id);
        var found = await client.Groups.OffsetsAsync(feed.Group, places, cancellation).ConfigureAwait(false);
        if (found.Unstable.Count > 0)
        {
            throw new UnavailableException("the position is in a transaction that is not over");
        }

        Check.That(found.Offsets.Count == places.Count);
        var position = FeedPosition.Of([.. found.Offsets.Select(static offset => offset.Committed)]);
        return new FeedWriter(client, feed, topic, shard, time, producer) { Position = position ?? FeedPosition.Unknown };
    }

    /// <summary>Writes a step: all of it or nothing, as far as readers of committed records are concerned.</summary>
    /// <exception cref="AtollException">It was not written, or is not known to have been.</exception>
    public async ValueTask WriteAsync(FeedStep step, CancellationToken cancellation)
    {
        var batches = Batches(step);
        foreach (var (_, bytes) in batches)
        {
            PartitionAppend.CheckSize(_topic, bytes.Length); // before anything is begun
        }

        var partitions = batches.Select(static batch => batch.Partition).Distinct().Order().ToArray();
        var added = await _client.Transactions.AddAsync(
            new AddToTransaction(
                _id, _producerId, _epoch, [.. partitions.Select(partition => new TopicPartition(_topic.Name, partition))],
                [_feed.Group]),
            cancellation).ConfigureAwait(false);
        ThrowUnlessOk(added.Status);
        await Task.WhenAll(batches.GroupBy(static batch => batch.Partition, static batch => batch.Bytes)
            .Select(partition => AppendAsync(partition.Key, partition, cancellation))).ConfigureAwait(false);
        var commit = new CommitOffsets(_feed.Group, new MemberIdentity("", null), -1, step.Next.ToOffsets(_shard.Id));
        GroupStatuses.ThrowUnlessOk(
            _feed.Group,
            await _client.Groups.CommitAsync(new CommitInTransaction(commit, _producerId, _epoch), cancellation).ConfigureAwait(false));
        var ended = await _client.Transactions.EndAsync(new EndTransaction(_id, _producerId, _epoch, IsCommit: true), cancellation)
            .ConfigureAwait(false);
        ThrowUnlessOk(ended.Status);
        Position = step.Next;
    }

    private static void ThrowUnlessOk(TransactionStatus status)
    {
        if (status != TransactionStatus.Ok)
        {
            throw new UnavailableException(status == TransactionStatus.Fenced
                ? "another node has taken over" : $"the transaction was refused: {status}");
        }
    }

    private static int BytesOf(in FeedRecord record) => record.Key.Length + (record.Value?.Length ?? 0) + RecordOverheadBytes;

    private async Task AppendAsync(int partition, IEnumerable<byte[]> batches, CancellationToken cancellation)
    {
        foreach (var batch in batches)
        {
            await PartitionAppend.SendAsync(
                _client.Streams, _topic, partition, batch, isNumbered: true, AppendTimeout, _time, cancellation).ConfigureAwait(false);
        }
    }

    // In the order in which they are to be appended to their partitions.
    private List<(int Partition, byte[] Bytes)> Batches(FeedStep step)
    {
        var batches = new List<(int, byte[])>();
        var builders = new RecordBatchBuilder?[_feed.Partitions];
        var batchBytes = Math.Min(BatchBytes, _topic.Settings.BatchBytesMax / 2);
        var tellsOfSnapshot = step.Next.IsAfterLoss;
        if (step.BeginsSnapshot && tellsOfSnapshot)
        {
            AddMarks(builders, BeginsSnapshot, step.Next.Through, step.Next);
        }

        foreach (var record in step.Records)
        {
            if (record.Operation == FeedOperation.Truncate)
            {
                AddMarks(builders, OperationWords[(int)record.Operation], record.Version, null);
                continue;
            }

            var partition = KeyPartitioner.PartitionOf(record.PartitionedBy.Span, _feed.Partitions);
            var builder = builders[partition] ??= new RecordBatchBuilder();
            if (builder.Count > 0 && builder.Bytes + BytesOf(record) > batchBytes)
            {
                batches.Add((partition, Build(partition, builder)));
            }

            builder.Add(record.Version.UnixMilliseconds, record.Key, record.Value, HeadersOf(record, step.Next));
        }

        if (step.EndsSnapshot && tellsOfSnapshot)
        {
            AddMarks(builders, EndsSnapshot, step.Next.Through, step.Next);
        }

        for (var partition = 0; partition < builders.Length; partition++)
        {
            if (builders[partition] is { Count: > 0 } builder)
            {
                batches.Add((partition, Build(partition, builder)));
            }
        }

        return batches;
    }

    private byte[] Build(int partition, RecordBatchBuilder builder)
    {
        var sequence = _sequences[partition];
        _sequences[partition] = ProducerSequence.Add(sequence, builder.Count);
        return builder.Build(_producerId, _epoch, sequence, isTransactional: true);
    }

    // What is said of a whole shard is said to every partition.
    private void AddMarks(RecordBatchBuilder?[] builders, byte[] operation, HybridTime version, FeedPosition? inSnapshot)
    {
        for (var partition = 0; partition < builders.Length; partition++)
        {
            var builder = builders[partition] ??= new RecordBatchBuilder();
            builder.Add(version.UnixMilliseconds, null, null, Headers(operation, version, inSnapshot));
        }
    }

    private RecordHeaderField[] HeadersOf(in FeedRecord record, FeedPosition position) => Headers(
        OperationWords[(int)record.Operation], record.Version, record.Operation == FeedOperation.Snapshot ? position : null);

    private RecordHeaderField[] Headers(byte[] operation, HybridTime version, FeedPosition? inSnapshot)
    {
        var headers = new RecordHeaderField[inSnapshot is null ? 3 : 4];
        headers[0] = new RecordHeaderField(OperationName, operation);
        headers[1] = new RecordHeaderField(VersionName, Text(version.Value));
        headers[2] = new RecordHeaderField(ShardName, _shardText);
        if (inSnapshot is { } position)
        {
            headers[3] = new RecordHeaderField(SnapshotName, Text(position.Snapshot));
        }

        return headers;
    }

    private static byte[] Text(IFormattable number) => Encoding.UTF8.GetBytes(number.ToString(null, CultureInfo.InvariantCulture));
}
