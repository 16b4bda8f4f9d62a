using Atoll.Foundation;
using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Groups;
using Atoll.StateMachines.Groups;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Atoll.Gateways.Http;

/// <summary>Topics pushed as server-sent events: to one client by itself, or to the members of a group, who share the partitions.</summary>
/// <param name="client">The cluster.</param>
/// <param name="options">Clock and intervals.</param>
/// <param name="stopping">Ends all streams: the gateway is about to stop.</param>
internal sealed class EventEndpoints(IAtollClient client, HttpGatewayOptions options, CancellationToken stopping)
{
    // An event's id names every partition that its stream reads.
    private const int PartitionsMax = 256;

    // What one stream has in memory is what its readers have: together about this, and a batch each at least.
    private const int FetchBytesTotal = 1024 * 1024;
    private const int FetchBytesMin = 16 * 1024;

    private readonly BoundedCount _readers = new(Limits.EventReadersMax);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet(TopicEndpoints.Route + "/events", StreamAsync)
            .WithSummary("Follow a topic as server-sent events").WithTags("topics")
            .WithDescription("Alone from a place on, or behind Last-Event-ID; or as a member of a group.")
            .Produces(200, contentType: EventStream.MediaType).ProducesProblem(404);
        routes.MapPost(TopicEndpoints.Route + "/acks", AcknowledgeAsync)
            .WithSummary("Acknowledge events of a group").WithTags("topics")
            .WithDescription("Each id stands for its record and all before it in its partition.")
            .Accepts<AcknowledgementBody>("application/json", "*/*").Produces(204).ProducesProblem(409);
    }

    private async Task StreamAsync(HttpContext context, string topic, string? group, string? from)
    {
        var found = await client.Streams.KnownTopicAsync(topic, context.RequestAborted).ConfigureAwait(false);
        var partitions = TopicInputs.Partitions(context, found);
        if (partitions.Length > PartitionsMax)
        {
            throw new InvalidRequestException(
                $"a stream of events reads at most {PartitionsMax} partitions; choose some with the query parameter partition");
        }

        if (!_readers.TryAdd(partitions.Length))
        {
            throw new OverloadedException(
                $"this node reads {Limits.EventReadersMax} partitions for streams of events, which is as many as it does",
                TimeSpan.FromSeconds(5));
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        try
        {
            var fetchBytes = Math.Max(FetchBytesMin, FetchBytesTotal / partitions.Length);
            if (string.IsNullOrEmpty(group))
            {
                await FollowAsync(context, found, partitions, fetchBytes, ending.Token).ConfigureAwait(false);
            }
            else
            {
                await ShareAsync(context, found, group, fetchBytes, ending.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested && context.Response.HasStarted)
        {
            // The client connects again, to another node or to this one when it is back.
        }
        finally
        {
            _readers.Subtract(partitions.Length);
        }
    }

    private async Task FollowAsync(HttpContext context, Topic topic, int[] partitions, int fetchBytes, CancellationToken cancellation)
    {
        var place = TopicInputs.Place(context, PlaceInPartition.Latest);
        var readers = partitions.ToDictionary(
            static partition => partition, partition => new TopicReader(client.Streams, topic, partition, fetchBytes));
        var next = LastEvent(context);
        foreach (var partition in partitions.Where(partition => !next.ContainsKey(partition)))
        {
            next[partition] = await place.FindAsync(readers[partition], cancellation).ConfigureAwait(false);
        }

        var places = new EventPlaces(next.Where(pair => readers.ContainsKey(pair.Key)));
        await using var events = new EventStream(context, options.Time, options.KeepAlive);
        await events.StartAsync().ConfigureAwait(false);
        using var failing = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await EndAsync(events, topic, Task.WhenAll(readers.Select(async pair =>
        {
            try
            {
                await foreach (var batch in pair.Value.ReadBatchesAsync(next[pair.Key], long.MaxValue, failing.Token).ConfigureAwait(false))
                {
                    await events.WriteAsync(
                        batch, null, record => places.Take(record.Partition, record.Offset), TopicJson.WriteObject, failing.Token)
                        .ConfigureAwait(false);
                }
            }
            catch (AtollException)
            {
                // One partition that cannot be read ends the stream: who goes on without it would not know what is missing.
                await failing.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }))).ConfigureAwait(false);
    }

    private async Task ShareAsync(HttpContext context, Topic topic, string group, int fetchBytes, CancellationToken cancellation)
    {
        if (context.Request.Query.ContainsKey("partition"))
        {
            throw new InvalidRequestException("a group shares all partitions of a topic among its members: partition cannot be chosen");
        }

        var reader = new GroupReader(client.Streams, client.Groups, topic, group, new GroupReaderOptions
        {
            ClientId = "http",
            ClientHost = context.Connection.RemoteIpAddress?.ToString() ?? "",
            From = TopicInputs.Place(context, PlaceInPartition.Earliest),
            FetchBytes = fetchBytes,
            Time = options.Time,
        });
        await using var events = new EventStream(context, options.Time, options.KeepAlive);
        await events.StartAsync().ConfigureAwait(false);
        await EndAsync(events, topic, reader.RunAsync(new EventReading(events), cancellation)).ConfigureAwait(false);
    }

    // What ends a stream that has begun is its last event.
    private async Task EndAsync(EventStream events, Topic topic, Task reading)
    {
        try
        {
            await reading.ConfigureAwait(false);
        }
        catch (AtollException error)
        {
            if (await IsDeletedAsync(topic).ConfigureAwait(false))
            {
                await events.WriteAsync([topic.Name], "deleted", null, static (writer, name) =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("topic", name);
                    writer.WriteEndObject();
                }, CancellationToken.None).ConfigureAwait(false);
                return;
            }

            await events.WriteAsync(
                [error], "error", null,
                static (writer, error) => Problems.WriteObject(
                    writer, Problems.StatusOf(error.Code), ErrorNames.Of(error.Code), error.Message, error.IsRetryable),
                CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async ValueTask<bool> IsDeletedAsync(Topic topic)
    {
        try
        {
            return (await client.Streams.RefreshAsync(CancellationToken.None).ConfigureAwait(false)).Find(topic.Id) is null;
        }
        catch (AtollException)
        {
            return false; // nobody can tell now
        }
    }

    private async Task AcknowledgeAsync(HttpContext context, string topic)
    {
        var body = Json.Read(
            await RecordInputs.BodyAsync(context, AcknowledgementBody.BytesMax).ConfigureAwait(false), "an acknowledgement",
            new AcknowledgementBody());
        var found = await client.Streams.KnownTopicAsync(topic, context.RequestAborted).ConfigureAwait(false);
        var status = await client.Groups.CommitAsync(
            new CommitOffsets(body.Group, new MemberIdentity(body.Member, null), body.Generation, body.Offsets(found)),
            context.RequestAborted).ConfigureAwait(false);
        if (GroupStatuses.IsOver(status))
        {
            await Problems.WriteAsync(
                context, StatusCodes.Status409Conflict, "notMember",
                $"{body.Member} is not in generation {body.Generation} of group \"{body.Group}\" any more: what it did not acknowledge is "
                + "given to whoever has the partition now", isRetryable: false).ConfigureAwait(false);
            return;
        }

        GroupStatuses.ThrowUnlessOk(body.Group, status);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static Dictionary<int, long> LastEvent(HttpContext context) => context.Request.Headers["Last-Event-ID"].ToString() switch
    {
        "" => [],
        var id => EventPlaces.TryReadNext(id)
            ?? throw new InvalidRequestException("Last-Event-ID must be the id of an event of this topic, as the stream gave it"),
    };

    /// <summary>Writes what a member of a group is given, and its records.</summary>
    private sealed class EventReading(EventStream events) : IGroupReading
    {
        public ValueTask AssignedAsync(
            GroupGeneration generation, IReadOnlyCollection<GroupPartition> places, CancellationToken cancellation) => events.WriteAsync(
            [generation], "assigned", null, static (writer, generation) =>
            {
                writer.WriteStartObject();
                writer.WriteString("group", generation.Group);
                writer.WriteString("member", generation.Member.MemberId);
                writer.WriteNumber("generation", generation.Number);
                writer.WriteStartArray("partitions");
                foreach (var partition in generation.Partitions)
                {
                    writer.WriteNumberValue(partition);
                }

                writer.WriteEndArray();
                writer.WriteEndObject();
            }, cancellation);

        public async Task ReadAsync(
            GroupGeneration generation, GroupPartition partition, TopicReader reader, CancellationToken cancellation)
        {
            await foreach (var batch in reader.ReadBatchesAsync(partition.Next, long.MaxValue, cancellation).ConfigureAwait(false))
            {
                await events.WriteAsync(
                    batch, null, static record => EventPlaces.Id(record.Partition, record.Offset), TopicJson.WriteObject, cancellation)
                    .ConfigureAwait(false);
                partition.Next = batch[^1].Offset + 1;
            }
        }
    }
}

/// <summary>What a client says when it acknowledges events.</summary>
/// <param name="Group">Its group.</param>
/// <param name="Member">The member that the event "assigned" named.</param>
/// <param name="Generation">The generation that it named.</param>
/// <param name="Ids">Ids of events, in any order.</param>
public sealed record AcknowledgementBody(string Group = "", string Member = "", int Generation = -1, IReadOnlyList<string>? Ids = null)
{
    internal const int BytesMax = 1024 * 1024;

    /// <summary>How far the events go, by partition.</summary>
    /// <param name="topic">Their topic.</param>
    /// <exception cref="InvalidRequestException">There are none, or one is no event's id.</exception>
    internal IReadOnlyList<OffsetToCommit> Offsets(Topic topic)
    {
        if (Member is not { Length: > 0 } || Group is null || Generation < 0 || Ids is not { Count: > 0 })
        {
            throw new InvalidRequestException("an acknowledgement has the members \"group\", \"member\", \"generation\" and \"ids\"");
        }

        var next = new SortedDictionary<int, long>();
        foreach (var id in Ids)
        {
            foreach (var (partition, offset) in EventPlaces.TryReadNext(id ?? "") ?? throw NoId(id))
            {
                next[partition] = topic.Partition(partition) is null ? throw NoId(id)
                    : Math.Max(offset, next.GetValueOrDefault(partition));
            }
        }

        return
        [
            .. next.Select(pair => new OffsetToCommit(new TopicPartition(topic.Name, pair.Key), new CommittedOffset(pair.Value, -1, ""))),
        ];
    }

    private static InvalidRequestException NoId(string? id) => new($"\"{id}\" is not the id of an event of this topic");
}
