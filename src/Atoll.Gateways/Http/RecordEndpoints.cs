using System.Globalization;
using System.Text.Json;
using Atoll.Foundation;
using Atoll.Foundation.Time;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Atoll.Gateways.Http;

/// <summary>One record: GET, HEAD, PUT, PATCH and DELETE; several: a batch.</summary>
internal sealed class RecordEndpoints
{
    private const string PathRoute = "/v1/spaces/{space}/records/{key}";
    private const string QueryRoute = "/v1/spaces/{space}/record";

    private const int DeltaBytesMax = 20;

    private readonly IAtollClient _client;
    private readonly ServerClock _clock;

    public RecordEndpoints(IAtollClient client, ServerClock clock)
    {
        _client = client;
        _clock = clock;
    }

    public void Map(IEndpointRouteBuilder routes)
    {
        // A server takes no zero byte in a path: such keys come in the query.
        MapOne(routes, PathRoute, "The key is percent-encoded in the path; one with a zero byte: see /record?key=.");
        MapOne(routes, QueryRoute, "The key is any bytes, percent-encoded in the query parameter key.");
        routes.MapPost("/v1/spaces/{space}/batch", BatchAsync)
            .WithSummary("Do several operations, all or none").WithTags("records")
            .WithDescription("All keys must lie in one shard.")
            .Accepts<BatchBody>("application/json", "*/*").Produces<VersionBody>().ProducesProblem(412);
    }

    private void MapOne(IEndpointRouteBuilder routes, string route, string about)
    {
        routes.MapMethods(route, ["GET", "HEAD"], GetAsync)
            .WithSummary("Read a record").WithTags("records")
            .WithDescription("The body is the value, the entity tag its version. "
                + "In a space that keeps siblings: all of them, when there are several (300), and the header Atoll-Context to put or "
                + "delete with. In a space of sets or maps: JSON with the elements. " + about)
            .Produces(200, contentType: "application/octet-stream").Produces(300, contentType: "application/json").Produces(304)
            .ProducesProblem(404);
        routes.MapPut(route, PutAsync)
            .WithSummary("Write a record").WithTags("records")
            .WithDescription("The body is the value. If-Match with a version, or If-None-Match: *, makes it a compare-and-set. "
                + "In a space that keeps siblings the header Atoll-Context, of a get, says what it replaces; all else stays. " + about)
            .Accepts<byte[]>("application/octet-stream", "*/*").Produces(204).ProducesProblem(412).ProducesProblem(413);
        routes.MapPatch(route, ChangeAsync)
            .WithSummary("Add to a counter, or change elements of a set or a map").WithTags("records")
            .WithDescription("In a space whose records are counters the body is what is added, such as 5 or -3; in one of sets or maps "
                + "which elements are put and removed, such as {\"put\":[\"a\",{\"name\":\"b\",\"value\":\"1\"}],\"remove\":[\"c\"]}. "
                + about)
            .Accepts<byte[]>("text/plain", "*/*").Produces(204).ProducesProblem(413);
        routes.MapDelete(route, DeleteAsync)
            .WithSummary("Delete a record").WithTags("records").WithDescription(about)
            .Produces(204).ProducesProblem(404).ProducesProblem(412);
    }

    private async Task GetAsync(
        HttpContext context, string space, string? key, [FromHeader(Name = "Atoll-Read")] string? read,
        [FromHeader(Name = "Atoll-Session")] string? token)
    {
        var session = RecordInputs.Session(context);
        var (name, at) = (RecordInputs.Space(space), RecordInputs.Key(context));
        var options = RecordInputs.Read(context, session);
        var records = _client.Records(name);
        if (await records.ConflictsAsync(context.RequestAborted).ConfigureAwait(false) == ConflictRule.Siblings)
        {
            var siblings = await records.GetSiblingsAsync(at, options, context.RequestAborted).ConfigureAwait(false);
            RecordInputs.ReturnSession(context, session);
            await WriteSiblingsAsync(context, siblings).ConfigureAwait(false);
            return;
        }

        var record = await records.GetAsync(at, options, context.RequestAborted).ConfigureAwait(false);
        RecordInputs.ReturnSession(context, session);
        if (record is not { } found)
        {
            await WriteNotFoundAsync(context).ConfigureAwait(false);
            return;
        }

        var headers = context.Response.Headers;
        if (found.Version != HybridTime.Zero)
        {
            // A counter has none.
            headers.ETag = RecordJson.ETag(found.Version);
            headers.LastModified = DateTimeOffset.FromUnixTimeMilliseconds(found.Version.UnixMilliseconds).ToString("r");
        }

        headers.CacheControl = "no-cache";
        if (found.ExpiresAt != HybridTime.Zero)
        {
            headers["Atoll-Expires-At"] = RecordJson.Time(found.ExpiresAt);
        }

        if (context.Request.Headers.IfNoneMatch.ToString() is { Length: > 0 } tag
            && (tag == "*" || (RecordInputs.TryParseETag(tag, out var known) && known == found.Version && known != HybridTime.Zero)))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        if (found.Elements is not null)
        {
            await Json.WriteAsync(context, writer => RecordJson.Write(writer, found, keysOnly: false)).ConfigureAwait(false);
            return;
        }

        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = found.Value.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.BodyWriter.WriteAsync(found.Value, context.RequestAborted).ConfigureAwait(false);
        }
    }

    private async Task PutAsync(
        HttpContext context, string space, string? key, [FromHeader(Name = "If-Match")] string? match,
        [FromHeader(Name = "If-None-Match")] string? noneMatch, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey,
        [FromHeader(Name = "Atoll-TTL")] string? timeToLive, [FromHeader(Name = "Atoll-Session")] string? token)
    {
        var (name, at) = (RecordInputs.Space(space), RecordInputs.Key(context));
        var session = RecordInputs.Session(context);
        var options = RecordInputs.Write(context, session, name, at, _clock.Now);
        var expected = RecordInputs.Expected(context);
        var value = await RecordInputs.BodyAsync(context, Limits.ValueBytesMax).ConfigureAwait(false);
        var records = _client.Records(name);
        if (expected is not { } version)
        {
            Written(context, await records.PutAsync(at, value, options, context.RequestAborted).ConfigureAwait(false), session);
            return;
        }

        var outcome = await records.CompareAndSetAsync(at, version, value, options, context.RequestAborted).ConfigureAwait(false);
        await AnswerAsync(context, outcome, session).ConfigureAwait(false);
    }

    private async Task ChangeAsync(
        HttpContext context, string space, string? key, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey,
        [FromHeader(Name = "Atoll-TTL")] string? timeToLive, [FromHeader(Name = "Atoll-Session")] string? token)
    {
        var (name, at) = (RecordInputs.Space(space), RecordInputs.Key(context));
        var session = RecordInputs.Session(context);
        var options = RecordInputs.Write(context, session, name, at, _clock.Now);
        var records = _client.Records(name);
        switch (await records.ConflictsAsync(context.RequestAborted).ConfigureAwait(false))
        {
            case ConflictRule.Counters:
                await AddAsync(context, records, at, options).ConfigureAwait(false);
                RecordInputs.ReturnSession(context, session);
                context.Response.StatusCode = StatusCodes.Status204NoContent;
                return;
            case ConflictRule.Sets or ConflictRule.Maps:
                var changes = ElementsJson.Parse(await RecordInputs.BodyAsync(context, Limits.EntryBytesMax * 2).ConfigureAwait(false));
                Written(context, await records.ChangeAsync(at, changes, options, context.RequestAborted).ConfigureAwait(false), session);
                return;
            default:
                throw new InvalidRequestException(
                    $"the records of space \"{name}\" are neither counters, nor sets or maps: they are written as a whole, with PUT");
        }
    }

    private static async Task AddAsync(HttpContext context, IRecords records, byte[] key, WriteOptions options)
    {
        if (!options.Identity.IsNone)
        {
            throw new InvalidRequestException("additions take no Idempotency-Key: what is remembered of them needs the time of the first");
        }

        var body = await RecordInputs.BodyAsync(context, DeltaBytesMax).ConfigureAwait(false);
        var isNumber = long.TryParse(body, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var delta);
        if (!isNumber)
        {
            throw new InvalidRequestException("the body must be what is added: a number of 64 bits in decimal digits, such as 5 or -3");
        }

        await records.AddAsync(key, delta, options, context.RequestAborted).ConfigureAwait(false);
    }

    private async Task DeleteAsync(
        HttpContext context, string space, string? key, [FromHeader(Name = "If-Match")] string? match,
        [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey, [FromHeader(Name = "Atoll-Session")] string? token)
    {
        var (name, at) = (RecordInputs.Space(space), RecordInputs.Key(context));
        var session = RecordInputs.Session(context);
        var options = RecordInputs.Write(context, session, name, at, _clock.Now);
        var expected = RecordInputs.Expected(context);
        var records = _client.Records(name);
        if (expected is { } version)
        {
            var outcome = await records.CompareAndDeleteAsync(at, version, options, context.RequestAborted).ConfigureAwait(false);
            await AnswerAsync(context, outcome, session).ConfigureAwait(false);
            return;
        }

        var existed = await records.DeleteAsync(at, options, context.RequestAborted).ConfigureAwait(false);
        RecordInputs.ReturnSession(context, session);
        if (existed)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        await WriteNotFoundAsync(context).ConfigureAwait(false);
    }

    private async Task BatchAsync(
        HttpContext context, string space, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey,
        [FromHeader(Name = "Atoll-Session")] string? token)
    {
        var name = RecordInputs.Space(space);
        var session = RecordInputs.Session(context);
        var body = await RecordInputs.BodyAsync(context, Limits.EntryBytesMax * 2).ConfigureAwait(false);
        var operations = BatchJson.Parse(body);
        var options = RecordInputs.Write(context, session, name, operations[0].Key.Span, _clock.Now);
        var outcome = await _client.Records(name).BatchAsync(operations, options, context.RequestAborted).ConfigureAwait(false);
        RecordInputs.ReturnSession(context, session);
        if (!outcome.Succeeded)
        {
            await Problems.WriteConflictAsync(context, outcome.Version, outcome.FailedOperation).ConfigureAwait(false);
            return;
        }

        context.Response.ContentType = "application/json";
        await using var writer = new Utf8JsonWriter(context.Response.BodyWriter, RecordJson.WriterOptions);
        writer.WriteStartObject();
        writer.WriteString("version", RecordJson.Version(outcome.Version));
        writer.WriteEndObject();
        await writer.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }

    // One value is the body, as ever; of several, or of one beside a deletion, the answer is a list to choose from.
    private static async Task WriteSiblingsAsync(HttpContext context, RecordSiblings siblings)
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "no-cache";
        if (!siblings.Context.IsEmpty)
        {
            headers["Atoll-Context"] = RecordJson.Context(siblings);
        }

        if (!siblings.Values.Any())
        {
            await WriteNotFoundAsync(context).ConfigureAwait(false);
            return;
        }

        var isHead = HttpMethods.IsHead(context.Request.Method);
        if (siblings.Siblings.Count > 1)
        {
            context.Response.StatusCode = StatusCodes.Status300MultipleChoices;
            context.Response.ContentType = "application/json";
            if (!isHead)
            {
                await using var writer = new Utf8JsonWriter(context.Response.BodyWriter, RecordJson.WriterOptions);
                RecordJson.Write(writer, siblings, default);
                await writer.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            }

            return;
        }

        var only = siblings.Siblings[0];
        headers.LastModified = DateTimeOffset.FromUnixTimeMilliseconds(only.Version.UnixMilliseconds).ToString("r");
        if (only.ExpiresAt != HybridTime.Zero)
        {
            headers["Atoll-Expires-At"] = RecordJson.Time(only.ExpiresAt);
        }

        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = only.Value.Length;
        if (!isHead)
        {
            await context.Response.BodyWriter.WriteAsync(only.Value, context.RequestAborted).ConfigureAwait(false);
        }
    }

    private static Task WriteNotFoundAsync(HttpContext context) => Problems.WriteAsync(
        context, StatusCodes.Status404NotFound, "recordNotFound", "there is no record with that key", isRetryable: false);

    private static Task AnswerAsync(HttpContext context, in ConditionalOutcome outcome, Session? session)
    {
        if (!outcome.Succeeded)
        {
            RecordInputs.ReturnSession(context, session);
            return Problems.WriteConflictAsync(context, outcome.Version, null);
        }

        Written(context, outcome.Version, session);
        return Task.CompletedTask;
    }

    private static void Written(HttpContext context, HybridTime version, Session? session)
    {
        RecordInputs.ReturnSession(context, session);
        context.Response.Headers.ETag = RecordJson.ETag(version);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}

/// <summary>The body of a batch, for the API's description.</summary>
/// <param name="Operations">The operations, in order.</param>
public sealed record BatchBody(IReadOnlyList<BatchOperationBody> Operations);

/// <summary>One operation of a batch.</summary>
/// <param name="Op">"put", "delete" or "check".</param>
/// <param name="Key">The key as text.</param>
/// <param name="KeyBase64">Or the key as base64.</param>
/// <param name="Value">For a put: the value as text.</param>
/// <param name="ValueBase64">Or the value as base64.</param>
/// <param name="ExpectedVersion">The version that the record must have before the batch; "0": it must not exist.</param>
/// <param name="Ttl">For a put: how long it lives, such as "30s".</param>
public sealed record BatchOperationBody(
    string Op, string? Key, string? KeyBase64, string? Value, string? ValueBase64, string? ExpectedVersion, string? Ttl);

/// <summary>The answer to a batch.</summary>
/// <param name="Version">The version of everything that it wrote.</param>
public sealed record VersionBody(string Version);
