using Atoll.Client;
using Atoll.Client.Hosting;
using Atoll.Client.Remote;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Hosting;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Atoll.Gateways.Tests.Hosting;

/// <summary>Real nodes in this process, with real folders and sockets: how they come into a cluster, and come back.</summary>
public sealed class NodeHostTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("atoll-host-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_node_joins_through_a_member_and_serves_what_was_written_there()
    {
        await using var first = await StartAsync("a", options => options with { Bootstrap = true });
        await using var second = await StartAsync(
            "b", options => options with { Bootstrap = false, Join = new RemoteOptions { Nodes = [first.Options.Node.ClientAddress] } });
        Assert.Equal((first.Host.Node.ClusterId, 2U), (second.Host.Node.ClusterId, second.Host.Node.Id.Value));

        await using var writer = Client(first.Options.Node.ClientAddress);
        await writer.Spaces.CreateAsync(new SpaceOptions("s", Replicas: 1, ShardCount: 4));
        await writer.Records("s").PutTextAsync("k", "v");
        await using var reader = Client(second.Options.Node.ClientAddress);
        Assert.Equal("v", await reader.Records("s").GetTextAsync("k"));
        var status = await reader.Cluster.StatusAsync();
        Assert.All(status.Nodes, node => Assert.Null(node.Problem));
        Assert.Equal(2, status.Nodes.Count);
    }

    [Theory]
    [InlineData(FaultModel.Strong)]
    [InlineData(FaultModel.Eventual)]
    public async Task Records_are_written_read_compared_scanned_and_watched_in_spaces_of_either_fault_model(FaultModel faultModel)
    {
        await using var node = await StartAsync("a", options => options with { Bootstrap = true });
        await using var client = Client(node.Options.Node.ClientAddress);
        await client.Spaces.CreateAsync(new SpaceOptions("s", faultModel, Replicas: 1, ShardCount: 3));
        var records = client.Records("s");
        await using var watch = records.Watch(new WatchOptions { ProgressInterval = TimeSpan.FromSeconds(1) }).GetAsyncEnumerator();
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal(WatchEventKind.Progress, watch.Current.Kind);

        var (a, b) = ("a"u8.ToArray(), "b"u8.ToArray());
        var level = new RequestConsistency(ConsistencyLevel.All);
        var version = await records.PutAsync(a, a, new WriteOptions { Consistency = level });
        Assert.True((await records.CompareAndSetAsync(a, version, b)).Succeeded);
        var failed = await records.CompareAndSetAsync(a, version, a);
        Assert.False(failed.Succeeded);
        var read = await records.GetAsync(a, new ReadOptions { Consistency = level });
        Assert.Equal((failed.Version, "b"), (read!.Value.Version, System.Text.Encoding.UTF8.GetString(read.Value.Value.Span)));
        Assert.True((await records.CompareAndSetAsync(b, default, b)).Succeeded);
        var keys = new List<string>();
        await foreach (var record in records.ScanAsync(new ScanRange { Reverse = true }))
        {
            keys.Add(System.Text.Encoding.UTF8.GetString(record.Key.Span));
        }

        Assert.Equal(["b", "a"], keys);
        Assert.True((await records.CompareAndDeleteAsync(b, (await records.GetAsync(b))!.Value.Version)).Succeeded);
        Assert.Null(await records.GetAsync(b));
        Assert.True(await records.DeleteAsync(a));

        var told = new List<string>();
        while (told.Count < 5 && await watch.MoveNextAsync())
        {
            if (watch.Current.Kind != WatchEventKind.Progress)
            {
                told.Add($"{System.Text.Encoding.UTF8.GetString(watch.Current.Key.Span)} {watch.Current.Kind}");
            }
        }

        // Keys of different shards have no order.
        Assert.Equal(["a Delete", "a Put", "a Put", "b Delete", "b Put"], told.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_space_that_keeps_siblings_keeps_them_for_the_client_and_over_HTTP()
    {
        await using var node = await StartAsync("a", options => options with { Bootstrap = true });
        await using var client = Client(node.Options.Node.ClientAddress);
        await client.Spaces.CreateAsync(new SpaceOptions("s", FaultModel.Eventual, 1, ShardCount: 2, Conflicts: ConflictRule.Siblings));
        var records = client.Records("s");
        var key = "k"u8.ToArray();
        Assert.Equal(RecordSiblings.None, await records.GetSiblingsAsync(key));
        await records.PutAsync(key, "1"u8.ToArray());
        var first = await records.GetSiblingsAsync(key);
        await records.PutAsync(key, "2"u8.ToArray(), new WriteOptions { Context = first.Context });
        await records.PutAsync(key, "3"u8.ToArray(), new WriteOptions { Context = first.Context, TimeToLive = TimeSpan.FromHours(1) });
        var read = await records.GetAsync(key);
        Assert.Equal("3", System.Text.Encoding.UTF8.GetString(read!.Value.Value.Span));
        Assert.Equal(2, read.Value.Siblings!.Siblings.Count);
        await foreach (var record in records.ScanAsync(default))
        {
            Assert.Equal(2, record.Siblings!.Values.Count());
        }

        await Assert.ThrowsAsync<InvalidRequestException>(async () => await records.DeleteAsync(key));
        await Assert.ThrowsAsync<InvalidRequestException>(async () => await records.CompareAndSetAsync(key, default, key));

        using var http = new HttpClient { BaseAddress = new Uri($"http://{node.Options.HttpEndPoint}/v1/spaces/s/records/k") };
        var several = await http.GetAsync("");
        Assert.Equal(System.Net.HttpStatusCode.MultipleChoices, several.StatusCode);
        using var json = System.Text.Json.JsonDocument.Parse(await several.Content.ReadAsStringAsync());
        Assert.Equal(["3", "2"], json.RootElement.GetProperty("siblings").EnumerateArray().Select(
            static sibling => sibling.GetProperty("value").GetString()));
        var context = several.Headers.GetValues("Atoll-Context").Single();
        Assert.Equal(context, json.RootElement.GetProperty("context").GetString());
        using var put = new HttpRequestMessage(HttpMethod.Put, "") { Content = new ByteArrayContent("4"u8.ToArray()) };
        put.Headers.Add("Atoll-Context", context);
        Assert.Equal(System.Net.HttpStatusCode.NoContent, (await http.SendAsync(put)).StatusCode);
        var one = await http.GetAsync("");
        Assert.Equal((System.Net.HttpStatusCode.OK, "4"), (one.StatusCode, await one.Content.ReadAsStringAsync()));
        var last = one.Headers.GetValues("Atoll-Context").Single();
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, (await http.DeleteAsync("")).StatusCode);
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, (await http.DeleteAsync("?context=AQAA")).StatusCode);
        Assert.Equal(System.Net.HttpStatusCode.NoContent, (await http.DeleteAsync($"?context={last}")).StatusCode);
        var gone = await http.GetAsync("");
        Assert.Equal(System.Net.HttpStatusCode.NotFound, gone.StatusCode);
        Assert.True(gone.Headers.Contains("Atoll-Context"));
        Assert.Null(await records.GetAsync(key));
    }

    [Fact]
    public async Task A_space_of_counters_adds_up_for_the_client_and_over_HTTP()
    {
        await using var node = await StartAsync("a", options => options with { Bootstrap = true });
        await using var client = Client(node.Options.Node.ClientAddress);
        await client.Spaces.CreateAsync(new SpaceOptions("s", FaultModel.Eventual, 1, Conflicts: ConflictRule.Counters));
        var records = client.Records("s");
        var key = "k"u8.ToArray();
        Assert.Equal(0, await records.GetCounterAsync(key));
        await records.AddAsync(key, 5);
        await records.AddAsync(key, -7);
        Assert.Equal(-2, await records.GetCounterAsync(key));
        await Assert.ThrowsAsync<InvalidRequestException>(async () => await records.PutAsync(key, key));
        await Assert.ThrowsAsync<InvalidRequestException>(async () => await records.DeleteAsync(key));

        using var http = new HttpClient { BaseAddress = new Uri($"http://{node.Options.HttpEndPoint}/v1/spaces/s/records/k") };
        Assert.Equal(System.Net.HttpStatusCode.NoContent, (await http.PatchAsync("", new ByteArrayContent("10"u8.ToArray()))).StatusCode);
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, (await http.PatchAsync("", new ByteArrayContent("1.5"u8.ToArray()))).StatusCode);
        Assert.Equal("8", await http.GetStringAsync(""));
        await foreach (var record in records.ScanAsync(default))
        {
            Assert.Equal("8", System.Text.Encoding.UTF8.GetString(record.Value.Span));
        }
    }

    [Fact]
    public async Task A_space_of_maps_changes_elements_for_the_client_and_over_HTTP()
    {
        await using var node = await StartAsync("a", options => options with { Bootstrap = true });
        await using var client = Client(node.Options.Node.ClientAddress);
        await client.Spaces.CreateAsync(new SpaceOptions("s", FaultModel.Eventual, 1, Conflicts: ConflictRule.Maps));
        var records = client.Records("s");
        var key = "k"u8.ToArray();
        Assert.Empty(await records.GetElementsAsync(key));
        var version = await records.ChangeAsync(
            key, [ElementChange.Put("b"u8.ToArray(), "2"u8.ToArray()), ElementChange.Put("a"u8.ToArray())]);
        var elements = await records.GetElementsAsync(key);
        Assert.Equal(["a=", "b=2"], elements.Select(Readable));
        Assert.All(elements, element => Assert.Equal(version, element.Version));
        await Assert.ThrowsAsync<InvalidRequestException>(async () => await records.PutAsync(key, key));
        await Assert.ThrowsAsync<InvalidRequestException>(async () => await records.AddAsync(key, 1));
        await Assert.ThrowsAsync<InvalidRequestException>(async () => await records.ChangeAsync(key, []));
        await Assert.ThrowsAsync<InvalidRequestException>(async () =>
            await records.ChangeAsync(key, [ElementChange.Put("a"u8.ToArray()), ElementChange.Remove("a"u8.ToArray())]));

        using var http = new HttpClient { BaseAddress = new Uri($"http://{node.Options.HttpEndPoint}/v1/spaces/s/records/k") };
        var body = """{"put":[{"name":"تين","value":"fig"}],"remove":["a"]}""";
        var changed = await http.PatchAsync("?ttl=1h", new StringContent(body));
        Assert.Equal(System.Net.HttpStatusCode.NoContent, changed.StatusCode);
        foreach (var (bad, words) in (IEnumerable<(string, string)>)
            [
                ("", "not JSON"), ("5", "an object"), ("{\"add\":[\"a\"]}", "add"), ("{\"put\":\"a\"}", "an array"), ("{}", "1 to"),
                ("{\"put\":[\"a\",1]}", "element 1 of"), ("{\"put\":[{\"value\":\"1\"}]}", "element 0 of"),
                ("{\"put\":[{\"name\":\"a\",\"nameBase64\":\"YQ==\"}]}", "element 0 of"),
                ("{\"put\":[{\"name\":\"a\",\"value\":1}]}", "neither text nor base64"),
                ("{\"put\":[{\"name\":\"a\",\"valueBase64\":\"?\"}]}", "neither text nor base64"),
                ("{\"remove\":[{\"name\":\"a\",\"value\":\"1\"}]}", "is removed"), ("{\"put\":[\"\\ud800\"]}", "no text"),
                ("{\"put\":[\"a\"],\"remove\":[\"a\"]}", "twice"),
            ])
        {
            var refused = await http.PatchAsync("", new StringContent(bad));
            Assert.Equal(System.Net.HttpStatusCode.BadRequest, refused.StatusCode);
            Assert.Contains(words, await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        var bytes = "{\"put\":[{\"nameBase64\":\"/w==\",\"valueBase64\":\"AA==\"}]}";
        Assert.Equal(System.Net.HttpStatusCode.NoContent, (await http.PatchAsync("", new StringContent(bytes))).StatusCode);
        await records.ChangeAsync(key, [ElementChange.Remove(new byte[] { 0xFF })]);
        using var head = await http.SendAsync(new HttpRequestMessage(HttpMethod.Head, ""));
        Assert.Equal(System.Net.HttpStatusCode.OK, head.StatusCode);
        Assert.Equal("application/json", head.Content.Headers.ContentType?.MediaType);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
        var got = await http.GetStringAsync("");
        Assert.Contains("\"elements\":[{\"name\":\"b\",\"value\":\"2\",\"version\":", got, StringComparison.Ordinal);
        Assert.Contains("{\"name\":\"تين\",\"value\":\"fig\",\"version\":", got, StringComparison.Ordinal);
        Assert.Contains("\"expiresAt\":", got, StringComparison.Ordinal);
        Assert.DoesNotContain("\"a\"", got, StringComparison.Ordinal);
        Assert.Contains(
            "\"elements\":[{\"name\":\"b\"", await http.GetStringAsync($"http://{node.Options.HttpEndPoint}/v1/spaces/s/records"),
            StringComparison.Ordinal);
        await foreach (var record in records.ScanAsync(default))
        {
            Assert.Equal(["b=2", "تين=fig"], record.Elements!.Select(Readable));
        }

        Assert.Equal(System.Net.HttpStatusCode.NoContent, (await http.DeleteAsync("")).StatusCode);
        Assert.Equal(System.Net.HttpStatusCode.NotFound, (await http.GetAsync("")).StatusCode);
        Assert.Empty(await records.GetElementsAsync(key));

        static string Readable(RecordElement element) =>
            $"{System.Text.Encoding.UTF8.GetString(element.Name.Span)}={System.Text.Encoding.UTF8.GetString(element.Value.Span)}";
    }

    [Fact]
    public async Task A_node_comes_back_as_itself_with_its_data()
    {
        NodeHostOptions options;
        ulong cluster;
        await using (var node = await StartAsync("a", options => options with { Bootstrap = true }))
        {
            options = node.Options;
            cluster = node.Host.Node.ClusterId;
            await using var client = Client(options.Node.ClientAddress);
            await client.Spaces.CreateAsync(new SpaceOptions("s", Replicas: 1));
            await client.Records("s").PutTextAsync("k", "v");
        }

        // What founded the cluster once does not found another one.
        await using var again = await NodeHost.StartAsync(options, NullLoggerFactory.Instance, default);
        Assert.Equal((cluster, 1U), (again.Node.ClusterId, again.Node.Id.Value));
        await using var reader = Client(options.Node.ClientAddress);
        Assert.Equal("v", await reader.Records("s").GetTextAsync("k"));
    }

    [Fact]
    public async Task A_new_folder_needs_to_be_told_where_it_belongs()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => StartAsync("a", options => options with { Bootstrap = false }));
        Assert.Contains("bootstrap", error.Message, StringComparison.Ordinal);
        Assert.Contains("join", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_application_hosts_a_node_and_uses_it_like_any_cluster()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddAtoll(atoll => atoll.Embedded = new EmbeddedNodeOptions
        {
            DataFolder = Path.Combine(_folder, "embedded"),
            PeerListen = $"127.0.0.1:{FreePort.Next()}",
        });
        using var host = builder.Build();
        await host.StartAsync();
        var client = host.Services.GetRequiredService<IAtollClient>();
        await client.Spaces.CreateAsync(new SpaceOptions("s", Replicas: 1));
        await client.Records("s").PutTextAsync("k", "v");
        Assert.Equal("v", await client.Records("s").GetTextAsync("k"));
        await host.StopAsync();
    }

    private static AtollClient Client(string address)
    {
        var clock = new ServerClock(TimeProvider.System);
        var port = new RemotePort(new RemoteOptions { Nodes = [address] }, clock);
        var retries = new RetryPolicy { DefaultTimeout = TimeSpan.FromSeconds(30) };
        return new AtollClient(port, new CallerOptions { Clock = clock, Retries = retries }, port, port);
    }

    private async Task<StartedNode> StartAsync(string name, Func<EmbeddedNodeOptions, EmbeddedNodeOptions> with)
    {
        var native = $"127.0.0.1:{FreePort.Next()}";
        var options = new NodeHostOptions
        {
            Node = with(new EmbeddedNodeOptions
            {
                DataFolder = Path.Combine(_folder, name),
                PeerListen = $"127.0.0.1:{FreePort.Next()}",
                ClientAddress = native,
                Name = name,
            }),
            NativeEndPoint = System.Net.IPEndPoint.Parse(native),
            HttpEndPoint = new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, FreePort.Next()),
        };
        return new StartedNode(options, await NodeHost.StartAsync(options, NullLoggerFactory.Instance, default));
    }

    private sealed record StartedNode(NodeHostOptions Options, NodeHost Host) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Host.DisposeAsync();
    }
}
