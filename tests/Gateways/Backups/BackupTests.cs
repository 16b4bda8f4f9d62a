using System.Text;
using Atoll.Backups;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;
using Xunit;

namespace Atoll.Gateways.Tests.Backups;

/// <summary>Backups and restores over the real state machines, and what is found when files are not what they were.</summary>
public sealed class BackupTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("atoll-backup-").FullName;
    private readonly List<string> _remarks = [];
    private readonly AtollClient _old = Client(new MachinePort());
    private readonly MachinePort _newPort = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_segment_has_the_bytes_of_format_1()
    {
        var content = new WireWriter();
        SegmentFile.Append(content, new ScanRow("a"u8.ToArray(), new HybridTime(5), HybridTime.Zero, "1"u8.ToArray()));
        SegmentFile.Append(content, new ScanRow("b"u8.ToArray(), new HybridTime(6), new HybridTime(9), default));
        var file = SegmentFile.Encode(content.Written, 2);
        Assert.Equal(
            "41544F4C4C534547" + "01000000" + "02000000" + "2700000000000000"
            + "0161" + "0131" + "0500000000000000" + "0000000000000000" + "0162" + "00" + "0600000000000000" + "0900000000000000",
            Convert.ToHexString(file.AsSpan(0, file.Length - 4)));
        Assert.Null(SegmentFile.TryDecode(file, out var records));
        Assert.Equal(["a", "b"], records.Select(record => Encoding.UTF8.GetString(record.Key.Span)));
        for (var bit = 0; bit < file.Length * 8; bit++)
        {
            var flipped = file.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotNull(SegmentFile.TryDecode(flipped, out var none));
            Assert.Empty(none);
        }
    }

    [Fact]
    public async Task What_was_backed_up_is_restored_into_another_cluster_with_another_number_of_shards()
    {
        await FillAsync(300);
        var manifest = await BackUpAsync("full");
        var space = Assert.Single(manifest.Spaces);
        Assert.Equal(("s", 300, 1, 3), (space.Name, space.Records, space.Shards, space.Replicas));
        Assert.True(manifest.Segments.Count > 5);

        var restored = Assert.Single(await RestoreAsync("full", options => options with { Shards = 5, Replicas = 1 }));
        Assert.True(restored.IsEqual, $"{restored}");
        Assert.Equal(300, restored.Found.Records);
        await using var client = Client(_newPort);
        Assert.Equal(5, (await client.Spaces.DescribeAsync("s")).Shards.Count);
        Assert.Equal("value 7", await client.Records("s").GetTextAsync("key 007"));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "full"), "restore.*"));
    }

    [Fact]
    public async Task An_incremental_backup_stores_what_changed_and_brings_nothing_deleted_back()
    {
        await FillAsync(300);
        var full = await BackUpAsync("full");
        await _old.Records("s").PutTextAsync("key 007", "changed");
        await _old.Records("s").DeleteAsync(Encoding.UTF8.GetBytes("key 200"));
        var second = await BackUpAsync("second", "full");
        var third = await BackUpAsync("deeper/third", "second");
        Assert.Equal("../full", second.Segments.First(segment => segment.Folder is not null).Folder);
        Assert.Equal(2, second.Segments.Count(segment => segment.Folder is null));
        Assert.All(third.Segments, segment => Assert.StartsWith("../../", segment.Folder, StringComparison.Ordinal));
        Assert.Equal(full.Segments.Count, third.Segments.Count);

        Assert.True((await RestoreAsync("deeper/third"))[0].IsEqual);
        await using var client = Client(_newPort);
        Assert.Equal("changed", await client.Records("s").GetTextAsync("key 007"));
        Assert.Null(await client.Records("s").GetTextAsync("key 200"));
        Assert.Equal(299, (await client.Records("s").CountAsync()).Records);
    }

    [Fact]
    public async Task A_missing_base_a_missing_segment_and_a_flipped_bit_are_named_before_anything_is_written()
    {
        await FillAsync(100);
        await BackUpAsync("full");
        await _old.Records("s").PutTextAsync("key 007", "changed");
        var second = await BackUpAsync("second", "full");
        var mine = Path.Combine(_folder, "second", "segments", second.Segments.First(segment => segment.Folder is null).File!);
        var bytes = File.ReadAllBytes(mine);
        bytes[^10] ^= 4;
        File.WriteAllBytes(mine, bytes);
        var error = await Assert.ThrowsAsync<BackupException>(() => RestoreAsync("second"));
        Assert.Contains(mine, error.Message, StringComparison.Ordinal);
        Assert.Contains("checksum", error.Message, StringComparison.Ordinal);

        bytes[^10] ^= 4;
        File.WriteAllBytes(mine, bytes);
        Directory.Move(Path.Combine(_folder, "full"), Path.Combine(_folder, "elsewhere"));
        error = await Assert.ThrowsAsync<BackupException>(() => RestoreAsync("second"));
        Assert.Contains(Path.Combine(_folder, "full"), error.Message, StringComparison.Ordinal);
        Directory.Move(Path.Combine(_folder, "elsewhere"), Path.Combine(_folder, "full"));

        File.Delete(mine);
        error = await Assert.ThrowsAsync<BackupException>(() => RestoreAsync("second"));
        Assert.Contains(mine, error.Message, StringComparison.Ordinal);
        Assert.Empty(_newPort.Requests);
    }

    [Fact]
    public async Task A_manifest_with_any_bit_flipped_is_refused()
    {
        await FillAsync(3);
        var bytes = (await BackUpAsync("full")).ToBytes();
        Assert.Equal(3, BackupManifest.Parse("m", bytes).Spaces[0].Records);
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            var flipped = bytes.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<BackupException>(() => BackupManifest.Parse("m", flipped));
        }
    }

    [Fact]
    public async Task A_backup_that_was_broken_off_goes_on_with_what_it_has()
    {
        await FillAsync(300);
        var full = await BackUpAsync("full");

        // As a killed run leaves it: some segments noted, and one that was written and not noted.
        var folder = Path.Combine(_folder, "full");
        (full with { Segments = [.. full.Segments.Take(3)] }).Save(Path.Combine(folder, BackupManifest.PartialFileName));
        File.Delete(Path.Combine(folder, BackupManifest.FileName));
        var error = Assert.Throws<BackupException>(() => new RestoreRun(_old, new RestoreOptions { From = folder }, _ => { }));
        Assert.Contains("never completed", error.Message, StringComparison.Ordinal);
        var again = await BackUpAsync("full");
        Assert.Equal(full.Segments.Take(3).Select(segment => segment.File), again.Segments.Take(3).Select(segment => segment.File));
        Assert.Equal(300, again.Spaces[0].Records);
        Assert.Equal(
            again.Segments.Select(segment => segment.File).Order(StringComparer.Ordinal),
            Directory.GetFiles(Path.Combine(folder, "segments")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.False(File.Exists(Path.Combine(folder, BackupManifest.PartialFileName)));
        Assert.True((await RestoreAsync("full"))[0].IsEqual);
        await Assert.ThrowsAsync<BackupException>(() => BackUpAsync("full"));
    }

    [Fact]
    public async Task A_space_that_exists_is_not_touched_unless_it_is_empty_and_one_said_so()
    {
        await FillAsync(10);
        await BackUpAsync("full");
        await using var client = Client(_newPort);
        await client.Spaces.CreateAsync(new SpaceOptions("s", Replicas: 1, ShardCount: 2));
        await Assert.ThrowsAsync<BackupException>(() => RestoreAsync("full"));
        await client.Records("s").PutTextAsync("mine", "1");
        await Assert.ThrowsAsync<BackupException>(() => RestoreAsync("full", options => options with { IntoExisting = true }));
        await client.Records("s").DeleteAsync(Encoding.UTF8.GetBytes("mine"));
        Assert.True((await RestoreAsync("full", options => options with { IntoExisting = true }))[0].IsEqual);
        var renamed = await RestoreAsync("full", options => options with { Spaces = new Dictionary<string, string> { ["s"] = "other" } });
        Assert.True(renamed[0].IsEqual);
        Assert.Equal("value 1", await client.Records("other").GetTextAsync("key 001"));
    }

    [Fact]
    public async Task Records_keep_the_moment_at_which_they_expire_and_expired_ones_stay_away()
    {
        await FillAsync(5);
        var records = _old.Records("s");
        await records.PutAsync("short"u8.ToArray(), "1"u8.ToArray(), new WriteOptions { TimeToLive = TimeSpan.FromMinutes(1) });
        await records.PutAsync("long"u8.ToArray(), "2"u8.ToArray(), new WriteOptions { TimeToLive = TimeSpan.FromHours(2) });
        var expiresAt = (await records.GetAsync("long"u8.ToArray()))!.Value.ExpiresAt;
        await BackUpAsync("full");
        _newPort.Now = _newPort.Now.Add(Duration.FromSeconds(3600));
        var restored = Assert.Single(await RestoreAsync("full"));
        Assert.Equal((true, 6, 1), (restored.IsEqual, restored.Found.Records, restored.LeftOut));
        await using var client = Client(_newPort);
        Assert.Null(await client.Records("s").GetAsync("short"u8.ToArray()));
        var found = (await client.Records("s").GetAsync("long"u8.ToArray()))!.Value.ExpiresAt;
        Assert.InRange(found.UnixMilliseconds - expiresAt.UnixMilliseconds, -60_000, 1_000);
    }

    [Fact]
    public async Task A_restore_that_was_broken_off_puts_only_what_is_missing()
    {
        await FillAsync(200);
        await BackUpAsync("full");
        var batches = 0;
        _newPort.Disturb = request => request.Kind == Node.Requests.RequestKind.Write && request.Space.Value > 0 && ++batches > 4
            ? new Node.Requests.Response(Node.Requests.ResponseStatus.Faulted)
            : null;
        await Assert.ThrowsAsync<Services.Errors.AtollException>(() => RestoreAsync("full", options => options with { Parallel = 1 }));
        _newPort.Disturb = null;
        Assert.True((await RestoreAsync("full"))[0].IsEqual);
        Assert.Contains(_remarks, remark => remark.StartsWith("going on behind", StringComparison.Ordinal));
    }

    private static AtollClient Client(MachinePort port) => new(port, new CallerOptions { Clock = new ServerClock(new PortTime(port)) });

    private async Task FillAsync(int records)
    {
        await _old.Spaces.CreateAsync(new SpaceOptions("s"));
        for (var i = 0; i < records; i++)
        {
            await _old.Records("s").PutTextAsync($"key {i:d3}", $"value {i}");
        }
    }

    private Task<BackupManifest> BackUpAsync(string folder, string? basis = null) => new BackupRun(
        _old,
        new BackupOptions
        {
            To = Path.Combine(_folder, folder), Base = basis is null ? null : Path.Combine(_folder, basis), SegmentBytes = 1024,
        },
        _remarks.Add).RunAsync(default);

    private async Task<IReadOnlyList<RestoredSpace>> RestoreAsync(string folder, Func<RestoreOptions, RestoreOptions>? with = null)
    {
        var options = new RestoreOptions { From = Path.Combine(_folder, folder) };
        await using var client = Client(_newPort);
        var run = new RestoreRun(client, with?.Invoke(options) ?? options, _remarks.Add);
        await run.VerifyAsync(default);
        return await run.RunAsync(default);
    }

    // The machines' own time.
    private sealed class PortTime(MachinePort port) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(port.Now.UnixMilliseconds);
    }
}
