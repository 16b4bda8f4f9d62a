using Atoll.Foundation.Checks;
using Atoll.Simulation.Disks;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>
/// Crashes of the store's disk: after every one of its events for short workloads, at random for long ones. What is recovered must be the
/// state after a prefix of each shard's log, no shorter than what was told durable.
/// </summary>
public sealed class LsmCrashTests
{
    [Fact]
    public void A_short_workload_survives_a_crash_after_each_event_of_the_disk()
    {
        var crashes = 0;
        for (var seed = 1UL; seed <= 2; seed++)
        {
            foreach (var style in Enum.GetValues<PowerLossStyle>())
            {
                for (var events = 0; ; events++)
                {
                    var run = ShortRun(seed, events);
                    var isOver = run.Work(120) && run.Settle() && run.Work(60) && run.Settle();
                    run.EventsLeft = int.MaxValue;
                    run.CrashAndCheck(powerLoss: true, style);
                    run.Work(15);
                    run.Settle();
                    run.CrashAndCheck(powerLoss: true, style);
                    crashes++;
                    if (isOver)
                    {
                        break;
                    }
                }
            }
        }

        Assert.InRange(crashes, 1000, 100_000);
    }

    [Fact]
    public void An_opening_survives_a_crash_after_each_of_its_events()
    {
        for (var events = 0; ; events++)
        {
            var run = ShortRun(7, int.MaxValue);
            run.Work(300);
            run.Note();
            run.Disk.Crash(true, PowerLossStyle.KeepNothing);
            run.Pump();
            var isOver = run.OpenFor(events);
            run.CrashAndCheck(powerLoss: true, PowerLossStyle.KeepNothing);
            if (isOver)
            {
                break;
            }
        }
    }

    [Fact]
    public void Random_workloads_survive_random_crashes()
    {
        // More of them by ATOLL_STORE_SEEDS, for once in a while.
        var seeds = ulong.TryParse(Environment.GetEnvironmentVariable("ATOLL_STORE_SEEDS"), out var wanted) ? wanted : 150;
        for (var seed = 1000UL; seed < 1000 + seeds; seed++)
        {
            var run = new LsmRun(seed);
            for (var life = 0; life < 6; life++)
            {
                run.EventsLeft = run.Prng.NextInt(0, 900);
                if (run.Work(run.Prng.NextInt(1, 500)) && run.Prng.Chance(300_000))
                {
                    run.Settle(run.Prng.Chance(500_000));
                }

                run.CrashAndCheck(run.Prng.Chance(800_000));
            }
        }
    }

    [Fact]
    public void Reads_that_go_astray_and_slow_disks_change_nothing()
    {
        for (var seed = 1UL; seed <= 30; seed++)
        {
            var run = new LsmRun(seed);
            run.Disk.Faults.MisdirectPartsPerMillion = 3_000;
            run.Disk.Faults.FlipOnReadPartsPerMillion = 3_000;
            run.Disk.Faults.SlowPartsPerMillion = 50_000;
            for (var life = 0; life < 3; life++)
            {
                run.Work(run.Prng.NextInt(1, 400));
                run.CrashAndCheck(run.Prng.Chance(500_000));
            }
        }
    }

    private static LsmRun ShortRun(ulong seed, int events) =>
        new(seed, LsmRun.Small with
        {
            MemtableBytes = 2500,
            FileBytes = 1024,
            LevelOneBytes = 2048,
            LevelZeroFiles = 2,
            TransferBytes = 1024,
        })
        {
            KeysMax = 40,
            ValueBytesMax = 40,
            EventsLeft = events,
        };
}
