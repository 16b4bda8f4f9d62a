using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Disks;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>A store on a disk of plain bytes, with a content that is known.</summary>
internal static class LsmOnImage
{
    public static readonly ShardId Shard = new(5);

    public static LsmOpening TryOpen(ImageDisk disk, LsmOptions? options = null)
    {
        LsmOpening? opening = null;
        LsmStore.Open(disk, "s", options ?? LsmRun.Small, o => opening = o);
        disk.Pump();
        Assert.NotNull(opening);
        return opening;
    }

    public static LsmStore Open(ImageDisk disk, LsmOptions? options = null)
    {
        var opening = TryOpen(disk, options);
        Assert.True(opening is { Status: LsmOpeningStatus.Ok, Missing.Count: 0 }, $"{opening.Status} {opening.Corruption}");
        return opening.Store!;
    }

    public static void Settle(LsmStore store, ImageDisk disk)
    {
        for (var i = 0; i < 2000 && store.HasWork; i++)
        {
            store.Maintain(100_000);
            disk.Pump();
        }
    }

    /// <summary>Writes a value; its number is the version, and the log index.</summary>
    public static void Put(LsmStore store, string key, int version, byte[] value)
    {
        var shard = store.Shard(Shard);
        shard.Write(Encoding.ASCII.GetBytes(key), new StoredRecord(new HybridTime((ulong)version), default, value));
        shard.Applied = new LogIndex((ulong)version);
    }

    /// <summary>Gives the store time.</summary>
    public static void Work(LsmStore store, ImageDisk disk)
    {
        store.Maintain(20_000);
        disk.Pump();
    }

    /// <summary>Fills a store of several levels, some of it deleted, and returns what is visible.</summary>
    public static SortedDictionary<string, (ulong Version, byte[] Value)> Fill(LsmStore store, ImageDisk disk, int operations = 1500)
    {
        var prng = new Prng(77);
        var content = new SortedDictionary<string, (ulong, byte[])>(StringComparer.Ordinal);
        var shard = store.Shard(Shard);
        for (var i = 1; i <= operations; i++)
        {
            var key = $"key/{prng.NextInt(0, 600):d4}";
            var version = new HybridTime((ulong)i);
            if (i == operations * 9 / 10)
            {
                shard.DeleteRange("key/0100"u8, "key/0150"u8, version);
                foreach (var gone in content.Keys.Where(k => string.CompareOrdinal(k, "key/0100") >= 0
                    && string.CompareOrdinal(k, "key/0150") < 0).ToList())
                {
                    content.Remove(gone);
                }
            }
            else if (prng.Chance(200_000))
            {
                shard.Delete(Encoding.ASCII.GetBytes(key), version);
                content.Remove(key);
            }
            else
            {
                var value = new byte[prng.NextInt(0, 40)];
                prng.Fill(value);
                shard.Write(Encoding.ASCII.GetBytes(key), new StoredRecord(version, HybridTime.Zero, value));
                content[key] = ((ulong)i, value);
            }

            shard.Applied = new LogIndex((ulong)i);
            store.Maintain(10_000);
            disk.Pump();
        }

        store.Flush();
        Settle(store, disk);
        Assert.Equal((ulong)operations, shard.DurableApplied.Value);
        return content;
    }

    /// <summary>Reads one key: the fault when there is one, else the record or null.</summary>
    public static (StoreFault? Fault, StoredRecord? Record) Get(LsmShard shard, string key, ImageDisk disk)
    {
        ReadOnlyMemory<byte> bytes = Encoding.ASCII.GetBytes(key);
        (StoreFault?, StoredRecord?) answer = default;
        if (shard.Prepare([bytes], fault => answer = (fault, fault is null ? Now() : null)))
        {
            return (null, Now());
        }

        disk.Pump();
        return answer;

        StoredRecord? Now() => shard.TryGet(bytes, out var record) ? record : null;
    }
}
