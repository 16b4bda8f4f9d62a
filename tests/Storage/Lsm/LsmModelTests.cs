using Atoll.Foundation.Checks;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>Random workloads against a twin that does everything the simple way.</summary>
public sealed class LsmModelTests
{
    [Fact]
    public void Reads_scans_and_snapshots_agree_with_the_twin_over_flushes_merges_and_crashes()
    {
        for (var seed = 1UL; seed <= 60; seed++)
        {
            var (cacheBytes, filterBits) = ((int)(seed % 3) switch { 0 => 0, 1 => 8192, _ => 65536 }, seed % 4 == 0 ? 0 : 10);
            var run = new LsmRun(seed, LsmRun.Small with
            {
                CacheBytes = cacheBytes,
                FilterBitsPerKey = filterBits,
                ApartBytes = (int)(seed % 5) switch { 0 => 0, 1 => 24, _ => 40 },
                ValueCacheBytes = (int)(seed % 3) switch { 0 => 0, 1 => 600, _ => 65536 },
                BlockBytes = 128 << (int)(seed % 5),
                TransferBytes = 2048,
                FileBytes = 2048 << (int)(seed % 2),
            });
            for (var life = 0; life < 4; life++)
            {
                for (var stretch = 0; stretch < 15; stretch++)
                {
                    run.Work(run.Prng.NextInt(1, 60));
                    if (run.Twins.Count > 0)
                    {
                        run.CheckSomething();
                    }
                }

                if (run.Prng.Chance(500_000))
                {
                    run.Settle();
                    run.CheckAll();
                }

                run.CrashAndCheck(run.Prng.Chance(700_000));
            }
        }

    }

    [Fact]
    public void Reads_that_take_long_see_their_moment_and_prepared_keys_the_present_while_files_come_and_go()
    {
        for (var seed = 1UL; seed <= 40; seed++)
        {
            var cacheBytes = seed % 2 == 0 ? 0 : 65536;
            var run = new LsmRun(seed, LsmRun.Small with { CacheBytes = cacheBytes, TransferBytes = 1024, BlockBytes = 256 });
            run.Disk.Faults.ReadMax = Atoll.Foundation.Time.Duration.FromMilliseconds(3);
            for (var life = 0; life < 3; life++)
            {
                for (var step = 0; step < 1200; step++)
                {
                    run.Work(1);
                    run.ReadOn();
                }

                run.Settle();
                run.CheckAll();
                run.CrashAndCheck(run.Prng.Chance(700_000));
            }
        }

        string[] rare =
        [
            "store: manifest written anew", "store: files moved down a level", "store: files of dropped shards deleted unread",
            "store: a merge writes a value anew, to empty its file",
            "store: orphan deleted at open", "store: keys prepared in more than three rounds", "store: blocks read ahead",
        ];
        Assert.DoesNotContain(Probe.All(), probe => rare.Contains(probe.Name) && probe.Hits < 10);
    }
}
