using System.Text;
using Atoll.Simulation.Disks;
using Atoll.Storage.Lsm;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>What was written last is in memory after its flush, too: whoever writes it again does not wait for the disk.</summary>
public sealed class LsmFlushTests
{
    private static readonly LsmOptions Roomy = LsmRun.Small with
    {
        CacheBytes = 1024 * 1024, MemtableBytes = 64 * 1024, LevelZeroFiles = 8, LevelZeroSlowFiles = 16,
    };

    private readonly ImageDisk _disk = new();

    [Fact]
    public void What_a_flush_has_written_is_found_without_the_disk()
    {
        var store = LsmOnImage.Open(_disk, Roomy);
        Write(store);

        Assert.True(store.Statistics is { Flushes: 1, Merges: 0, MemtableBytes: 0 });
        for (var i = 0; i < 300; i++)
        {
            var isThere = store.Shard(LsmOnImage.Shard).PrepareHeads([Encoding.ASCII.GetBytes($"key{i:d4}")], _ => { });
            Assert.True(isThere);
        }

        Assert.Equal(0, store.Statistics.BlocksLoaded);
    }

    [Fact]
    public void A_flush_that_would_take_all_of_the_cache_leaves_it_alone()
    {
        var store = LsmOnImage.Open(_disk, Roomy with { CacheBytes = 16 * 1024 });
        Write(store);

        Assert.Equal(0, store.Statistics.CacheBytes);
        var (fault, record) = LsmOnImage.Get(store.Shard(LsmOnImage.Shard), "key0007", _disk);
        Assert.Null(fault);
        Assert.Equal(100, record!.Value.Value.Length);
        Assert.True(store.Statistics.BlocksLoaded > 0);
    }

    private void Write(LsmStore store)
    {
        for (var i = 0; i < 300; i++)
        {
            LsmOnImage.Put(store, $"key{i:d4}", i + 1, new byte[100]);
        }

        store.Flush();
        LsmOnImage.Settle(store, _disk);
    }
}
