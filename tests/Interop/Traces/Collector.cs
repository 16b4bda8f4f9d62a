using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Atoll.Interop.Tests.Traces;

/// <summary>
/// Stands for an OpenTelemetry collector: takes spans by OTLP over HTTP (POST /v1/traces with protobuf) or over gRPC, and keeps them.
/// </summary>
internal sealed class Collector : IAsyncDisposable
{
    private const string GrpcPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    private const int GrpcPrefixBytes = 5;

    private readonly List<CollectedSpan> _spans = [];
    private readonly List<string> _problems = [];
    private readonly WebApplication _application;
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Collector(WebApplication application) => _application = application;

    /// <summary>Its address, for OTEL_EXPORTER_OTLP_ENDPOINT.</summary>
    public string Url => _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    public static async Task<Collector> StartAsync(string protocol)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(
            IPAddress.Loopback, 0,
            listen => listen.Protocols = protocol == "grpc" ? HttpProtocols.Http2 : HttpProtocols.Http1));
        var collector = new Collector(builder.Build());
        collector._application.Run(collector.TakeAsync);
        await collector._application.StartAsync();
        return collector;
    }

    /// <summary>Waits until what has come of a trace is complete.</summary>
    public async Task<IReadOnlyList<CollectedSpan>> WaitAsync(string trace, Func<IReadOnlyList<CollectedSpan>, bool> complete)
    {
        using var deadline = new CancellationTokenSource(Processes.AtollProcess.Deadline);
        while (true)
        {
            List<CollectedSpan> spans;
            Task more;
            lock (_spans)
            {
                if (_problems.Count > 0)
                {
                    throw new InvalidDataException(_problems[0]);
                }

                spans = [.. _spans.Where(span => span.Trace == trace)];
                more = _more.Task;
            }

            if (complete(spans))
            {
                return spans;
            }

            try
            {
                await more.WaitAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"{_spans.Count} spans have come, and these of trace {trace}:\n" + string.Join('\n', spans
                    .Select(span => $"{span.Name} {span.Kind} {span.Id} in {span.Parent}: {string.Join(' ', span.Attributes)}")));
            }
        }
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var request = new ReadOnlyMemory<byte>(body.ToArray());
        var isGrpc = context.Request.ContentType == "application/grpc";
        try
        {
            if (isGrpc)
            {
                Require(context.Request.Path == GrpcPath, context.Request.Path);
                Require(request.Length >= GrpcPrefixBytes && request.Span[0] == 0, "a compressed or cut gRPC message");
                request = request[GrpcPrefixBytes..];
            }
            else
            {
                Require(context.Request.Method == "POST" && context.Request.Path == "/v1/traces", context.Request.Path);
                Require(context.Request.ContentType == "application/x-protobuf", context.Request.ContentType ?? "no content type");
            }

            Add(CollectedSpan.Read(request));
        }
        catch (Exception error) when (error is InvalidDataException or InvalidOperationException or ArgumentException)
        {
            Add([], error.Message);
        }

        if (isGrpc)
        {
            context.Response.ContentType = "application/grpc";
            await context.Response.Body.WriteAsync(new byte[GrpcPrefixBytes]); // an empty ExportTraceServiceResponse
            context.Response.AppendTrailer("grpc-status", "0");
        }
        else
        {
            context.Response.ContentType = "application/x-protobuf"; // its body, too, is empty
        }
    }

    private static void Require(bool condition, string what)
    {
        if (!condition)
        {
            throw new InvalidDataException($"not what OTLP says: {what}");
        }
    }

    private void Add(IEnumerable<CollectedSpan> spans, string? problem = null)
    {
        lock (_spans)
        {
            _spans.AddRange(spans);
            if (problem is not null)
            {
                _problems.Add(problem);
            }

            _more.SetResult();
            _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
