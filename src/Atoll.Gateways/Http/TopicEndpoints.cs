using System.Runtime.CompilerServices;
using System.Text.Json;
using Atoll.Foundation;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.StateMachines.Streams;
using Microsoft.AspNetCore.Builder;
using Atoll.StateMachines.Directory;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Atoll.Gateways.Http;

/// <summary>Topics: list, create, describe, change, delete; their records: append, read.</summary>
internal sealed class TopicEndpoints(IAtollClient client, ServerClock clock, TimeProvider time)
{
    internal const string Route = "/v1/topics/{topic}";
    private const int BodyBytesMax = 64 * 1024;

    private static readonly TimeSpan AppendTimeout = TimeSpan.FromSeconds(10);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/topics", (Delegate)ListAsync).WithSummary("List topics").WithTags("topics")
            .Produces(200, contentType: "application/json");
        routes.MapGet(Route, DescribeAsync)
            .WithSummary("Describe a topic: settings, partitions, where they are and what they have").WithTags("topics")
            .Produces(200, contentType: "application/json").ProducesProblem(404);
        routes.MapPut(Route, CreateAsync)
            .WithSummary("Create a topic").WithTags("topics")
            .WithDescription("May be repeated: the same options are fine, others are a conflict.")
            .Accepts<TopicBody>("application/json", "*/*").Produces(200, contentType: "application/json").ProducesProblem(409);
        routes.MapPatch(Route, AlterAsync)
            .WithSummary("Change settings of a topic, or give it more partitions").WithTags("topics")
            .WithDescription("A setting that is null has its default again. May be repeated.")
            .Accepts<TopicChangeBody>("application/json", "*/*").Produces(200, contentType: "application/json").ProducesProblem(404);
        routes.MapDelete(Route, DeleteAsync)
            .WithSummary("Delete a topic with all its records").WithTags("topics").Produces(204).ProducesProblem(404);
        routes.MapPost(Route + "/records", AppendAsync)
            .WithSummary("Append records").WithTags("topics")
            .WithDescription("The records of one partition are one batch: all of them or none, in order.")
            .Produces(200, contentType: "application/json").ProducesProblem(404).ProducesProblem(413);
        routes.MapGet(Route + "/records", ReadAsync)
            .WithSummary("Read the committed records that there are").WithTags("topics")
            .WithDescription("One JSON object a line, one partition after the other.")
            .Produces(200, contentType: StreamEndpoints.MediaType).ProducesProblem(404);
    }

    private async Task ListAsync(HttpContext context)
    {
        var catalog = await client.Streams.RefreshAsync(context.RequestAborted).ConfigureAwait(false);
        await Json.WriteAsync(context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("topics");
            foreach (var topic in catalog.Topics)
            {
                WriteObject(writer, topic, null);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private async Task DescribeAsync(HttpContext context, string topic)
    {
        var found = await client.Streams.TopicAsync(topic, context.RequestAborted).ConfigureAwait(false);
        var ends = await PartitionEnds.OfAsync(client.Streams, found, context.RequestAborted).ConfigureAwait(false);
        await Json.WriteAsync(context, writer => WriteObject(writer, found, ends)).ConfigureAwait(false);
    }

    private async Task CreateAsync(HttpContext context, string topic)
    {
        var body = Json.Read(
            await RecordInputs.BodyAsync(context, BodyBytesMax).ConfigureAwait(false), "a topic's options", new TopicBody());
        var settings = TopicInputs.Changed(TopicSettings.Default, body.Settings);
        var regions = RecordInputs.Regions(body.Regions, body.AllowedRegions);
        Topic? created;
        try
        {
            created = await client.Streams.CreateAsync(
                new TopicCreation(
                    topic, body.Partitions, body.Replicas, settings, regions,
                    RecordInputs.Named<FaultModel>(body.Replication, "replication")),
                context.RequestAborted).ConfigureAwait(false);
        }
        catch (AtollException error) when (error.Code == ErrorCode.SpaceExists)
        {
            created = (await client.Streams.TopicsAsync(context.RequestAborted).ConfigureAwait(false)).Find(topic);
            if (created is null || !IsSame(created, body, settings, regions))
            {
                throw;
            }
        }

        await Json.WriteAsync(context, writer => WriteObject(writer, created, null)).ConfigureAwait(false);
    }

    private async Task AlterAsync(HttpContext context, string topic)
    {
        var body = Json.Read(
            await RecordInputs.BodyAsync(context, BodyBytesMax).ConfigureAwait(false), "a change of a topic", new TopicChangeBody());
        await client.Streams.AlterAsync(topic, settings => TopicInputs.Changed(settings, body.Settings), context.RequestAborted)
            .ConfigureAwait(false);
        var changed = await client.Streams.TopicAsync(topic, context.RequestAborted).ConfigureAwait(false);
        if (body.Partitions is { } partitions && partitions != changed.Partitions.Length)
        {
            await client.Streams.GrowAsync(topic, partitions, context.RequestAborted).ConfigureAwait(false);
            changed = await client.Streams.TopicAsync(topic, context.RequestAborted).ConfigureAwait(false);
        }

        await Json.WriteAsync(context, writer => WriteObject(writer, changed, null)).ConfigureAwait(false);
    }

    private async Task DeleteAsync(HttpContext context, string topic)
    {
        if (!await client.Streams.DeleteAsync(topic, context.RequestAborted).ConfigureAwait(false))
        {
            throw new UnknownSpaceException($"there is no topic \"{topic}\"");
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task AppendAsync(HttpContext context, string topic)
    {
        var found = await client.Streams.KnownTopicAsync(topic, context.RequestAborted).ConfigureAwait(false);
        var body = await RecordInputs.BodyAsync(context, Limits.EntryBytesMax).ConfigureAwait(false);
        var records = TopicInputs.Records(body, clock.Now.UnixMilliseconds);
        var identity = RecordInputs.Identity(context, topic, default, clock.Now);
        var appended = await TopicAppend.AppendAsync(
            client.Streams, found, records, identity.IsNone ? null : identity.ClientId,
            RecordInputs.Timeout(context) ?? AppendTimeout, time, context.RequestAborted).ConfigureAwait(false);
        await Json.WriteAsync(context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("records");
            foreach (var record in appended)
            {
                writer.WriteStartObject();
                writer.WriteNumber("partition", record.Partition);
                if (record.Offset >= 0)
                {
                    writer.WriteNumber("offset", record.Offset);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private async Task ReadAsync(HttpContext context, string topic, string? from, string? limit)
    {
        var found = await client.Streams.KnownTopicAsync(topic, context.RequestAborted).ConfigureAwait(false);
        var partitions = TopicInputs.Partitions(context, found);
        var place = TopicInputs.Place(context, PlaceInPartition.Earliest);
        var count = RecordInputs.QueryLimit(context);
        await StreamEndpoints.StreamAsync(
            context, RecordsAsync(found, partitions, place, count == 0 ? long.MaxValue : count, context.RequestAborted),
            TopicJson.WriteObject, flushEach: false).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<TopicRecord> RecordsAsync(
        Topic topic, int[] partitions, PlaceInPartition from, long limit, [EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var partition in partitions)
        {
            var reader = new TopicReader(client.Streams, topic, partition);
            var first = await from.FindAsync(reader, cancellation).ConfigureAwait(false);
            var end = await reader.FindAsync(PartitionFind.Latest, cancellation).ConfigureAwait(false);
            await foreach (var record in reader.ReadAsync(first, end, cancellation).ConfigureAwait(false))
            {
                yield return record;
                if (--limit == 0)
                {
                    yield break;
                }
            }
        }
    }

    private static bool IsSame(Topic topic, TopicBody body, TopicSettings settings, SpaceRegions? regions) =>
        topic.Partitions.Length == (body.Partitions ?? 1)
        && Equals(topic.Space.Options.Regions, regions)
        && (body.Replicas is null || topic.Space.Options.Replicas == body.Replicas)
        && topic.Settings.Chosen.SequenceEqual(settings.Chosen);

    private static void WriteObject(Utf8JsonWriter writer, Topic topic, PartitionEnds[]? ends)
    {
        writer.WriteStartObject();
        TopicJson.Write(writer, topic);
        if (ends is not null)
        {
            TopicJson.Write(writer, topic, ends);
        }

        writer.WriteEndObject();
    }
}
