using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>Records on their way to the disk together. Its place is known from its beginning, so that records know theirs.</summary>
internal sealed class Batch
{
    private byte[] _bytes;
    private bool _hasManifest;

    /// <summary>An unused batch.</summary>
    /// <param name="capacityBytes">Room to begin with.</param>
    /// <param name="completed">Told when the disk is done with it; one delegate for all lives of the batch.</param>
    public Batch(int capacityBytes, Action<Batch, DiskResult> completed)
    {
        _bytes = new byte[JournalFormat.RoundUp(capacityBytes)];
        Completed = result => completed(this, result);
    }

    /// <summary>To be called with the end of its write.</summary>
    public Action<DiskResult> Completed { get; }

    /// <summary>Its number.</summary>
    public long Sequence { get; private set; }

    /// <summary>Where it goes.</summary>
    public Segment Segment { get; private set; } = null!;

    /// <summary>Where in the segment it begins.</summary>
    public long OffsetBytes { get; private set; }

    /// <summary>Header and records so far.</summary>
    public int LengthBytes { get; private set; }

    /// <summary>Number of records so far, without the manifest.</summary>
    public int Records { get; private set; }

    /// <summary>Bytes of these.</summary>
    public int RecordBytes { get; private set; }

    /// <summary>What is in it.</summary>
    public BatchManifest Manifest { get; } = new();

    /// <summary>True when it must be written although it has no records: its header says something new.</summary>
    public bool IsWantedEmpty { get; set; }

    /// <summary>What its header said about the oldest segment.</summary>
    public ulong OldestNeededSegment { get; private set; }

    /// <summary>True once the disk has it.</summary>
    public bool IsWritten { get; set; }

    /// <summary>True when the disk was too full for it: it is written again, unchanged.</summary>
    public bool IsRefused { get; set; }

    /// <summary>True while the disk works on it.</summary>
    public bool IsUnderWay { get; set; }

    /// <summary>Room that its buffer takes.</summary>
    public int CapacityBytes => _bytes.Length;

    /// <summary>Where in the segment it ends, padding included.</summary>
    public long EndBytes => OffsetBytes + JournalFormat.RoundUp(LengthBytes);

    /// <summary>The whole batch, padded with zeros to full blocks.</summary>
    public ReadOnlyMemory<byte> Padded => _bytes.AsMemory(0, (int)JournalFormat.RoundUp(LengthBytes));

    /// <summary>Starts over at a place.</summary>
    /// <param name="sequence">Its number.</param>
    /// <param name="segment">Where it goes.</param>
    /// <param name="offsetBytes">Where it goes.</param>
    /// <param name="previous">What the batch before it holds; null when that is not known.</param>
    public void Begin(long sequence, Segment segment, long offsetBytes, BatchManifest? previous)
    {
        Check.That(offsetBytes % JournalFormat.BlockBytes == 0);
        Sequence = sequence;
        Segment = segment;
        OffsetBytes = offsetBytes;
        LengthBytes = BatchHeader.SizeBytes;
        Records = 0;
        RecordBytes = 0;
        _hasManifest = previous is not null;
        Manifest.Begin(sequence, offsetBytes);
        if (previous is not null)
        {
            var record = Take(RecordHeader.SizeBytes + previous.SizeBytes);
            previous.Write(record[RecordHeader.SizeBytes..]);
            var place = new Term((ulong)previous.OffsetBytes);
            new RecordHeader(RecordType.Manifest, 0, previous.SizeBytes, ShardId.None, (ulong)previous.Sequence, place)
                .Write(record, segment.Mask);
        }

        IsWantedEmpty = false;
        IsWritten = false;
        IsRefused = false;
    }

    /// <summary>Adds a record.</summary>
    /// <returns>Where in the segment it begins.</returns>
    public long Add(RecordType type, EntryKind kind, ShardId shard, ulong index, Term term, ReadOnlySpan<byte> payload)
    {
        var start = LengthBytes;
        var record = Take(RecordHeader.SizeBytes + payload.Length);
        payload.CopyTo(record[RecordHeader.SizeBytes..]);
        new RecordHeader(type, kind, payload.Length, shard, index, term).Write(record, Segment.Mask);
        Manifest.Note(type, shard, index, term, RecordHeader.Checksum(record));
        Records++;
        RecordBytes += record.Length;
        return OffsetBytes + start;
    }

    /// <summary>Writes the header: nothing is added any more.</summary>
    /// <returns>The header's checksum.</returns>
    public uint Seal(long durableSequence, ulong oldestNeededSegment, uint previousChecksum, long hardStates)
    {
        var body = _bytes.AsSpan(BatchHeader.SizeBytes, LengthBytes - BatchHeader.SizeBytes);
        _bytes.AsSpan(LengthBytes, (int)JournalFormat.RoundUp(LengthBytes) - LengthBytes).Clear();
        OldestNeededSegment = oldestNeededSegment;
        return new BatchHeader(
            Segment.Number,
            Sequence,
            durableSequence,
            oldestNeededSegment,
            previousChecksum,
            body.Length,
            Crc32C.Compute(body),
            Records + (_hasManifest ? 1 : 0),
            hardStates).Write(_bytes, Segment.Mask);
    }

    private Span<byte> Take(int length)
    {
        var start = LengthBytes;
        Reserve(start + (long)length);
        LengthBytes += length;
        return _bytes.AsSpan(start, length);
    }

    private void Reserve(long bytes)
    {
        if (bytes > _bytes.Length)
        {
            var capacity = JournalFormat.RoundUp(Math.Max(bytes, Math.Min(_bytes.Length * 2L, int.MaxValue / 2)));
            Array.Resize(ref _bytes, checked((int)capacity));
        }
    }
}
