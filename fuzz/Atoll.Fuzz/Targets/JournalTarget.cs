using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Simulation.Disks;
using Atoll.Storage.Journals;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// The segments of a journal, on a disk in memory. Damaged: opening ends as corrupt, or with what the first batches say, and at least with
/// those that an intact header or mark says were durable: nothing synced is ever missing in silence. Forged, with right checksums:
/// it may hold anything, and still neither throws nor hangs, and what was opened can be opened again.
/// <para>Input: length of the first segment (4 bytes), zeros behind each of the two (4 bytes each), then the bytes of both.</para>
/// </summary>
public sealed class JournalTarget(bool isForged) : IFuzzTarget
{
    private const int SegmentBytes = 64 * 1024;

    private readonly JournalHistory _history = JournalHistory.Instance;

    private int HeadBytes => 8 * _history.Names.Count;

    /// <inheritdoc />
    public string Name => isForged ? "journal-forged" : "journal";

    /// <inheritdoc />
    public string About => isForged
        ? "Journal.Open, segments with right checksums: corrupt, or open, usable and open again"
        : "Journal.Open, damaged segments: corrupt, or all that was synced is there and only a torn tail is cut";

    /// <inheritdoc />
    public AllocationBound Allocation => new(32, 16 * 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds => [.. _history.Images.Select(Join)];

    /// <summary>Makes all checksums right, and the chain of batches; nothing when damage is what is looked for.</summary>
    public void FixChecksums(Span<byte> input)
    {
        if (!isForged || input.Length < HeadBytes)
        {
            return;
        }

        // The chain begins with what the first batch says was before it: its segment may not be the first that ever was.
        uint? chain = null;
        var rest = input[HeadBytes..];
        for (var i = 0; i < _history.Names.Count; i++)
        {
            var length = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(input[(8 * i)..]), (uint)rest.Length);
            FixSegment(rest[..length], ref chain);
            rest = rest[length..];
        }
    }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var disk = Split(input.Span);
        var proven = isForged ? 0 : _history.Proven(disk);
        var opening = Open(disk);
        if (opening.Journal is not { } journal)
        {
            BrokenPromiseException.Unless(
                opening.Corruption is not null || opening.Detail is not null || !opening.DiskResult.IsOk, "who refuses says why");
            return Verdict.RefusedFor(opening.Corruption?.Why ?? opening.Status.ToString());
        }

        var content = JournalHistory.Describe(journal, disk);
        if (!isForged)
        {
            var flushes = _history.FlushesUntil(content);
            BrokenPromiseException.Unless(flushes >= 0, "what an open journal holds is what it once held");
            BrokenPromiseException.Unless(flushes >= proven, "what something intact says was durable is there");
        }

        // It goes on, and what it writes is found again.
        var log = journal.Shard(new ShardId(1));
        log.SaveHardState(log.HardState with { Vote = new NodeId(1 + (log.HardState.Vote.Value % 7)) });
        journal.Flush();
        disk.Pump();
        var after = JournalHistory.Describe(journal, disk);
        journal.Close();
        var again = Open(disk);
        BrokenPromiseException.Unless(again.Status == JournalOpeningStatus.Ok, "a journal that was opened and written opens again");
        BrokenPromiseException.Unless(JournalHistory.Describe(again.Journal!, disk) == after, "and holds the same");
        return Verdict.Accepted(isForged ? $"{journal.Shards.Count} shards" : $"{_history.FlushesUntil(content)} flushes");
    }

    private static JournalOpening Open(ImageDisk disk)
    {
        JournalOpening? opening = null;
        Journal.Open(disk, JournalHistory.Folder, JournalHistory.Options, end => opening = end);
        disk.Pump();
        BrokenPromiseException.Unless(opening is not null, "an opening comes to an end");
        return opening;
    }

    private byte[] Join(IReadOnlyList<byte[]> segments)
    {
        var writer = new WireWriter();
        var used = segments.Select(segment => segment.AsSpan().LastIndexOfAnyExcept((byte)0) + 1).ToArray();
        foreach (var (segment, bytes) in segments.Zip(used))
        {
            writer.WriteUInt32((uint)bytes);
            writer.WriteUInt32((uint)(segment.Length - bytes));
        }

        foreach (var (segment, bytes) in segments.Zip(used))
        {
            writer.WriteRaw(segment.AsSpan(0, bytes));
        }

        BrokenPromiseException.Unless(segments.Count == _history.Names.Count, "every image has all segments");
        return writer.ToArray();
    }

    private ImageDisk Split(ReadOnlySpan<byte> input)
    {
        var disk = new ImageDisk();
        if (input.Length < HeadBytes)
        {
            return disk;
        }

        var rest = input[HeadBytes..];
        for (var i = 0; i < _history.Names.Count; i++)
        {
            var head = input.Slice(8 * i, 8);
            var length = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(head), (uint)rest.Length);
            var zeros = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(head[4..]), SegmentBytes);
            if (length + zeros > 0)
            {
                disk.Files[_history.Names[i]] = [.. rest[..length], .. new byte[zeros]];
            }

            rest = rest[length..];
        }

        return disk;
    }

    private static void FixSegment(Span<byte> segment, ref uint? chain)
    {
        var (mask, number) = (0u, 0UL);
        foreach (var at in (int[])[0, JournalFormat.HeaderCopyOffset])
        {
            if (at + SegmentHeader.SizeBytes > segment.Length)
            {
                break;
            }

            var header = segment.Slice(at, SegmentHeader.SizeBytes);
            number = BinaryPrimitives.ReadUInt64LittleEndian(header[24..]);
            mask = JournalFormat.Mask(BinaryPrimitives.ReadUInt64LittleEndian(header[16..]), number);
            BinaryPrimitives.WriteUInt32LittleEndian(header[12..], Crc32C.Compute(header[..12], header[16..]));
        }

        if (segment.Length >= JournalFormat.MarkOffset + DurableMark.SizeBytes)
        {
            var mark = segment.Slice(JournalFormat.MarkOffset, DurableMark.SizeBytes);
            var isThere = mark.IndexOfAnyExcept((byte)0) >= 0;
            BinaryPrimitives.WriteUInt32LittleEndian(mark[4..], isThere ? Crc32C.Compute(mark[8..]) ^ mask : 0);
        }

        for (var at = JournalFormat.DataOffset; at + BatchHeader.SizeBytes <= segment.Length; at += JournalFormat.BlockBytes)
        {
            var batch = segment[at..];
            if (BinaryPrimitives.ReadUInt32LittleEndian(batch) != BatchHeader.Magic
                || BinaryPrimitives.ReadUInt64LittleEndian(batch[8..]) != number)
            {
                continue; // nothing, or left over from an earlier life of the file
            }

            var body = batch[BatchHeader.SizeBytes..];
            var length = BinaryPrimitives.ReadInt32LittleEndian(batch[44..]);
            if (length >= 0 && length <= body.Length)
            {
                FixRecords(body[..length], mask);
                BinaryPrimitives.WriteUInt32LittleEndian(batch[48..], Crc32C.Compute(body[..length]));
            }

            BinaryPrimitives.WriteUInt32LittleEndian(batch[40..], chain ?? BinaryPrimitives.ReadUInt32LittleEndian(batch[40..]));
            chain = Crc32C.Compute(batch[8..BatchHeader.SizeBytes]) ^ mask;
            BinaryPrimitives.WriteUInt32LittleEndian(batch[4..], chain.Value);
        }
    }

    private static void FixRecords(Span<byte> records, uint mask)
    {
        while (records.Length >= RecordHeader.SizeBytes)
        {
            var payload = BinaryPrimitives.ReadInt32LittleEndian(records[4..]);
            if (payload < 0 || payload > records.Length - RecordHeader.SizeBytes)
            {
                return;
            }

            var record = records[..(RecordHeader.SizeBytes + payload)];
            BinaryPrimitives.WriteUInt32LittleEndian(record, Crc32C.Compute(record[4..]) ^ mask);
            records = records[record.Length..];
        }
    }
}
