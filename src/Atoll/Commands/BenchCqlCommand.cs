using System.CommandLine;
using System.Globalization;
using Atoll.Benchmarks;
using Atoll.Output;
using Atoll.Services.Tables;

namespace Atoll.Commands;

/// <summary><c>atoll bench cql</c>.</summary>
internal sealed class BenchCqlCommand
{
    private const double SecondsMax = 24 * 60 * 60;

    private readonly ClientOptions _client;
    private readonly Option<int[]> _clients = new("--clients", "-c")
    {
        Description = "Numbers of requests under way at once", AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [64, 256],
    };

    private readonly Option<string[]> _loads = new("--load")
    {
        Description = "What they do: write, read, mix (95 % reads), lwt (UPDATE ... IF EXISTS)", AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => ["write", "read", "lwt"],
    };

    private readonly Option<string[]> _levels = new("--consistency")
    {
        Description = "Levels of writes, reads and mixes: one, quorum, all, ...; lwt is SERIAL with QUORUM",
        AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => ["one", "quorum"],
    };

    private readonly Option<string> _faultModel = new("--fault-model")
    {
        Description = "strong, eventual, or both in the same run", DefaultValueFactory = _ => "both",
    };

    private readonly Option<double> _seconds = new("--seconds")
    {
        Description = "How long each is measured; 0.2 only shows that it runs", DefaultValueFactory = _ => 10,
    };
    private readonly Option<double> _warmUp = new("--warm-up") { Description = "Seconds before that", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _valueBytes = new("--value-bytes") { Description = "Bytes of a row", DefaultValueFactory = _ => 1024 };
    private readonly Option<int> _keys = new("--keys") { Description = "Different keys", DefaultValueFactory = _ => 10_000 };
    private readonly Option<int> _replicas = new("--replicas") { Description = "Replication factor", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _connections = new("--connections")
    {
        Description = "Connections to each node", DefaultValueFactory = _ => 2,
    };
    private readonly Option<string[]> _cql = new("--cql")
    {
        Description = "CQL addresses of the nodes of a cluster that runs. Default: three own processes", HelpName = "HOST:PORT",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<int> _nodes = new("--nodes")
    {
        Description = "Nodes to start, each a process, unless --cql names a cluster", DefaultValueFactory = _ => 3,
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
    private readonly Option<int> _slow = new("--slow-replica")
    {
        Description = "Hold up what goes to the last node by so many milliseconds in the middle third of each run; callers then use the "
            + "other nodes. Own processes only",
        HelpName = "MS",
    };

    private readonly Option<bool> _floor = new("--floor")
    {
        Description = "Measure also what a write to an eventual table must cost at the least, and set against it what it did cost",
    };

    private BenchCqlCommand(ClientOptions client)
    {
        _client = client;
        _loads.AcceptOnlyFromAmong(Names<CqlLoadKind>());
        _levels.AcceptOnlyFromAmong(Names<CqlConsistency>());
        _faultModel.AcceptOnlyFromAmong("strong", "eventual", "both");
    }

    public static Command Create(ClientOptions client)
    {
        var bench = new BenchCqlCommand(client);
        var command = new Command("cql", "Measure writes, reads and conditional writes of CQL rows, on strong and eventual tables")
        {
            bench._clients, bench._loads, bench._levels, bench._faultModel, bench._seconds, bench._warmUp, bench._valueBytes, bench._keys,
            bench._replicas, bench._connections, bench._cql, bench._nodes, bench._port, bench._data, bench._serverOptions, bench._slow,
            bench._floor,
        };
        command.SetAction(bench.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var given = parsed.GetValue(_cql) ?? [];
        var isSlowed = parsed.GetValue(_slow) > 0;
        if (given.Length > 0 && isSlowed)
        {
            throw new CommandException("--slow-replica is for own processes; of a cluster that runs, slow a link with tc's netem");
        }

        await using var servers = given.Length > 0
            ? null
            : await ServerProcesses.StartAsync(
                parsed.GetValue(_nodes), parsed.GetValue(_data), parsed.GetValue(_port), parsed.GetValue(_serverOptions) ?? [],
                cancellation, isSlowed).ConfigureAwait(false);
        var results = new List<LoadResult>();
        var report = new LoadReport(
            _client.Printer(parsed),
            $"{parsed.GetValue(_valueBytes)} B rows, replication factor {parsed.GetValue(_replicas)}", false, "model", "level");
        IReadOnlyList<string> addresses = servers is null ? given : servers.CqlAddresses;
        var models = parsed.GetRequiredValue(_faultModel) is var chosen && chosen == "both" ? ["strong", "eventual"] : new[] { chosen };
        foreach (var model in models)
        {
            var keyspace = string.Create(CultureInfo.InvariantCulture, $"bench_{model}_{Guid.NewGuid():n}")[..20];
            await using var load = await CqlLoad.CreateAsync(
                isSlowed ? [.. addresses.SkipLast(1)] : addresses, Math.Max(1, parsed.GetValue(_connections)), keyspace, model,
                parsed.GetValue(_replicas), Math.Max(1, parsed.GetValue(_keys)), Math.Max(0, parsed.GetValue(_valueBytes)), cancellation)
                .ConfigureAwait(false);
            await MeasureAsync(parsed, load, model, servers, report, results, cancellation).ConfigureAwait(false);
            await load.DropAsync().ConfigureAwait(false);
        }

        report.End();
        if (parsed.GetValue(_floor))
        {
            new FloorReport(_client.Printer(parsed)).Tell(
                MeasureFloor(parsed), results.Where(static result => result.Load == "write"));
        }

        return ExitCode.Ok;
    }

    private async Task MeasureAsync(
        ParseResult parsed, CqlLoad load, string model, ServerProcesses? servers, LoadReport report, List<LoadResult> results,
        CancellationToken cancellation)
    {
        var measured = servers?.Measured ?? MeasuredServers.None;
        report.Add(await load.FillAsync(measured, BenchCommand.Remark).ConfigureAwait(false), model, "quorum");
        foreach (var name in parsed.GetRequiredValue(_loads))
        {
            var kind = Enum.Parse<CqlLoadKind>(name, ignoreCase: true);
            foreach (var level in kind == CqlLoadKind.Lwt ? ["quorum"] : parsed.GetRequiredValue(_levels))
            {
                foreach (var clients in parsed.GetRequiredValue(_clients))
                {
                    var duration = TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(_seconds), 0.1, SecondsMax));
                    var timeline = servers?.SlowLink is null ? null : new LatencyTimeline();
                    var warmUp = TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(_warmUp), 0, SecondsMax));
                    var running = load.RunAsync(
                        kind, Enum.Parse<CqlConsistency>(level, ignoreCase: true), Math.Clamp(clients, 1, 16_384), warmUp, duration,
                        measured, timeline, cancellation);
                    if (timeline is not null)
                    {
                        await SlowDownAsync(
                            servers!.SlowLink!, TimeSpan.FromMilliseconds(parsed.GetValue(_slow)), warmUp + (duration / 3), duration / 3,
                            cancellation).ConfigureAwait(false);
                    }

                    var result = await running.ConfigureAwait(false);
                    report.Add(result, model, level);
                    if (model == "eventual")
                    {
                        results.Add(result);
                    }

                    if (timeline is not null)
                    {
                        Compare(parsed, report, timeline, result, model, level);
                    }
                }
            }
        }
    }

    // As many as travel together when this many are under way on so many connections; the nodes are idle by now, or gone.
    private IReadOnlyList<FloorPart> MeasureFloor(ParseResult parsed)
    {
        var connections = Math.Max(1, parsed.GetValue(_connections)) * Math.Max(1, parsed.GetValue(_nodes));
        var batch = Math.Clamp(parsed.GetRequiredValue(_clients).Max() / connections / 2, 1, 64);
        return new CqlFloor(
            Math.Max(0, parsed.GetValue(_valueBytes)), batch, parsed.GetValue(_data) ?? Directory.GetCurrentDirectory(),
            TimeSpan.FromSeconds(Math.Clamp(parsed.GetValue(_seconds) / 10, 0.05, 1))).Measure();
    }

    private static async Task SlowDownAsync(
        SlowLink link, TimeSpan delay, TimeSpan after, TimeSpan duration, CancellationToken cancellation)
    {
        await Task.Delay(after, cancellation).ConfigureAwait(false);
        link.Delay = delay;
        await Task.Delay(duration, cancellation).ConfigureAwait(false);
        link.Delay = TimeSpan.Zero;
    }

    // The same run with and without: what else happens on the machine happens to both.
    private void Compare(
        ParseResult parsed, LoadReport report, LatencyTimeline timeline, LoadResult result, string model, string level)
    {
        var third = result.Elapsed / 3;
        var normal = timeline.Between(TimeSpan.Zero, third);
        var slowed = timeline.Between(third, third * 2);
        var part = result with { Elapsed = third, Errors = 0, Before = result.After }; // what a part of the run used was not measured
        report.Add(part with { Load = result.Load + " normal", Latencies = normal }, model, level);
        report.Add(part with { Load = result.Load + " slowed", Latencies = slowed }, model, level);
        Printer.Remark(string.Create(
            CultureInfo.InvariantCulture,
            $"{model} {level} {result.Load}, {result.Clients} clients: p99 {normal.Percentile(99) / 1000.0:0.00} ms, with a replica slowed "
            + $"by {parsed.GetValue(_slow)} ms {slowed.Percentile(99) / 1000.0:0.00} ms"));
        var step = TimeSpan.FromSeconds(Math.Max(0.1, Math.Ceiling(result.Elapsed.TotalSeconds / 3) / 10));
        foreach (var line in timeline.Plot(result.Elapsed, step, from => from >= third && from < third * 2 ? "slowed" : ""))
        {
            Printer.Remark(line);
        }
    }

    private static string[] Names<T>()
        where T : struct, Enum => [.. Enum.GetNames<T>().Select(name => name.ToLowerInvariant())];
}
