using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Threading.Channels;
using Atoll.Interop.Tests.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Atoll.Interop.Tests.Webhooks;

/// <summary>A subscription of three processes, one of which is killed while it delivers.</summary>
public sealed class WebhookFailoverTests
{
    private const int Partitions = 3;
    private const int RecordsEachTime = 60;

    private static readonly Dictionary<string, string> NoEnvironment = [];

    [Fact]
    public async Task When_a_node_that_delivers_is_killed_the_others_go_on_in_order_and_leave_nothing_out()
    {
        using var cluster = new ProcessCluster();
        await cluster.StartThreeAsync(_ => (NoEnvironment, []));
        string[] to = ["--node", cluster.Client(1), "--json"];
        await ProcessCluster.SucceedsAsync(["topic", "create", "t", "--partitions", $"{Partitions}", .. to]);
        var deliveries = Channel.CreateUnbounded<JsonElement>();
        await using var receiver = await ReceiverAsync(deliveries.Writer);
        var url = receiver.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        await ProcessCluster.SucceedsAsync(
            ["subscription", "create", "s", "--topic", "t", "--url", url, "--records", "7", "--first-delay", "50ms", .. to]);
        await ProduceAsync(to);

        // Each partition's next offset that is due: whatever comes twice, nothing may be passed over.
        var due = new long[Partitions];
        await ReadAsync(deliveries.Reader, due, RecordsEachTime);
        var killed = Deliverers(await ProcessCluster.SucceedsAsync(["subscription", "describe", "s", .. to])).First(node => node != 1);
        cluster.Node(killed).Dispose();
        await ProduceAsync(to);
        await ReadAsync(deliveries.Reader, due, 2 * RecordsEachTime);

        await ProcessCluster.SucceedsAsync(["subscription", "delete", "s", .. to]);
        Assert.Equal(4, (await ProcessCluster.RunAsync(["subscription", "describe", "s", .. to])).Code);
    }

    private static async Task ProduceAsync(string[] to)
    {
        var script = $"seq {RecordsEachTime} | sed 's/.*/&:&/' | '{AtollProcess.Program}' topic produce t --key-separator : "
            + string.Join(' ', to);
        using var process = AtollProcess.StartProgram("/bin/sh", NoEnvironment, "-c", script);
        Assert.True(await process.EndsAsync() == 0, process.Output);
    }

    private static async Task ReadAsync(ChannelReader<JsonElement> deliveries, long[] due, long until)
    {
        using var deadline = new CancellationTokenSource(AtollProcess.Deadline);
        while (due.Sum() < until)
        {
            var delivery = await deliveries.ReadAsync(deadline.Token);
            var partition = delivery.GetProperty("partition").GetInt32();
            foreach (var record in delivery.GetProperty("records").EnumerateArray())
            {
                var offset = record.GetProperty("offset").GetInt64();
                Assert.True(offset <= due[partition], $"{partition}:{offset} came when {due[partition]} was due");
                due[partition] = Math.Max(due[partition], offset + 1);
            }
        }
    }

    // The nodes that deliver something: members are named after them, "node-2-06..".
    private static IEnumerable<int> Deliverers(string described) =>
        JsonDocument.Parse(described.Split('\n').Single(static line => line.StartsWith('{'))).RootElement
            .GetProperty("progress").GetProperty("partitions").EnumerateArray()
            .Select(static place => int.Parse(place.GetProperty("member").GetString()!.Split('-')[1], CultureInfo.InvariantCulture))
            .Distinct();

    // Breaks down for a moment at each partition's beginning.
    private static async Task<WebApplication> ReceiverAsync(ChannelWriter<JsonElement> deliveries)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var receiver = builder.Build();
        receiver.Run(async context =>
        {
            var body = (await JsonDocument.ParseAsync(context.Request.Body)).RootElement;
            if (context.Request.Headers["Atoll-Attempt"] == "1" && body.GetProperty("records")[0].GetProperty("offset").GetInt64() == 0)
            {
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                return;
            }

            deliveries.TryWrite(body);
        });
        await receiver.StartAsync();
        return receiver;
    }
}
