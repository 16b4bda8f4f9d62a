using System.Text;
using Atoll.Foundation.Randomness;
using Atoll.Simulation.Disks;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;
using Xunit;
using static Atoll.Storage.Tests.Lsm.LsmOnImage;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>
/// Rot and lost files (museum, row 5): whatever is damaged, no read answers with anything but what was written or a fault that names
/// file, place and keys; and everything else stays readable.
/// </summary>
public sealed class LsmCorruptionTests
{
    [Fact]
    public void A_flipped_bit_anywhere_is_harmless_or_found_and_never_a_wrong_value()
    {
        var image = new ImageDisk();
        var content = Fill(Open(image), image);
        Assert.True(image.Files.Keys.Count(static f => f.EndsWith(".sst", StringComparison.Ordinal)) > 5);
        var prng = new Prng(4);
        var (harmless, found, refused) = (0, 0, 0);
        foreach (var name in image.Files.Keys.ToList())
        {
            for (var flips = 0; flips < 250; flips++)
            {
                var offset = prng.NextInt(0, image.Files[name].Length - 1);
                var disk = image.Copy();
                disk.Files[name][offset] ^= (byte)(1 << prng.NextInt(0, 7));
                var opening = TryOpen(disk);
                if (opening.Status != LsmOpeningStatus.Ok)
                {
                    Assert.Equal(name, opening.Corruption!.File);
                    refused++;
                    continue;
                }

                Assert.Empty(opening.Missing);
                var faults = ReadAll(opening.Store!, content, disk, name);
                Settle(opening.Store!, disk);
                ReadAll(opening.Store!, content, disk, name);
                harmless += faults == 0 ? 1 : 0;
                found += faults == 0 ? 0 : 1;
            }
        }

        // A manifest has everything twice. In a file, a bit is harmless in what a read of all keys does not need: properties, for one.
        Assert.Equal(0, refused);
        Assert.True(found > 1000 && harmless > 250, $"{found} found, {harmless} harmless");
    }

    [Fact]
    public void A_damaged_block_costs_its_own_keys_only_and_no_merge_touches_it()
    {
        var image = new ImageDisk();
        var content = Fill(Open(image), image);
        var name = image.Files.Keys.First(static f => f.EndsWith(".sst", StringComparison.Ordinal));
        image.Files[name][20] ^= 1;
        var store = Open(image);
        var lost = content.Keys.Where(key => Get(store.Shard(Shard), key, image).Fault is not null).ToList();
        Assert.InRange(lost.Count, 1, 30);
        var shard = store.Shard(Shard);
        for (var round = 0; round < 30; round++)
        {
            for (var i = 0; i < 60; i++)
            {
                shard.Write(Encoding.ASCII.GetBytes($"key/{i * 10:d4}+"), new StoredRecord(new(9000), default, new byte[30]));
            }

            store.Flush();
            store.Maintain(1_000_000);
            image.Pump();
            store.Maintain(1_000_000);
            image.Pump();
        }

        Assert.True(image.Files.ContainsKey(name));
        Assert.Equal(lost, content.Keys.Where(key => Get(shard, key, image).Fault is not null));
    }

    [Fact]
    public void Loading_the_shards_of_a_damaged_file_anew_repairs_the_store()
    {
        var image = new ImageDisk();
        var content = Fill(Open(image), image);
        var name = image.Files.Keys.First(static f => f.EndsWith(".sst", StringComparison.Ordinal));
        image.Files[name][20] ^= 1;
        var store = Open(image);
        var other = store.Shard(new(6));
        other.Write("k"u8, new StoredRecord(new(9001), default, "sound"u8.ToArray()));
        other.Applied = new(1);
        store.Flush();
        Assert.Empty(store.ShardsToRepair);
        Scrub(store, image);
        Assert.Equal([Shard], store.ShardsToRepair);

        // As another replica sends it.
        var load = store.BeginLoad(Shard);
        foreach (var (key, (version, value)) in content)
        {
            load.Put(Encoding.ASCII.GetBytes(key), new StoredRecord(new(version), default, value));
        }

        var isDone = false;
        load.Finish(new(2000), new(9002), result => isDone = result.IsOk);
        image.Pump();
        Assert.True(isDone);
        Settle(store, image);
        image.Pump();
        Assert.False(image.Files.ContainsKey(name));
        Assert.Empty(store.ShardsToRepair);
        Assert.Equal((2000ul, (long)content.Count), (store.Shard(Shard).DurableApplied.Value, store.Shard(Shard).Count));
        Assert.Equal(0, ReadAll(store, content, image, name));
        Assert.Equal("sound"u8.ToArray(), Get(other, "k", image).Record!.Value.Value.ToArray());
    }

    [Fact]
    public void A_scrub_finds_a_flipped_bit_in_any_block_and_nothing_in_a_sound_store()
    {
        var image = new ImageDisk();
        Fill(Open(image), image);
        Assert.Equal((1L, 0L), Scrub(Open(image), image));
        var prng = new Prng(6);

        // Of value files those in which all is needed: damage in what nothing points to harms nobody.
        var values = Open(image.Copy()).Files.ValueUses.Where(static u => u.GarbageBytes == 0).Select(static u => u.File.Name).ToList();
        Assert.NotEmpty(values);
        foreach (var name in image.Files.Keys.Where(static f => f.EndsWith(".sst", StringComparison.Ordinal)).Concat(values).ToList())
        {
            for (var flips = 0; flips < 25; flips++)
            {
                var disk = image.Copy();
                var store = Open(disk);
                if (flips % 2 == 0)
                {
                    // Also what is open and cached is read again.
                    Scrub(store, disk);
                }

                var bytes = disk.Files[name];
                bytes[prng.NextInt(0, bytes.Length - 1)] ^= (byte)(1 << prng.NextInt(0, 7));
                var found = new List<string>();
                store.FaultFound = fault => found.Add(fault.Corruption.File);
                var (_, damaged) = Scrub(store, disk);
                Assert.True(damaged > 0, name);
                Assert.Equal([name], found);
            }
        }
    }

    [Fact]
    public void A_missing_or_cut_file_is_named_at_opening_and_its_keys_answer_the_fault()
    {
        foreach (var (suffix, isCut) in new[] { (".sst", true), (".sst", false), (".val", true), (".val", false) })
        {
            var image = new ImageDisk();
            var content = Fill(Open(image), image);
            var name = image.Files.Keys.Last(f => f.EndsWith(suffix, StringComparison.Ordinal));
            if (isCut)
            {
                image.Files[name] = image.Files[name][..^1];
            }
            else
            {
                image.Files.Remove(name);
            }

            var opening = TryOpen(image);
            Assert.Equal(name, Assert.Single(opening.Missing).Corruption.File);
            Assert.Equal([Shard], opening.Store!.ShardsToRepair);
            Assert.InRange(ReadAll(opening.Store, content, image, name), 1, content.Count - 1);
        }
    }

    [Fact]
    public void Sorted_files_without_a_manifest_are_never_taken_for_an_empty_store()
    {
        var image = new ImageDisk();
        Fill(Open(image), image, 300);
        image.Files.Remove("s/MANIFEST");
        var files = image.Files.Count;
        Assert.Equal(LsmOpeningStatus.Corrupt, TryOpen(image).Status);
        Assert.Equal(files, image.Files.Count);
    }

    [Fact]
    public void A_manifest_damaged_in_both_copies_before_its_end_is_corruption_and_nothing_is_changed()
    {
        var image = new ImageDisk();
        Fill(Open(image), image);
        var manifest = image.Files["s/MANIFEST"];
        manifest[70] ^= 1;
        manifest[ManifestFormat.BlockBytes + 70] ^= 1;
        var before = image.Copy();
        var opening = TryOpen(image);
        Assert.Equal(LsmOpeningStatus.Corrupt, opening.Status);
        Assert.Equal(before.Files.Keys, image.Files.Keys);
        Assert.Equal(before.Files["s/MANIFEST"], image.Files["s/MANIFEST"]);
    }

    private static (long Passes, long Damaged) Scrub(LsmStore store, ImageDisk disk)
    {
        var passes = store.Statistics.ScrubPasses;
        while (store.Statistics.ScrubPasses == passes)
        {
            store.Scrub(3000);
            disk.Pump();
        }

        return (store.Statistics.ScrubPasses, store.Statistics.ScrubDamagedBlocks);
    }

    /// <summary>Reads every key by itself and all by scans; returns the faults of the former, which must be of that file.</summary>
    private static int ReadAll(LsmStore store, SortedDictionary<string, (ulong Version, byte[] Value)> content, ImageDisk disk, string name)
    {
        var shard = store.Shard(Shard);
        var faults = 0;
        for (var i = 0; i < 600; i++)
        {
            var key = $"key/{i:d4}";
            var (fault, record) = Get(shard, key, disk);
            if (fault is not null)
            {
                faults++;
                byte[] whole = [.. TreeKey.Prefix(1), .. Encoding.ASCII.GetBytes(key)];
                Assert.Equal(name, fault.Corruption.File);
                Assert.True(fault.From.Span.SequenceCompareTo(whole) <= 0 && fault.To.Span.SequenceCompareTo(whole) > 0);
            }
            else if (content.TryGetValue(key, out var expected))
            {
                Assert.True(
                    record is { } r && r.Version.Value == expected.Version && r.Value.Span.SequenceEqual(expected.Value),
                    $"{name}: {key}");
            }
            else
            {
                Assert.Null(record);
            }
        }

        using var cursor = shard.OpenCursor();
        var more = cursor.SeekFirst();
        foreach (var (key, (version, value)) in content)
        {
            if (!more && cursor.IsWaiting)
            {
                cursor.Load(() => { });
                disk.Pump();
                more = cursor.IsValid;
            }

            if (!more)
            {
                Assert.Equal(name, cursor.Fault?.Corruption.File);
                break;
            }

            ShardTwin.AssertRecord(key, version, value, cursor, name);
            more = cursor.Next();
        }

        return faults;
    }
}
