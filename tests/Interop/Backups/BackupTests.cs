using System.Globalization;
using System.Text.Json;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Backups;

/// <summary>
/// Backups of three real processes under load, one of them killed, restored into clusters of one and of five: museum, row 45.
/// </summary>
public sealed class BackupTests : IDisposable
{
    private static readonly Dictionary<string, string> NoEnvironment = [];

    private readonly ProcessCluster _cluster = new();

    public void Dispose() => _cluster.Dispose();

    [Fact]
    public async Task Backups_under_load_and_a_kill_restore_into_clusters_of_other_sizes_and_damage_is_named()
    {
        await _cluster.StartThreeAsync(static _ => (NoEnvironment, []));
        string[] nodes = ["--node", string.Join(',', Enumerable.Range(1, 3).Select(_cluster.Client))];
        await ProcessCluster.SucceedsAsync(["space", "create", "s", "--shards", "4", .. nodes]);
        await ProcessCluster.SucceedsAsync(["space", "create", "small", .. nodes]);
        await ProcessCluster.SucceedsAsync(["import", Rows("first", 15_000), "--space", "s", "--key", "k", .. nodes]);
        await ProcessCluster.SucceedsAsync(["put", "--space", "small", "hello", "world", .. nodes]);

        // A full backup, while somebody writes.
        using (var load = AtollProcess.Start(NoEnvironment, ["import", Rows("second", 30_000), "--space", "s", "--key", "k", .. nodes]))
        {
            await ProcessCluster.SucceedsAsync(["backup", "--to", Folder("full"), .. nodes]);
            Assert.Equal(0, await load.EndsAsync());
        }

        // An incremental one, which is itself killed once, and during which a node is killed.
        await ProcessCluster.SucceedsAsync(["delete", "--space", "s", "first 00042", .. nodes]);
        string[] incremental = ["backup", "--to", Folder("second"), "--base", Folder("full"), "--rate", "1", "--json", .. nodes];
        using (var killed = AtollProcess.Start(NoEnvironment, incremental))
        {
            await UnderWayAsync(nodes, DateTime.MinValue);
        }

        JsonElement backup;
        var left = File.GetLastWriteTimeUtc(Partial);
        using (var again = AtollProcess.Start(NoEnvironment, incremental))
        {
            await UnderWayAsync(nodes, left);
            _cluster.Node(2).Dispose();
            Assert.True(await again.EndsAsync() == 0, again.Output);
            backup = Json(again.Output)[^1];
        }

        var manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder("second"), "backup.json"))).RootElement;
        var contents = manifest.GetProperty("spaces").EnumerateArray()
            .ToDictionary(space => space.GetProperty("name").GetString()!, space => space.GetProperty("contents").GetString());
        Assert.Equal(45_000, backup.GetProperty("records").GetInt64());
        Assert.True(backup.GetProperty("recordsUnchanged").GetInt64() > 0);

        foreach (var size in (int[])[1, 5])
        {
            using var other = new ProcessCluster();
            for (var node = 1; node <= size; node++)
            {
                await other.Start(node, NoEnvironment).SaysAsync("serves at");
            }

            string[] restore = ["restore", Folder("second"), "--json", "--shards", $"{size + 2}", "--node", other.Client(1)];
            var output = await ProcessCluster.SucceedsAsync(restore);
            foreach (var space in Json(output))
            {
                Assert.True(space.GetProperty("equal").GetBoolean(), output);
                Assert.Equal(contents[space.GetProperty("of").GetString()!], space.GetProperty("contents").GetString());
            }

            Assert.Equal(4, (await ProcessCluster.RunAsync(["get", "--space", "s", "first 00042", "--node", other.Client(1)])).Code);
            var (code, said) = await ProcessCluster.RunAsync(restore);
            Assert.True(code == 1 && said.Contains("already", StringComparison.Ordinal), said);
        }

        // Damage: one bit of one byte, then no base at all.
        var segment = Directory.GetFiles(Path.Combine(Folder("second"), "segments"))[0];
        var bytes = File.ReadAllBytes(segment);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(segment, bytes);
        var (flipped, why) = await ProcessCluster.RunAsync("restore", Folder("second"), "--check");
        Assert.True(flipped == 1 && why.Contains(segment, StringComparison.Ordinal), why);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(segment, bytes);
        Assert.Equal(0, (await ProcessCluster.RunAsync("restore", Folder("second"), "--check")).Code);
        Directory.Move(Folder("full"), Folder("elsewhere"));
        var (missing, which) = await ProcessCluster.RunAsync("restore", Folder("second"), "--check");
        Assert.True(missing == 1 && which.Contains($"the base {Folder("full")} is missing", StringComparison.Ordinal), which);
    }

    private string Partial => Path.Combine(Folder("second"), "backup.partial.json");

    private string Folder(string name) => Path.Combine(_cluster.Folder, name);

    // Asks the cluster something until the backup has noted how far it is, since that time.
    private async Task UnderWayAsync(string[] nodes, DateTime since)
    {
        while (!File.Exists(Partial) || File.GetLastWriteTimeUtc(Partial) <= since)
        {
            Assert.False(File.Exists(Path.Combine(Folder("second"), "backup.json")), "the backup was over before it could be disturbed");
            await ProcessCluster.RunAsync(["get", "--space", "small", "hello", .. nodes]);
        }
    }

    private string Rows(string name, int count)
    {
        var path = Folder(name + ".jsonl");
        File.WriteAllLines(path, Enumerable.Range(0, count).Select(i =>
            string.Create(CultureInfo.InvariantCulture, $$"""{"k":"{{name}} {{i:d5}}","v":"{{new string('v', 150)}}"}""")));
        return path;
    }

    private static List<JsonElement> Json(string output) =>
        [.. output.Split('\n').Where(line => line.StartsWith('{')).Select(line => JsonDocument.Parse(line).RootElement)];
}
