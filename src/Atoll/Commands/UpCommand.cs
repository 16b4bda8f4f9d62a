using System.CommandLine;
using Atoll.Hosting;
using Atoll.Live.Nodes;
using Atoll.Output;
using Atoll.Services;
using Atoll.Services.Calls;
using Microsoft.Extensions.Logging;

namespace Atoll.Commands;

/// <summary><c>atoll up</c>.</summary>
internal static class UpCommand
{
    private static readonly TimeSpan ReadyTimeout = TimeSpan.FromSeconds(60);

    public static Command Create(ClientOptions client)
    {
        var nodes = new Option<int?>("--nodes")
        {
            Description = "How many nodes, 1 to 7. Default: 3, or as many as the data has", HelpName = "COUNT",
        };
        var data = new Option<DirectoryInfo>("--data")
        {
            Description = "Where the data is", HelpName = "DIR", DefaultValueFactory = _ => new DirectoryInfo("atoll-data"),
        };
        var loops = new Option<int>("--loops")
        {
            Description = "Event loops of each node, when the data is new", DefaultValueFactory = _ => 1,
        };
        var port = new Option<int>("--port") { Description = "First of the ports, when the data is new", DefaultValueFactory = _ => 4600 };
        var cql = new Option<int?>("--cql-port")
        {
            Description = "First of the ports for CQL; 0: none. Default: 9042, or 42 behind the first of the others", HelpName = "PORT",
        };
        var kafka = new Option<int?>("--kafka-port")
        {
            Description = "First of the ports for the Kafka protocol; 0: none. Default: 9092, or 44 behind the first of the others",
            HelpName = "PORT",
        };
        var log = new Option<string>("--log")
        {
            Description = "Log level: trace, debug, info, warning, error, none", DefaultValueFactory = _ => "warning",
        };
        var command = new Command("up", "Run a local cluster in one process; Ctrl-C stops it, and it comes back with its data")
        {
            nodes, data, loops, port, cql, kafka, log,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            var folder = parsed.GetRequiredValue(data).FullName;
            var first = parsed.GetValue(port);
            var cluster = LocalCluster.LoadOrCreate(
                folder, parsed.GetValue(nodes), parsed.GetValue(loops), new PortPlan(first, first + 1, first + 80));
            using var traces = Tracing.Start(null, "", Environment.GetEnvironmentVariable);

            // All nodes stop together: that they lose each other then is no news.
            using var loggers = NodeLogging.Create(
                NodeLogging.Parse(parsed.GetRequiredValue(log)), () => cancellation.IsCancellationRequested);
            var cqlPort = parsed.GetValue(cql) ?? cluster.DefaultCqlPort();
            var kafkaPort = parsed.GetValue(kafka) ?? cluster.DefaultKafkaPort();
            NodeHostOptions[] hosts = [.. cluster.Hosts(folder, cqlPort, kafkaPort)];
            return await RunAsync(cluster, folder, hosts, client.Printer(parsed), loggers, cancellation).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        LocalCluster cluster, string folder, NodeHostOptions[] nodes, Printer printer, ILoggerFactory loggers,
        CancellationToken cancellation)
    {
        var hosts = new List<NodeHost>();
        cluster.RequireWhole(folder);
        try
        {
            foreach (var options in nodes)
            {
                foreach (var endPoint in new[]
                {
                    options.NativeEndPoint!, options.HttpEndPoint!, System.Net.IPEndPoint.Parse(options.Node.PeerListen),
                    options.CqlEndPoint, options.KafkaEndPoint,
                }.OfType<System.Net.IPEndPoint>())
                {
                    if (EndPoints.WhyTaken(endPoint) is { } why)
                    {
                        throw new CommandException(ExitCode.Failed,
                            $"{why} (is a cluster up already? --port chooses other ports for new data)");
                    }
                }

                hosts.Add(await NodeHost.StartAsync(options, loggers, cancellation).ConfigureAwait(false));
            }

            await ReadyAsync(hosts[0], cancellation).ConfigureAwait(false);
            LocalCluster.MarkFounded(folder);
            Announce(cluster, folder, nodes, printer);
            var failure = Task.WhenAny(hosts.Select(host => host.Failure));
            var stopped = await Task.WhenAny(failure, Task.Delay(Timeout.InfiniteTimeSpan, cancellation)).ConfigureAwait(false);
            if (stopped == failure)
            {
                throw new CommandException(ExitCode.Failed,
                    $"a node has stopped: {await (await failure.ConfigureAwait(false)).ConfigureAwait(false)}");
            }

            Printer.Remark("stopping");
            return ExitCode.Ok;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return ExitCode.Ok;
        }
        catch (Exception error) when (error is DataFolderException or IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Failed, error.Message);
        }
        finally
        {
            foreach (var host in Enumerable.Reverse(hosts))
            {
                await host.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private static async Task ReadyAsync(NodeHost host, CancellationToken cancellation)
    {
        await host.Node.Live.Ready.WaitAsync(cancellation).ConfigureAwait(false);
        await using var client = new AtollClient(
            host.Node.Live, new CallerOptions { Retries = new RetryPolicy { DefaultTimeout = ReadyTimeout, AttemptsMax = 1_000 } });
        await client.Spaces.ListAsync(cancellation).ConfigureAwait(false);
    }

    private static void Announce(LocalCluster cluster, string folder, NodeHostOptions[] nodes, Printer printer)
    {
        if (printer.IsJson)
        {
            printer.Json(writer =>
            {
                writer.WriteString("cluster", cluster.ClusterId);
                writer.WriteString("data", folder);
                writer.WriteStartArray("nodes");
                foreach (var (node, options) in cluster.Nodes.Zip(nodes))
                {
                    writer.WriteStartObject();
                    writer.WriteNumber("node", node.Id.Value);
                    writer.WriteString("client", node.Description.ClientAddress);
                    writer.WriteString("http", $"http://{node.Description.HttpAddress}");
                    writer.WriteString("cql", options.CqlEndPoint?.ToString());
                    writer.WriteString("kafka", options.KafkaEndPoint?.ToString());
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return;
        }

        printer.Line($"Atoll is up: {cluster.Nodes.Length} nodes, data in {folder}");
        foreach (var (node, options) in cluster.Nodes.Zip(nodes))
        {
            printer.Line($"  node {node.Id}: clients {node.Description.ClientAddress}, http://{node.Description.HttpAddress}"
                + (options.CqlEndPoint is null ? "" : $", CQL {options.CqlEndPoint}")
                + (options.KafkaEndPoint is null ? "" : $", Kafka {options.KafkaEndPoint}"));
        }

        printer.Line("Ctrl-C stops it; start it again to go on.");
    }
}
