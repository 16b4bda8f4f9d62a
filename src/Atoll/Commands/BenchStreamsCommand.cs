using System.CommandLine;
using System.Globalization;
using Atoll.Benchmarks;
using Atoll.Output;

namespace Atoll.Commands;

/// <summary><c>atoll bench streams</c>.</summary>
internal sealed class BenchStreamsCommand
{
    private const double SecondsMax = 24 * 60 * 60;

    private readonly ClientOptions _client;
    private readonly Option<int[]> _clients = new("--clients", "-c")
    {
        Description = "Numbers of batches (producers) or reads (consumers) under way at once", AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [16],
    };

    private readonly Option<string[]> _loads = new("--load")
    {
        Description = "What they do: produce (acks=all), consume (from the first message on), both (with the time from append to arrival)",
        AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => ["produce", "consume", "both"],
    };

    private readonly Option<int[]> _messageBytes = new("--message-bytes")
    {
        Description = "Bytes of a message", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [256, 1024, 102_400],
    };
    private readonly Option<int[]> _partitions = new("--partitions")
    {
        Description = "Partitions of the topic", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [1, 16, 256],
    };
    private readonly Option<int> _batchBytes = new("--batch-bytes")
    {
        Description = "Bytes of messages that a producer sends together; at least one message", DefaultValueFactory = _ => 16_384,
    };
    private readonly Option<int> _fetchBytes = new("--fetch-bytes")
    {
        Description = "The most that a consumer takes at once", DefaultValueFactory = _ => 1024 * 1024,
    };
    private readonly Option<int> _fill = new("--fill-megabytes")
    {
        Description = "How much is appended, unmeasured, before consumers are measured", DefaultValueFactory = _ => 256,
    };
    private readonly Option<double> _seconds = new("--seconds")
    {
        Description = "How long each is measured; 0.2 only shows that it runs", DefaultValueFactory = _ => 10,
    };
    private readonly Option<double> _warmUp = new("--warm-up") { Description = "Seconds before that", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _replicas = new("--replicas") { Description = "Replicas of each partition", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _connections = new("--connections")
    {
        Description = "Connections to each node", DefaultValueFactory = _ => 2,
    };
    private readonly Option<string?> _kafka = new("--kafka")
    {
        Description = "Kafka address of a node of a cluster that runs. Default: three own processes", HelpName = "HOST:PORT",
    };
    private readonly Option<int> _nodes = new("--nodes")
    {
        Description = "Nodes to start, each a process, unless --kafka names a cluster", DefaultValueFactory = _ => 3,
    };
    private readonly Option<int> _port = new("--port") { Description = "First of their ports", DefaultValueFactory = _ => 14_600 };
    private readonly Option<string?> _data = new("--data")
    {
        Description = "Their data folder. Default: a new one here, removed at the end", HelpName = "DIR",
    };
    private readonly Option<string[]> _serverOptions = new("--server-option")
    {
        Description = "More for the command line of each node", HelpName = "TEXT",
    };

    private BenchStreamsCommand(ClientOptions client)
    {
        _client = client;
        _loads.AcceptOnlyFromAmong("produce", "consume", "both");
    }

    public static Command Create(ClientOptions client)
    {
        var bench = new BenchStreamsCommand(client);
        var command = new Command("streams", "Measure producers and consumers of topics through the Kafka protocol")
        {
            bench._clients, bench._loads, bench._messageBytes, bench._partitions, bench._batchBytes, bench._fetchBytes, bench._fill,
            bench._seconds, bench._warmUp, bench._replicas, bench._connections, bench._kafka, bench._nodes, bench._port,
            bench._data, bench._serverOptions,
        };
        command.SetAction(bench.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        await using var servers = parsed.GetValue(_kafka) is null
            ? await ServerProcesses.StartAsync(
                parsed.GetValue(_nodes), parsed.GetValue(_data), parsed.GetValue(_port), parsed.GetValue(_serverOptions) ?? [],
                cancellation).ConfigureAwait(false)
            : null;
        var report = new LoadReport(
            _client.Printer(parsed),
            $"{parsed.GetValue(_replicas)} replicas, batches of {parsed.GetValue(_batchBytes)} B", true, "messageBytes", "partitions");
        var bootstrap = servers is null ? parsed.GetRequiredValue(_kafka)! : servers.KafkaAddresses[0];
        foreach (var messageBytes in parsed.GetRequiredValue(_messageBytes))
        {
            foreach (var partitions in parsed.GetRequiredValue(_partitions))
            {
                await using var load = await StreamsLoad.CreateAsync(
                    bootstrap, Math.Max(1, partitions), parsed.GetValue(_replicas), Math.Max(1, parsed.GetValue(_connections)),
                    cancellation).ConfigureAwait(false);
                var shape = new StreamsShape(
                    Math.Max(MessageStamp.Bytes, messageBytes), parsed.GetValue(_batchBytes), Math.Max(1, parsed.GetValue(_fetchBytes)),
                    TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(_warmUp), 0, SecondsMax)),
                    TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(_seconds), 0.1, SecondsMax)));
                var measure = new StreamsMeasure(load, shape, servers?.Measured ?? MeasuredServers.None, cancellation);
                await MeasureAsync(parsed, measure, report, Text(messageBytes), Text(partitions)).ConfigureAwait(false);
                await load.DropAsync().ConfigureAwait(false);
            }
        }

        report.End();
        return ExitCode.Ok;
    }

    private async Task MeasureAsync(ParseResult parsed, StreamsMeasure measure, LoadReport report, params string[] tags)
    {
        foreach (var name in parsed.GetRequiredValue(_loads))
        {
            if (name == "consume")
            {
                await measure.FillAsync(Math.Max(0, parsed.GetValue(_fill)) * 1_000_000L).ConfigureAwait(false);
            }

            foreach (var clients in parsed.GetRequiredValue(_clients).Select(static count => Math.Clamp(count, 1, 16_384)))
            {
                switch (name)
                {
                    case "produce":
                        report.Add(await measure.ProduceAsync(clients).ConfigureAwait(false), tags);
                        break;
                    case "consume":
                        report.Add(await measure.ConsumeAsync(clients).ConfigureAwait(false), tags);
                        break;
                    default:
                        var (produced, consumed) = await measure.BothAsync(clients).ConfigureAwait(false);
                        report.Add(produced, tags);
                        report.Add(consumed, tags);
                        break;
                }
            }
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
