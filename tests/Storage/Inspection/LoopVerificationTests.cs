using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Simulation.Disks;
using Atoll.Storage.Inspection;
using Atoll.Storage.Journals;
using Xunit;

namespace Atoll.Storage.Tests.Inspection;

/// <summary>Verification finds every damage there is, names it, and finds none where there is none.</summary>
public sealed class LoopVerificationTests
{
    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public void The_golden_stores_are_sound(string format)
    {
        var verification = Verify(Golden(format));
        Assert.Empty(verification.Findings);
        Assert.True(verification.StoreEntries > 0 && verification.Blocks > 0 && (verification.Values > 0) == (format == "2"));
    }

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public void A_flipped_bit_anywhere_in_a_sorted_or_value_file_is_damage_that_names_file_shard_and_keys(string format)
    {
        var golden = Golden(format);
        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var name in golden.Files.Keys.Where(static name => !name.EndsWith("MANIFEST", StringComparison.Ordinal)))
        {
            for (var offset = 0; offset < golden.Files[name].Length; offset++)
            {
                var disk = golden.Copy();
                disk.Files[name][offset] ^= (byte)(1 << (offset % 8));
                var verification = Verify(disk);
                Assert.True(verification.IsDamaged, $"{name} at {offset}");
                Assert.All(verification.Findings, finding =>
                {
                    Assert.Equal((FindingKind.Damage, name), (finding.Kind, finding.Corruption.File));
                    Assert.InRange(finding.Corruption.OffsetBytes, 0, offset);
                    Assert.NotEmpty(finding.Shards);
                    Assert.False(finding.From.IsEmpty || finding.To.IsEmpty);
                });
                found.Add(name);
            }
        }

        Assert.Equal(golden.Files.Count - 1, found.Count);
    }

    [Fact]
    public void One_damaged_copy_of_an_edit_is_harmless_and_reported_and_both_are_damage_unless_nothing_follows()
    {
        var golden = Golden("2");
        const string Manifest = "store/MANIFEST";
        var length = golden.Files[Manifest].Length;
        for (var copy = 0; copy < length; copy += 4096)
        {
            var disk = golden.Copy();
            disk.Files[Manifest][copy + 70] ^= 4;
            var finding = Assert.Single(Verify(disk).Findings);
            Assert.Equal((FindingKind.Harmless, Manifest), (finding.Kind, finding.Corruption.File));
            Assert.Equal(copy, finding.Corruption.OffsetBytes);
        }

        var both = golden.Copy();
        both.Files[Manifest][70] ^= 4;
        both.Files[Manifest][4096 + 70] ^= 4;
        Assert.True(Verify(both).IsDamaged);
    }

    [Fact]
    public void A_missing_file_and_a_missing_manifest_are_damage_and_a_leftover_is_none()
    {
        var golden = Golden("2");
        var missing = golden.Copy();
        var name = missing.Files.Keys.First(static name => name.EndsWith(".sst", StringComparison.Ordinal));
        missing.Files.Remove(name);
        Assert.Contains(Verify(missing).Findings, finding => finding.Kind == FindingKind.Damage && finding.Corruption.File == name);

        var headless = golden.Copy();
        headless.Files.Remove("store/MANIFEST");
        Assert.True(Verify(headless).IsDamaged);

        var littered = golden.Copy();
        littered.Files["store/00000000000000ff.sst"] = [1, 2, 3];
        Assert.False(Verify(littered).IsDamaged);
    }

    [Fact]
    public void A_damaged_log_entry_is_named_with_its_shard_and_index()
    {
        var disk = new ImageDisk();
        WriteLog(disk, new ShardId(7), static _ => { });
        Assert.Equal((0, 20), (Verify(disk).Findings.Count, (int)Verify(disk).LogEntries));
        var (name, bytes) = disk.Files.First();
        var place = bytes.AsSpan().IndexOf("payload 11"u8);
        bytes[place] ^= 1;
        var finding = Assert.Single(Verify(disk).Findings);
        Assert.Equal((FindingKind.Damage, name), (finding.Kind, finding.Corruption.File));
        Assert.Equal([new ShardId(7)], finding.Shards);
    }

    [Fact]
    public void One_damaged_copy_of_a_segments_header_is_harmless_and_reported()
    {
        foreach (var offset in new[] { 20, 4096 + 20 })
        {
            var disk = new ImageDisk();
            WriteLog(disk, new ShardId(7), static _ => { });
            disk.Files.First().Value[offset] ^= 1;
            var finding = Assert.Single(Verify(disk).Findings);
            Assert.Equal((FindingKind.Harmless, offset / 4096 * 4096), (finding.Kind, (int)finding.Corruption.OffsetBytes));
        }
    }

    [Fact]
    public void A_log_that_begins_behind_what_the_store_has_is_damage()
    {
        // The golden store has shard 5 through index 43.
        foreach (var (compacted, isDamaged) in new[] { (42ul, false), (43ul, false), (44ul, true) })
        {
            var disk = Golden("1");
            WriteLog(disk, new ShardId(5), log => log.CompactPrefix(new LogIndex(compacted)), 50);
            var verification = Verify(disk);
            Assert.Equal(isDamaged, verification.IsDamaged);
            Assert.All(verification.Findings, finding => Assert.Equal([new ShardId(5)], finding.Shards));
        }
    }

    [Fact]
    public void A_walk_sees_versions_deletes_and_values_that_are_kept_apart()
    {
        var disk = Golden("2");
        var loop = Open(disk);
        var figures = LoopInspection.DescribeStore(loop)!;
        Assert.Equal(2u, figures.FormatVersion);
        Assert.Equal((2, 2), (figures.Files.Count, figures.Values.Count));
        Assert.Empty(figures.Leftovers);
        var seen = new List<StoredEntry>();
        foreach (var tree in figures.Trees)
        {
            for (var section = 0; section < 256; section++)
            {
                var isDone = false;
                StoreWalk.Run(
                    loop.Store!.Store!, tree.Shard, (byte)section, [], [],
                    entry =>
                    {
                        seen.Add(entry);
                        return true;
                    },
                    fault =>
                    {
                        Assert.Null(fault);
                        isDone = true;
                    });
                disk.Pump();
                Assert.True(isDone);
            }
        }

        Assert.DoesNotContain(seen, entry => entry.Kind == StoredEntryKind.Lost);
        Assert.Contains(seen, entry => entry.Kind == StoredEntryKind.Put && entry.Value.Length >= 100);
        Assert.All(seen.Zip(seen.Skip(1)), pair => Assert.NotEqual(
            (pair.First.Section, Convert.ToHexString(pair.First.Key.Span), pair.First.Version, pair.First.Kind),
            (pair.Second.Section, Convert.ToHexString(pair.Second.Key.Span), pair.Second.Version, pair.Second.Kind)));
    }

    [Fact]
    public void Every_part_of_every_file_is_dumped_whole()
    {
        foreach (var format in new[] { "1", "2" })
        {
            var golden = Golden(format);
            WriteLog(golden, new ShardId(5), static _ => { });
            foreach (var name in golden.Files.Keys.Where(static name => !name.EndsWith(".val", StringComparison.Ordinal)))
            {
                var parts = new List<FilePart>();
                var isDone = false;
                FileDump.Run(golden, name, part =>
                {
                    parts.Add(part);
                    return true;
                }, why =>
                {
                    Assert.Null(why);
                    isDone = true;
                });
                golden.Pump();
                Assert.True(isDone);
                Assert.All(parts, part => Assert.Null(part.Damage));
                Assert.True(parts.Count > 1, name);
            }
        }
    }

    private static LoopStorage Open(ImageDisk disk)
    {
        LoopStorage? loop = null;
        LoopStorage.Open(disk, opened => loop = opened);
        disk.Pump();
        return loop!;
    }

    private static LoopVerification Verify(ImageDisk disk)
    {
        disk = disk.Copy(); // opening tidies up
        var isDone = false;
        var verification = LoopVerification.Run(Open(disk), () => isDone = true);
        disk.Pump();
        Assert.True(isDone);
        return verification;
    }

    private static void WriteLog(ImageDisk disk, ShardId shard, Action<ShardLog> then, int entries = 20)
    {
        Journal? journal = null;
        Journal.Open(disk, "journal", new JournalOptions { SegmentBytes = 128 * 1024, BatchBytes = 4096, Identity = 3 }, opening =>
            journal = opening.Journal);
        disk.Pump();
        var log = journal!.Shard(shard);
        for (var index = 1; index <= entries; index++)
        {
            var payload = Encoding.UTF8.GetBytes($"payload {index}");
            log.Append([new LogEntry(new LogIndex((ulong)index), new Term(1), EntryKind.Command, payload)]);
            journal.Flush();
            disk.Pump();
        }

        then(log);
        journal.Flush();
        disk.Pump();
        for (var round = 0; round < 3; round++)
        {
            journal.Maintain();
            disk.Pump();
        }

        journal.Close();
    }

    private static ImageDisk Golden(string format)
    {
        var disk = new ImageDisk();
        var assembly = typeof(LoopVerificationTests).Assembly;
        var prefix = $"Golden/{format}/";
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            disk.Files["store/" + name[prefix.Length..]] = bytes;
        }

        return disk;
    }
}
