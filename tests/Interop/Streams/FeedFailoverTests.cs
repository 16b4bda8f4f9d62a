using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Atoll.Interop.Tests.Cql;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Streams;

/// <summary>
/// Feeds of a space and of a table in three processes, of which one stands still for a while, and another is killed, while they are
/// written to.
/// </summary>
public sealed class FeedFailoverTests
{
    private const int Keys = 8;
    private const int WritesEachTime = 48;
    private const int WritesOfKeyEachTime = WritesEachTime / Keys;

    private static readonly Dictionary<string, string> NoEnvironment = [];

    private readonly Dictionary<string, List<string>> _written = [];
    private int _writes;

    [Fact]
    public async Task While_leaders_stop_and_come_back_and_die_every_acknowledged_write_is_told_once_and_in_order()
    {
        using var cluster = new ProcessCluster();
        await cluster.StartThreeAsync(static _ => (NoEnvironment, []));
        using var http = new HttpClient { BaseAddress = new Uri($"http://{cluster.Host(1)}:4680") };
        await PutAsync(http, "/v1/spaces/s", """{"shards":4}""");
        await PutAsync(http, "/v1/topics/t", """{"partitions":3}""");
        await WriteAsync(http);
        string[] to = ["--node", cluster.Client(1), "--json"];
        await ProcessCluster.SucceedsAsync(["feed", "create", "f", "--space", "s", "--topic", "t", .. to]);
        await CaughtUpAsync(http);
        await WriteAsync(http);
        cluster.Node(2).Pause();
        await WriteAsync(http);
        cluster.Node(2).Resume(); // and goes on as if it still led what others lead by now
        await WriteAsync(http);
        cluster.Node(3).Dispose();
        await WriteAsync(http);
        await CaughtUpAsync(http);
        Assert.Contains("\"following\"", await ProcessCluster.SucceedsAsync(["feed", "describe", "f", .. to]), StringComparison.Ordinal);
        await ProcessCluster.SucceedsAsync(["feed", "delete", "f", .. to]);
        var consumed = await ProcessCluster.SucceedsAsync(["topic", "consume", "t", .. to]);
        var told = consumed.Split('\n').Where(static line => line.StartsWith('{'))
            .Select(static line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.DoesNotContain(told, static record => Header(record, "atoll-operation") == "snapshot-begin");
        foreach (var (key, written) in _written)
        {
            var records = told.Where(record => record.GetProperty("key").GetString() == key).ToList();
            var versions = records.Select(static record => Header(record, "atoll-version"))
                .Select(static version => ulong.Parse(version, CultureInfo.InvariantCulture)).ToList();
            Assert.Equal(versions.Distinct().Order(), versions);

            // What the snapshot found, and all that came later; a write that was tried twice may have two versions.
            var values = records.Select(static record => record.GetProperty("value").GetString()!).ToList();
            Assert.Equal(written.Skip(WritesOfKeyEachTime - 1), values.Where((value, i) => i == 0 || value != values[i - 1]));
        }
    }

    /// <summary>The table is written by Cassandra's driver, the topic read by Kafka's.</summary>
    [Fact]
    public async Task While_leaders_stop_and_come_back_and_die_what_a_table_tells_leads_to_what_is_in_it()
    {
        Assert.True(
            DriverProcess.Succeeds("/usr/bin/python3", "-c", "import cassandra, confluent_kafka"),
            "missing: python3-cassandra or python3-confluent-kafka (Debian's packages); ./test --all as root installs them");
        using var cluster = new ProcessCluster();
        await cluster.StartThreeAsync(static _ => (NoEnvironment, []));
        using var http = new HttpClient { BaseAddress = new Uri($"http://{cluster.Host(1)}:4680") };
        await PutAsync(http, "/v1/topics/changes", """{"partitions":3}""");
        using var table = DriverProcess.Start(
            "/usr/bin/python3", "Streams/table_feed.py", Enumerable.Range(1, 3).Select(cluster.Host));
        await table.SaysAsync("created");
        string[] to = ["--node", cluster.Client(1), "--json"];
        await ProcessCluster.SucceedsAsync(["feed", "create", "f", "--space", "feeds.t", "--topic", "changes", .. to]);
        await CaughtUpAsync(http, lagMsMax: 2_000);
        await table.AskAsync("", "running");
        cluster.Node(2).Pause();
        await table.AskAsync("", "running");
        cluster.Node(2).Resume();
        await table.AskAsync("", "running");
        cluster.Node(3).Dispose();
        await table.AskAsync("", "running");
        await table.AskAsync("enough", "written");
        await CaughtUpAsync(http);
        await table.AskAsync("check", "done");
    }

    private static async Task CaughtUpAsync(HttpClient http, int lagMsMax = 0)
    {
        using var deadline = new CancellationTokenSource(AtollProcess.Deadline);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!await IsDoneAsync(http, lagMsMax, deadline.Token))
        {
            await timer.WaitForNextTickAsync(deadline.Token);
        }
    }

    private static async Task<bool> IsDoneAsync(HttpClient http, int lagMsMax, CancellationToken cancellation) =>
        (await http.GetFromJsonAsync<JsonElement>("/v1/feeds/f", cancellation)).GetProperty("shards").EnumerateArray()
            .All(shard => shard.TryGetProperty("lagMs", out var lag) && lag.GetInt64() <= lagMsMax);

    private static string Header(JsonElement record, string name) => record.GetProperty("headers").EnumerateArray()
        .Single(header => header.GetProperty("name").GetString() == name).GetProperty("value").GetString()!;

    private static async Task PutAsync(HttpClient http, string path, string body)
    {
        using var answer = await http.PutAsync(path, new StringContent(body));
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task WriteAsync(HttpClient http)
    {
        for (var i = 0; i < WritesEachTime; i++, _writes++)
        {
            var (key, value) = ($"k{_writes % Keys}", _writes.ToString(CultureInfo.InvariantCulture));
            while (true)
            {
                using var answer = await http.PutAsync($"/v1/spaces/s/records/{key}", new StringContent(value));
                if (answer.IsSuccessStatusCode)
                {
                    break;
                }
            }

            (_written.TryGetValue(key, out var written) ? written : _written[key] = []).Add(value);
        }
    }
}
