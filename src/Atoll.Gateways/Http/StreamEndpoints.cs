using System.Text.Json;
using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Atoll.Gateways.Http;

/// <summary>
/// Scans and watches as newline-delimited JSON, one object a line. What goes wrong after the first line is a last line with a
/// member "error"; the connection is then cut, so that nobody takes half a stream for a whole one.
/// </summary>
internal sealed class StreamEndpoints
{
    internal const string MediaType = "application/x-ndjson";
    private const int FlushBytes = 64 * 1024;

    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(10);

    private readonly IAtollClient _client;

    public StreamEndpoints(IAtollClient client) => _client = client;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/spaces/{space}/records", ScanAsync)
            .WithSummary("Scan records in key order").WithTags("records")
            .WithDescription("One JSON object a line. To go on after the last line, give its key as \"after\".")
            .Produces(200, contentType: MediaType).ProducesProblem(404);
        routes.MapGet("/v1/spaces/{space}/watch", WatchAsync)
            .WithSummary("Follow the changes of a prefix").WithTags("records")
            .WithDescription("One JSON object a line, without end. To go on after a line, give its \"token\".")
            .Produces(200, contentType: MediaType).ProducesProblem(410);
    }

    private async Task ScanAsync(
        HttpContext context, string space, string? prefix, string? from, string? to, string? after, string? limit, string? reverse,
            string? keysOnly)
    {
        var range = new ScanRange
        {
            Prefix = RecordInputs.QueryBytes(context, "prefix"),
            From = RecordInputs.QueryBytes(context, "from"),
            To = RecordInputs.QueryBytes(context, "to"),
            After = RecordInputs.QueryBytes(context, "after"),
            Limit = RecordInputs.QueryLimit(context),
            Reverse = RecordInputs.QueryFlag(context, "reverse"),
            KeysOnly = RecordInputs.QueryFlag(context, "keysOnly"),
        };
        var options = RecordInputs.Read(context, RecordInputs.Session(context));
        var records = _client.Records(RecordInputs.Space(space)).ScanAsync(range, options, context.RequestAborted);
        await StreamAsync(
            context, records, (writer, record) => RecordJson.Write(writer, record, range.KeysOnly), flushEach: false).ConfigureAwait(false);
    }

    private async Task WatchAsync(HttpContext context, string space, string? prefix, string? token)
    {
        var watch = _client.Records(RecordInputs.Space(space)).Watch(new WatchOptions
        {
            Prefix = RecordInputs.QueryBytes(context, "prefix"),
            Token = string.IsNullOrEmpty(token) ? null : token,
            ProgressInterval = ProgressInterval,
        });
        context.Response.Headers.CacheControl = "no-store";
        await StreamAsync(
            context, watch, (writer, change) => RecordJson.Write(writer, change, watch.Token), flushEach: true).ConfigureAwait(false);
    }

    /// <summary>Writes items as lines, as they come and no faster than they are taken.</summary>
    internal static async Task StreamAsync<T>(
        HttpContext context, IAsyncEnumerable<T> items, Action<Utf8JsonWriter, T> write, bool flushEach)
    {
        var output = context.Response.BodyWriter;
        await using var writer = new Utf8JsonWriter(output, RecordJson.WriterOptions);
        await using var reader = items.GetAsyncEnumerator(context.RequestAborted);
        var unflushed = 0L;
        try
        {
            while (true)
            {
                var next = reader.MoveNextAsync();

                // What is written must not wait for what is not there yet.
                if (!next.IsCompleted && unflushed > 0)
                {
                    unflushed = 0;
                    await output.FlushAsync(context.RequestAborted).ConfigureAwait(false);
                }

                if (!await next.ConfigureAwait(false))
                {
                    break;
                }

                context.Response.ContentType ??= MediaType;
                write(writer, reader.Current);
                unflushed += EndLine(writer, output);
                if (unflushed >= FlushBytes || (flushEach && unflushed > 0))
                {
                    unflushed = 0;
                    await output.FlushAsync(context.RequestAborted).ConfigureAwait(false);
                }
            }

            context.Response.ContentType ??= MediaType;
            await output.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        }
        catch (AtollException error) when (context.Response.ContentType is not null)
        {
            writer.WriteStartObject();
            writer.WritePropertyName("error");
            Problems.WriteObject(writer, Problems.StatusOf(error.Code), ErrorNames.Of(error.Code), error.Message, error.IsRetryable);
            writer.WriteEndObject();
            EndLine(writer, output);
            await output.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            context.Abort();
        }
    }

    private static long EndLine(Utf8JsonWriter writer, System.IO.Pipelines.PipeWriter output)
    {
        writer.Flush();
        var bytes = writer.BytesCommitted;
        writer.Reset();
        output.GetSpan(1)[0] = (byte)'\n';
        output.Advance(1);
        return bytes + 1;
    }
}
