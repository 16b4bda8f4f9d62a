using System.Diagnostics;
using Atoll.Foundation.World;
using Atoll.Live.Disks;
using Xunit;

namespace Atoll.Live.Tests.Disks;

/// <summary>What only a real disk can show.</summary>
public sealed class LiveDiskTests
{
    [Fact]
    public void A_preallocated_file_really_has_its_room()
    {
        using var disk = new LiveDiskHarness();
        Assert.True(disk.Create("log", 3_000_000).Result.IsOk);
        Assert.Equal(3_000_000, new FileInfo(Path.Combine(disk.Root, "log")).Length);
        Assert.All(File.ReadAllBytes(Path.Combine(disk.Root, "log")), b => Assert.Equal(0, b));
    }

    [Fact]
    public void A_name_that_leads_out_of_the_folder_is_an_error_of_the_program()
    {
        using var disk = new LiveDiskHarness();
        Assert.Throws<Foundation.Checks.CheckFailedException>(() => disk.Live.Open("../x", (_, _) => { }));
        Assert.Throws<Foundation.Checks.CheckFailedException>(() => disk.Live.Open("a//b", (_, _) => { }));
        Assert.Throws<Foundation.Checks.CheckFailedException>(() => disk.Live.Open("/etc/passwd", (_, _) => { }));
    }

    [Fact]
    public void A_folder_in_the_place_of_a_file_is_denied_with_its_path()
    {
        using var disk = new LiveDiskHarness();
        Directory.CreateDirectory(Path.Combine(disk.Root, "x"));
        var (result, file) = disk.Open("x");
        Assert.Equal(DiskStatus.Denied, result.Status);
        Assert.Contains(Path.Combine(disk.Root, "x"), result.Detail, StringComparison.Ordinal);
        Assert.Null(file);
    }

    [Fact]
    public void A_file_in_the_place_of_a_folder_is_an_error_and_not_an_exception()
    {
        using var disk = new LiveDiskHarness();
        disk.Create("x").File!.Close();
        var (result, _) = disk.Create("x/y");
        Assert.False(result.IsOk);
        Assert.NotNull(result.Detail);
    }

    [Fact]
    public void Reads_of_one_file_do_not_wait_for_syncs_of_another()
    {
        using var disk = new LiveDiskHarness();
        var log = disk.Create("log", 1 << 20).File!;
        var other = disk.Create("other").File!;
        disk.Write(other, 0, [1, 2, 3], true);
        var data = new byte[4_096];
        var written = 0;
        var read = 0;
        for (var i = 0; i < 100; i++)
        {
            log.Write(i * 4_096L, data, true, _ => written++);
            other.Read(0, new byte[3], _ => read++);
        }

        disk.RunUntil(() => read == 100 && written == 100);
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData(null, 2)]
    [InlineData("/dev/shm", 3)]
    public void What_is_written_by_blocks_and_by_bytes_is_read_as_it_was_written(string? where, int seed)
    {
        const int room = 3 << 20;
        var random = new Random(seed);
        using var folder = where is null || !Directory.Exists(where) ? null : new TemporaryFolder(where);
        using var disk = folder is null ? new LiveDiskHarness() : new LiveDiskHarness(folder.Path);
        var file = disk.Create("log", room).File!;
        var expected = new byte[room];
        var (asked, ended) = (0, 0);
        var next = 0;
        for (var i = 0; i < 400; i++)
        {
            // Blocks one behind the other, as a log writes them, and in between anything anywhere; several are under way at once.
            var isBlocks = random.Next(4) > 0;
            var length = isBlocks ? 4_096 * random.Next(1, random.Next(10) == 0 ? 200 : 4) : random.Next(1, 10_000);
            next = next + length > room || random.Next(20) == 0 ? 4_096 * random.Next(0, room / 8_192) : next;
            var offset = isBlocks ? next : random.Next(0, room - length);
            length = Math.Min(length, room - offset);
            next = isBlocks ? offset + length : next;
            var data = new byte[length];
            random.NextBytes(data);
            data.CopyTo(expected, offset);
            asked++;
            file.Write(offset, data, random.Next(5) > 0, result =>
            {
                Assert.Equal(new DiskResult(DiskStatus.Ok, length), result);
                ended++;
            });
            if (random.Next(8) == 0)
            {
                var from = random.Next(0, room - 1);
                var read = new byte[Math.Min(20_000, room - from)];
                var then = expected[from..(from + read.Length)];
                asked++;
                file.Read(from, read, result =>
                {
                    Assert.Equal(read.Length, result.Bytes);
                    Assert.Equal(then, read);
                    ended++;
                });
            }

            if (random.Next(10) == 0)
            {
                disk.RunUntil(() => ended == asked);
            }
        }

        disk.RunUntil(() => ended == asked);
        Assert.Equal(expected, File.ReadAllBytes(Path.Combine(folder?.Path ?? disk.Root, "log")));
    }

    [Fact]
    public void Blocks_behind_the_end_of_a_file_make_it_longer()
    {
        using var disk = new LiveDiskHarness();
        var file = disk.Create("log", 8_192).File!;
        var block = Enumerable.Repeat((byte)7, 4_096).ToArray();
        disk.Write(file, 8_192, block, true);
        disk.Write(file, 4_096, [.. block, .. block], true);
        Assert.Equal([.. new byte[4_096], .. block, .. block], File.ReadAllBytes(Path.Combine(disk.Root, "log")));
        var truncated = false;
        file.Truncate(4_096, _ => truncated = true);
        disk.RunUntil(() => truncated);
        disk.Write(file, 4_096, block, true);
        Assert.Equal([.. new byte[4_096], .. block], File.ReadAllBytes(Path.Combine(disk.Root, "log")));
    }

    [Fact]
    public void Everything_asked_for_before_the_end_is_done_at_the_end()
    {
        using var disk = new LiveDiskHarness();
        var file = disk.Create("a").File!;
        for (var i = 0; i < 50; i++)
        {
            file.Write(i, new byte[] { (byte)(i + 1) }, false, _ => { });
        }

        disk.Restart();
        Assert.Equal(Enumerable.Range(1, 50).Select(i => (byte)i), disk.Read(disk.Open("a").File!, 0, 100));
    }

    [Theory]
    [InlineData(28, DiskStatus.Full)]
    [InlineData(5, DiskStatus.Failed)]
    [InlineData(13, DiskStatus.Denied)]
    [InlineData(30, DiskStatus.Denied)]
    [InlineData(2, DiskStatus.NotFound)]
    [InlineData(17, DiskStatus.Exists)]
    public void The_numbers_of_the_system_have_names(int error, DiskStatus expected)
    {
        var result = DiskErrors.FromNumber(error, "/data/x");
        Assert.Equal(expected, result.Status);
        Assert.EndsWith("(/data/x)", result.Detail, StringComparison.Ordinal);
        var thrown = DiskErrors.FromException(new IOException("said so", error), "/data/x");
        Assert.Equal(error is 13 or 2 ? DiskStatus.Failed : expected, thrown.Status);
    }

    [Fact]
    public void A_sync_that_finds_no_space_is_a_failure_and_not_merely_full() =>
        Assert.Equal(DiskStatus.Failed, DiskErrors.FromSync(28, "/data/x").Status);

    [Fact]
    public void A_failed_write_is_logged_and_the_file_is_never_written_again()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // Writing there fails with "no space left", reading brings zeros: the system's own imitation of a full disk. Its sync fails, too.
        using var disk = new LiveDiskHarness("/dev");
        var (result, file) = disk.Open("full");
        Assert.True(result.IsOk, result.ToString());
        var full = disk.Write(file!, 0, [1]);
        Assert.Equal(DiskStatus.Full, full.Status);
        Assert.Contains("/dev/full", full.Detail, StringComparison.Ordinal);
        var failed = disk.Sync(file!);
        Assert.Equal(DiskStatus.Failed, failed.Status);
        Assert.Contains("/dev/full", failed.Detail, StringComparison.Ordinal);
        Assert.Equal(failed, disk.Write(file!, 0, [1], true));
        Assert.True(disk.Logger.Has("/dev/full"));
        Assert.Equal([0, 0], disk.Read(file!, 0, 2));
    }

    [Fact]
    public void A_full_disk_refuses_and_keeps_what_it_has()
    {
        using var folder = new TemporaryFolder();
        if (!TryMount(folder.Path, "size=1m"))
        {
            return; // needs root and Linux
        }

        try
        {
            using var disk = new LiveDiskHarness(folder.Path);
            var file = disk.Create("a").File!;
            Assert.True(disk.Write(file, 0, new byte[600_000], true).IsOk);
            Assert.Equal(DiskStatus.Full, disk.Write(file, 600_000, new byte[600_000], true).Status);
            Assert.Equal(DiskStatus.Full, disk.Create("b", 600_000).Result.Status);
            Assert.Equal(["a"], disk.List("").Select(entry => entry.Name));
            Assert.Equal(new byte[600_000], disk.Read(file, 0, 600_000));

            // Room is made: writing goes on where it stopped.
            Assert.True(disk.Truncate(file, 100_000).IsOk);
            Assert.True(disk.Write(file, 100_000, [1, 2, 3], true).IsOk);
            Assert.Equal([1, 2, 3], disk.Read(file, 100_000, 10));
        }
        finally
        {
            Run("umount", folder.Path);
        }
    }

    private static bool TryMount(string path, string options) =>
        OperatingSystem.IsLinux() && Environment.UserName == "root" && Run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path);

    private static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
