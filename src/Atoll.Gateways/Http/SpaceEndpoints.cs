using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Atoll.Gateways.Http;

/// <summary>Spaces: list, describe, create, drop, count.</summary>
internal sealed class SpaceEndpoints
{
    private const string Route = "/v1/spaces/{space}";
    private const int BodyBytesMax = 64 * 1024;

    private readonly IAtollClient _client;

    public SpaceEndpoints(IAtollClient client) => _client = client;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/spaces", (Delegate)ListAsync).WithSummary("List spaces").WithTags("spaces").Produces(200,
            contentType: "application/json");
        routes.MapGet(Route, DescribeAsync)
            .WithSummary("Describe a space and where its shards are").WithTags("spaces")
            .Produces(200, contentType: "application/json").ProducesProblem(404);
        routes.MapPut(Route, CreateAsync)
            .WithSummary("Create a space").WithTags("spaces")
            .WithDescription("May be repeated: the same options are fine, others are a conflict.")
            .Accepts<SpaceBody>("application/json", "*/*").Produces(200, contentType: "application/json").ProducesProblem(409);
        routes.MapDelete(Route, DropAsync)
            .WithSummary("Drop a space with all its data").WithTags("spaces").Produces(204).ProducesProblem(404);
        routes.MapGet(Route + "/count", CountAsync)
            .WithSummary("Count a space's records").WithTags("spaces").Produces(200, contentType: "application/json").ProducesProblem(404);
    }

    private async Task ListAsync(HttpContext context)
    {
        var spaces = await _client.Spaces.ListAsync(context.RequestAborted).ConfigureAwait(false);
        await Json.WriteAsync(context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("spaces");
            foreach (var space in spaces)
            {
                RecordJson.Write(writer, space, null);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private async Task DescribeAsync(HttpContext context, string space)
    {
        var found = await _client.Spaces.DescribeAsync(RecordInputs.Space(space), context.RequestAborted).ConfigureAwait(false);
        await Json.WriteAsync(context, writer => RecordJson.Write(writer, found.Space, found.Shards)).ConfigureAwait(false);
    }

    private async Task CreateAsync(HttpContext context, string space)
    {
        var body = await RecordInputs.BodyAsync(context, BodyBytesMax).ConfigureAwait(false);
        var created = await _client.Spaces.CreateAsync(Options(RecordInputs.Space(space), body), context.RequestAborted)
            .ConfigureAwait(false);
        await Json.WriteAsync(context, writer => RecordJson.Write(writer, created, null)).ConfigureAwait(false);
    }

    private async Task DropAsync(HttpContext context, string space)
    {
        var name = RecordInputs.Space(space);
        if (!await _client.Spaces.DropAsync(name, context.RequestAborted).ConfigureAwait(false))
        {
            throw new UnknownSpaceException($"there is no space \"{name}\"");
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task CountAsync(HttpContext context, string space)
    {
        var options = RecordInputs.Read(context, RecordInputs.Session(context));
        var count = await _client.Records(RecordInputs.Space(space)).CountAsync(options, context.RequestAborted).ConfigureAwait(false);
        await Json.WriteAsync(context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("records", count.Records);
            writer.WriteNumber("bytes", count.Bytes);
            writer.WriteNumber("expiring", count.Expiring);
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private static SpaceOptions Options(string name, byte[] body)
    {
        var options = Json.Read(body, "a space's options", new SpaceBody());
        var regions = RecordInputs.Regions(options.Regions, options.AllowedRegions);
        return new SpaceOptions(
            name, RecordInputs.Named<FaultModel>(options.Replication, "replication"),
            options.Replicas ?? (regions?.ReplicaCount is > 0 and var count ? count : 3),
            RecordInputs.Named<Partitioning>(options.Partitioning, "partitioning"), options.Shards,
            Regions: regions,
            Conflicts: Conflicts(options.Conflicts));
    }

    private static ConflictRule Conflicts(string text) => text switch
    {
        "last-write" or "lastWrite" => ConflictRule.LastWrite,
        "siblings" => ConflictRule.Siblings,
        "counters" => ConflictRule.Counters,
        "sets" => ConflictRule.Sets,
        "maps" => ConflictRule.Maps,
        _ => throw new InvalidRequestException(
            $"\"{text}\" is no rule for conflicts; there are last-write, siblings, counters, sets and maps"),
    };
}

/// <summary>What is chosen when a space is created.</summary>
/// <param name="Replication">"strong" or "eventual"; "byzantine" is not in this version.</param>
/// <param name="Replicas">Copies of each shard: 1, 3, 5 or 7; null: those of the regions together, or 3.</param>
/// <param name="Partitioning">"hash"; "range" is not in this version.</param>
/// <param name="Shards">How many shards.</param>
/// <param name="Regions">How many copies in which region; null: spread over all that are allowed.</param>
/// <param name="AllowedRegions">The regions that may store the space's data; null: all.</param>
/// <param name="Conflicts">Of an eventual space: "last-write", "siblings" to keep concurrent writes, or "counters".</param>
public sealed record SpaceBody(
    string Replication = "strong", int? Replicas = null, string Partitioning = "hash", int Shards = 1,
    IReadOnlyDictionary<string, int>? Regions = null, IReadOnlyList<string?>? AllowedRegions = null,
    string Conflicts = "last-write");
