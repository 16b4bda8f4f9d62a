using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Traces;

/// <summary>
/// Real processes that send their spans to a collector, told where by the variables of OpenTelemetry's specification: a put with a
/// traceparent (W3C Trace Context) leaves one trace with spans of both nodes that it went through.
/// </summary>
public sealed class OtlpTests
{
    private readonly string _trace = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
    private readonly string _parent = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    [Fact]
    public async Task Three_processes_send_one_trace_over_HTTP()
    {
        await using var collector = await Collector.StartAsync("http/protobuf");
        using var cluster = new ProcessCluster();
        var environment = Environment(collector, "http/protobuf");
        var withOption = environment.Where(pair => pair.Key != "OTEL_EXPORTER_OTLP_ENDPOINT").ToDictionary();
        await cluster.StartThreeAsync(
            node => node == 3 ? (withOption, ["--trace-endpoint", collector.Url]) : (environment, []));
        await ProcessCluster.SucceedsAsync("space", "create", "s", "--replicas", "1", "--shards", "1", "--node", cluster.Client(1));
        var spans = await PutThroughOthersAsync(collector, [.. Enumerable.Range(1, 3).Select(node => $"http://{cluster.Host(node)}:4680")]);
        var (forward, service) = Check(spans);

        // Each process says who it is.
        Assert.Equal("atoll", forward.Resource["service.name"]);
        Assert.Equal("test", forward.Resource["deployment.environment.name"]);
        Assert.NotEqual(forward.Resource["service.instance.id"], service.Resource["service.instance.id"]);
        Assert.Equal(
            Enumerable.Range(1, 3).Select(cluster.Client),
            spans.Select(span => span.Resource["service.instance.id"]).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_cluster_in_one_process_sends_each_span_once_over_gRPC()
    {
        await using var collector = await Collector.StartAsync("grpc");
        var folder = Directory.CreateTempSubdirectory("atoll-interop-").FullName;
        var port = RandomNumberGenerator.GetInt32(20_000, 30_000); // below the ports that systems hand out
        try
        {
            var environment = Environment(collector, "grpc");
            environment["OTEL_SERVICE_NAME"] = "another-name";
            using var up = AtollProcess.Start(
                environment, "up", "--data", folder, "--port", port.ToString(CultureInfo.InvariantCulture));
            await up.SaysAsync("Atoll is up");
            await ProcessCluster.SucceedsAsync("space", "create", "s", "--replicas", "1", "--shards", "1", "--node", $"127.0.0.1:{port}");
            var spans = await PutThroughOthersAsync(
                collector, [.. Enumerable.Range(1, 3).Select(node => $"http://127.0.0.{node}:{port + 80}")]);
            Check(spans);
            Assert.All(spans, span => Assert.Equal("another-name", span.Resource["service.name"]));
            Assert.Equal(spans.Count, spans.Select(span => span.Id).Distinct().Count());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "over there")]
    public async Task A_variable_that_cannot_be_right_is_named(string name, string value)
    {
        var environment = new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:4318", [name] = value };
        using var cluster = new ProcessCluster();
        var node = cluster.Start(1, environment);
        Assert.Equal(2, await node.EndsAsync());
        Assert.Contains(name, node.Output, StringComparison.Ordinal);
        Assert.Contains(value, node.Output, StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Environment(Collector collector, string protocol) => new()
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url,
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol,
        ["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment.name=test",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "100", // milliseconds, instead of five seconds
    };

    /// <summary>The forward and the service that it led to, after the checks that hold for every export.</summary>
    private (CollectedSpan Forward, CollectedSpan Service) Check(IReadOnlyList<CollectedSpan> spans)
    {
        var service = spans.First(span => IsServiceForAnother(span));
        var forward = spans.Single(span => span.Id == service.Parent);
        var call = spans.Single(span => span.Id == forward.Parent);
        var arrival = spans.Single(span => span.Id == call.Parent);
        Assert.Equal(_parent, arrival.Parent);
        Assert.Equal(
            ("Microsoft.AspNetCore", "PUT /v1/spaces/{space}/records/{key}", "204"),
            (arrival.Scope, arrival.Name, arrival.Attributes["http.response.status_code"]));
        Assert.Equal(
            [CollectedSpan.Server, CollectedSpan.Client, CollectedSpan.Client, CollectedSpan.Server],
            new[] { arrival, call, forward, service }.Select(span => span.Kind));
        Assert.Equal(["atoll write", "atoll forward", "atoll write"], new[] { call, forward, service }.Select(span => span.Name));
        Assert.All([call, forward, service], span => Assert.Equal(
            ("Atoll", "atoll", "write"), (span.Scope, span.Attributes["rpc.system.name"], span.Attributes["rpc.method"])));
        Assert.NotEqual(forward.Attributes["atoll.node"], service.Attributes["atoll.node"]);
        Assert.Equal(forward.Attributes["atoll.node"], arrival.Attributes["atoll.node"]);
        Assert.Equal(forward.Attributes["atoll.peer"], service.Attributes["atoll.node"]);
        Assert.Equal(service.Attributes["atoll.shard"], forward.Attributes["atoll.shard"]);
        Assert.Equal("Ok", service.Attributes["rpc.response.status_code"]);
        return (forward, service);
    }

    /// <summary>Puts through every node: only one of them has the space's only replica, the two others pass the put on.</summary>
    private async Task<IReadOnlyList<CollectedSpan>> PutThroughOthersAsync(Collector collector, string[] nodes)
    {
        using var http = new HttpClient();
        foreach (var node in nodes)
        {
            using var put = new HttpRequestMessage(HttpMethod.Put, $"{node}/v1/spaces/s/records/k")
            {
                Content = new ByteArrayContent(Encoding.UTF8.GetBytes("v")),
            };
            put.Headers.Add("traceparent", $"00-{_trace}-{_parent}-01");
            using var answer = await http.SendAsync(put);
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        }

        return await collector.WaitAsync(
            _trace,
            spans => spans.Count(IsServiceForAnother) == nodes.Length - 1
                && spans.All(span => span.Parent == _parent || spans.Any(other => other.Id == span.Parent)));
    }

    private static bool IsServiceForAnother(CollectedSpan span) => span.Kind == CollectedSpan.Server
        && span.Attributes.ContainsKey("atoll.peer") && span.Attributes.GetValueOrDefault("rpc.response.status_code") == "Ok";
}
