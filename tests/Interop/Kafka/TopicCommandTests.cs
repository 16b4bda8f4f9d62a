using System.Text.Json;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Kafka;

/// <summary>Topics and groups by the command line, against a real process.</summary>
public sealed class TopicCommandTests
{
    private static readonly Dictionary<string, string> NoEnvironment = [];

    [Fact]
    public async Task Topics_are_made_written_read_changed_and_deleted_and_groups_are_set_and_forgotten()
    {
        using var cluster = new ProcessCluster();
        await cluster.Start(1, NoEnvironment).SaysAsync("serves at");
        string[] to = ["--node", cluster.Client(1), "--json"];
        await ProcessCluster.SucceedsAsync(["topic", "create", "words", "--partitions", "2", "--set", "retention.ms=3600000", .. to]);

        // The same key goes to the same partition; the others where Kafka's own client would send them.
        var produced = await ScriptAsync(
            $"printf 'a:1\\nب:2\\na:3\\n' | '{AtollProcess.Program}' topic produce words --key-separator : --compression zstd "
            + string.Join(' ', to));
        Assert.Equal(3, One(produced).GetProperty("appended").GetInt64());
        var records = Rows(await ProcessCluster.SucceedsAsync(["topic", "consume", "words", .. to]));
        Assert.Equal(["1", "2", "3"], records.Select(record => record.GetProperty("value").GetString()).Order(StringComparer.Ordinal));
        Assert.Contains(records, record => record.GetProperty("key").GetString() == "ب");

        // A tombstone.
        await ProcessCluster.SucceedsAsync(["topic", "create", "gone", "--partitions", "1", .. to]);
        await ScriptAsync($"printf 'a:1\na:\n' | '{AtollProcess.Program}' topic produce gone -k : --empty-is-null " + string.Join(' ', to));
        records = Rows(await ProcessCluster.SucceedsAsync(["topic", "consume", "gone", .. to]));
        Assert.Equal([true, false], records.Select(static record => record.TryGetProperty("value", out _)));

        await ProcessCluster.SucceedsAsync(["group", "reset", "readers", "--topic", "words", "--to", "earliest", .. to]);
        var described = One(await ProcessCluster.SucceedsAsync(["group", "describe", "readers", .. to]));
        Assert.Equal((3, 2), (described.GetProperty("lag").GetInt64(), described.GetProperty("partitions").GetArrayLength()));
        await ProcessCluster.SucceedsAsync(["group", "reset", "readers", "--topic", "words", "--to", "latest", .. to]);
        Assert.Equal(0, One(await ProcessCluster.SucceedsAsync(["group", "describe", "readers", .. to])).GetProperty("lag").GetInt64());
        Assert.Equal("readers", One(await ProcessCluster.SucceedsAsync(["group", "list", .. to])).GetProperty("group").GetString());
        await ProcessCluster.SucceedsAsync(["group", "delete", "readers", .. to]);
        Assert.Equal(4, (await ProcessCluster.RunAsync(["group", "describe", "readers", .. to])).Code);

        await ProcessCluster.SucceedsAsync(["topic", "alter", "words", "--unset", "retention.ms", .. to]);
        await ProcessCluster.SucceedsAsync(["topic", "alter", "words", "--partitions", "5", "--set", "segment.bytes=5000", .. to]);
        var grown = One(await ProcessCluster.SucceedsAsync(["topic", "describe", "words", .. to]));
        Assert.Equal(5, grown.GetProperty("partitions").GetArrayLength());
        Assert.Equal(3, grown.GetProperty("partitions").EnumerateArray().Sum(static place => place.GetProperty("nextOffset").GetInt64()));
        Assert.NotEqual(0, (await ProcessCluster.RunAsync(["topic", "alter", "words", "--partitions", "4", .. to])).Code);
        await ProcessCluster.SucceedsAsync(["topic", "delete", "words", "--yes", .. to]);

        await ProcessCluster.SucceedsAsync(
            ["topic", "create", "here", "--region", "datacenter1=1", "--allowed-region", "datacenter1", .. to]);
        var here = One(await ProcessCluster.SucceedsAsync(["topic", "describe", "here", .. to]));
        Assert.Equal(1, here.GetProperty("regions").GetProperty("datacenter1").GetInt32());
        Assert.NotEqual(0, (await ProcessCluster.RunAsync(["topic", "create", "there", "--region", "mars=1", .. to])).Code);
        var (code, why) = await ProcessCluster.RunAsync(["topic", "create", "there", "--replication", "eventual", .. to]);
        Assert.NotEqual(0, code);
        Assert.Contains("a stream is an order of records", why, StringComparison.Ordinal);

        // A feed, made from its space's side.
        await ProcessCluster.SucceedsAsync(["space", "create", "prices", "--replicas", "1", .. to]);
        var feed = One(await ProcessCluster.SucceedsAsync(["space", "watch", "prices", "--topic", "here", .. to]));
        Assert.Equal(("here", "prices", "here"), (
            feed.GetProperty("name").GetString(), feed.GetProperty("space").GetString(), feed.GetProperty("topic").GetString()));
        await ProcessCluster.SucceedsAsync(["put", "tea", "3", "--space", "prices", .. to]);
        var fed = One(await ProcessCluster.SucceedsAsync(["topic", "consume", "here", "--follow", "--limit", "1", .. to]));
        Assert.Equal(("tea", "3"), (fed.GetProperty("key").GetString(), fed.GetProperty("value").GetString()));
        Assert.Equal(4, (await ProcessCluster.RunAsync(["topic", "describe", "words", .. to])).Code);
    }

    private static async Task<string> ScriptAsync(string script)
    {
        using var process = AtollProcess.StartProgram("/bin/sh", NoEnvironment, "-c", script);
        var code = await process.EndsAsync();
        Assert.True(code == 0, process.Output);
        return process.Output;
    }

    private static List<JsonElement> Rows(string output) =>
    [
        .. output.Split('\n').Where(static line => line.StartsWith('{')).Select(static line => JsonDocument.Parse(line).RootElement),
    ];

    private static JsonElement One(string output) => Assert.Single(Rows(output));
}
