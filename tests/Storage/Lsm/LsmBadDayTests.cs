using Atoll.Foundation.Checks;
using Atoll.Simulation.Disks;
using Atoll.Storage.Lsm;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>Disks that are full or fail (museum, rows 7, 37 and 40).</summary>
public sealed class LsmBadDayTests
{
    [Fact]
    public void A_full_disk_stops_writing_and_nothing_else_and_goes_on_when_there_is_space()
    {
        for (var seed = 1UL; seed <= 60; seed++)
        {
            var run = new LsmRun(seed) { WithoutLoads = true };
            run.Work(200);
            run.Settle();
            run.Disk.Faults.CapacityBytes = run.Disk.UsedBytes + run.Prng.NextInt(0, 60_000);
            for (var stretch = 0; stretch < 20; stretch++)
            {
                run.Work(40);
                run.CheckSomething();
            }

            run.Pump();
            run.Store.Maintain(10_000);
            run.Pump();
            Assert.NotEqual(LsmState.Failed, run.Store.State);
            if (run.Prng.Chance(500_000))
            {
                run.CrashAndCheck(run.Prng.Chance(500_000));
                run.Work(50);
            }

            run.Disk.Faults.CapacityBytes = DiskFaults.Boundless;
            run.Settle();
            Assert.Equal(LsmState.Ready, run.Store.State);
            Assert.All(run.Store.Shards, shard => Assert.Equal(shard.Applied, shard.DurableApplied));
            run.CheckAll();
            run.CrashAndCheck(true);
        }

        string[] rare = ["store: a flush finds the disk full", "store: a merge finds the disk full"];
        Assert.DoesNotContain(Probe.All(), probe => rare.Contains(probe.Name) && probe.Hits < 5);
    }

    [Fact]
    public void After_a_failed_write_or_sync_reads_go_on_nothing_is_written_and_opening_again_recovers()
    {
        var failed = 0;
        for (var seed = 1UL; seed <= 120; seed++)
        {
            var run = new LsmRun(seed) { WithoutLoads = true };
            run.Work(run.Prng.NextInt(0, 300));
            run.Disk.FailNextWrites = run.Prng.NextInt(0, 1);
            run.Disk.FailNextSyncs = 1 - run.Disk.FailNextWrites;
            run.Work(200);
            run.Settle();
            failed += run.Store.State == LsmState.Failed ? 1 : 0;
            Assert.Equal(run.Store.State == LsmState.Failed, !run.Store.Failure.IsOk);
            run.CheckAll();
            if (run.Store.State == LsmState.Failed)
            {
                run.Work(50);
                run.Store.Maintain(10_000);
                run.Pump();
                run.CheckAll();
            }

            run.CrashAndCheck(run.Prng.Chance(700_000));
            run.Work(100);
            run.Settle();
            run.CheckAll();
        }

        Assert.True(failed > 80, $"{failed} stores failed");
    }
}
