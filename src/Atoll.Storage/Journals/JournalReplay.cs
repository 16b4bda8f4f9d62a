using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;

namespace Atoll.Storage.Journals;

/// <summary>Takes the batches of a journal in their order, and keeps what the shards are made of.</summary>
internal sealed class JournalReplay
{
    private static readonly Probe SalvagedProbe = Probe.Define("journal: whole records of a shard taken from a damaged batch");

    private readonly SortedDictionary<ShardId, ShardReplay> _shards = [];

    /// <summary>What the last batch held.</summary>
    public BatchManifest LastBatch { get; } = new();

    /// <summary>Why a shard that no record speaks of may have had some nevertheless, and may have voted; null when it cannot.</summary>
    public LostBatches? UnseenLost { get; private set; }

    /// <summary>The manifest that a batch begins with, and its own records of term and vote.</summary>
    public static (BatchManifest? Previous, int HardStateRecords) Peek(ReadOnlySpan<byte> body)
    {
        BatchManifest? previous = null;
        var hardStates = 0;
        for (var position = 0; RecordHeader.TryRead(body[position..], out var header);)
        {
            if (header.Type == RecordType.Manifest && position == 0)
            {
                var payload = body.Slice(RecordHeader.SizeBytes, header.PayloadBytes);
                previous = BatchManifest.TryRead((long)header.Index, (long)header.Term.Value, payload);
            }

            hardStates += header.Type == RecordType.HardState ? 1 : 0;
            position += RecordHeader.SizeBytes + header.PayloadBytes;
        }

        return (previous, hardStates);
    }

    /// <summary>Batches cannot be read: their place in the order is here.</summary>
    /// <param name="lost">The batches.</param>
    /// <param name="manifestSegment">Where their manifest is.</param>
    /// <param name="damaged">The one batch, when only its checksum does not fit: whole records of it are not lost.</param>
    public void Lose(LostBatches lost, Segment? manifestSegment, DamagedBatch? damaged)
    {
        if (!lost.IsSingle)
        {
            var anything = new ManifestLine(ShardId.None) { IsHardStateUnknown = lost.AreHardStatesLost };
            anything.Extend(0, ulong.MaxValue);
            foreach (var replay in _shards.Values)
            {
                replay.Lose(lost, anything, null);
            }

            UnseenLost = lost.AreHardStatesLost ? UnseenLost ?? lost : UnseenLost;
        }

        var intact = damaged is null ? [] : IntactRecords(damaged);
        foreach (var line in lost.Manifest?.Lines ?? [])
        {
            if (line.HasRecordsChecksum && intact.TryGetValue(line.Shard, out var records) && records.Checksum == line.RecordsChecksum)
            {
                SalvagedProbe.Hit();
                foreach (var record in records.Records)
                {
                    Add(record);
                }
            }
            else if (line.Shard == ShardId.None)
            {
                UnseenLost ??= lost;
            }
            else if (line.IsDropped)
            {
                _shards.Remove(line.Shard);
            }
            else
            {
                Replay(line.Shard).Lose(lost, line, manifestSegment);
            }
        }
    }

    /// <summary>The manifest of lost batches that nothing else tells of: of every shard that is known, anything.</summary>
    /// <param name="sequence">The last of the batches.</param>
    /// <param name="offsetBytes">Where they begin.</param>
    /// <param name="areHardStatesLost">Whether terms and votes may be among what is lost.</param>
    public BatchManifest Anything(long sequence, long offsetBytes, bool areHardStatesLost)
    {
        var manifest = new BatchManifest();
        manifest.Begin(sequence, offsetBytes);
        foreach (var shard in _shards.Keys)
        {
            manifest.NoteUnknown(shard, areHardStatesLost);
        }

        if (areHardStatesLost)
        {
            manifest.NoteUnknown(ShardId.None, isHardStateUnknown: true);
        }

        return manifest;
    }

    /// <summary>Takes the records of a batch whose checksum fits.</summary>
    /// <param name="segment">Where it is.</param>
    /// <param name="offsetBytes">Where its records begin.</param>
    /// <param name="body">The records.</param>
    /// <param name="batch">The head of the batch.</param>
    /// <returns>What cannot be understood; null when all is well.</returns>
    public StorageCorruption? Add(Segment segment, long offsetBytes, ReadOnlySpan<byte> body, in BatchHeader batch)
    {
        var position = 0;
        var records = batch.Records;
        LastBatch.Begin(batch.Sequence, offsetBytes - BatchHeader.SizeBytes);
        for (; position < body.Length; records--)
        {
            if (!RecordHeader.TryRead(body[position..], out var header))
            {
                return new StorageCorruption(segment.Name, offsetBytes + position, "the batch is whole, but holds what is no record");
            }

            LastBatch.Note(header.Type, header.Shard, header.Index, header.Term, RecordHeader.Checksum(body[position..]));
            Add(new RecoveredEntry(header, segment, offsetBytes + position));
            position += RecordHeader.SizeBytes + header.PayloadBytes;
        }

        return records == 0
            ? null
            : new StorageCorruption(segment.Name, offsetBytes, "the batch is whole, but has another number of records");
    }

    /// <summary>All shards, by id.</summary>
    public IReadOnlyList<RecoveredShard> Finish() => [.. _shards.Values.Select(static replay => replay.Finish())];

    // Of a batch that does not fit its checksum, the records that fit theirs, by shard, and the checksum of each shard's: only the
    // manifest tells whether these are all, in their order, and of what was written last. Behind a damaged length nothing is found.
    private static Dictionary<ShardId, (List<RecoveredEntry> Records, uint Checksum)> IntactRecords(DamagedBatch batch)
    {
        var found = new Dictionary<ShardId, (List<RecoveredEntry> Records, ManifestLine Line)>();
        for (var position = 0; RecordHeader.TryRead(batch.Body.AsSpan(position), out var header);)
        {
            var record = batch.Body.AsSpan(position, RecordHeader.SizeBytes + header.PayloadBytes);
            if (header.Type != RecordType.Manifest && RecordHeader.IsIntact(record, batch.Segment.Mask))
            {
                var (records, line) = found.TryGetValue(header.Shard, out var soFar) ? soFar : ([], new ManifestLine(header.Shard));
                records.Add(new RecoveredEntry(header, batch.Segment, batch.OffsetBytes + BatchHeader.SizeBytes + position));
                line.Extend(RecordHeader.Checksum(record));
                found[header.Shard] = (records, line);
            }

            position += record.Length;
        }

        return found.ToDictionary(static shard => shard.Key, static shard => (shard.Value.Records, shard.Value.Line.RecordsChecksum));
    }

    private void Add(in RecoveredEntry record)
    {
        switch (record.Header.Type)
        {
            case RecordType.Manifest:
                break;
            case RecordType.Drop:
                _shards.Remove(record.Header.Shard);
                break;
            default:
                Replay(record.Header.Shard).Add(record);
                break;
        }
    }

    // A shard that comes up behind lost batches may have been in them.
    private ShardReplay Replay(ShardId shard)
    {
        if (!_shards.TryGetValue(shard, out var replay))
        {
            _shards.Add(shard, replay = new ShardReplay(shard));
            if (UnseenLost is not null)
            {
                var anything = new ManifestLine(shard) { IsHardStateUnknown = true };
                anything.Extend(0, ulong.MaxValue);
                replay.Lose(UnseenLost, anything, null);
            }
        }

        return replay;
    }
}
