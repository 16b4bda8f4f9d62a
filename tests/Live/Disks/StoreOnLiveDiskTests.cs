using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.Live.Tests.Disks;

/// <summary>The store on real files: what the simulated disk shows a thousand times holds here at least once.</summary>
public sealed class StoreOnLiveDiskTests
{
    private static readonly LsmOptions Options = new()
    {
        MemtableBytes = 64 * 1024,
        FileBytes = 64 * 1024,
        LevelOneBytes = 256 * 1024,
        CacheBytes = 64 * 1024,
        ApartBytes = 64,
        ValueFileBytes = 64 * 1024,
        ValueCacheBytes = 16 * 1024,
        Identity = 99,
    };

    [Fact]
    public void What_was_flushed_is_there_after_the_loop_died_and_the_rest_comes_out_of_the_log_again()
    {
        using var harness = new LiveDiskHarness();
        var store = Open(harness);
        for (var life = 0; life < 3; life++)
        {
            var shard = store.Shard(new ShardId(1));
            for (var i = shard.Applied.Value + 1; i <= (ulong)(life + 1) * 10_000; i++)
            {
                shard.Write(Key(i), new StoredRecord(new HybridTime(i), HybridTime.Zero, Value(i)));
                shard.Applied = new LogIndex(i);
                store.Maintain(4096);
                harness.RunUntil(() => store.Pressure != WritePressure.Stop || Works(store));
            }

            harness.RunUntil(() => shard.DurableApplied.Value > (ulong)((life + 1) * 10_000) - 5_000 || Works(store));
            var durable = shard.DurableApplied.Value;
            harness.Restart();
            store = Open(harness);
            shard = store.Shard(new ShardId(1));
            Assert.True(shard.DurableApplied.Value >= durable);
            AssertHolds(harness, shard, shard.DurableApplied.Value);
        }

        Assert.True(store.Statistics is { ValueFiles: > 3 } statistics && statistics.LevelFiles.Sum() > 3);
    }

    private static bool Works(LsmStore store)
    {
        store.Maintain(256 * 1024);
        return false;
    }

    private static void AssertHolds(LiveDiskHarness harness, LsmShard shard, ulong through)
    {
        using var cursor = shard.OpenCursor();
        var seen = 0;
        var more = cursor.SeekFirst();
        while (true)
        {
            if (!more && cursor.IsWaiting)
            {
                var isReady = false;
                cursor.Load(() => isReady = true);
                harness.RunUntil(() => isReady);
                more = cursor.IsValid;
            }

            Assert.Null(cursor.Fault);
            if (!more)
            {
                break;
            }

            var version = cursor.Record.Version.Value;
            Assert.Equal(Key(version), cursor.Key.ToArray());
            Assert.Equal(Value(version), cursor.Record.Value.ToArray());
            seen++;
            more = cursor.Next();
        }

        // Every key is written over and over: the last writer of each is there.
        Assert.Equal((int)Math.Min(through, 7919), seen);
    }

    private static LsmStore Open(LiveDiskHarness harness)
    {
        var opening = harness.Await<LsmOpening>(done => LsmStore.Open(harness.Disk, "store", Options, done));
        Assert.True(opening.Status == LsmOpeningStatus.Ok, $"{opening.Corruption} {opening.DiskResult}");
        Assert.Empty(opening.Missing);
        return opening.Store!;
    }

    private static byte[] Key(ulong number) => Encoding.ASCII.GetBytes($"{number * 31 % 7919:d6}");

    private static byte[] Value(ulong number) => Encoding.ASCII.GetBytes(new string((char)('a' + (number % 26)), (int)(number % 90)));
}
