using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Simulation.Disks;
using Atoll.Storage.Journals;
using Xunit;
using static Atoll.Storage.Tests.Journals.JournalOnImage;

namespace Atoll.Storage.Tests.Journals;

/// <summary>Torn tail or corruption: the rule of docs/log.md, and row 6 of the museum (Alagappan et al., FAST '18, section 3.3).</summary>
public sealed class JournalCorruptionTests
{
    private const string First = "journal/0000000000000001.log";
    private const string Second = "journal/0000000000000002.log";

    private readonly ImageDisk _disk = new();

    [Fact]
    public void Every_flipped_bit_of_a_marked_journal_is_reported_at_its_place_or_harmless()
    {
        var batches = WriteSmallJournal(isMarked: true);
        var copy = _disk.Copy();
        var whole = Describe(Open(copy), copy);
        ForEachFlip((name, offset, damaged) =>
        {
            var opening = TryOpen(damaged);
            if (opening.Status == JournalOpeningStatus.Ok)
            {
                Assert.Equal(whole, Describe(opening.Journal!, damaged));
                Assert.DoesNotContain(batches, b => b.Name == name && offset >= b.Offset && offset < b.Offset + b.Length);
                return;
            }

            Assert.Equal(JournalOpeningStatus.Corrupt, opening.Status);
            Assert.Equal(name, opening.Corruption!.File);
            Assert.True(
                batches.Exists(b => b.Name == name && b.Offset == opening.Corruption.OffsetBytes
                    && offset >= b.Offset && offset < b.Offset + b.Length),
                $"byte {offset} of {name}: {opening.Corruption}");
        });
    }

    [Fact]
    public void Every_flipped_bit_without_a_mark_cuts_at_most_the_last_batch()
    {
        var batches = WriteSmallJournal(isMarked: false);
        var copy = _disk.Copy();
        var whole = Describe(Open(copy), copy);
        var last = batches[^1];
        var cuts = 0;
        ForEachFlip((name, offset, damaged) =>
        {
            var opening = TryOpen(damaged);
            var isInLast = name == last.Name && offset >= last.Offset && offset < last.Offset + last.Length;
            if (isInLast)
            {
                Assert.Equal(JournalOpeningStatus.Ok, opening.Status);
                Assert.Equal(batches.Count - 1, opening.Journal!.DurableSequence);
                cuts++;
            }
            else if (opening.Status == JournalOpeningStatus.Ok)
            {
                Assert.Equal(whole, Describe(opening.Journal!, damaged));
            }
            else
            {
                Assert.Equal((JournalOpeningStatus.Corrupt, name), (opening.Status, opening.Corruption!.File));
            }
        });
        Assert.InRange(cuts, 300, last.Length * 8);
    }

    [Fact]
    public void Nothing_on_disk_is_changed_when_corruption_is_reported()
    {
        WriteSmallJournal(isMarked: true);
        _disk.Files[First][JournalFormat.DataOffset + 70] ^= 1;
        var before = _disk.Copy();
        Assert.Equal(JournalOpeningStatus.Corrupt, TryOpen(_disk).Status);
        Assert.Equal(before.Files, _disk.Files);
    }

    [Fact]
    public void What_was_cut_never_comes_back()
    {
        // Two batches in flight: the first is torn, the second is whole. Later ones of the same length make the chain fit again by place.
        var journal = Open(_disk);
        var log = journal.Shard(Shard(1));
        log.Append([Entry(1, 1, "kept")]);
        journal.FlushAll(_disk);
        log.Append([Entry(2, 1, "torn")]);
        journal.Flush();
        log.Append([Entry(3, 1, "whole")]);
        journal.Flush();
        _disk.Files[First][JournalFormat.DataOffset + JournalFormat.BlockBytes + 80] ^= 1;

        journal = Open(_disk);
        Assert.Equal(new LogIndex(1), journal.Shard(Shard(1)).LastIndex);
        journal.Shard(Shard(1)).Append([Entry(2, 2, "next")]);
        journal.FlushAll(_disk);
        var reopened = Open(_disk).Shard(Shard(1));
        Assert.Equal((new LogIndex(2), new Term(2)), (reopened.LastIndex, reopened.TermAt(new LogIndex(2))));
    }

    [Fact]
    public void A_missing_segment_is_corruption()
    {
        WriteSmallJournal(isMarked: true);
        var lost = _disk.Copy();
        lost.Files.Remove(First);
        var opening = TryOpen(lost);
        Assert.Equal((JournalOpeningStatus.Corrupt, First), (opening.Status, opening.Corruption!.File));
    }

    [Fact]
    public void A_gap_between_segments_is_corruption()
    {
        var journal = Open(_disk);
        for (var i = 1; i <= 40; i++)
        {
            journal.Shard(Shard(1)).Append([Entry(i, 1, 5000)]);
            journal.FlushAll(_disk);
        }

        _disk.Files.Remove(Second);
        var opening = TryOpen(_disk);
        Assert.Equal((JournalOpeningStatus.Corrupt, Second), (opening.Status, opening.Corruption!.File));
    }

    [Fact]
    public void A_lost_last_segment_is_corruption_when_the_batches_before_it_are_cut_short()
    {
        WriteSmallJournal(isMarked: true);
        Array.Clear(_disk.Files[First], JournalFormat.DataOffset, JournalFormat.BlockBytes);
        var opening = TryOpen(_disk);
        Assert.Equal((JournalOpeningStatus.Corrupt, First), (opening.Status, opening.Corruption!.File));
        Assert.Equal(JournalFormat.DataOffset, opening.Corruption.OffsetBytes);
    }

    [Fact]
    public void Both_copies_of_a_header_damaged_is_corruption_one_is_not()
    {
        WriteSmallJournal(isMarked: true);
        _disk.Files[First][20] ^= 1;
        Assert.Equal(JournalOpeningStatus.Ok, TryOpen(_disk.Copy()).Status);
        _disk.Files[First][JournalFormat.HeaderCopyOffset + 20] ^= 1;
        var opening = TryOpen(_disk.Copy());
        Assert.Equal((JournalOpeningStatus.Corrupt, First, 0L), (opening.Status, opening.Corruption!.File, opening.Corruption.OffsetBytes));
    }

    [Fact]
    public void A_zeroed_header_before_batches_is_corruption()
    {
        WriteSmallJournal(isMarked: true);
        Array.Clear(_disk.Files[Second], 0, JournalFormat.DataOffset);
        var opening = TryOpen(_disk);
        Assert.Equal((JournalOpeningStatus.Corrupt, Second), (opening.Status, opening.Corruption!.File));
    }

    [Fact]
    public void A_newer_version_is_refused_and_left_alone()
    {
        WriteSmallJournal(isMarked: true);
        foreach (var start in (int[])[0, JournalFormat.HeaderCopyOffset])
        {
            var header = _disk.Files[First].AsSpan(start, SegmentHeader.SizeBytes);
            header[8] = 2;
            var checksum = Foundation.Bytes.Crc32C.Compute(header[..12], header[16..]);
            BitConverter.TryWriteBytes(header[12..], checksum);
        }

        var before = _disk.Copy();
        var opening = TryOpen(_disk);
        Assert.Equal(JournalOpeningStatus.NewerVersion, opening.Status);
        Assert.Contains(First, opening.Detail, StringComparison.Ordinal);
        Assert.Equal(before.Files, _disk.Files);
    }

    [Fact]
    public void A_segment_of_another_journal_is_refused()
    {
        WriteSmallJournal(isMarked: true);
        var other = new ImageDisk();
        var journal = Open(other, Small with { Identity = 78 });
        for (var i = 1; i <= 20; i++)
        {
            journal.Shard(Shard(1)).Append([Entry(i, 1, 5000)]);
            journal.FlushAll(other);
        }

        _disk.Files[Second] = other.Files[Second];
        Assert.Equal(JournalOpeningStatus.Corrupt, TryOpen(_disk).Status);
    }

    [Fact]
    public void Rot_that_comes_after_the_opening_is_found_by_the_read()
    {
        var journal = Open(_disk);
        var log = journal.Shard(Shard(1));
        log.Append([Entry(1, 1, "good"), Entry(2, 1, "rotten")]);
        journal.FlushAll(_disk);
        var place = _disk.Files[First].AsSpan().IndexOf("rotten"u8);
        _disk.Files[First][place] ^= 4;
        var read = log.ReadAll(_disk, 2, 2);
        Assert.Equal(LogReadStatus.Corrupt, read.Status);
        Assert.Equal((First, place - RecordHeader.SizeBytes), (read.Corruption!.File, read.Corruption.OffsetBytes));
        Assert.Equal(LogReadStatus.Ok, log.ReadAll(_disk, 1, 1).Status);
    }

    [Fact]
    public void A_record_in_the_place_of_another_is_found_by_the_read()
    {
        var journal = Open(_disk);
        var log = journal.Shard(Shard(1));
        log.Append([Entry(1, 1, "aaaa"), Entry(2, 1, "bbbb")]);
        journal.FlushAll(_disk);
        var file = _disk.Files[First];
        var start = JournalFormat.DataOffset + BatchHeader.SizeBytes;
        var length = RecordHeader.SizeBytes + 4;
        file.AsSpan(start, length).CopyTo(file.AsSpan(start + length));
        Assert.Equal(LogReadStatus.Corrupt, log.ReadAll(_disk, 2, 2).Status);
    }

    [Fact]
    public void Nonsense_with_right_checksums_never_throws_nor_hangs_nor_takes_much_memory()
    {
        var whys = new HashSet<string>();
        for (var seed = 1UL; seed <= 3000; seed++)
        {
            var prng = new Prng(seed);
            var disk = new ImageDisk();
            disk.Files[First] = NonsenseSegment(prng);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var opening = TryOpen(disk);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2_000_000);
            whys.Add(opening.Corruption?.Why.Split(':')[0].Split(' ')[0] ?? "fine");
        }

        Assert.True(whys.Count >= 3, string.Join(", ", whys));
    }

    private static byte[] NonsenseSegment(Prng prng)
    {
        var file = new byte[Small.SegmentBytes];
        SegmentSupply.Head(Small.Identity, 1).CopyTo(file, 0);
        var segment = new Segment(Folder, 1, Small.Identity, file.Length);
        var checksum = 0u;
        var offset = (long)JournalFormat.DataOffset;
        for (var sequence = 1; sequence <= 4; sequence++)
        {
            var batch = new Batch(JournalFormat.BlockBytes, (_, _) => { });
            batch.Begin(sequence, segment, offset);
            for (var records = prng.NextInt(0, 8); records > 0; records--)
            {
                var index = prng.Chance(100_000) ? prng.NextUInt64() >> prng.NextInt(1, 60) : (ulong)prng.NextInt(0, 6);
                var type = (RecordType)prng.NextInt(prng.Chance(950_000) ? 1 : 0, prng.Chance(950_000) ? 6 : 9);
                batch.Add(type, (EntryKind)prng.NextInt(0, 2), Shard(prng.NextInt(1, 2)), index, new Term((ulong)prng.NextInt(0, 4)), []);
            }

            checksum = batch.Seal(sequence - 1, 1, checksum);
            batch.Padded.CopyTo(file.AsMemory((int)offset));
            offset = batch.EndBytes;
        }

        return file;
    }

    // Two segments, five batches, every type of record.
    private List<(string Name, long Offset, long Length)> WriteSmallJournal(bool isMarked)
    {
        var journal = Open(_disk);
        var one = journal.Shard(Shard(1));
        var two = journal.Shard(Shard(2));
        var batches = new List<(string, long, long)>();
        one.SaveHardState(new HardState(new Term(1), new NodeId(2)));
        one.Append([Entry(1, 1, "one"), Entry(2, 1, "two"), Entry(3, 2, "three")]);
        Written();
        one.CompactPrefix(new LogIndex(1));
        two.Append([Entry(1, 1, "x")]);
        two.ResetTo(new LogIndex(5), new Term(3));
        journal.Shard(Shard(3)).Append([Entry(1, 1, "dropped")]);
        journal.DropShard(Shard(3));
        Written();
        one.Append([Entry(3, 3, 45_000)]);
        Written();
        two.Append([Entry(6, 4, "six"), Entry(7, 4, "seven")]);
        one.Append([Entry(4, 4, 7_000)]);
        Written();
        one.Append([Entry(5, 4, "last")]);
        Written();
        Assert.Equal(2, _disk.Files.Count);
        if (isMarked)
        {
            journal.Maintain();
            _disk.Pump();
        }

        journal.Close();
        return batches;

        void Written()
        {
            _disk.Writes.Clear();
            journal.FlushAll(_disk);
            foreach (var (name, offset, _, _) in _disk.Writes.Where(w => w.Offset >= JournalFormat.DataOffset))
            {
                var segment = new Segment(Folder, name == First ? 1UL : 2UL, Small.Identity, 0);
                var block = _disk.Files[name].AsSpan((int)offset);
                Assert.True(BatchHeader.TryRead(block, segment.Number, segment.Mask, out var header, out uint _));
                batches.Add((name, offset, BatchHeader.SizeBytes + header.BodyBytes));
            }
        }
    }

    // Every bit of all that is not zero, in the long constant payloads some, and some of the zeros.
    private void ForEachFlip(Action<string, int, ImageDisk> test)
    {
        var damaged = _disk.Copy();
        foreach (var (name, content) in _disk.Files)
        {
            for (var offset = 0; offset < content.Length; offset++)
            {
                var isDull = offset > 0 && content[offset] == content[offset - 1];
                if (isDull && offset % 509 != 0)
                {
                    continue;
                }

                for (var bit = 0; bit < 8; bit++)
                {
                    foreach (var file in damaged.Files.Keys.ToList())
                    {
                        damaged.Files[file] = _disk.Files[file].ToArray();
                    }

                    damaged.Files[name][offset] ^= (byte)(1 << bit);
                    test(name, offset, damaged);
                }
            }
        }
    }
}
