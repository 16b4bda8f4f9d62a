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
    public void Every_flipped_bit_of_a_marked_journal_concerns_the_shards_of_one_batch_at_most()
    {
        var batches = WriteSmallJournal(isMarked: true);
        var copy = _disk.Copy();
        var whole = DescribeShards(Open(copy), copy);
        var damages = 0;
        ForEachFlip((name, offset, damaged) =>
        {
            var journal = Open(damaged);
            var hit = batches.FindIndex(b => b.Name == name && offset >= b.Offset && offset < b.Offset + b.Length);
            Assert.True((hit >= 0) == (journal.Damages.Count == 1), $"byte {offset} of {name}, batch {hit}");
            foreach (var (shard, expected) in whole)
            {
                var log = journal.Shard(shard);
                if (log.Damage is not { } damage)
                {
                    Assert.Equal(expected, DescribeShard(log, damaged.Pump));
                    continue;
                }

                damages++;
                Assert.Contains(shard, batches[hit].Shards);
                Assert.Equal((name, batches[hit].Offset), (damage.Corruption.File, damage.Corruption.OffsetBytes));
                Assert.True(damage.IsHardStateProven);
                Assert.Equal(new HardState(new Term((ulong)shard.Value), new NodeId(2)), log.HardState);
                Assert.True(log.LastIndex < damage.First);
            }

            Assert.Equal(whole.Keys, journal.Shards);
        });
        Assert.True(damages > 500, $"{damages}");
    }

    [Fact]
    public void Every_flipped_bit_without_a_mark_cuts_at_most_the_last_batch()
    {
        var batches = WriteSmallJournal(isMarked: false);
        var copy = _disk.Copy();
        var whole = DescribeShards(Open(copy), copy);
        var last = batches[^1];
        var cuts = 0;
        ForEachFlip((name, offset, damaged) =>
        {
            var journal = Open(damaged);
            if (name == last.Name && offset >= last.Offset && offset < last.Offset + last.Length)
            {
                Assert.Equal((batches.Count - 1, 0), (journal.DurableSequence, journal.Damages.Count));
                cuts++;
                return;
            }

            foreach (var (shard, expected) in whole)
            {
                var log = journal.Shard(shard);
                Assert.True(log.Damage is { IsHardStateProven: true } || DescribeShard(log, damaged.Pump) == expected);
            }
        });
        Assert.InRange(cuts, 300, last.Length * 8);
    }

    [Fact]
    public void Damage_is_found_again_at_every_opening_until_the_shard_begins_anew()
    {
        WriteSmallJournal(isMarked: true);
        _disk.Files[First][JournalFormat.DataOffset + 70] ^= 1;
        for (var i = 0; i < 3; i++)
        {
            var damaged = Open(_disk);
            Assert.Equal((First, JournalFormat.DataOffset), (damaged.Damages[0].File, damaged.Damages[0].OffsetBytes));
            Assert.NotNull(damaged.Shard(Shard(1)).Damage);
            Assert.Null(damaged.Shard(Shard(2)).Damage);
            damaged.Shard(Shard(2)).Append([Entry(8 + i, 4, "goes on")]);
            damaged.FlushAll(_disk);
            damaged.Close();
        }

        var journal = Open(_disk);
        var log = journal.Shard(Shard(1));
        var before = log.HardState;
        log.BeginRebuilding();
        log.Append([Entry(1, 7, "from another replica")]);
        journal.FlushAll(_disk);
        journal.Close();

        journal = Open(_disk);
        log = journal.Shard(Shard(1));
        Assert.Equal((null, true, before, new LogIndex(1)), (log.Damage, log.IsRebuilding, log.HardState, log.LastIndex));
        log.EndRebuilding();
        journal.FlushAll(_disk);
        Assert.False(Open(_disk).Shard(Shard(1)).IsRebuilding);
    }

    [Fact]
    public void A_journal_gets_rid_of_damage_once_its_shards_began_anew()
    {
        WriteSmallJournal(isMarked: true);
        _disk.Files[First][JournalFormat.DataOffset + 70] ^= 1;
        var journal = Open(_disk);
        var log = journal.Shard(Shard(2));
        for (var i = 8; i <= 60; i++) // the first segment is left behind
        {
            log.Append([Entry(i, 4, 5000)]);
            journal.FlushAll(_disk);
            log.CompactPrefix(new LogIndex((ulong)i));
            journal.Maintain();
            _disk.Pump();
        }

        Assert.Contains(First, _disk.Files.Keys);
        journal.Shard(Shard(1)).BeginRebuilding();
        journal.FlushAll(_disk);
        for (var i = 0; i < 5; i++)
        {
            journal.Maintain();
            _disk.Pump();
        }

        Assert.DoesNotContain(First, _disk.Files.Keys);
        Assert.Empty(Open(_disk).Damages);
        Assert.True(Open(_disk).Shard(Shard(1)).IsRebuilding);
    }

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(3, 5)]
    [InlineData(0, 5)]
    public void Several_damaged_batches_leave_no_shard_for_sound_that_may_have_lost_something(int from, int to)
    {
        // Without its manifest a batch may have held anything, of any shard; the number of hard states says that no vote was in it.
        var batches = WriteSmallJournal(isMarked: true);
        for (var i = from; i <= to && i < batches.Count; i++)
        {
            _disk.Files[batches[i].Name][batches[i].Offset + 70] ^= 1;
        }

        var journal = Open(_disk);
        Assert.NotNull(journal.Shard(Shard(1)).Damage);
        Assert.Equal(from > 0, journal.Shard(Shard(1)).Damage!.IsHardStateProven);
        Assert.NotNull(journal.Shard(Shard(2)).Damage);
        var unseen = journal.Shard(Shard(9)).Damage;
        Assert.Equal(from > 0, unseen is null or { IsHardStateProven: true });

        // All of that is so at the next opening, with something behind it.
        if (from > 0)
        {
            journal.Shard(Shard(1)).BeginRebuilding();
            journal.FlushAll(_disk);
            journal.Maintain();
            _disk.Pump();
            journal = Open(_disk);
            Assert.Null(journal.Shard(Shard(1)).Damage);
            Assert.NotNull(journal.Shard(Shard(2)).Damage);
        }
    }

    [Fact]
    public void A_damaged_last_batch_that_only_closes_the_journal_is_harmless()
    {
        WriteSmallJournal(isMarked: true);
        var copy = _disk.Copy();
        var whole = Describe(Open(copy), copy);
        var writes = _disk.Writes.Where(w => w.Offset >= JournalFormat.DataOffset).ToList();
        _disk.Files[writes[^1].Name][writes[^1].Offset + 20] ^= 1;
        for (var i = 0; i < 3; i++)
        {
            var journal = Open(_disk);
            Assert.Equal(whole, Describe(journal, _disk));
            Assert.Single(journal.Damages);
            Assert.All(journal.Shards, shard => Assert.Null(journal.Shard(shard).Damage));
            journal.Maintain();
            _disk.Pump();
            journal.Maintain();
            _disk.Pump();
            journal.Close();
        }
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
        _disk.Files.Remove(Second);
        var opening = TryOpen(_disk);
        var damage = Assert.Single(opening.Journal!.Damages);
        Assert.Equal((First, JournalFormat.DataOffset), (damage.File, damage.OffsetBytes));
        Assert.NotNull(opening.Journal.Shard(Shard(1)).Damage);
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
    public void Batches_behind_a_lost_header_are_read()
    {
        WriteSmallJournal(isMarked: true);
        var copy = _disk.Copy();
        var whole = Describe(Open(copy), copy);
        Array.Clear(_disk.Files[Second], 0, JournalFormat.DataOffset);
        var journal = Open(_disk);
        Assert.Equal(Second, Assert.Single(journal.Damages).File);
        Assert.Equal(whole, Describe(journal, _disk));
        Assert.Empty(Open(_disk).Damages);
    }

    [Fact]
    public void A_newer_version_is_refused_and_left_alone()
    {
        WriteSmallJournal(isMarked: true);
        foreach (var start in (int[])[0, JournalFormat.HeaderCopyOffset])
        {
            var header = _disk.Files[First].AsSpan(start, SegmentHeader.SizeBytes);
            header[8] = 4;
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
            var damage = opening.Journal?.Shards.Select(shard => opening.Journal.Shard(shard).Damage?.Corruption).FirstOrDefault();
            whys.Add((opening.Corruption ?? damage)?.Why.Split(':')[0].Split(' ')[0] ?? "fine");
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
            batch.Begin(sequence, segment, offset, previous: null);
            for (var records = prng.NextInt(0, 8); records > 0; records--)
            {
                var index = prng.Chance(100_000) ? prng.NextUInt64() >> prng.NextInt(1, 60) : (ulong)prng.NextInt(0, 6);
                var type = (RecordType)prng.NextInt(prng.Chance(950_000) ? 1 : 0, prng.Chance(950_000) ? 6 : 9);
                batch.Add(type, (EntryKind)prng.NextInt(0, 2), Shard(prng.NextInt(1, 2)), index, new Term((ulong)prng.NextInt(0, 4)), []);
            }

            checksum = batch.Seal(sequence - 1, 1, checksum, hardStates: 0);
            batch.Padded.CopyTo(file.AsMemory((int)offset));
            offset = batch.EndBytes;
        }

        return file;
    }

    // Two segments, five batches, every type of record.
    private List<(string Name, long Offset, long Length, List<ShardId> Shards)> WriteSmallJournal(bool isMarked)
    {
        var journal = Open(_disk);
        var one = journal.Shard(Shard(1));
        var two = journal.Shard(Shard(2));
        var batches = new List<(string, long, long, List<ShardId>)>();
        one.SaveHardState(new HardState(new Term(1), new NodeId(2)));
        two.SaveHardState(new HardState(new Term(2), new NodeId(2)));
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
            _disk.Writes.Clear();
            journal.Maintain();
            _disk.Pump();
            NoteBatches();
            journal.Maintain();
            _disk.Pump();
        }

        journal.Close();
        return batches;

        void Written()
        {
            _disk.Writes.Clear();
            journal.FlushAll(_disk);
            NoteBatches();
        }

        void NoteBatches()
        {
            foreach (var (name, offset, _, _) in _disk.Writes.Where(w => w.Offset >= JournalFormat.DataOffset))
            {
                var segment = new Segment(Folder, name == First ? 1UL : 2UL, Small.Identity, 0);
                var block = _disk.Files[name].AsSpan((int)offset);
                Assert.True(BatchHeader.TryRead(block, segment.Number, segment.Mask, out var header, out uint _));
                var body = _disk.Files[name].AsSpan((int)offset + BatchHeader.SizeBytes, header.BodyBytes);
                var shards = new List<ShardId>();
                for (var at = 0; RecordHeader.TryRead(body[at..], out var record); at += RecordHeader.SizeBytes + record.PayloadBytes)
                {
                    shards.Add(record.Shard);
                }

                batches.Add((name, offset, BatchHeader.SizeBytes + header.BodyBytes, shards));
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
