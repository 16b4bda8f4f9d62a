using Atoll.Conformance;
using Atoll.Foundation.World;
using Atoll.Live.Disks;
using Xunit;

namespace Atoll.Live.Tests.Disks;

/// <summary>The suite that every disk passes, on a shadowed folder that is empty.</summary>
public sealed class ShadowDiskConformanceTests : DiskConformance
{
    protected override DiskHarness NewDisk() => new ShadowHarness(new TemporaryFolder());
}

/// <summary>What is on the real disk is seen, and never changed.</summary>
public sealed class ShadowDiskTests
{
    [Fact]
    public void A_real_file_is_read_and_what_is_written_over_it_is_seen_by_the_shadow_alone()
    {
        using var disk = new ShadowHarness(new TemporaryFolder());
        var real = Pattern(20_000);
        Directory.CreateDirectory(disk.Root["a"]);
        File.WriteAllBytes(disk.Root["a/b"], real);
        var file = disk.Open("a/b").File!;
        Assert.Equal(real, disk.Read(file, 0, 20_000));
        disk.Write(file, 4_090, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        disk.Write(file, 21_000, [9]);
        var seen = disk.Read(file, 0, 30_000);
        byte[] expected = [.. real[..4_090], 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, .. real[4_100..], .. new byte[1_000], 9];
        Assert.Equal(expected, seen);
        Assert.Equal(real, File.ReadAllBytes(disk.Root["a/b"]));
    }

    [Fact]
    public void What_was_cut_off_stays_off_when_the_file_grows_again()
    {
        using var disk = new ShadowHarness(new TemporaryFolder());
        File.WriteAllBytes(disk.Root["f"], Pattern(10_000));
        var file = disk.Open("f").File!;
        disk.Write(file, 5_000, [1]);
        disk.Truncate(file, 4_500);
        disk.Truncate(file, 9_000);
        Assert.Equal([.. Pattern(10_000)[..4_500], .. new byte[4_500]], disk.Read(file, 0, 9_000));
    }

    [Fact]
    public void Renames_and_deletions_show_in_listings_and_change_no_real_file()
    {
        using var disk = new ShadowHarness(new TemporaryFolder());
        File.WriteAllBytes(disk.Root["a"], [1]);
        File.WriteAllBytes(disk.Root["b"], [2, 2]);
        File.WriteAllBytes(disk.Root["c"], [3, 3, 3]);
        Assert.True(disk.Rename("a", "b").IsOk);
        Assert.True(disk.Delete("c").IsOk);
        Assert.Equal(DiskStatus.NotFound, disk.Open("c").Result.Status);
        Assert.Equal([new DiskEntry("b", 1)], disk.List(""));
        Assert.Equal(["a", "b", "c"], Directory.EnumerateFiles(disk.Root.Path).Select(Path.GetFileName).Order());
        Assert.Equal([2, 2], File.ReadAllBytes(disk.Root["b"]));
    }

    private static byte[] Pattern(int length) => [.. Enumerable.Range(0, length).Select(static i => (byte)((i * 7) + (i >> 8)))];
}

/// <summary>A shadowed temporary folder.</summary>
internal sealed class ShadowHarness(TemporaryFolder root) : DiskHarness
{
    private readonly ShadowDisk _disk = new(root.Path);

    public TemporaryFolder Root => root;

    public override IDisk Disk => _disk;

    public override void RunUntil(Func<bool> condition) => Assert.True(_disk.RunUntil(condition), "the operation never ends");

    public override void Restart()
    {
        // Nothing is under way that could be lost: what is in memory is the disk.
    }

    protected override void Dispose(bool disposing)
    {
        _disk.Dispose();
        root.Dispose();
        base.Dispose(disposing);
    }
}
