using System.Net;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Atoll.Gateways.Tests.Webhooks;

/// <summary>A delivery as it came.</summary>
/// <param name="Path">Where it was posted to.</param>
/// <param name="Headers">What it said of itself.</param>
/// <param name="Body">The body.</param>
internal sealed record Delivery(string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public int Attempt => int.Parse(Headers["Atoll-Attempt"], System.Globalization.CultureInfo.InvariantCulture);

    public int Partition => JsonDocument.Parse(Body).RootElement.GetProperty("partition").GetInt32();

    public List<string> Values =>
    [
        .. JsonDocument.Parse(Body).RootElement.GetProperty("records").EnumerateArray()
            .Select(static record => record.GetProperty("value").GetString()!),
    ];
}

/// <summary>Takes deliveries on a real port, and answers them as a test wants.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    /// <summary>Generous: reached only when something is wrong, however busy the machine is.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly Channel<Delivery> _deliveries = Channel.CreateUnbounded<Delivery>();
    private readonly WebApplication _application;
    private readonly Func<Delivery, HttpContext, Task> _answer;

    private Receiver(WebApplication application, Func<Delivery, HttpContext, Task> answer) =>
        (_application, _answer) = (application, answer);

    public string Url => _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    public static Task<Receiver> StartAsync(Func<Delivery, int> status) => StartAsync((delivery, context) =>
    {
        context.Response.StatusCode = status(delivery);
        return Task.CompletedTask;
    });

    public static async Task<Receiver> StartAsync(Func<Delivery, HttpContext, Task> answer)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var receiver = new Receiver(builder.Build(), answer);
        receiver._application.Run(receiver.TakeAsync);
        await receiver._application.StartAsync();
        return receiver;
    }

    /// <summary>The next delivery, whatever it was answered.</summary>
    public async Task<Delivery> NextAsync() => await _deliveries.Reader.ReadAsync().AsTask().WaitAsync(Deadline);

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var delivery = new Delivery(
            context.Request.Path,
            context.Request.Headers.ToDictionary(
                static pair => pair.Key, static pair => pair.Value.ToString(), StringComparer.OrdinalIgnoreCase),
            body.ToArray());
        _deliveries.Writer.TryWrite(delivery);
        await _answer(delivery, context);
    }
}
