using System.CommandLine;
using System.Globalization;
using Atoll.Benchmarks;
using Atoll.Client.Remote;
using Atoll.Output;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.StateMachines.Directory;

namespace Atoll.Commands;

/// <summary><c>atoll bench records</c>.</summary>
internal sealed class BenchCommand
{
    private const double SecondsMax = 24 * 60 * 60;

    private readonly ClientOptions _client;
    private readonly Option<int[]> _clients = new("--clients", "-c")
    {
        Description = "Numbers of callers at once", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [1, 64, 256],
    };

    private readonly Option<string[]> _loads = new("--load")
    {
        Description = "What they do: put, get (linearizable), mix (95 % get), scan (100 records)", AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => ["put", "get", "mix"],
    };

    private readonly Option<double> _seconds = new("--seconds")
    {
        Description = "How long each is measured; 0.2 only shows that it runs", DefaultValueFactory = _ => 10,
    };
    private readonly Option<double> _warmUp = new("--warm-up") { Description = "Seconds before that", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _valueBytes = new("--value-bytes") { Description = "Bytes of a value", DefaultValueFactory = _ => 256 };
    private readonly Option<int> _keys = new("--keys") { Description = "Different keys", DefaultValueFactory = _ => 10_000 };
    private readonly Option<int> _shards = new("--shards") { Description = "Shards of the space", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _replicas = new("--replicas") { Description = "Replicas of each shard", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _nodes = new("--nodes")
    {
        Description = "Nodes to start, each a process, unless --node names a cluster", DefaultValueFactory = _ => 3,
    };
    private readonly Option<int> _port = new("--port") { Description = "First of their ports", DefaultValueFactory = _ => 14_600 };
    private readonly Option<string?> _data = new("--data")
    {
        Description = "Their data folder. Default: a new one here, removed at the end", HelpName = "DIR",
    };
    private readonly Option<string[]> _serverOptions = new("--server-option")
    {
        Description = "More for the command line of each node, such as --server-option=--lease-reads", HelpName = "TEXT",
    };

    private readonly Option<string?> _keep = new("--keep") { Description = "Name of the space, which then stays", HelpName = "SPACE" };

    private BenchCommand(ClientOptions client)
    {
        _client = client;
        _loads.AcceptOnlyFromAmong("put", "get", "mix", "scan");
    }

    public static Command Create(ClientOptions client)
    {
        var bench = new BenchCommand(client);
        var records = new Command("records", "Measure puts and linearizable gets of records")
        {
            bench._clients, bench._loads, bench._seconds, bench._warmUp, bench._valueBytes, bench._keys, bench._shards, bench._replicas,
                bench._nodes,
            bench._port, bench._data, bench._serverOptions, bench._keep,
        };
        records.SetAction(bench.RunAsync);
        return new Command("bench", "Measure") { records, BenchCqlCommand.Create(client), BenchStreamsCommand.Create(client) };
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var isOwn = parsed.GetValue(_client.Nodes) is null && Environment.GetEnvironmentVariable("ATOLL_NODES") is null;
        await using var servers = isOwn
            ? await ServerProcesses.StartAsync(
                parsed.GetValue(_nodes), parsed.GetValue(_data), parsed.GetValue(_port), parsed.GetValue(_serverOptions) ?? [],
                    cancellation)
                .ConfigureAwait(false)
            : null;
        var remote = _client.Remote(parsed);
        var clock = new ServerClock(TimeProvider.System);
        var port = new RemotePort(servers is null ? remote : remote with { Nodes = servers.Addresses }, clock);
        await using var atoll = new AtollClient(port, new CallerOptions { Clock = clock, InlineContinuations = true }, port, port);

        var space = parsed.GetValue(_keep) ?? $"bench-{Guid.NewGuid():n}";
        await atoll.Spaces.CreateAsync(
            new SpaceOptions(space, Replicas: parsed.GetValue(_replicas), ShardCount: parsed.GetValue(_shards)),
                cancellation).ConfigureAwait(false);
        try
        {
            return await MeasureAsync(parsed, atoll, space, servers?.Measured ?? MeasuredServers.None, cancellation).ConfigureAwait(false);
        }
        finally
        {
            if (parsed.GetValue(_keep) is null)
            {
                await atoll.Spaces.DropAsync(space, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private async Task<int> MeasureAsync(
        ParseResult parsed, AtollClient atoll, string space, MeasuredServers servers, CancellationToken cancellation)
    {
        var report = new LoadReport(
            _client.Printer(parsed),
            $"{parsed.GetValue(_valueBytes)} B values, {parsed.GetValue(_replicas)} replicas, {parsed.GetValue(_shards)} shards", false);
        var load = new RecordsLoad(atoll.Records(space), Math.Max(1, parsed.GetValue(_keys)), Math.Max(0, parsed.GetValue(_valueBytes)));
        report.Add(await load.FillAsync(servers, Remark, cancellation).ConfigureAwait(false));
        foreach (var name in parsed.GetRequiredValue(_loads))
        {
            foreach (var clients in parsed.GetRequiredValue(_clients))
            {
                report.Add(await load.RunAsync(
                    Enum.Parse<LoadKind>(name, ignoreCase: true), Math.Clamp(clients, 1, 4096),
                    TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(_warmUp), 0, SecondsMax)),
                    TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(_seconds), 0.1, SecondsMax)),
                    servers,
                    cancellation).ConfigureAwait(false));
            }
        }

        report.End();
        return ExitCode.Ok;
    }

    // Where each record is small, nobody has to wait for long.
    public static void Remark(long written)
    {
        if (written > 0 && written % 1_000_000 == 0)
        {
            Printer.Remark(string.Create(CultureInfo.InvariantCulture, $"filled {written}"));
        }
    }
}
