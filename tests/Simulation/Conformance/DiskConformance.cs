using Atoll.Foundation.World;
using Xunit;

namespace Atoll.Conformance;

/// <summary>
/// What every disk must do, simulated or real: the documentation of <see cref="IDisk"/> and <see cref="IDiskFile"/>, as tests.
/// </summary>
public abstract class DiskConformance
{
    protected abstract DiskHarness NewDisk();

    [Fact]
    public void What_was_written_is_read()
    {
        using var disk = NewDisk();
        var file = disk.Create("a").File!;
        Assert.Equal(new DiskResult(DiskStatus.Ok, 10_000), disk.Write(file, 0, Pattern(1, 10_000)));
        Assert.Equal(Pattern(1, 10_000), disk.Read(file, 0, 10_000));
        Assert.Equal(Pattern(1, 10_000)[4_000..6_000], disk.Read(file, 4_000, 2_000));
    }

    [Fact]
    public void A_read_over_the_end_is_short()
    {
        using var disk = NewDisk();
        var file = disk.Create("a").File!;
        disk.Write(file, 0, Pattern(1, 100));
        Assert.Equal(Pattern(1, 100)[90..], disk.Read(file, 90, 50));
        Assert.Empty(disk.Read(file, 100, 50));
        Assert.Empty(disk.Read(file, 5_000, 50));
    }

    [Fact]
    public void A_write_behind_the_end_leaves_zeros_between()
    {
        using var disk = NewDisk();
        var file = disk.Create("a").File!;
        disk.Write(file, 10_000, [7]);
        Assert.Equal(10_001, file.LengthBytes);
        Assert.All(disk.Read(file, 0, 10_000), b => Assert.Equal(0, b));
        Assert.Equal([7], disk.Read(file, 10_000, 1));
    }

    [Fact]
    public void The_length_includes_writes_under_way()
    {
        using var disk = NewDisk();
        var file = disk.Create("a").File!;
        var result = disk.Await<DiskResult>(done =>
        {
            file.Write(0, Pattern(1, 300), false, done);
            Assert.Equal(300, file.LengthBytes);
        });
        Assert.True(result.IsOk);
    }

    [Fact]
    public void Operations_on_one_file_take_effect_and_end_in_the_order_asked_for()
    {
        using var disk = NewDisk();
        var file = disk.Create("a").File!;
        var order = new List<int>();
        var before = new byte[4];
        var after = new byte[4];
        file.Write(0, new byte[] { 1, 1, 1, 1 }, true, _ => order.Add(0));
        file.Read(0, before, _ => order.Add(1));
        file.Write(0, new byte[] { 2, 2, 2, 2 }, false, _ => order.Add(2));
        file.Read(0, after, _ => order.Add(3));
        file.Sync(_ => order.Add(4));
        disk.RunUntil(() => order.Count == 5);
        Assert.Equal([0, 1, 2, 3, 4], order);
        Assert.Equal([1, 1, 1, 1], before);
        Assert.Equal([2, 2, 2, 2], after);
    }

    [Fact]
    public void Many_writes_at_once_are_all_done()
    {
        using var disk = NewDisk();
        var file = disk.Create("a").File!;
        var ended = 0;
        for (var i = 0; i < 200; i++)
        {
            file.Write(i * 1_000, Pattern(i, 1_000), i % 10 == 0, result =>
            {
                Assert.Equal(new DiskResult(DiskStatus.Ok, 1_000), result);
                ended++;
            });
        }

        disk.RunUntil(() => ended == 200);
        Assert.All(Enumerable.Range(0, 200), i => Assert.Equal(Pattern(i, 1_000), disk.Read(file, i * 1_000, 1_000)));
    }

    [Fact]
    public void A_preallocated_file_is_zeros_of_that_length()
    {
        using var disk = NewDisk();
        var file = disk.Create("a", 100_000).File!;
        Assert.Equal(100_000, file.LengthBytes);
        Assert.All(disk.Read(file, 0, 100_000), b => Assert.Equal(0, b));
        Assert.Equal(new DiskEntry("a", 100_000), Assert.Single(disk.List("")));
    }

    [Fact]
    public void A_taken_name_is_refused()
    {
        using var disk = NewDisk();
        disk.Write(disk.Create("a").File!, 0, [1]);
        var (result, file) = disk.Create("a");
        Assert.Equal(DiskStatus.Exists, result.Status);
        Assert.Null(file);
        Assert.Equal([1], disk.Read(disk.Open("a").File!, 0, 10));
    }

    [Fact]
    public void A_missing_file_is_not_found()
    {
        using var disk = NewDisk();
        var (result, file) = disk.Open("a");
        Assert.Equal(DiskStatus.NotFound, result.Status);
        Assert.Null(file);
        Assert.Equal(DiskStatus.NotFound, disk.Delete("a").Status);
        Assert.Equal(DiskStatus.NotFound, disk.Rename("a", "b").Status);
        Assert.Equal(DiskStatus.NotFound, disk.Open("folder/a").Result.Status);
    }

    [Fact]
    public void Folders_come_into_being_and_are_listed_by_ordinal_name()
    {
        using var disk = NewDisk();
        foreach (var name in new[] { "f/b", "f/B", "f/a", "f/g/deep/x", "f/c/y", "other", "fz/q" })
        {
            disk.Create(name).File!.Close();
        }

        Assert.Equal(["B", "a", "b"], disk.List("f").Select(entry => entry.Name));
        Assert.Equal(["c", "g"], disk.ListFolders("f"));
        Assert.Equal(["x"], disk.List("f/g/deep").Select(entry => entry.Name));
        Assert.Equal(["other"], disk.List("").Select(entry => entry.Name));
        Assert.Equal(["f", "fz"], disk.ListFolders(""));
        Assert.Empty(disk.List("missing"));
        Assert.Empty(disk.ListFolders("missing/too"));
    }

    [Fact]
    public void A_rename_replaces()
    {
        using var disk = NewDisk();
        var old = disk.Create("a").File!;
        disk.Write(old, 0, [1], true);
        old.Close();
        var fresh = disk.Create("sub/a.tmp").File!;
        disk.Write(fresh, 0, [2, 3], true);
        fresh.Close();
        Assert.True(disk.Rename("sub/a.tmp", "a").IsOk);
        Assert.Equal([2, 3], disk.Read(disk.Open("a").File!, 0, 10));
        Assert.Empty(disk.List("sub"));
        Assert.Equal(DiskStatus.NotFound, disk.Open("sub/a.tmp").Result.Status);
    }

    [Fact]
    public void A_deleted_file_is_gone_and_its_name_free()
    {
        using var disk = NewDisk();
        var file = disk.Create("a").File!;
        disk.Write(file, 0, [1], true);
        file.Close();
        Assert.True(disk.Delete("a").IsOk);
        Assert.Empty(disk.List(""));
        var again = disk.Create("a");
        Assert.True(again.Result.IsOk);
        Assert.Equal(0, again.File!.LengthBytes);
    }

    [Fact]
    public void A_truncated_file_is_shorter_or_longer_with_zeros()
    {
        using var disk = NewDisk();
        var file = disk.Create("a").File!;
        disk.Write(file, 0, Pattern(1, 10_000));
        Assert.True(disk.Truncate(file, 5_000).IsOk);
        Assert.Equal(5_000, file.LengthBytes);
        Assert.True(disk.Truncate(file, 10_000).IsOk);
        Assert.Equal(Pattern(1, 10_000)[..5_000], disk.Read(file, 0, 5_000));
        Assert.All(disk.Read(file, 5_000, 5_000), b => Assert.Equal(0, b));
    }

    [Fact]
    public void Closing_lets_operations_under_way_end()
    {
        using var disk = NewDisk();
        var file = disk.Create("a").File!;
        var result = disk.Await<DiskResult>(done =>
        {
            file.Write(0, new byte[] { 9 }, true, done);
            file.Close();
        });
        Assert.True(result.IsOk);
        Assert.Equal([9], disk.Read(disk.Open("a").File!, 0, 10));
    }

    [Fact]
    public void Two_handles_see_one_file()
    {
        using var disk = NewDisk();
        var first = disk.Create("a").File!;
        var second = disk.Open("a").File!;
        disk.Write(first, 0, [1, 2, 3]);
        Assert.Equal([1, 2, 3], disk.Read(second, 0, 10));
        Assert.Equal("a", second.Name);
    }

    [Fact]
    public void Free_space_is_told()
    {
        using var disk = NewDisk();
        var result = disk.Await<DiskResult>(disk.Disk.FreeSpace);
        Assert.True(result.IsOk);
        Assert.True(result.Bytes > 0);
    }

    [Fact]
    public void What_was_synced_survives_a_restart()
    {
        using var disk = NewDisk();
        var written = disk.Create("sub/a").File!;
        disk.Write(written, 0, Pattern(3, 20_000), true);
        var synced = disk.Create("b", 65_536).File!;
        disk.Write(synced, 4_096, Pattern(4, 5_000));
        Assert.True(disk.Sync(synced).IsOk);
        var cut = disk.Create("c").File!;
        disk.Write(cut, 0, Pattern(5, 5_000), true);
        disk.Truncate(cut, 1_000);
        disk.Create("old").File!.Close();
        disk.Rename("old", "new");
        disk.Create("gone").File!.Close();
        disk.Delete("gone");

        disk.Restart();

        Assert.Equal(["b", "c", "new"], disk.List("").Select(entry => entry.Name));
        Assert.Equal(Pattern(3, 20_000), disk.Read(disk.Open("sub/a").File!, 0, 30_000));
        Assert.Equal(65_536, disk.Open("b").File!.LengthBytes);
        Assert.Equal(Pattern(4, 5_000), disk.Read(disk.Open("b").File!, 4_096, 5_000));
        Assert.Equal(Pattern(5, 5_000)[..1_000], disk.Read(disk.Open("c").File!, 0, 5_000));
    }

    private static byte[] Pattern(int seed, int size)
    {
        var bytes = new byte[size];
        new Atoll.Foundation.Randomness.Prng((ulong)seed).Fill(bytes);
        return bytes;
    }
}
