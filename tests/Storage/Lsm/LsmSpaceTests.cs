using System.Text;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Disks;
using Atoll.Storage.Lsm;
using Xunit;
using static Atoll.Storage.Tests.Lsm.LsmOnImage;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>What a store needs of its disk, and what it does when there is not much left of it (museum, rows 37 and 40).</summary>
public sealed class LsmSpaceTests
{
    [Theory]
    [InlineData(100)]
    [InlineData(2000)]
    public void When_space_is_short_all_that_was_replaced_goes_and_merges_end(int valueBytes)
    {
        var disk = new ImageDisk();
        var store = Open(disk, LsmApartTests.Options);
        store.Shard(Shard).Horizon = HybridTime.Zero;
        for (var i = 1; i <= 3000; i++)
        {
            Put(store, $"key/{i % 50:d4}", i, Value(valueBytes, i));
            Work(store, disk);
        }

        store.Flush();
        Settle(store, disk);
        var kept = Bytes(disk);
        Assert.True(kept > 3000 * valueBytes, $"{kept} bytes: every version is within the window");

        store.Shard(Shard).Horizon = HybridTime.Max;
        store.IsShortOfSpace = true;
        Settle(store, disk);
        Assert.False(store.HasWork);
        var live = 50 * (valueBytes + 40);
        Assert.True(Bytes(disk) < 4 * live, $"{Bytes(disk)} bytes on disk for {live}");
        for (var i = 2951; i <= 3000; i++)
        {
            Assert.Equal((ulong)i, Get(store.Shard(Shard), $"key/{i % 50:d4}", disk).Record!.Value.Version.Value);
        }

        // Deletes alone are enough of a reason, also when they are few.
        for (var i = 0; i < 45; i++)
        {
            store.Shard(Shard).Delete(Encoding.ASCII.GetBytes($"key/{i:d4}"), new HybridTime((ulong)(4000 + i)));
        }

        store.Shard(Shard).Applied = new LogIndex(4100);
        store.Flush();
        Settle(store, disk);
        Assert.False(store.HasWork);
        Assert.True(Bytes(disk) < live, $"{Bytes(disk)} bytes on disk for 5 records");
    }

    [Fact]
    public void What_is_needed_covers_what_flushes_and_merges_take_before_they_give_back()
    {
        foreach (var valueBytes in new[] { 60, 900, 1500, 9000 })
        {
            var disk = new ImageDisk();
            var store = Open(disk, LsmApartTests.Options);
            var key = 0;
            for (var round = 0; round < 60; round++)
            {
                for (var i = 0; i < 40; i++)
                {
                    Put(store, $"key/{(key = (key * 31 + 7) % 997):d4}", (round * 40) + i + 1, Value(valueBytes, i));
                }

                // Without what is set aside for the manifest and the like, which would cover everything that a store as small as this does.
                var (before, needed) = (Bytes(disk), store.SpaceNeededBytes - (1024 * 1024));
                var most = before;
                store.Flush();
                while (store.HasWork)
                {
                    store.Maintain(4096);
                    disk.Pump();
                    most = Math.Max(most, Bytes(disk));
                }

                Assert.True(most - before <= needed, $"{most - before} bytes were taken, {needed} were said to be needed");
            }
        }
    }

    // Not the manifest: it has its own bound.
    private static long Bytes(ImageDisk disk) =>
        disk.Files.Where(static f => !f.Key.EndsWith("MANIFEST", StringComparison.Ordinal)).Sum(static f => (long)f.Value.Length);

    private static byte[] Value(int bytes, int seed)
    {
        var value = new byte[bytes];
        new Prng((ulong)seed).Fill(value);
        return value;
    }
}
