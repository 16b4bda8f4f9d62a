using System.Text.Json;
using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.Services.Streams.Subscriptions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Atoll.Gateways.Http;

/// <summary>Subscriptions, by which topics are pushed to URLs: list, create, describe, delete.</summary>
internal sealed class SubscriptionEndpoints(IAtollClient client)
{
    private const string Route = "/v1/subscriptions/{name}";
    private const int BodyBytesMax = 64 * 1024;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/subscriptions", (Delegate)ListAsync).WithSummary("List subscriptions").WithTags("subscriptions")
            .Produces(200, contentType: "application/json");
        routes.MapGet(Route, DescribeAsync).WithSummary("Describe a subscription").WithTags("subscriptions")
            .Produces(200, contentType: "application/json").ProducesProblem(404);
        routes.MapPut(Route, CreateAsync)
            .WithSummary("Push a topic to a URL").WithTags("subscriptions")
            .WithDescription("The answer has the secret that deliveries are signed with; it is not told again.")
            .Accepts<SubscriptionBody>("application/json", "*/*").Produces(200, contentType: "application/json")
            .ProducesProblem(404).ProducesProblem(409);
        routes.MapDelete(Route, DeleteAsync).WithSummary("End a subscription").WithTags("subscriptions").Produces(204).ProducesProblem(404);
    }

    private async Task ListAsync(HttpContext context)
    {
        var subscriptions = await client.Subscriptions.ListAsync(context.RequestAborted).ConfigureAwait(false);
        await Json.WriteAsync(context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("subscriptions");
            foreach (var subscription in subscriptions)
            {
                WriteObject(writer, subscription, withSecret: false);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }).ConfigureAwait(false);
    }

    private async Task DescribeAsync(HttpContext context, string name)
    {
        var found = (await client.Subscriptions.ListAsync(context.RequestAborted).ConfigureAwait(false))
            .FirstOrDefault(known => known.Name == name) ?? throw NotFound(name);
        await Json.WriteAsync(context, writer => WriteObject(writer, found, withSecret: false)).ConfigureAwait(false);
    }

    private async Task CreateAsync(HttpContext context, string name)
    {
        var body = Json.Read(
            await RecordInputs.BodyAsync(context, BodyBytesMax).ConfigureAwait(false), "a subscription", new SubscriptionBody());
        var created = await client.Subscriptions.CreateAsync(body.Of(name), context.RequestAborted).ConfigureAwait(false);
        await Json.WriteAsync(context, writer => WriteObject(writer, created, withSecret: true)).ConfigureAwait(false);
    }

    private async Task DeleteAsync(HttpContext context, string name)
    {
        if (!await client.Subscriptions.DeleteAsync(name, context.RequestAborted).ConfigureAwait(false))
        {
            throw NotFound(name);
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static AtollException NotFound(string name) => new(ErrorCode.NotFound, $"there is no subscription \"{name}\"");

    private static void WriteObject(Utf8JsonWriter writer, Subscription subscription, bool withSecret)
    {
        writer.WriteStartObject();
        SubscriptionJson.Write(writer, subscription, withSecret);
        writer.WriteEndObject();
    }
}

/// <summary>What is chosen when a subscription is created; what is null has its default.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Url">Where its records are posted to.</param>
/// <param name="From">Where to begin; null for "earliest".</param>
/// <param name="Secret">What deliveries are signed with; null: one is drawn.</param>
/// <param name="DeadLetters">The topic for what cannot be delivered; null: nothing is ever given up.</param>
/// <param name="AttemptsMax">How often a delivery is tried.</param>
/// <param name="FirstDelayMs">The longest wait before the second try, in milliseconds.</param>
/// <param name="LongestDelayMs">The longest wait between two tries, in milliseconds.</param>
/// <param name="TimeoutMs">How long the receiver may take to answer, in milliseconds.</param>
/// <param name="RecordsMax">Records of one delivery.</param>
/// <param name="BytesMax">Bytes of one delivery.</param>
public sealed record SubscriptionBody(
    string? Topic = null, string? Url = null, string? From = null, string? Secret = null, string? DeadLetters = null,
    int? AttemptsMax = null, int? FirstDelayMs = null, int? LongestDelayMs = null, int? TimeoutMs = null, int? RecordsMax = null,
    int? BytesMax = null)
{
    /// <summary>The subscription that is meant.</summary>
    public Subscription Of(string name)
    {
        var plain = new Subscription();
        return plain with
        {
            Name = name,
            Topic = Topic ?? "",
            Url = Url ?? "",
            From = From ?? plain.From,
            Secret = Secret ?? "",
            DeadLetters = DeadLetters,
            AttemptsMax = AttemptsMax ?? plain.AttemptsMax,
            FirstDelayMs = FirstDelayMs ?? plain.FirstDelayMs,
            LongestDelayMs = LongestDelayMs ?? plain.LongestDelayMs,
            TimeoutMs = TimeoutMs ?? plain.TimeoutMs,
            RecordsMax = RecordsMax ?? plain.RecordsMax,
            BytesMax = BytesMax ?? plain.BytesMax,
        };
    }
}
