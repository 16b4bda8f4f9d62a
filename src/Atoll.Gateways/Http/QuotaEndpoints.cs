using System.Text.Json;
using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.Services.Streams.Quotas;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Atoll.Gateways.Http;

/// <summary>Quotas of clients of the Kafka protocol: list, set, delete.</summary>
internal sealed class QuotaEndpoints(IAtollClient client)
{
    private const string ClientRoute = "/v1/quotas/clients/{clientId}";
    private const string DefaultRoute = "/v1/quotas/default";
    private const int BodyBytesMax = 4 * 1024;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/quotas", (Delegate)ListAsync).WithSummary("List quotas").WithTags("quotas")
            .Produces(200, contentType: "application/json");
        routes.MapPut(ClientRoute, SetAsync).WithSummary("Set quotas of a client").WithTags("quotas")
            .WithDescription("By name, numbers a second, null for none; what is not named stays as it is.")
            .Produces(200, contentType: "application/json");
        routes.MapPut(DefaultRoute, (Delegate)SetDefaultAsync).WithSummary("Set quotas of clients that have none of their own")
            .WithTags("quotas").Produces(200, contentType: "application/json");
        routes.MapDelete(ClientRoute, DeleteAsync).WithSummary("Delete all quotas of a client").WithTags("quotas")
            .Produces(204).ProducesProblem(404);
        routes.MapDelete(DefaultRoute, (Delegate)DeleteDefaultAsync).WithSummary("Delete the quotas of clients that have none of their own")
            .WithTags("quotas").Produces(204).ProducesProblem(404);
    }

    private async Task ListAsync(HttpContext context)
    {
        var quotas = await client.Quotas.ReadAsync(context.RequestAborted).ConfigureAwait(false);
        await Json.WriteAsync(context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartObject("default");
            QuotaJson.Write(writer, quotas.Default);
            writer.WriteEndObject();
            writer.WriteStartObject("clients");
            foreach (var (id, quota) in quotas.Clients)
            {
                writer.WriteStartObject(id);
                QuotaJson.Write(writer, quota);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private Task SetDefaultAsync(HttpContext context) => SetForAsync(context, null);

    private Task SetAsync(HttpContext context, string clientId) => SetForAsync(context, clientId);

    private Task DeleteDefaultAsync(HttpContext context) => DeleteForAsync(context, null);

    private Task DeleteAsync(HttpContext context, string clientId) => DeleteForAsync(context, clientId);

    private async Task SetForAsync(HttpContext context, string? clientId)
    {
        var wanted = Json.Read(
            await RecordInputs.BodyAsync(context, BodyBytesMax).ConfigureAwait(false), "quotas", new Dictionary<string, long?>());
        var quotas = await client.Quotas.SetAsync(clientId, wanted, context.RequestAborted).ConfigureAwait(false);
        await Json.WriteAsync(context, writer =>
        {
            writer.WriteStartObject();
            QuotaJson.Write(writer, quotas.SetFor(clientId));
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private async Task DeleteForAsync(HttpContext context, string? clientId)
    {
        if (!await client.Quotas.DeleteAsync(clientId, context.RequestAborted).ConfigureAwait(false))
        {
            throw new AtollException(
                ErrorCode.NotFound, clientId is null ? "there are no default quotas" : $"client \"{clientId}\" has no quotas of its own");
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}

/// <summary>Quotas as members of a JSON object that the caller begins and ends.</summary>
public static class QuotaJson
{
    /// <summary>What is set, by name.</summary>
    public static void Write(Utf8JsonWriter writer, ClientQuota quota)
    {
        foreach (var (name, rate) in quota.Chosen)
        {
            writer.WriteNumber(name, rate);
        }
    }
}
