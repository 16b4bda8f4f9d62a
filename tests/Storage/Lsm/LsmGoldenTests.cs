using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Simulation.Disks;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>
/// A store of each format as files. A store that is written today has the very same bytes as that of the newest format, and every later
/// program opens them all. With ATOLL_REWRITE=1 in the environment the files of the newest format are written anew: a change there is a
/// change of the format, and needs a new version and these files beside the new ones. Format 2 has value files.
/// </summary>
public sealed class LsmGoldenTests
{
    private static readonly LsmOptions Options = new()
    {
        MemtableBytes = 64 * 1024,
        BlockBytes = 128,
        IndexBytes = 64,
        LevelZeroFiles = 2,
        ApartBytes = 64,
        Identity = 0x0123456789ABCDEF,
    };

    private static readonly byte[] Large = [.. Enumerable.Range(0, 100).Select(static i => (byte)i)];

    [Fact]
    public void A_store_that_is_written_today_has_the_bytes_of_format_2()
    {
        var disk = new ImageDisk();
        Write(disk);
        if (Environment.GetEnvironmentVariable("ATOLL_REWRITE") == "1")
        {
            var folder = Path.Combine(RepositoryRoot(), "tests/Storage/Lsm/Golden/2");
            Directory.CreateDirectory(folder);
            foreach (var (name, bytes) in disk.Files)
            {
                File.WriteAllBytes(Path.Combine(folder, name[2..]), bytes);
            }

            return;
        }

        var golden = Golden(2);
        Assert.Equal(golden.Files.Keys, disk.Files.Keys);
        Assert.All(golden.Files, file => Assert.True(file.Value.AsSpan().SequenceEqual(disk.Files[file.Key]), file.Key));
    }

    [Fact]
    public void A_store_of_format_1_is_read()
    {
        var disk = Golden(1);
        AssertContent(disk, 43);

        // Opening has written its manifest anew, in the newest format; the sorted files are as they were.
        AssertContent(disk, 43);
        Assert.All(
            Golden(1).Files, file => Assert.Equal(file.Key != "s/MANIFEST", file.Value.AsSpan().SequenceEqual(disk.Files[file.Key])));
    }

    [Fact]
    public void A_store_of_format_2_is_read_values_that_are_kept_apart_included()
    {
        var disk = Golden(2);
        AssertContent(disk, 44);
        var store = LsmOnImage.Open(disk, Options);
        Assert.Equal(2, store.Statistics.ValueFiles);
        Assert.Equal(Large, LsmOnImage.Get(store.Shard(new ShardId(5)), "key/030", disk).Record!.Value.Value.ToArray());
        Assert.Equal(Large, LsmOnImage.Get(store.Shard(new ShardId(3)), "l", disk).Record!.Value.Value.ToArray());
    }

    private static void AssertContent(ImageDisk disk, ulong applied)
    {
        var store = LsmOnImage.Open(disk, Options);
        var five = store.Shard(new ShardId(5));
        Assert.Equal((applied, 37, 0), (five.DurableApplied.Value, five.Count, store.Frozen.Count));
        Assert.Equal([3, 5], store.Shards.Select(static s => (int)s.Shard.Value).ToArray());
        Assert.Equal(ulong.MaxValue, store.Shard(new ShardId(3)).Horizon.Value);
        for (var i = 1; i <= 40; i++)
        {
            var (fault, record) = LsmOnImage.Get(five, $"key/{i:d3}", disk);
            Assert.Null(fault);
            if (i is >= 10 and < 13)
            {
                Assert.Null(record);
            }
            else if (i != 30 || applied == 43)
            {
                Assert.Equal(i == 20 ? 1043u : 1000u + (ulong)i, record!.Value.Version.Value);
                Assert.Equal(i == 20 ? "anew" : $"value {i}", Encoding.ASCII.GetString(record.Value.Value.Span));
                Assert.Equal(i % 4 == 0 && i != 20 ? 5000ul + (ulong)i : 0, record.Value.ExpiresAt.Value);
            }
        }

        var loaded = LsmOnImage.Get(store.Shard(new ShardId(3)), "k", disk).Record!.Value;
        Assert.Equal("a shard of its own", Encoding.ASCII.GetString(loaded.Value.Span));
    }

    private static void Write(ImageDisk disk)
    {
        var store = LsmOnImage.Open(disk, Options);
        var five = store.Shard(new ShardId(5));
        five.Horizon = new HybridTime(900);
        for (var i = 1; i <= 40; i++)
        {
            var expiresAt = new HybridTime(i % 4 == 0 ? 5000ul + (ulong)i : 0);
            five.Write(
                Encoding.ASCII.GetBytes($"key/{i:d3}"),
                new StoredRecord(new HybridTime(1000 + (ulong)i), expiresAt, Encoding.ASCII.GetBytes($"value {i}")));
            five.Applied = new LogIndex((ulong)i);
        }

        five.AddToCount(40);
        Flush(store, disk);
        five.DeleteRange("key/010"u8, "key/012"u8, new HybridTime(1041));
        five.Delete("key/012"u8, new HybridTime(1042));
        five.Write("key/020"u8, new StoredRecord(new HybridTime(1043), default, "anew"u8.ToArray()));
        five.AddToCount(-3);
        five.Applied = new LogIndex(43);
        five.Write("key/030"u8, new StoredRecord(new HybridTime(1044), default, Large));
        five.Applied = new LogIndex(44);
        var load = store.BeginLoad(new ShardId(3));
        load.Put("k"u8, new StoredRecord(new HybridTime(7), default, "a shard of its own"u8.ToArray()));
        load.Put("l"u8, new StoredRecord(new HybridTime(7), default, Large));
        load.Finish(new LogIndex(9), default, static result => Assert.True(result.IsOk));
        disk.Pump();
        Flush(store, disk);
    }

    private static void Flush(LsmStore store, ImageDisk disk)
    {
        store.Flush();
        LsmOnImage.Settle(store, disk);
        disk.Pump();
    }

    private static ImageDisk Golden(int format)
    {
        var folder = $"Golden/{format}/";
        var disk = new ImageDisk();
        var assembly = typeof(LsmGoldenTests).Assembly;
        foreach (var name in assembly.GetManifestResourceNames().Where(n => n.StartsWith(folder, StringComparison.Ordinal)))
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            disk.Files["s/" + name[folder.Length..]] = bytes;
        }

        return disk;
    }

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Atoll.slnx")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }
}
