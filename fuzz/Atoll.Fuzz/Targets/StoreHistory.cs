using System.Globalization;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Disks;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.Fuzz.Targets;

/// <summary>A small store of some levels, and what it held after each operation that may be the last applied one.</summary>
internal sealed class StoreHistory
{
    public const string Folder = "store";

    public static readonly ShardId Shard = new(5);

    public static readonly LsmOptions Options = new()
    {
        MemtableBytes = 4 * 1024,
        BlockBytes = 256,
        FileBytes = 2 * 1024,
        LevelOneBytes = 6 * 1024,
        LevelZeroFiles = 3,
        CacheBytes = 8 * 1024,
        TransferBytes = 512,
        PendingWriteBytesMax = 2048,
        ApartBytes = 24,
        ValueFileBytes = 1024,
        ValueCacheBytes = 1024,
        Identity = 4711,
    };

    public static readonly IReadOnlyList<byte[]> Keys =
        [.. Enumerable.Range(0, 120).Select(i => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"key/{i:d3}")))];

    private const int OperationsBefore = 300;
    private const int OperationsAfter = 60;

    private readonly List<SortedDictionary<string, (HybridTime Version, byte[] Value)>> _contents = [new(StringComparer.Ordinal)];

    private StoreHistory()
    {
        var disk = new ImageDisk();
        Fill(disk, OperationsBefore);
        Fill(disk, OperationsAfter); // opened anew: the manifest begins with one edit, and others follow
        Names = [.. disk.Files.Keys];
        var image = new WireWriter();
        foreach (var file in disk.Files.Values)
        {
            image.WriteUInt32((uint)file.Length);
        }

        foreach (var file in disk.Files.Values)
        {
            image.WriteRaw(file);
        }

        Image = image.ToArray();
    }

    /// <summary>The one there is: it is never changed.</summary>
    public static StoreHistory Instance { get; } = new();

    /// <summary>The names of the files.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The files at the end, as an input.</summary>
    public byte[] Image { get; }

    /// <summary>What was visible when that operation was the last one; null when it never was.</summary>
    public IReadOnlyDictionary<string, (HybridTime Version, byte[] Value)>? ContentAt(LogIndex applied) =>
        applied.Value < (ulong)_contents.Count ? _contents[(int)applied.Value] : null;

    /// <summary>How far back that is, in a word.</summary>
    public string AgeOf(LogIndex applied) =>
        applied.Value == (ulong)_contents.Count - 1 ? "the end" : applied == LogIndex.Zero ? "empty" : "earlier";

    private void Fill(ImageDisk disk, int operations)
    {
        LsmStore? store = null;
        LsmStore.Open(disk, Folder, Options, opening => store = opening.Store);
        disk.Pump();
        var shard = store!.Shard(Shard);
        var prng = new Prng((ulong)operations);
        for (var i = 0; i < operations; i++)
        {
            var number = (ulong)_contents.Count;
            var content = new SortedDictionary<string, (HybridTime, byte[])>(_contents[^1], StringComparer.Ordinal);
            var key = prng.Pick(Keys);
            var version = new HybridTime(number);
            if (i % 50 == 49)
            {
                shard.DeleteRange("key/020"u8, "key/030"u8, version);
                foreach (var gone in Keys.Skip(20).Take(10))
                {
                    content.Remove(Encoding.ASCII.GetString(gone));
                }
            }
            else if (prng.Chance(200_000))
            {
                shard.Delete(key, version);
                content.Remove(Encoding.ASCII.GetString(key));
            }
            else
            {
                var value = new byte[prng.NextInt(0, 40)];
                prng.Fill(value);
                shard.Write(key, new StoredRecord(version, HybridTime.Zero, value));
                content[Encoding.ASCII.GetString(key)] = (version, value);
            }

            _contents.Add(content);
            shard.Applied = new LogIndex(number);
            store.Maintain(10_000);
            disk.Pump();
        }

        store.Flush();
        while (store.HasWork)
        {
            store.Maintain(100_000);
            disk.Pump();
        }
    }
}
