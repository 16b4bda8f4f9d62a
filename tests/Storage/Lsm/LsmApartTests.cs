using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Disks;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;
using Xunit;
using static Atoll.Storage.Tests.Lsm.LsmOnImage;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>
/// Large values kept apart from their keys (Lu et al., "WiscKey: Separating Keys from Values in SSD-Conscious Storage", FAST '16): what it
/// is for, and what must not come of it.
/// </summary>
public sealed class LsmApartTests
{
    private const int ValueBytes = 2000;

    internal static readonly LsmOptions Options = LsmRun.Small with
    {
        MemtableBytes = 64 * 1024,
        TransferBytes = 4096,
        PendingWriteBytesMax = 16 * 1024,
        FileBytes = 4096,
        ApartBytes = 1000,
        ValueFileBytes = 32 * 1024,
        ValueCacheBytes = 64 * 1024,
    };

    [Fact]
    public void Merges_copy_pointers_and_leave_values_where_they_are()
    {
        var (apart, inline) = (Written(Options), Written(Options with { ApartBytes = 0 }));
        Assert.True(apart.Merges > 5 && inline.Merges > 5, $"{apart.Merges} and {inline.Merges} merges");

        // Every key is written once: nothing becomes garbage, so each value is written by its flush, and never again.
        Assert.Equal(400 * (ValueBytes + TableFormat.BlockTrailerBytes), apart.ValueBytesWritten);
        Assert.Equal((0L, 0), (apart.ValueGarbageBytes, inline.ValueFiles));
        Assert.True(apart.MergeWrittenBytes < inline.MergeWrittenBytes / 10, $"{apart.MergeWrittenBytes} of {inline.MergeWrittenBytes}");
        Assert.InRange(apart.WriteAmplification, 1, 1.5);

        static LsmStatistics Written(LsmOptions options)
        {
            var disk = new ImageDisk();
            var store = Open(disk, options);
            for (var i = 0; i < 400; i++)
            {
                Put(store, $"key/{i * 7919 % 400:d4}", i + 1, Value(i));
                Work(store, disk);
            }

            store.Flush();
            Settle(store, disk);
            return store.Statistics;
        }
    }

    [Fact]
    public void Space_stays_bounded_however_often_values_are_replaced()
    {
        var disk = new ImageDisk();
        var store = Open(disk, Options);
        var prng = new Prng(5);
        var newest = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (var i = 1; i <= 4000; i++)
        {
            // Some keys are replaced again and again, most seldom: what lives lies scattered over all files.
            var key = $"key/{(prng.Chance(700_000) ? prng.NextInt(0, 20) : prng.NextInt(0, 200)):d4}";
            Put(store, key, i, Value(i));
            newest[key] = i;
            Work(store, disk);
            if (i % 500 == 0)
            {
                store.Flush();
                Settle(store, disk);
                var live = newest.Count * (ValueBytes + TableFormat.BlockTrailerBytes);
                var onDisk = disk.Files.Where(static f => f.Key.EndsWith(".val", StringComparison.Ordinal)).Sum(static f => f.Value.Length);
                Assert.Equal(store.Statistics.ValueFileBytes, onDisk);

                // Twice what is pointed to, as a file goes or is emptied when half of it is garbage; and what is pointed to from a level
                // that has not met the newer value yet.
                Assert.True(onDisk <= 3 * live, $"{onDisk} bytes for {live} after {i}");
                Assert.True(store.Statistics.ValueGarbageBytes <= onDisk / 2);
            }
        }

        foreach (var (key, i) in newest)
        {
            Assert.Equal(Value(i), Get(store.Shard(Shard), key, disk).Record!.Value.Value.ToArray());
        }
    }

    [Fact]
    public void Values_that_only_files_at_the_bottom_point_to_are_collected_too()
    {
        var disk = new ImageDisk();
        var store = Open(disk, Options);
        for (var i = 0; i < 100; i++)
        {
            Put(store, $"key/{i:d4}", i + 1, Value(i));
        }

        store.Flush();
        Settle(store, disk);
        store.Shard(Shard).DeleteRange("key/0010"u8, "key/0099"u8, new HybridTime(1000));
        store.Shard(Shard).Applied = new LogIndex(1000);
        store.Flush();
        Settle(store, disk);

        // Flushes of nothing that points anywhere, until the deleted range has come down to what it deletes.
        for (var i = 0; i < 20; i++)
        {
            Put(store, $"zzz/{i:d4}", 2000 + i, new byte[10]);
            store.Flush();
            Settle(store, disk);
        }

        var statistics = store.Statistics;
        Assert.Equal(11 * (ValueBytes + TableFormat.BlockTrailerBytes), statistics.ValueFileBytes - statistics.ValueGarbageBytes);
        Assert.True(statistics.ValueGarbageBytes <= statistics.ValueFileBytes / 2);
        Assert.Equal(Value(99), Get(store.Shard(Shard), "key/0099", disk).Record!.Value.Value.ToArray());
    }

    [Fact]
    public void A_snapshot_keeps_the_value_files_of_its_moment_and_they_go_with_it()
    {
        var disk = new ImageDisk();
        var store = Open(disk, Options);
        PutAll(store, disk, 1);
        var before = ValueFiles(disk);
        var snapshot = store.Shard(Shard).Snapshot();
        PutAll(store, disk, 2);
        PutAll(store, disk, 3);
        Assert.Subset(ValueFiles(disk).ToHashSet(), before.ToHashSet());
        using (var cursor = snapshot.OpenCursor())
        {
            var more = ShardTwin.Settle(cursor, cursor.SeekFirst(), disk.Pump, "snapshot");
            for (var i = 0; i < 60; i++)
            {
                Assert.True(more);
                Assert.Equal(Value(1000 + i), cursor.Record.Value.ToArray());
                more = ShardTwin.Settle(cursor, cursor.Next(), disk.Pump, "snapshot");
            }

            Assert.False(more);
        }

        snapshot.Dispose();
        disk.Pump();
        Assert.Empty(ValueFiles(disk).Intersect(before));

        static void PutAll(LsmStore store, ImageDisk disk, int round)
        {
            for (var i = 0; i < 60; i++)
            {
                Put(store, $"key/{i:d4}", (1000 * round) + i, Value((1000 * round) + i));
            }

            store.Flush();
            Settle(store, disk);
            disk.Pump();
        }
    }

    [Fact]
    public void Heads_are_had_without_reading_a_value()
    {
        var disk = new ImageDisk();
        Fill(disk, 40);
        var store = Open(disk, Options);
        var shard = store.Shard(Shard);
        ReadOnlyMemory<byte>[] keys = ["key/0007"u8.ToArray(), "key/0008"u8.ToArray(), "none"u8.ToArray()];
        var heads = 0;
        Assert.False(shard.PrepareHeads(keys, fault =>
        {
            Assert.Null(fault);
            Assert.True(shard.TryGetHead(keys[0], out var head));
            Assert.Equal((8ul, ValueBytes, false), (head.Version.Value, head.ValueBytes, head.HasValue));
            Assert.False(shard.TryGetHead(keys[2], out _));

            // What writes over a value or removes it needs no more.
            Assert.True(shard.Put(keys[0], new StoredRecord(new HybridTime(900), default, "new"u8.ToArray()), out var replaced));
            Assert.True(shard.Remove(keys[1], new HybridTime(901), out var removed));
            heads = replaced.ValueBytes + removed.ValueBytes;
        }));
        disk.Pump();
        Assert.Equal(2 * ValueBytes, heads);
        using (var cursor = shard.OpenHeadCursor())
        {
            var count = 0;
            for (var more = ShardTwin.Settle(cursor, cursor.SeekFirst(), disk.Pump, "heads"); more;
                more = ShardTwin.Settle(cursor, cursor.Next(), disk.Pump, "heads"))
            {
                Assert.Equal(count == 7 ? 3 : ValueBytes, cursor.Record.ValueBytes);
                Assert.Equal(count == 7, cursor.Record.HasValue);
                count++;
            }

            Assert.Equal(39, count);
        }

        Assert.Equal(0, store.Statistics.ValuesLoaded);
        using var snapshot = shard.Snapshot();
        Assert.True(snapshot.TryGetHead(keys[0], out var last));
        Assert.Equal(3, last.ValueBytes);
    }

    [Fact]
    public void Values_too_large_for_their_cache_are_prepared_together_and_do_not_stay()
    {
        var disk = new ImageDisk();
        Fill(disk, 40);
        foreach (var cacheBytes in new[] { 0, 2 * ValueBytes, 5 * ValueBytes, 1_000_000 })
        {
            var store = Open(disk, Options with { ValueCacheBytes = cacheBytes });
            var shard = store.Shard(Shard);
            var keys = Enumerable.Range(3, 20).Select(static i => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes($"key/{i:d4}")).ToArray();
            var found = 0;
            Assert.False(shard.Prepare(keys, fault =>
            {
                Assert.Null(fault);
                found = keys.Count(key => shard.TryGet(key, out var record) && record.HasValue && record.Value.Length == ValueBytes);
            }));
            disk.Pump();
            Assert.Equal((20, 20L), (found, store.Statistics.ValuesLoaded));
            Assert.Equal(cacheBytes == 1_000_000, shard.Prepare(keys, static _ => { }));
            disk.Pump();
        }
    }

    [Fact]
    public void Value_files_that_no_manifest_names_are_deleted_at_opening_and_their_numbers_not_given_again()
    {
        var disk = new ImageDisk();
        Fill(disk, 40);
        disk.Files["s/00000000000000ff.val"] = [1, 2, 3];
        disk.Files["s/notes.val"] = [4];
        var files = ValueFiles(disk);
        var store = Open(disk, Options);
        disk.Pump();
        Assert.Equal(files.Except(["s/00000000000000ff.val"]), ValueFiles(disk));
        Put(store, "more", 5000, Value(1));
        store.Flush();
        Settle(store, disk);
        Assert.Contains(ValueFiles(disk), static name => name is "s/0000000000000100.val" or "s/0000000000000101.val");
    }

    [Fact]
    public void Value_files_without_a_manifest_are_never_taken_for_an_empty_store()
    {
        var disk = new ImageDisk();
        disk.Files["s/0000000000000002.val"] = [1, 2, 3];
        Assert.Equal(LsmOpeningStatus.Corrupt, TryOpen(disk, Options).Status);
        Assert.Single(disk.Files);
    }

    [Fact]
    public void Merges_go_on_over_a_damaged_value_and_leave_it_where_it_is()
    {
        var disk = new ImageDisk();
        Fill(disk, 100);
        var store = Open(disk, Options);
        var file = store.Files.ValueUses[0].File;
        disk.Files[file.Name][100] ^= 1;
        var lost = Enumerable.Range(0, 100).Where(i => Get(store.Shard(Shard), $"key/{i:d4}", disk).Fault is not null).ToList();
        Assert.Equal($"key/{lost.Single():d4}", Encoding.ASCII.GetString(file.Damage!.From.Span[TableFormat.TreePrefixBytes..]));
        Assert.Equal([Shard], store.ShardsToRepair);
        for (var round = 1; round <= 8; round++)
        {
            for (var i = 0; i < 100; i++)
            {
                // All others are replaced: their files go, the damaged one stays for what it has lost.
                if (i != lost[0])
                {
                    Put(store, $"key/{i:d4}", (1000 * round) + i, Value(i));
                }
            }

            store.Flush();
            Settle(store, disk);
        }

        Assert.True(disk.Files.ContainsKey(file.Name));
        Assert.Equal(lost, Enumerable.Range(0, 100).Where(i => Get(store.Shard(Shard), $"key/{i:d4}", disk).Fault is not null));

        // As another replica sends it.
        var load = store.BeginLoad(Shard);
        for (var i = 0; i < 100; i++)
        {
            load.Put(Encoding.ASCII.GetBytes($"key/{i:d4}"), new StoredRecord(new HybridTime(9000), default, Value(i)));
        }

        load.Finish(new LogIndex(9001), new HybridTime(9001), static result => Assert.True(result.IsOk));
        disk.Pump();
        Settle(store, disk);
        disk.Pump();
        Assert.Empty(store.ShardsToRepair);
        Assert.False(disk.Files.ContainsKey(file.Name));
        Assert.Equal(Value(lost[0]), Get(store.Shard(Shard), $"key/{lost[0]:d4}", disk).Record!.Value.Value.ToArray());
    }

    private static void Fill(ImageDisk disk, int keys)
    {
        var store = Open(disk, Options);
        for (var i = 0; i < keys; i++)
        {
            Put(store, $"key/{i:d4}", i + 1, Value(i));
        }

        store.Flush();
        Settle(store, disk);
    }

    private static byte[] Value(int seed)
    {
        var value = new byte[ValueBytes];
        new Prng((ulong)seed).Fill(value);
        return value;
    }

    private static List<string> ValueFiles(ImageDisk disk) =>
        [.. disk.Files.Keys.Where(static name => name.EndsWith(".val", StringComparison.Ordinal))];
}
