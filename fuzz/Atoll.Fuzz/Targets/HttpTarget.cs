using System.Net.Mime;
using System.Text;
using System.Text.Json;
using Atoll.Fuzz.Hosting;
using Atoll.Gateways.Http;
using Atoll.Gateways.Metrics;
using Atoll.Gateways.Security;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Services;
using Atoll.Services.Calls;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// Requests to the HTTP gateway, through its whole pipeline but without a socket: what Kestrel itself refuses is refused here, too, and the
/// rest must be answered in a well-formed way, and never with "the gateway failed".
/// </summary>
public sealed class HttpTarget : IFuzzTarget
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // Started by the first input; lives as long as the program.
    private readonly Lazy<Gateway> _gateway = new(Start);

    /// <inheritdoc />
    public string Name => "http";

    /// <inheritdoc />
    public string About => "paths, keys, queries, headers and bodies for the HTTP gateway: every request is answered, and none breaks it";

    /// <inheritdoc />
    public AllocationBound Allocation => new(256, 8 * 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } = [.. Samples().Select(Encoding.UTF8.GetBytes)];

    /// <inheritdoc />
    public IReadOnlyList<string> Words { get; } =
    [
        "%00", "%FF", "%2F", "%", "..", "?", "&", "=", "prefix=", "after=", "limit=1", "reverse", "keysOnly=true", "ttl=1s", "read=any",
        "If-Match: \"1\"\r\n", "If-None-Match: *\r\n", "Idempotency-Key: a\r\n", "Atoll-Session: new\r\n", "Atoll-Read: bounded\r\n",
        "Atoll-Max-Staleness: 1s\r\n", "Atoll-TTL: 9d\r\n", "Atoll-Timeout: 100d\r\n", "Transfer-Encoding: chunked\r\n", "\\ud800",
        "\\u0000", "\"keyBase64\":\"/w==\",", "\"expectedVersion\":0,", "99999999999", "-1", "1e15", "[", "{", "null",
        "\"ttl\":\"1d\",", "\"", "Last-Event-ID: 0:0,1:-1\r\n", "from=time=1", "partition=1", "\"headers\":[{\"name\":\"a\"}],",
    ];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        if (!HttpRequestText.TryParse(input.Span, out var request))
        {
            return Verdict.Refused("not HTTP");
        }

        var (server, cluster) = _gateway.Value;
        cluster.Renew();
        using var aborting = new CancellationTokenSource();
        var answer = new AnswerStream();
        var response = new HttpResponseFeature();
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(request);
        features.Set<IHttpResponseFeature>(response);
        features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(answer));
        features.Set<IHttpRequestLifetimeFeature>(new HttpRequestLifetimeFeature { RequestAborted = aborting.Token });
        var served = server.ServeAsync(features);
        if (request.Path.Contains("/watch", StringComparison.OrdinalIgnoreCase)
            || request.Path.Contains("/events", StringComparison.OrdinalIgnoreCase))
        {
            // These have no end: their clients leave once they have heard the first word.
            Task.WhenAny(served, answer.Flushed).Wait(Patience);
            aborting.Cancel();
        }

        BrokenPromiseException.Unless(((IAsyncResult)served).AsyncWaitHandle.WaitOne(Patience), "every request is answered");
        if (served.Exception?.InnerException is { } error)
        {
            throw new BrokenPromiseException($"no exception leaves the gateway: {error}", error);
        }

        return Check(response, answer.ToArray());
    }

    private static Verdict Check(HttpResponseFeature response, byte[] body)
    {
        var type = response.Headers.ContentType.ToString();
        if (type == "application/problem+json")
        {
            using var problem = JsonDocument.Parse(body);
            var code = problem.RootElement.GetProperty("code").GetString();
            BrokenPromiseException.Unless(
                problem.RootElement.GetProperty("status").GetInt32() == response.StatusCode, "a problem tells its status");
            BrokenPromiseException.Unless(code != "internal", $"the gateway does not fail{Caught.Last}");
            var outcome = $"{response.StatusCode} {code}";

            // A conflict is with what the cluster holds: the request itself was understood.
            return response.StatusCode == StatusCodes.Status409Conflict ? Verdict.Accepted(outcome) : Verdict.Refused(outcome);
        }

        BrokenPromiseException.Unless(response.StatusCode < 400, "an error is told as problem details");
        if (type == "application/x-ndjson")
        {
            foreach (var line in body.AsSpan().TrimEnd((byte)'\n').Split((byte)'\n'))
            {
                var text = body.AsMemory()[line];
                if (!text.IsEmpty)
                {
                    JsonDocument.Parse(text).Dispose();
                }
            }
        }
        else if (type.StartsWith(MediaTypeNames.Application.Json, StringComparison.Ordinal) && body.Length > 0)
        {
            JsonDocument.Parse(body).Dispose();
        }

        return Verdict.Accepted($"{response.StatusCode} {type}");
    }

    private static Gateway Start()
    {
        var (server, cluster) = (new InProcessServer(), new FreshCluster());
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<IServer>(server);
        builder.Services.AddSingleton<ILoggerFactory>(Caught.Instance);
        builder.Services.AddSingleton(typeof(ILogger<>), typeof(NullLogger<>));
        builder.Services.AddSingleton<IAtollClient>(cluster);
        builder.Services.AddSingleton(new ServerClock(new ManualTime()));
        builder.Services.AddSingleton<RequestMetrics>();
        builder.Services.AddAtollHttp();
        var application = builder.Build();
        application.UseAtollHttp(new HttpGatewayOptions
        {
            Tokens = AccessTokens.None, Readiness = _ => new ValueTask<string?>((string?)null),
        });
        application.StartAsync().GetAwaiter().GetResult();
        return new Gateway(server, cluster);
    }

    private static IEnumerable<string> Samples()
    {
        yield return "GET /v1/spaces/s/records/k HTTP/1.1\r\nAtoll-Session: new\r\nAtoll-Read: session\r\n\r\n";
        yield return "GET /v1/spaces/s/records/k?read=any HTTP/1.1\r\nIf-None-Match: \"1\"\r\n\r\n";
        yield return "PUT /v1/spaces/s/records/a%2Fb?ttl=1s HTTP/1.1\r\nIdempotency-Key: a\r\nIf-None-Match: *\r\n\r\nvalue";
        yield return "PUT /v1/spaces/s/record?key=%00 HTTP/1.1\r\nAtoll-TTL: 5m\r\nAtoll-Timeout: 30s\r\n\r\nvalue";
        yield return "DELETE /v1/spaces/s/record?key=%00%FF%2F HTTP/1.1\r\n\r\n";
        yield return "GET /v1/spaces/s/records?prefix=k&limit=3&reverse&keysOnly=true HTTP/1.1\r\n\r\n";
        yield return "GET /v1/spaces/s/records?from=a&to=z&after=b HTTP/1.1\r\nAtoll-Read: bounded\r\nAtoll-Max-Staleness: 500ms\r\n\r\n";
        yield return """
            POST /v1/spaces/s/batch HTTP/1.1

            {"operations":[{"op":"put","key":"k","value":"v","ttl":"1s"},{"op":"check","keyBase64":"/w==","expectedVersion":"0"},
            {"op":"delete","key":"k"},{"op":"put","key":"l","valueBase64":"AP8"}]}
            """.ReplaceLineEndings("\r\n");
        yield return "PUT /v1/spaces/x HTTP/1.1\r\n\r\n{\"replication\":\"strong\",\"replicas\":1,\"partitioning\":\"hash\",\"shards\":2}";
        yield return "GET /v1/spaces HTTP/1.1\r\n\r\n";
        yield return "GET /v1/spaces/s HTTP/1.1\r\n\r\n";
        yield return "GET /v1/spaces/s/count HTTP/1.1\r\n\r\n";
        yield return "DELETE /v1/spaces/s HTTP/1.1\r\n\r\n";
        yield return "GET /v1/spaces/s/watch?prefix=k HTTP/1.1\r\n\r\n";
        yield return "PUT /v1/topics/u HTTP/1.1\r\n\r\n{\"partitions\":2,\"replicas\":1,\"settings\":{\"retention.ms\":\"1\"}}";
        yield return "PATCH /v1/topics/t HTTP/1.1\r\n\r\n{\"settings\":{\"retention.ms\":null,\"segment.bytes\":\"1024\"}}";
        yield return "GET /v1/topics/t HTTP/1.1\r\n\r\n";
        yield return "DELETE /v1/topics/t HTTP/1.1\r\n\r\n";
        yield return """
            POST /v1/topics/t/records HTTP/1.1
            Idempotency-Key: a

            {"records":[{"key":"k","value":"v","headers":[{"name":"h","valueBase64":"AP8"}]},{"partition":1,"timestamp":5,"value":null}]}
            """.ReplaceLineEndings("\r\n");
        yield return "GET /v1/topics/t/records?partition=0&from=earliest&limit=3 HTTP/1.1\r\n\r\n";
        yield return "GET /v1/topics/t/events?from=0&partition=0 HTTP/1.1\r\nLast-Event-ID: 0:-1\r\n\r\n";
        yield return "POST /v1/topics/t/acks HTTP/1.1\r\n\r\n{\"group\":\"g\",\"member\":\"m\",\"generation\":1,\"ids\":[\"0:0\"]}";
        yield return "PUT /v1/subscriptions/u HTTP/1.1\r\n\r\n{\"topic\":\"t\",\"url\":\"http://h/\",\"from\":\"latest\",\"timeoutMs\":50}";
        yield return "DELETE /v1/subscriptions/s HTTP/1.1\r\n\r\n";
        yield return "PUT /v1/quotas/clients/c HTTP/1.1\r\n\r\n{\"producer_byte_rate\":5,\"request_rate\":null}";
        yield return "GET /v1/quotas HTTP/1.1\r\n\r\n";
        yield return "PUT /v1/feeds/g HTTP/1.1\r\n\r\n{\"space\":\"s\",\"topic\":\"t\"}";
        yield return "GET /v1/feeds/f HTTP/1.1\r\n\r\n";
        yield return "GET /v1/cluster HTTP/1.1\r\n\r\n";
        yield return "GET /health/ready HTTP/1.1\r\n\r\n";
    }

    private sealed record Gateway(InProcessServer Server, FreshCluster Cluster);

    /// <summary>What is written as the answer, and when the first of it was.</summary>
    private sealed class AnswerStream : MemoryStream
    {
        private readonly TaskCompletionSource _flushed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Flushed => _flushed.Task;

        public override Task FlushAsync(CancellationToken cancellationToken)
        {
            _flushed.TrySetResult();
            return base.FlushAsync(cancellationToken);
        }
    }

    /// <summary>Keeps the last exception that the gateway logged: "the gateway failed; its log says more".</summary>
    private sealed class Caught : ILoggerFactory, ILogger
    {
        public static readonly Caught Instance = new();

        private static volatile Exception? _last;

        public static string Last => _last is null ? "" : $": {_last}";

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _last = exception ?? _last;

        public void Dispose()
        {
        }
    }
}
