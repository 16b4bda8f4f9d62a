using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.World;
using Atoll.Simulation.Disks;
using Atoll.Storage.Journals;
using Xunit;
using static Atoll.Storage.Tests.Journals.JournalOnImage;

namespace Atoll.Storage.Tests.Journals;

/// <summary>Disks that fail and disks that are full: rows 7 and 40 of the museum.</summary>
public sealed class JournalBadDayTests
{
    [Fact]
    public void After_a_failed_sync_nothing_is_durable_any_more_and_nothing_is_taken()
    {
        var world = new JournalOnSimulatedDisk();
        var log = world.Journal.Shard(Shard(1));
        log.Append([Entry(1, 1, "kept")]);
        world.Flush();
        var durable = world.Journal.DurableSequence;
        var told = 0;
        world.Journal.Durable = () => told++;
        var changes = new List<JournalState>();
        world.Journal.StateChanged = () => changes.Add(world.Journal.State);

        world.Disk.FailNextSyncs = 1;
        log.Append([Entry(2, 1, "lost")]);
        world.Journal.Flush();
        log.Append([Entry(3, 1, "with a sync that says yes")]);
        world.Flush();
        world.Maintain(5);

        Assert.Equal([JournalState.Failed], changes);
        Assert.Equal(DiskStatus.Failed, world.Journal.LastError.Status);
        Assert.Equal((durable, 0), (world.Journal.DurableSequence, told));
        Assert.Equal(Journal.Refused, log.Append([Entry(4, 1, "x")]));
        Assert.Equal(Journal.Refused, log.SaveHardState(new HardState(new Term(9), NodeId.None)));
        Assert.Equal(Journal.Refused, log.CompactPrefix(new LogIndex(1)));
        Assert.Equal(Journal.Refused, log.ResetTo(new LogIndex(9), new Term(9)));
        Assert.Equal(Journal.Refused, world.Journal.DropShard(Shard(1)));
        Assert.Equal(LogReadStatus.Ok, log.ReadAll(world.Pump, 1, 1).Status);

        world.CrashAndOpen(powerLoss: true);
        Assert.Equal(new LogIndex(1), world.Journal.Shard(Shard(1)).LastIndex);
    }

    [Fact]
    public void A_failed_write_is_for_good()
    {
        var world = new JournalOnSimulatedDisk();
        world.Disk.FailNextWrites = 1;
        world.Journal.Shard(Shard(1)).Append([Entry(1, 1, "x")]);
        world.Flush();
        Assert.Equal(JournalState.Failed, world.Journal.State);
        world.Flush();
        Assert.Equal(0, world.Journal.DurableSequence);
    }

    [Fact]
    public void What_a_failed_sync_left_in_memory_is_written_again_before_it_is_trusted()
    {
        // The process is started again without a power loss: reads show the batch although the disk never got it (Rebello et al., ATC '20).
        var world = new JournalOnSimulatedDisk();
        world.Disk.FailNextSyncs = 1;
        world.Journal.Shard(Shard(1)).Append([Entry(1, 1, "x")]);
        world.Flush();
        Assert.Equal(JournalState.Failed, world.Journal.State);

        world.CrashAndOpen(powerLoss: false);
        var recovered = world.Journal.Shard(Shard(1)).LastIndex;
        Assert.Equal(new LogIndex(1), recovered);
        world.CrashAndOpen(powerLoss: true);
        Assert.Equal(recovered, world.Journal.Shard(Shard(1)).LastIndex);
    }

    [Fact]
    public void A_full_disk_refuses_appends_keeps_all_and_goes_on_once_there_is_space()
    {
        var world = new JournalOnSimulatedDisk();
        var (log, index) = FillUp(world);

        // Nothing that was taken is lost or held back, entries are refused, elections still work.
        Assert.Equal(DiskStatus.Full, world.Journal.LastError.Status);
        Assert.Equal(world.Journal.WrittenSequence, world.Journal.DurableSequence);
        Assert.Equal(Journal.Refused, log.Append([Entry(index + 1, 1, "x")]));
        Assert.Equal(new LogIndex((ulong)index), log.LastIndex);
        var voted = log.SaveHardState(new HardState(new Term(5), new NodeId(3)));
        world.Flush();
        Assert.True(world.Journal.DurableSequence >= voted);
        world.Maintain(3);
        Assert.Equal(JournalState.Full, world.Journal.State);
        Assert.Equal(LogReadStatus.Ok, log.ReadAll(world.Pump, 1, index).Status);

        world.Disk.Faults.CapacityBytes = DiskFaults.Boundless;
        world.Maintain();
        Assert.Equal(JournalState.Ready, world.Journal.State);
        Assert.NotEqual(Journal.Refused, log.Append([Entry(index + 1, 5, 30_000), Entry(index + 2, 5, 60_000)]));
        world.Flush();
        world.CrashAndOpen(powerLoss: true);
        Assert.Equal(new LogIndex((ulong)index + 2), world.Journal.Shard(Shard(1)).LastIndex);
        Assert.Equal(new HardState(new Term(5), new NodeId(3)), world.Journal.Shard(Shard(1)).HardState);
    }

    [Fact]
    public void Compaction_makes_room_on_a_full_disk()
    {
        var world = new JournalOnSimulatedDisk();
        var (log, index) = FillUp(world);
        log.CompactPrefix(new LogIndex((ulong)index));
        world.Flush();
        world.Maintain(5);
        Assert.Equal(JournalState.Ready, world.Journal.State);
        Assert.NotEqual(Journal.Refused, log.Append([Entry(index + 1, 1, 30_000)]));
        world.Flush();
        Assert.Equal(world.Journal.WrittenSequence, world.Journal.DurableSequence);
    }

    [Fact]
    public void A_journal_opens_on_a_full_disk()
    {
        var world = new JournalOnSimulatedDisk();
        var (_, index) = FillUp(world);
        world.CrashAndOpen(powerLoss: true);
        Assert.Equal(new LogIndex((ulong)index), world.Journal.Shard(Shard(1)).LastIndex);
    }

    [Fact]
    public void An_entry_larger_than_a_segment_waits_for_space()
    {
        var world = new JournalOnSimulatedDisk();
        var log = world.Journal.Shard(Shard(1));
        log.Append([Entry(1, 1, "x")]);
        world.Flush();
        world.Disk.Faults.CapacityBytes = world.Disk.UsedBytes + Small.SegmentBytes;
        var sequence = log.Append([Entry(2, 1, 300_000)]);
        world.Flush();
        Assert.Equal(JournalState.Full, world.Journal.State);
        Assert.True(world.Journal.DurableSequence < sequence);
        world.Maintain(2);
        Assert.Equal(JournalState.Full, world.Journal.State);
        world.Disk.Faults.CapacityBytes = DiskFaults.Boundless;
        world.Maintain();
        Assert.Equal(JournalState.Ready, world.Journal.State);
        Assert.True(world.Journal.DurableSequence >= sequence);
        world.CrashAndOpen(powerLoss: true);
        Assert.Equal(new LogIndex(2), world.Journal.Shard(Shard(1)).LastIndex);
    }

    [Fact]
    public void A_disk_that_is_full_from_the_start_says_so()
    {
        var world = new JournalOnSimulatedDisk();
        world.Disk.Crash();
        foreach (var name in world.Disk.FileNames.ToList())
        {
            world.Disk.Mount().Delete(name, _ => { });
            world.Pump();
            world.Disk.Crash(powerLoss: false);
        }

        world.Disk.Faults.CapacityBytes = 10_000;
        var opening = world.TryOpen();
        Assert.Equal((JournalOpeningStatus.Failed, DiskStatus.Full), (opening.Status, opening.DiskResult.Status));
    }

    [Fact]
    public void A_sleeping_shard_does_not_pin_segments()
    {
        var world = new JournalOnSimulatedDisk();
        var sleeper = world.Journal.Shard(Shard(7));
        sleeper.SaveHardState(new HardState(new Term(3), new NodeId(1)));
        sleeper.Append([Entry(1, 2, "a"), Entry(2, 2, "b"), Entry(3, 3, "c")]);
        sleeper.CompactPrefix(new LogIndex(1));
        var busy = world.Journal.Shard(Shard(1));
        for (var i = 1; i <= 300; i++)
        {
            busy.Append([Entry(i, 1, 5000)]);
            busy.CompactPrefix(new LogIndex((ulong)Math.Max(0, i - 3)));
            world.Flush();
        }

        world.Maintain(5);
        Assert.InRange(world.Journal.DiskBytes, 1, 3 * Small.SegmentBytes);
        world.CrashAndOpen(powerLoss: true);
        var again = world.Journal.Shard(Shard(7));
        Assert.Equal((new LogIndex(1), new Term(2), new LogIndex(3)), (again.CompactedIndex, again.CompactedTerm, again.LastIndex));
        Assert.Equal(new HardState(new Term(3), new NodeId(1)), again.HardState);
        Assert.Equal("c"u8, again.ReadAll(world.Pump, 3, 3).Entries[0].Payload.Span);
    }

    [Fact]
    public void A_segment_goes_only_after_what_makes_it_needless_is_durable()
    {
        // The compaction stands at the end of a queue of batches; those before it must not already say that the segment may go.
        for (var events = 0; events < 60; events++)
        {
            var world = new JournalOnSimulatedDisk(Small with { WritesInFlightMax = 1 });
            var log = world.Journal.Shard(Shard(1));
            for (var i = 1; i <= 12; i++)
            {
                log.Append([Entry(i, 1, 5000)]);
                world.Flush();
            }

            var other = world.Journal.Shard(Shard(2));
            for (var i = 1; i <= 10; i++)
            {
                other.Append([Entry(i, 1, 6000)]);
            }

            var compacted = log.CompactPrefix(new LogIndex(12));
            world.Journal.Flush();
            for (var i = 0; i < events && world.PumpOne(); i++)
            {
            }

            var isCompacted = world.Journal.DurableSequence >= compacted;
            world.CrashAndOpen(powerLoss: true);
            var again = world.Journal.Shard(Shard(1));
            Assert.Equal(isCompacted ? new LogIndex(12) : LogIndex.Zero, again.CompactedIndex);
            Assert.Equal(new LogIndex(12), again.LastIndex);
        }
    }

    [Fact]
    public void The_shard_that_holds_the_oldest_segment_is_named()
    {
        var world = new JournalOnSimulatedDisk();
        for (var i = 1; i <= 30; i++)
        {
            world.Journal.Shard(Shard(1)).Append([Entry(i, 1, 1000)]);
            world.Journal.Shard(Shard(2)).Append([Entry(i, 1, 4000)]);
            world.Flush();
        }

        Assert.Equal(Shard(2), world.Journal.LargestHolderOfOldestSegment());
        world.Journal.Shard(Shard(2)).CompactPrefix(new LogIndex(30));
        Assert.Equal(Shard(1), world.Journal.LargestHolderOfOldestSegment());
    }

    [Fact]
    public void Rot_in_what_has_to_be_moved_is_reported_and_the_segment_stays()
    {
        var world = new JournalOnSimulatedDisk();
        var sleeper = world.Journal.Shard(Shard(7));
        sleeper.Append([Entry(1, 1, "rots")]);
        world.Flush();
        world.Disk.Rot("journal/0000000000000001.log", JournalFormat.DataOffset + BatchHeader.SizeBytes + 38);
        var busy = world.Journal.Shard(Shard(1));
        for (var i = 1; i <= 60; i++)
        {
            busy.Append([Entry(i, 1, 5000)]);
            busy.CompactPrefix(new LogIndex((ulong)i));
            world.Flush();
        }

        world.Maintain(3);
        Assert.Equal("journal/0000000000000001.log", world.Journal.Corruption?.File);
        Assert.Contains("journal/0000000000000001.log", world.Disk.FileNames);
        Assert.Equal(JournalState.Ready, world.Journal.State);
    }

    [Fact]
    public void A_quiet_journal_protects_its_last_batch_by_a_mark()
    {
        foreach (var isMarked in (bool[])[false, true])
        {
            var world = new JournalOnSimulatedDisk();
            world.Journal.Shard(Shard(1)).Append([Entry(1, 1, "x")]);
            world.Flush();
            if (isMarked)
            {
                world.Maintain(2);
            }

            world.Disk.Crash(powerLoss: false);
            world.Disk.Rot("journal/0000000000000001.log", JournalFormat.DataOffset + BatchHeader.SizeBytes + 3);
            Assert.Equal(isMarked, world.TryOpen().Journal!.Shard(Shard(1)).Damage is not null);
        }
    }

    private static (ShardLog Log, int LastIndex) FillUp(JournalOnSimulatedDisk world)
    {
        world.Disk.Faults.CapacityBytes = (3 * Small.SegmentBytes) + 10_000;
        var log = world.Journal.Shard(Shard(1));
        var index = 0;
        while (world.Journal.State == JournalState.Ready)
        {
            Assert.InRange(index, 0, 100);
            log.Append([Entry(++index, 1, 5000)]);
            world.Flush();
        }

        Assert.Equal(JournalState.Full, world.Journal.State);
        return (log, index);
    }
}
