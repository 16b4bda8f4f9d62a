using Atoll.Foundation.Logs;
using Atoll.Simulation.Disks;
using Atoll.Storage.Journals;
using Xunit;
using static Atoll.Storage.Tests.Journals.JournalOnImage;

namespace Atoll.Storage.Tests.Journals;

/// <summary>A damaged batch is lost to those shards only whose records are damaged (docs/log.md, "Damage").</summary>
public sealed class JournalSalvageTests
{
    private const string File = "journal/0000000000000001.log";
    private readonly ImageDisk _disk = new();

    [Fact]
    public void Of_a_damaged_batch_every_shard_keeps_what_is_whole()
    {
        var whole = WriteBatchOfThree();
        var second = _disk.Files[File].AsSpan().IndexOf("second"u8);
        _disk.Files[File][second] ^= 1;
        for (var i = 0; i < 3; i++)
        {
            var journal = Open(_disk);
            Assert.Equal((File, JournalFormat.DataOffset), (Assert.Single(journal.Damages).File, journal.Damages[0].OffsetBytes));
            Assert.NotNull(journal.Shard(Shard(2)).Damage);
            Assert.Equal(whole[1], DescribeShard(journal.Shard(Shard(1)), _disk.Pump));
            Assert.Equal(whole[3], DescribeShard(journal.Shard(Shard(3)), _disk.Pump));
            journal.Close();
        }
    }

    [Fact]
    public void Records_that_are_needed_no_more_take_nobody_with_them()
    {
        WriteBatchOfThree();
        var journal = Open(_disk);
        journal.Shard(Shard(2)).ResetTo(new LogIndex(9), new Term(4));
        journal.FlushAll(_disk);
        journal.Close();
        var whole = Describe(Open(_disk), _disk);
        _disk.Files[File][_disk.Files[File].AsSpan().IndexOf("second"u8)] ^= 1;
        journal = Open(_disk);
        Assert.Single(journal.Damages);
        Assert.All(journal.Shards, shard => Assert.Null(journal.Shard(shard).Damage));
        Assert.Equal(whole, Describe(journal, _disk));
    }

    [Fact]
    public void What_was_kept_goes_on_and_is_moved_when_its_segment_goes()
    {
        WriteBatchOfThree();
        _disk.Files[File][_disk.Files[File].AsSpan().IndexOf("second"u8)] ^= 1;
        var journal = Open(_disk);
        journal.Shard(Shard(2)).BeginRebuilding();
        journal.FlushAll(_disk);
        var log = journal.Shard(Shard(3));
        for (var i = 3; i <= 60; i++)
        {
            log.Append([Entry(i, 4, 5000)]);
            journal.FlushAll(_disk);
            log.CompactPrefix(new LogIndex((ulong)i));
            journal.Maintain();
            _disk.Pump();
        }

        for (var i = 0; i < 5; i++)
        {
            journal.Maintain();
            _disk.Pump();
        }

        Assert.DoesNotContain(File, _disk.Files.Keys);
        journal = Open(_disk);
        Assert.Empty(journal.Damages);
        Assert.Equal("a first", Text(journal.Shard(Shard(1)).ReadAll(_disk, 2, 2)));
    }

    [Fact]
    public void A_whole_record_of_an_earlier_attempt_is_not_taken_for_the_one_that_was_written_last()
    {
        // A disk that loses a write shows what was there before: its checksum fits, and its place, too.
        WriteBatchOfThree();
        var file = _disk.Files[File].AsSpan();
        var mask = JournalFormat.Mask(Small.Identity, 1);
        var start = file.IndexOf("a first"u8) - RecordHeader.SizeBytes;
        Assert.True(RecordHeader.TryRead(file[start..], out var header));
        var record = file.Slice(start, RecordHeader.SizeBytes + header.PayloadBytes);
        "a stale"u8.CopyTo(record[RecordHeader.SizeBytes..]);
        header.Write(record, mask);
        var journal = Open(_disk);
        Assert.NotNull(journal.Shard(Shard(1)).Damage);
        Assert.Null(journal.Shard(Shard(2)).Damage);
        Assert.Null(journal.Shard(Shard(3)).Damage);
    }

    [Fact]
    public void Behind_a_damaged_length_nothing_is_believed()
    {
        WriteBatchOfThree();
        var file = _disk.Files[File].AsSpan();
        file[file.IndexOf("second"u8) - RecordHeader.SizeBytes + 4] ^= 16;
        var journal = Open(_disk);
        Assert.Null(journal.Shard(Shard(1)).Damage);
        Assert.NotNull(journal.Shard(Shard(2)).Damage);
        Assert.NotNull(journal.Shard(Shard(3)).Damage);
    }

    private static string Text(LogReadResult read) => System.Text.Encoding.UTF8.GetString(Assert.Single(read.Entries).Payload.Span);

    // One batch with records of three shards, and another one behind it that has its manifest.
    private Dictionary<int, string> WriteBatchOfThree()
    {
        var journal = Open(_disk);
        foreach (var (number, payload) in ((int, string)[])[(1, "a first"), (2, "second"), (3, "a third")])
        {
            var log = journal.Shard(Shard(number));
            log.SaveHardState(new HardState(new Term(3), new(2)));
            log.Append([Entry(1, 1, "x"), Entry(2, 3, payload)]);
        }

        journal.FlushAll(_disk);
        journal.Close();
        journal = Open(_disk);
        journal.Shard(Shard(4)).Append([Entry(1, 1, "behind")]);
        journal.FlushAll(_disk);
        journal.Close();
        journal = Open(_disk);
        return new[] { 1, 2, 3 }.ToDictionary(number => number, number => DescribeShard(journal.Shard(Shard(number)), _disk.Pump));
    }
}
