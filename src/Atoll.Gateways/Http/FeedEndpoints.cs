using System.Text.Json;
using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.Services.Streams.Feeds;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Atoll.Gateways.Http;

/// <summary>Feeds, by which the changes of spaces become records of topics: list, create, describe, delete.</summary>
internal sealed class FeedEndpoints(IAtollClient client)
{
    private const string Route = "/v1/feeds/{name}";
    private const int BodyBytesMax = 64 * 1024;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/feeds", (Delegate)ListAsync).WithSummary("List feeds").WithTags("feeds")
            .Produces(200, contentType: "application/json");
        routes.MapGet(Route, DescribeAsync).WithSummary("Describe a feed, and how far it is behind").WithTags("feeds")
            .Produces(200, contentType: "application/json").ProducesProblem(404);
        routes.MapPut(Route, CreateAsync).WithSummary("Copy a space's changes into a topic").WithTags("feeds")
            .Accepts<FeedBody>("application/json", "*/*").Produces(200, contentType: "application/json")
            .ProducesProblem(404).ProducesProblem(409);
        routes.MapDelete(Route, DeleteAsync).WithSummary("End a feed").WithTags("feeds").Produces(204).ProducesProblem(404);
    }

    private async Task ListAsync(HttpContext context)
    {
        var feeds = await client.Feeds.ListAsync(context.RequestAborted).ConfigureAwait(false);
        await Json.WriteAsync(context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("feeds");
            foreach (var feed in feeds)
            {
                writer.WriteStartObject();
                FeedJson.Write(writer, feed);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private async Task DescribeAsync(HttpContext context, string name)
    {
        var found = (await client.Feeds.ListAsync(context.RequestAborted).ConfigureAwait(false))
            .FirstOrDefault(known => known.Name == name) ?? throw NotFound(name);
        var progress = await client.Feeds.ProgressAsync(found, context.RequestAborted).ConfigureAwait(false);
        await WriteAsync(context, found, progress).ConfigureAwait(false);
    }

    private async Task CreateAsync(HttpContext context, string name)
    {
        var body = Json.Read(await RecordInputs.BodyAsync(context, BodyBytesMax).ConfigureAwait(false), "a feed", new FeedBody());
        var created = await client.Feeds.CreateAsync(name, body.Space ?? "", body.Topic ?? "", context.RequestAborted)
            .ConfigureAwait(false);
        await WriteAsync(context, created, null).ConfigureAwait(false);
    }

    private async Task DeleteAsync(HttpContext context, string name)
    {
        if (!await client.Feeds.DeleteAsync(name, context.RequestAborted).ConfigureAwait(false))
        {
            throw NotFound(name);
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static Task WriteAsync(HttpContext context, Feed feed, IReadOnlyList<FeedProgress>? progress) =>
        Json.WriteAsync(context, writer =>
        {
            writer.WriteStartObject();
            FeedJson.Write(writer, feed);
            if (progress is not null)
            {
                FeedJson.Write(writer, progress);
            }

            writer.WriteEndObject();
        });

    private static AtollException NotFound(string name) => new(ErrorCode.NotFound, $"there is no feed \"{name}\"");
}

/// <summary>What is chosen when a feed is created.</summary>
/// <param name="Space">The space.</param>
/// <param name="Topic">The topic.</param>
public sealed record FeedBody(string? Space = null, string? Topic = null);
