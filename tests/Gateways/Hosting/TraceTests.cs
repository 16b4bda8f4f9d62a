using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Atoll.Client.Hosting;
using Atoll.Client.Remote;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Hosting;
using Atoll.Node.Loops;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Atoll.Gateways.Tests.Hosting;

/// <summary>One trace from the client over the node that it asked to the node that served it, in a real cluster.</summary>
public sealed class TraceTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("atoll-trace-").FullName;
    private readonly List<(NodeHostOptions Options, NodeHost Host)> _nodes = [];
    private readonly ConcurrentQueue<Activity> _ended = new();
    private readonly ActivityTraceId _trace = ActivityTraceId.CreateRandom();
    private readonly ActivityListener _listener;

    public TraceTests()
    {
        // The process is shared with other tests: only this test's trace is recorded.
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is CallTracing.SourceName or "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> options) => options.TraceId == _trace
                ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
            ActivityStopped = activity =>
            {
                if (activity.TraceId == _trace)
                {
                    _ended.Enqueue(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public async ValueTask InitializeAsync()
    {
        await StartAsync("a");
        await StartAsync("b");
        await StartAsync("c");
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        foreach (var (_, host) in Enumerable.Reverse(_nodes))
        {
            await host.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_put_through_a_node_that_does_not_lead_is_one_trace_with_spans_on_both_nodes()
    {
        var (leader, other) = await MakeSpaceAsync();
        await using var client = Client(other);
        using var root = StartRoot();
        await client.Records("s").PutTextAsync("k", "v");
        root.Stop();

        // Client -> the node that it asked -> (perhaps others, which refused) -> the leader.
        var (call, arrival, forward, service) = await PathAsync("atoll write");
        Assert.Equal(root.SpanId, call.ParentSpanId);
        Assert.Equal(ActivityKind.Client, call.Kind);
        Assert.Equal(call.SpanId, arrival.ParentSpanId);
        Assert.Equal((long)other.Value, arrival.GetTagItem("atoll.node"));
        Assert.Equal(arrival.SpanId, forward.ParentSpanId);
        Assert.Equal((long)other.Value, forward.GetTagItem("atoll.node"));
        Assert.Equal((long)leader.Value, forward.GetTagItem("atoll.peer"));
        Assert.Equal((long)leader.Value, service.GetTagItem("atoll.node"));
        Assert.Equal((long)other.Value, service.GetTagItem("atoll.peer"));
        Assert.All([call, arrival, forward, service], span =>
        {
            Assert.Equal("Ok", span.GetTagItem("rpc.response.status_code"));
            Assert.Equal("write", span.GetTagItem("rpc.method"));
            Assert.Equal(service.GetTagItem("atoll.space"), span.GetTagItem("atoll.space"));
            Assert.Equal(service.GetTagItem("atoll.shard"), span.GetTagItem("atoll.shard"));
            Assert.Equal(ActivityStatusCode.Unset, span.Status);
        });
        Assert.True((long)service.GetTagItem("atoll.shard")! > 1);
        Assert.True(service.StartTimeUtc >= forward.StartTimeUtc && service.Duration <= forward.Duration);
    }

    [Fact]
    public async Task The_traceparent_of_an_HTTP_request_goes_to_the_node_that_serves_it()
    {
        var (leader, other) = await MakeSpaceAsync();
        var address = _nodes.Single(node => node.Host.Node.Id == other).Options.HttpEndPoint;
        using var http = new HttpClient();
        using var put = new HttpRequestMessage(HttpMethod.Put, $"http://{address}/v1/spaces/s/records/k")
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes("v")),
        };
        var parent = ActivitySpanId.CreateRandom();
        put.Headers.Add("traceparent", $"00-{_trace}-{parent}-01");
        Assert.Equal(HttpStatusCode.NoContent, (await http.SendAsync(put)).StatusCode);

        // Here the client is in the node: HTTP -> call -> forward -> the leader.
        var (arrival, call, forward, service) = await PathAsync("atoll write");
        Assert.Equal("Microsoft.AspNetCore", arrival.Source.Name);
        Assert.Equal(parent, arrival.ParentSpanId);
        Assert.Equal((long)other.Value, arrival.GetTagItem("atoll.node"));
        Assert.Equal(arrival.SpanId, call.ParentSpanId);
        Assert.Equal(call.SpanId, forward.ParentSpanId);
        Assert.Equal((long)leader.Value, service.GetTagItem("atoll.node"));
    }

    [Fact]
    public async Task Calls_one_after_the_other_are_siblings_and_the_caller_keeps_its_own_span()
    {
        var (_, other) = await MakeSpaceAsync();
        await using var client = Client(other);
        using var root = StartRoot();
        await client.Records("s").PutTextAsync("one", "v");
        Assert.Same(root, Activity.Current);
        await client.Records("s").PutTextAsync("two", "v");
        Assert.Same(root, Activity.Current);
        root.Stop();
        var writes = await EndedAsync(spans => spans.Count(IsWriteCall) == 2, IsWriteCall);
        Assert.All(writes, write => Assert.Equal(root.SpanId, write.ParentSpanId));
    }

    private static bool IsWriteCall(Activity span) => span.Kind == ActivityKind.Client && span.OperationName == "atoll write";

    private static AtollClient Client(string address)
    {
        var clock = new ServerClock(TimeProvider.System);
        var port = new RemotePort(new RemoteOptions { Nodes = [address], Discover = false }, clock);
        return new AtollClient(
            port, new CallerOptions { Clock = clock, Retries = new RetryPolicy { DefaultTimeout = Deadline } }, port, port);
    }

    private AtollClient Client(NodeId node) =>
        Client(_nodes.Single(candidate => candidate.Host.Node.Id == node).Options.Node.ClientAddress);

    private Activity StartRoot() => new Activity("test")
        .SetParentId(_trace, ActivitySpanId.CreateRandom(), ActivityTraceFlags.Recorded).Start();

    /// <summary>From the span that served a request back over the three before it; waits until all have ended.</summary>
    private async Task<(Activity First, Activity Second, Activity Third, Activity Service)> PathAsync(string name)
    {
        var path = new List<Activity>();
        await EndedAsync(
            spans =>
            {
                path.Clear();
                var served = spans.SingleOrDefault(span => span.Kind == ActivityKind.Server && span.OperationName == name
                    && span.GetTagItem("rpc.response.status_code") is "Ok" && span.GetTagItem("atoll.peer") is not null);
                for (var at = served; at is not null; at = spans.SingleOrDefault(span => span.SpanId == at.ParentSpanId))
                {
                    path.Insert(0, at);
                }

                return path.Count == 4;
            },
            _ => true);
        return (path[0], path[1], path[2], path[3]);
    }

    private async Task<List<Activity>> EndedAsync(Func<IReadOnlyList<Activity>, bool> complete, Func<Activity, bool> which)
    {
        await UntilAsync(() => Task.FromResult(complete([.. _ended])), () => "these spans have ended: " + string.Join(
            ", ", _ended.Select(span => $"{span.OperationName} {span.Kind} {span.SpanId} in {span.ParentSpanId}")));
        return [.. _ended.Where(which)];
    }

    private static async Task UntilAsync(Func<Task<bool>> condition, Func<string> state)
    {
        var startedAt = Stopwatch.GetTimestamp();
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(startedAt) < Deadline, state());
            await poll.WaitForNextTickAsync();
        }
    }

    /// <summary>A space of one shard with a replica on each node; its leader, and a node that does not lead it.</summary>
    private async Task<(NodeId Leader, NodeId Other)> MakeSpaceAsync()
    {
        await using var client = Client(new NodeId(1));
        await client.Spaces.CreateAsync(new SpaceOptions("s", Replicas: 3, ShardCount: 1));
        var shard = (await client.Spaces.DescribeAsync("s")).Shards[0].Id;
        var leader = NodeId.None;
        await UntilAsync(
            async () =>
            {
                var replicas = (await client.Cluster.StatusAsync()).Nodes.SelectMany(node => node.Loops)
                    .SelectMany(loop => loop.Replicas, (loop, replica) => (loop.Node, replica))
                    .Where(pair => pair.replica.Shard == shard).ToList();
                leader = replicas.Find(pair => pair.replica.Role == ReplicaRole.Leader).Node;
                return replicas.Count == 3 && leader != NodeId.None && replicas.All(pair => pair.replica.Leader == leader);
            },
            () => "the shard has no leader that all follow");
        return (leader, _nodes.Select(node => node.Host.Node.Id).First(node => node != leader));
    }

    private async Task StartAsync(string name)
    {
        var native = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{FreePort.Next()}");
        var options = new NodeHostOptions
        {
            Node = new EmbeddedNodeOptions
            {
                DataFolder = Path.Combine(_folder, name),
                PeerListen = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{FreePort.Next()}"),
                ClientAddress = native,
                Name = name,
                Bootstrap = _nodes.Count == 0,
                Join = _nodes.Count == 0 ? null : new RemoteOptions { Nodes = [_nodes[0].Options.Node.ClientAddress] },
            },
            NativeEndPoint = IPEndPoint.Parse(native),
            HttpEndPoint = new IPEndPoint(IPAddress.Loopback, FreePort.Next()),
        };
        _nodes.Add((options, await NodeHost.StartAsync(options, NullLoggerFactory.Instance, default)));
    }
}
