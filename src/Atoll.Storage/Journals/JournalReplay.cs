using Atoll.Foundation.Identity;

namespace Atoll.Storage.Journals;

/// <summary>Takes the batches of a journal in their order, and keeps what the shards are made of.</summary>
internal sealed class JournalReplay
{
    private readonly SortedDictionary<ShardId, ShardReplay> _shards = [];

    /// <summary>Takes the records of a batch whose checksum fits.</summary>
    /// <param name="segment">Where it is.</param>
    /// <param name="offsetBytes">Where its records begin.</param>
    /// <param name="body">The records.</param>
    /// <param name="records">How many there must be.</param>
    /// <returns>What cannot be understood; null when all is well.</returns>
    public StorageCorruption? Add(Segment segment, long offsetBytes, ReadOnlySpan<byte> body, int records)
    {
        var position = 0;
        for (; position < body.Length; records--)
        {
            if (!RecordHeader.TryRead(body[position..], out var header))
            {
                return new StorageCorruption(segment.Name, offsetBytes + position, "the batch is whole, but holds what is no record");
            }

            Add(new RecoveredEntry(header, segment, offsetBytes + position));
            position += RecordHeader.SizeBytes + header.PayloadBytes;
        }

        return records == 0
            ? null
            : new StorageCorruption(segment.Name, offsetBytes, "the batch is whole, but has another number of records");
    }

    /// <summary>All shards, by id.</summary>
    /// <param name="why">What does not fit together; null when all is well.</param>
    public IReadOnlyList<RecoveredShard> Finish(out string? why)
    {
        why = null;
        var shards = new List<RecoveredShard>(_shards.Count);
        foreach (var replay in _shards.Values)
        {
            if (replay.Finish(out why) is not { } shard)
            {
                return [];
            }

            shards.Add(shard);
        }

        return shards;
    }

    private void Add(in RecoveredEntry record)
    {
        var shard = record.Header.Shard;
        if (record.Header.Type == RecordType.Drop)
        {
            _shards.Remove(shard);
            return;
        }

        if (!_shards.TryGetValue(shard, out var replay))
        {
            _shards.Add(shard, replay = new ShardReplay(shard));
        }

        replay.Add(record);
    }
}
