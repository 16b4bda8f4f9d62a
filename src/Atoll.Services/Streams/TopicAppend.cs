using Atoll.Services.Errors;
using Atoll.StateMachines.Streams;

namespace Atoll.Services.Streams;

/// <summary>A record to be appended to a topic.</summary>
/// <param name="Partition">Its partition; null: that of the key, or of the request when it has none.</param>
/// <param name="Timestamp">Milliseconds since 1970, or <see cref="Now"/>.</param>
/// <param name="Key">Its key; null for none.</param>
/// <param name="Value">Its value; null for a tombstone.</param>
/// <param name="Headers">Its headers.</param>
public sealed record RecordToAppend(
    int? Partition, long Timestamp, ReadOnlyMemory<byte>? Key, ReadOnlyMemory<byte>? Value, IReadOnlyList<RecordHeaderField> Headers)
{
    /// <summary>The timestamp of a record that gets the time at which a producer takes it.</summary>
    public const long Now = long.MinValue;

    /// <summary>A record of now, in the partition of its key.</summary>
    public RecordToAppend(ReadOnlyMemory<byte>? key, ReadOnlyMemory<byte>? value)
        : this(null, Now, key, value, [])
    {
    }
}

/// <summary>Where a record was appended.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">Its offset there; -1 when it was there already, and so long ago that it is forgotten where.</param>
public readonly record struct AppendedRecord(int Partition, long Offset);

/// <summary>
/// Appends some records at once: those of each partition as one batch. Who appends many, one request after the other, is better off with a
/// <see cref="TopicProducer"/>.
/// </summary>
public static class TopicAppend
{
    // Producers' numbers that are given away count up from 0; those that are made of a client's key are up here.
    private const long OwnNumbers = 1L << 62;

    /// <summary>Appends records; those of one partition stay in order.</summary>
    /// <param name="streams">The topics.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="records">The records, one at least.</param>
    /// <param name="identity">
    /// What tells the same records, sent again, from others: they are appended once. Null: each call is another request, and when its
    /// outcome is unknown, nobody can tell.
    /// </param>
    /// <param name="timeout">How long it may take, retries included.</param>
    /// <param name="time">The clock of timeouts and retries.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Where each of them is, in their order.</returns>
    /// <exception cref="AtollException">
    /// Records of a partition were not appended, or it is not known whether they were; those of other partitions may have been.
    /// </exception>
    public static async ValueTask<IReadOnlyList<AppendedRecord>> AppendAsync(
        IStreams streams, Topic topic, IReadOnlyList<RecordToAppend> records, ulong? identity, TimeSpan timeout, TimeProvider time,
        CancellationToken cancellationToken = default)
    {
        foreach (var record in records)
        {
            topic.CheckKey(record.Key);
        }

        var turn = (int)((identity ?? (ulong)Random.Shared.Next()) % (ulong)topic.Partitions.Length);
        var partitions = records.Select(record => PartitionOf(topic, record, turn)).ToArray();
        var batches = partitions.Distinct().ToDictionary(static partition => partition, static _ => new RecordBatchBuilder());
        var places = new int[records.Count];
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        for (var i = 0; i < places.Length; i++)
        {
            var (record, batch) = (records[i], batches[partitions[i]]);
            places[i] = batch.Count;
            batch.Add(record.Timestamp == RecordToAppend.Now ? now : record.Timestamp, record.Key, record.Value, record.Headers);
        }

        var appended = await Task.WhenAll(batches.Select(async pair =>
        {
            var batch = identity is { } number ? pair.Value.Build((long)(number >> 2) | OwnNumbers, 0, 0) : pair.Value.Build();
            var result = await PartitionAppend.SendAsync(
                streams, topic, pair.Key, batch, identity is not null, timeout, time, cancellationToken).ConfigureAwait(false);
            return (Partition: pair.Key, result.BaseOffset);
        })).ConfigureAwait(false);
        var bases = appended.ToDictionary(static batch => batch.Partition, static batch => batch.BaseOffset);
        return
        [
            .. partitions.Zip(places, (partition, place) => new AppendedRecord(
                partition, bases[partition] < 0 ? -1 : bases[partition] + place)),
        ];
    }

    /// <summary>The partition that a record names, or that of its key, or the one whose turn it is.</summary>
    internal static int PartitionOf(Topic topic, RecordToAppend record, int turn) =>
        record.Partition is not { } number
            ? record.Key is { } key ? KeyPartitioner.PartitionOf(key.Span, topic.Partitions.Length) : turn
        : topic.Partition(number) is not null ? number
        : throw new InvalidRequestException($"topic \"{topic.Name}\" has the partitions 0 to {topic.Partitions.Length - 1}, not {number}");
}
