using System.Net;
using System.Text;
using Atoll.Client.Hosting;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Atoll.Gateways.Tests.Http;

/// <summary>Topics as server-sent events, shared by the members of a group; a real node, whose coordinator keeps time.</summary>
public sealed class EventGroupTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("atoll-events-").FullName;
    private NodeHost _node = null!;
    private HttpClient _http = null!;

    public async ValueTask InitializeAsync()
    {
        var native = $"127.0.0.1:{FreePort.Next()}";
        var web = new IPEndPoint(IPAddress.Loopback, FreePort.Next());
        _node = await NodeHost.StartAsync(
            new NodeHostOptions
            {
                Node = new EmbeddedNodeOptions
                {
                    DataFolder = _folder, PeerListen = $"127.0.0.1:{FreePort.Next()}", ClientAddress = native, Name = "a", Bootstrap = true,
                },
                NativeEndPoint = IPEndPoint.Parse(native),
                HttpEndPoint = web,
            },
            NullLoggerFactory.Instance, default);
        _http = new HttpClient { BaseAddress = new Uri($"http://{web}") };
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Members_share_the_partitions_and_go_on_behind_what_was_acknowledged()
    {
        Assert.Equal(HttpStatusCode.OK, (await _http.PutAsync("/v1/topics/t", Body("""{"partitions":2}"""))).StatusCode);
        await AppendAsync("a", "b", "c");

        // Alone, a member has both partitions.
        var first = await EventLines.OpenAsync(_http, "/v1/topics/t/events?group=g");
        var (member, generation, partitions) = await AssignedAsync(first);
        Assert.Equal([0, 1], partitions);
        var got = new List<(string Id, string Value)>();
        while (got.Count < 6)
        {
            var next = await first.NextAsync();
            got.Add((next!.Id, next.Data.GetProperty("value").GetString()!));
        }

        Assert.Equal(["a", "b", "c"], got.Where(record => record.Id[0] == '1').Select(record => record.Value));
        Assert.Equal(HttpStatusCode.NoContent, await AcknowledgeAsync(member, generation, "0:1", "0:0", "1:0"));

        // Two have one each; what was delivered to the first, and it keeps, is not delivered to it again.
        using var second = await EventLines.OpenAsync(_http, "/v1/topics/t/events?group=g");
        var other = await AssignedAsync(second);
        var again = await AssignedAsync(first);
        Assert.Equal([0, 1], again.Partitions.Concat(other.Partitions).Order());
        Assert.Equal(HttpStatusCode.Conflict, await AcknowledgeAsync(member, generation, "0:2"));
        var own = other.Partitions.Single();
        Assert.Equal(own == 0 ? "c" : "b", await second.NextValueAsync());
        if (own == 1)
        {
            Assert.Equal("c", await second.NextValueAsync());
        }

        await AppendAsync("d");
        Assert.Equal("d", await first.NextValueAsync());
        Assert.Equal("d", await second.NextValueAsync());

        // The first goes: the second gets its partition from where the group is.
        first.Dispose();
        var alone = await AssignedAsync(second);
        Assert.Equal((other.Member, 2), (alone.Member, alone.Partitions.Count));
        string[] rest = own == 0 ? ["b", "c", "d"] : ["c", "d"];
        foreach (var value in rest)
        {
            Assert.Equal(value, await second.NextValueAsync());
        }

        // The topic becomes larger: who leads the group notices, and what is in the new partition comes from its beginning.
        Assert.Equal(HttpStatusCode.OK, (await _http.PatchAsync("/v1/topics/t", Body("""{"partitions":3}"""))).StatusCode);
        Assert.Equal(
            HttpStatusCode.OK,
            (await _http.PostAsync("/v1/topics/t/records", Body("""{"records":[{"partition":2,"value":"new"}]}"""))).StatusCode);
        alone = await AssignedAsync(second);
        Assert.Equal([0, 1, 2], alone.Partitions);
        Assert.Equal("new", await second.NextValueAsync());

        Assert.Equal(HttpStatusCode.BadRequest, await AcknowledgeAsync(alone.Member, alone.Generation));
        Assert.Equal(HttpStatusCode.BadRequest, await AcknowledgeAsync(alone.Member, alone.Generation, "7:0"));
        Assert.Equal(HttpStatusCode.NoContent, await AcknowledgeAsync(alone.Member, alone.Generation, "0:3", "1:3"));
    }

    private static StringContent Body(string text) => new(text, Encoding.UTF8);

    private static async Task<(string Member, int Generation, List<int> Partitions)> AssignedAsync(EventLines events)
    {
        var next = await events.NextAsync();
        Assert.Equal("assigned", next!.Name);
        return (
            next.Data.GetProperty("member").GetString()!, next.Data.GetProperty("generation").GetInt32(),
            [.. next.Data.GetProperty("partitions").EnumerateArray().Select(static number => number.GetInt32())]);
    }

    private async Task<HttpStatusCode> AcknowledgeAsync(string member, int generation, params string[] ids)
    {
        var list = string.Join(',', ids.Select(static id => $"\"{id}\""));
        var body = $$"""{"group":"g","member":"{{member}}","generation":{{generation}},"ids":[{{list}}]}""";
        return (await _http.PostAsync("/v1/topics/t/acks", Body(body))).StatusCode;
    }

    // Each value to both partitions.
    private async Task AppendAsync(params string[] values)
    {
        var records = values.SelectMany(static value => new[] { 0, 1 }.Select(
            partition => $$"""{"partition":{{partition}},"value":"{{value}}"}"""));
        var body = $$"""{"records":[{{string.Join(',', records)}}]}""";
        Assert.Equal(HttpStatusCode.OK, (await _http.PostAsync("/v1/topics/t/records", Body(body))).StatusCode);
    }
}
