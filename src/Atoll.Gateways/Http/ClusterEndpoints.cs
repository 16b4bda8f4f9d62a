using System.Globalization;
using System.Text.Json;
using Atoll.Foundation.Identity;
using Atoll.Services;
using Atoll.Services.Errors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Atoll.Gateways.Http;

/// <summary>The cluster: its state, and leadership.</summary>
internal sealed class ClusterEndpoints
{
    private const int BodyBytesMax = 4 * 1024;

    private readonly IAtollClient _client;

    public ClusterEndpoints(IAtollClient client) => _client = client;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/cluster", (Delegate)StatusAsync)
            .WithSummary("The state of all nodes, shards and leaders").WithTags("cluster").Produces(200, contentType: "application/json");
        routes.MapPut("/v1/cluster/shards/{shard}/leader", TransferAsync)
            .WithSummary("Hand a shard's leadership to another replica").WithTags("cluster")
            .Accepts<LeaderBody>("application/json", "*/*").Produces(204).ProducesProblem(404);
    }

    private async Task StatusAsync(HttpContext context)
    {
        var status = await _client.Cluster.StatusAsync(context.RequestAborted).ConfigureAwait(false);
        await Json.WriteAsync(context, writer => ClusterJson.Write(writer, status)).ConfigureAwait(false);
    }

    private async Task TransferAsync(HttpContext context, string shard)
    {
        if (!ulong.TryParse(shard, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            throw new InvalidRequestException($"\"{shard}\" is not a shard's number");
        }

        var body = await RecordInputs.BodyAsync(context, BodyBytesMax).ConfigureAwait(false);
        LeaderBody? leader;
        try
        {
            leader = JsonSerializer.Deserialize<LeaderBody>(body, Json.Options);
        }
        catch (JsonException error)
        {
            throw new InvalidRequestException($"the body must be {{\"node\": N}}: {error.Message}");
        }

        await _client.Cluster.TransferLeadershipAsync(new ShardId(number), new NodeId(leader?.Node ?? 0), context.RequestAborted)
            .ConfigureAwait(false);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}

/// <summary>Who shall lead.</summary>
/// <param name="Node">The node's number.</param>
public sealed record LeaderBody(uint Node);
