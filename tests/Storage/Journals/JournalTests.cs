using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Simulation.Disks;
using Atoll.Storage.Journals;
using Xunit;
using static Atoll.Storage.Tests.Journals.JournalOnImage;

namespace Atoll.Storage.Tests.Journals;

public sealed class JournalTests
{
    private const int Entries = 60;

    private readonly ImageDisk _disk = new();

    [Fact]
    public void What_was_flushed_is_there_after_reopening()
    {
        var journal = Open(_disk);
        var log = journal.Shard(Shard(3));
        log.SaveHardState(new HardState(new Term(2), new NodeId(9)));
        var sequence = log.Append([Entry(1, 1, "a"), Entry(2, 2, "bb"), Entry(3, 2, "ccc", EntryKind.Membership)]);
        Assert.True(journal.DurableSequence < sequence);
        journal.FlushAll(_disk);
        Assert.Equal(sequence, journal.DurableSequence);
        var before = Describe(journal, _disk);

        var reopened = Open(_disk);
        Assert.Equal(before, Describe(reopened, _disk));
        Assert.Equal([Shard(3)], reopened.Shards);
        var again = reopened.Shard(Shard(3));
        Assert.Equal(new HardState(new Term(2), new NodeId(9)), again.HardState);
        Assert.Equal([(new LogIndex(1), new Term(1)), (new LogIndex(2), new Term(2))], again.TermRuns);
        Assert.Equal([new LogIndex(3)], again.IndexesOf(EntryKind.Membership));
        Assert.Equal(journal.DurableSequence, reopened.DurableSequence);
    }

    [Fact]
    public void Work_of_all_shards_is_one_write()
    {
        var journal = Open(_disk);
        _disk.Writes.Clear();
        for (var shard = 1; shard <= 20; shard++)
        {
            journal.Shard(Shard(shard)).Append([Entry(1, 1, "x")]);
        }

        journal.FlushAll(_disk);
        var write = Assert.Single(_disk.Writes);
        Assert.True(write.Sync);
        Assert.Equal(JournalFormat.BlockBytes, write.Bytes);
    }

    [Fact]
    public void While_the_disk_is_busy_flushes_are_gathered_into_the_next_batch()
    {
        var journal = Open(_disk, Small with { WritesInFlightMax = 1 });
        var log = journal.Shard(Shard(1));
        _disk.Writes.Clear();
        for (var i = 1; i <= 50; i++)
        {
            log.Append([Entry(i, 1, "x")]);
            journal.Flush();
        }

        Assert.Single(_disk.Writes);
        _disk.Pump();
        Assert.Equal(2, _disk.Writes.Count);
        Assert.Equal(journal.WrittenSequence, journal.DurableSequence);

    }

    [Fact]
    public void Durable_is_told_when_and_only_when_the_sync_is_over()
    {
        var journal = Open(_disk);
        var told = new List<long>();
        journal.Durable = () => told.Add(journal.DurableSequence);
        var first = journal.Shard(Shard(1)).Append([Entry(1, 1, "x")]);
        journal.Flush();
        var second = journal.Shard(Shard(2)).Append([Entry(1, 1, "y")]);
        journal.Flush();
        Assert.Empty(told);
        _disk.Pump();
        Assert.Equal([first, second], told);
    }

    [Fact]
    public void A_lower_index_truncates_the_suffix()
    {
        var journal = Open(_disk);
        var log = journal.Shard(Shard(1));
        log.Append([Entry(1, 1, "a"), Entry(2, 1, "b"), Entry(3, 2, "c")]);
        journal.FlushAll(_disk);
        log.Append([Entry(2, 3, "B")]);
        Assert.Equal(new LogIndex(2), log.LastIndex);
        journal.FlushAll(_disk);
        var reopened = Open(_disk).Shard(Shard(1));
        Assert.Equal(new LogIndex(2), reopened.LastIndex);
        Assert.Equal([(new LogIndex(1), new Term(1)), (new LogIndex(2), new Term(3))], reopened.TermRuns);
        Assert.Equal("B"u8, reopened.ReadAll(_disk, 2, 2).Entries[0].Payload.Span);
    }

    [Fact]
    public void A_compacted_prefix_stays_compacted()
    {
        var journal = Open(_disk);
        var log = journal.Shard(Shard(1));
        log.Append([Entry(1, 1, "a"), Entry(2, 2, "b"), Entry(3, 2, "c"), Entry(4, 3, "d")]);
        log.CompactPrefix(new LogIndex(2));
        Assert.Equal([(new LogIndex(3), new Term(2)), (new LogIndex(4), new Term(3))], log.TermRuns);
        log.CompactPrefix(new LogIndex(1));
        journal.FlushAll(_disk);
        var reopened = Open(_disk).Shard(Shard(1));
        Assert.Equal((new LogIndex(2), new Term(2)), (reopened.CompactedIndex, reopened.CompactedTerm));
        Assert.Equal((new LogIndex(3), new LogIndex(4)), (reopened.FirstIndex, reopened.LastIndex));
        Assert.True(reopened.TryTermAt(new LogIndex(2), out var term) && term == new Term(2));
        Assert.False(reopened.TryTermAt(new LogIndex(1), out _));
        Assert.False(reopened.TryTermAt(new LogIndex(5), out _));
        Assert.Equal(LogReadStatus.Unavailable, reopened.ReadAll(_disk, 2, 4).Status);
    }

    [Fact]
    public void A_log_may_be_compacted_away_and_go_on()
    {
        var journal = Open(_disk);
        var log = journal.Shard(Shard(1));
        log.Append([Entry(1, 1, "a"), Entry(2, 2, "b")]);
        log.CompactPrefix(new LogIndex(2));
        Assert.Empty(log.TermRuns);
        Assert.Equal(new LogIndex(2), log.LastIndex);
        log.Append([Entry(3, 2, "c")]);
        journal.FlushAll(_disk);
        Assert.Equal(Describe(journal, _disk), Describe(Open(_disk), _disk));
    }

    [Fact]
    public void A_reset_log_starts_after_the_snapshot()
    {
        var journal = Open(_disk);
        var log = journal.Shard(Shard(1));
        log.Append([Entry(1, 1, "a"), Entry(2, 1, "b")]);
        log.ResetTo(new LogIndex(10), new Term(4));
        Assert.Equal((new LogIndex(10), new LogIndex(11)), (log.LastIndex, log.FirstIndex));
        log.Append([Entry(11, 5, "c")]);
        journal.FlushAll(_disk);
        var reopened = Open(_disk);
        Assert.Equal(Describe(journal, _disk), Describe(reopened, _disk));
        Assert.Equal(new Term(4), reopened.Shard(Shard(1)).TermAt(new LogIndex(10)));
    }

    [Fact]
    public void A_dropped_shard_is_gone_and_may_come_again()
    {
        var journal = Open(_disk);
        journal.Shard(Shard(1)).Append([Entry(1, 1, "a")]);
        journal.Shard(Shard(2)).Append([Entry(1, 1, "b")]);
        journal.DropShard(Shard(1));
        journal.FlushAll(_disk);
        journal = Open(_disk);
        Assert.Equal([Shard(2)], journal.Shards);
        journal.Shard(Shard(1)).Append([Entry(1, 7, "new")]);
        journal.FlushAll(_disk);
        Assert.Equal(new Term(7), Open(_disk).Shard(Shard(1)).TermAt(new LogIndex(1)));
    }

    [Fact]
    public void Thousands_of_shards_share_the_journal()
    {
        var options = Small with { SegmentBytes = 1024 * 1024 };
        var journal = Open(_disk, options);
        for (var round = 1; round <= 3; round++)
        {
            for (var shard = 1; shard <= 5000; shard++)
            {
                var log = journal.Shard(Shard(shard));
                log.SaveHardState(new HardState(new Term((ulong)round), new NodeId(1)));
                log.Append([Entry(round, round, $"{shard}-{round}")]);
            }

            journal.FlushAll(_disk);
        }

        var reopened = Open(_disk, options);
        Assert.Equal(5000, reopened.Shards.Count);
        Assert.Equal(Describe(journal, _disk), Describe(reopened, _disk));
    }

    [Fact]
    public void An_entry_may_be_larger_than_a_segment()
    {
        var journal = Open(_disk);
        var log = journal.Shard(Shard(1));
        log.Append([Entry(1, 1, "before"), Entry(2, 1, 8 * 1024 * 1024), Entry(3, 1, "after"), Entry(4, 1, 100_000)]);
        journal.FlushAll(_disk);
        Assert.Equal(0, journal.CachedBytes);
        var reopened = Open(_disk);
        Assert.Equal(Describe(journal, _disk), Describe(reopened, _disk));
        Assert.Equal(Entry(2, 1, 8 * 1024 * 1024).Payload.Span, reopened.Shard(Shard(1)).ReadAll(_disk, 2, 2).Entries[0].Payload.Span);
    }

    [Fact]
    public void The_cache_keeps_recent_entries_within_its_bound_and_never_forgets_what_is_not_durable()
    {
        var journal = Open(_disk, Small with { CacheBytes = 10_000 });
        var log = journal.Shard(Shard(1));
        for (var i = 1; i <= 100; i++)
        {
            log.Append([Entry(i, 1, 1000)]);
        }

        Assert.True(journal.CachedBytes > 100_000);
        Assert.True(log.TryRead(new LogIndex(1), out _));
        journal.FlushAll(_disk);
        Assert.InRange(journal.CachedBytes, 5_000, 10_000);
        Assert.False(log.TryRead(new LogIndex(1), out _));
        Assert.True(log.TryRead(new LogIndex(100), out var last));
        Assert.Equal(Entry(100, 1, 1000).Payload.Span, last.Payload.Span);
        log.CompactPrefix(new LogIndex(100));
        Assert.Equal(0, journal.CachedBytes);
    }

    [Fact]
    public void What_is_let_go_of_leaves_memory_when_it_is_durable_and_can_be_read_from_the_disk()
    {
        var journal = Open(_disk, Small with { CacheBytes = 1_000_000 });
        var (log, other) = (journal.Shard(Shard(1)), journal.Shard(Shard(2)));
        log.Append([Entry(1, 1, 1000), Entry(2, 1, 1000)]);
        other.Append([Entry(1, 1, 1000)]);
        log.LetGo(new LogIndex(1));
        Assert.True(log.TryRead(new LogIndex(1), out _));
        journal.FlushAll(_disk);
        var before = journal.CachedBytes;
        log.LetGo(new LogIndex(2));
        log.LetGo(new LogIndex(3));
        Assert.Equal(before / 3 * 2, journal.CachedBytes);
        Assert.False(log.TryRead(new LogIndex(2), out _));
        Assert.Equal(Entry(2, 1, 1000).Payload.Span, log.ReadAll(_disk, 2, 2).Entries[0].Payload.Span);
        log.LetGo(new LogIndex(1));
        log.CompactPrefix(new LogIndex(2));
        other.LetGo(new LogIndex(1));
        Assert.Equal(0, journal.CachedBytes);
    }

    [Fact]
    public void A_read_joins_memory_and_disk_and_keeps_to_the_bytes()
    {
        var journal = Open(_disk, Small with { CacheBytes = 10_000 });
        var log = journal.Shard(Shard(1));
        for (var i = 1; i <= 60; i++)
        {
            log.Append([Entry(i, 1, 1000)]);
            journal.Shard(Shard(2)).Append([Entry(i, 1, 700)]);
        }

        journal.FlushAll(_disk);
        var all = log.ReadAll(_disk, 1, 60);
        Assert.Equal(60, all.Entries.Count);
        Assert.All(all.Entries, e => Assert.Equal(Entry((int)e.Index.Value, 1, 1000).Payload.Span, e.Payload.Span));
        Assert.Equal(4, log.ReadAll(_disk, 5, 60, 4 * 1032).Entries.Count);
        Assert.Single(log.ReadAll(_disk, 5, 60, 1).Entries);
        Assert.Single(log.ReadAll(_disk, 60, 99).Entries);
    }

    [Fact]
    public void An_entry_that_is_truncated_while_the_disk_reads_is_not_given_out()
    {
        var journal = Open(_disk);
        var log = journal.Shard(Shard(1));
        log.Append([Entry(1, 1, "a"), Entry(2, 1, "b")]);
        journal.FlushAll(_disk);
        LogReadResult? result = null;
        log.Read(new LogIndex(2), new LogIndex(2), 100, r => result = r);
        log.Append([Entry(2, 2, "B")]);
        _disk.Pump();
        Assert.Equal(LogReadStatus.Unavailable, result!.Value.Status);
    }

    [Fact]
    public void What_a_read_gives_is_one_log_wherever_and_whenever_it_is_cut_off_meanwhile()
    {
        var lengths = new HashSet<(int Entries, int New)>();
        for (var cut = 2; cut <= Entries; cut += 3)
        {
            for (var ended = 0; ended < 9; ended++)
            {
                var disk = new ImageDisk();
                var journal = Open(disk, Small with { CacheBytes = 0 });
                var log = journal.Shard(Shard(1));
                for (var index = 1; index <= Entries; index++)
                {
                    log.Append([Entry(index, 1, 1000)]);
                    if (index % 10 == 0)
                    {
                        journal.Shard(Shard(2)).Append([Entry(index / 10, 1, 20_000)]); // so much lies between the parts of one read
                    }
                }

                journal.FlushAll(disk);
                LogReadResult? result = null;
                log.Read(new LogIndex(1), new LogIndex(Entries), int.MaxValue, r => result = r);
                for (var i = 0; i < ended; i++)
                {
                    disk.PumpOne();
                }

                log.Append([Entry(cut, 2, 1000)]);
                journal.FlushAll(disk);
                var read = result!.Value.Entries;
                Assert.Equal(Enumerable.Range(1, read.Count), read.Select(entry => (int)entry.Index.Value));
                var later = read.Count(entry => entry.Term.Value == 2);
                Assert.True(
                    later == 0 || (later == 1 && read.Count == cut && read[^1].Term.Value == 2), $"cut {cut}, {later} of {read.Count}");
                lengths.Add((read.Count, later));
            }
        }

        Assert.Contains(lengths, static read => read.New == 1); // cut off behind what was read, and read to the new end
        Assert.Contains(lengths, static read => read is { New: 0, Entries: > 1 and < Entries });
        Assert.Contains(lengths, static read => read is { New: 0, Entries: Entries });
    }

    [Fact]
    public void Appending_allocates_nothing_per_entry()
    {
        var journal = Open(_disk, Small with { SegmentBytes = 64 << 20, BatchBytes = 1 << 20, CacheBytes = 64 << 10 });
        var log = journal.Shard(Shard(1));
        var entry = Entry(1, 1, 100);
        var index = 0UL;
        Span<LogEntry> one = new LogEntry[1];
        for (var round = 0; round < 20; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
            {
                one[0] = entry with { Index = new LogIndex(++index) };
                log.Append(one);
            }

            log.SaveHardState(new HardState(new Term((ulong)round + 1), new NodeId(1)));
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            journal.FlushAll(_disk);
            log.CompactPrefix(new LogIndex(index - 500));
            Assert.True(round < 10 || allocated == 0, $"round {round} allocated {allocated} bytes");
        }
    }
}
