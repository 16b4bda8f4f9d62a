using System.CommandLine;
using System.Globalization;
using Atoll.Output;
using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Workloads;
using Spectre.Console;

namespace Atoll.Commands;

/// <summary><c>atoll sim</c>: whole clusters in the simulated world, under every fault, from seeds.</summary>
internal sealed class SimCommand
{
    private readonly ClientOptions _client;
    private readonly Option<long> _seeds = new("--seeds") { Description = "How many seeds to run", DefaultValueFactory = _ => 100 };
    private readonly Option<ulong> _first = new("--first")
    {
        Description = "The first of them. Default: drawn, and printed",
        DefaultValueFactory = _ => (ulong)Random.Shared.NextInt64(1, 1L << 48),
    };

    private readonly Option<ulong?> _seed = new("--seed") { Description = "Replay just this seed, and tell its story when it fails" };
    private readonly Option<double?> _minutes = new("--minutes") { Description = "Begin no new seed after so many minutes" };
    private readonly Option<int> _parallel = new("--parallel")
    {
        Description = "Seeds at once, each on a thread of its own", DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    private readonly Option<PlantedBug> _bug = new("--planted-bug")
    {
        Description = "Break the cluster on purpose: the checkers must find it",
    };

    private readonly Option<WorkloadKind> _workload = new("--workload")
    {
        Description = "What clients work on: records, rows or eventual (rows of an eventual space)",
    };

    private readonly Option<bool> _continue = new("--continue") { Description = "Go on after a failure" };

    private readonly Option<FileInfo?> _story = new("--story")
    {
        Description = "With --seed: write all that happened in the run to this file, passed or failed",
    };

    private SimCommand(ClientOptions client) => _client = client;

    public static Command Create(ClientOptions client)
    {
        var sim = new SimCommand(client);
        var command = new Command(
            "sim",
            """
            Run whole clusters in the simulated world, under every fault, from seeds

            Exit codes: 0 all passed; 10 a promise was broken; 11 a cluster did not come back to work; 12 a check failed; 13 two runs of one
            seed differed. The last line of a failure is the command that replays it.
            """)
        {
            sim._seeds, sim._first, sim._seed, sim._minutes, sim._parallel, sim._workload, sim._bug, sim._continue,
            sim._story,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(sim._story) is not null && result.GetResult(sim._seed) is null)
            {
                result.AddError("--story tells one run: name it with --seed");
            }
        });
        command.SetAction(sim.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        var printer = _client.Printer(parsed);
        var single = parsed.GetValue(_seed);
        var options = new CampaignOptions
        {
            FirstSeed = single ?? parsed.GetValue(_first),
            Seeds = single is null ? Math.Max(1, parsed.GetValue(_seeds)) : 1,
            AtMost = parsed.GetValue(_minutes) is { } minutes ? TimeSpan.FromMinutes(minutes) : null,
            Parallel = Math.Clamp(parsed.GetValue(_parallel), 1, 256),
            Workload = parsed.GetValue(_workload),
            Bug = parsed.GetValue(_bug),
            StopAtFailure = !parsed.GetValue(_continue),
        };
        Printer.Remark(string.Create(CultureInfo.InvariantCulture, $"seeds {options.FirstSeed} and on, {options.Seeds} of them"));
        if (single is { } seed && parsed.GetValue(_story) is { } file)
        {
            using var story = file.CreateText();
            SimulationRun.Run(seed, options.Workload, options.Bug, tell: story.WriteLine);
        }

        var lastSaid = 0L;
        var campaign = new SimulationCampaign(options, result =>
        {
            var now = Environment.TickCount64;
            if (result.Outcome != SimulationOutcome.Passed)
            {
                Printer.Remark(string.Create(CultureInfo.InvariantCulture, $"seed {result.Seed}: {result.Outcome}: {result.Message}"));
            }
            else if (now - lastSaid >= 5_000)
            {
                lastSaid = now;
                Printer.Remark(string.Create(
                    CultureInfo.InvariantCulture, $"seed {result.Seed} passed: {result.SimulatedSeconds:0} simulated seconds"));
            }
        });
        var summary = campaign.Run();
        if (printer.IsJson)
        {
            Json(printer, summary);
        }
        else
        {
            Print(printer, summary);
        }

        return summary.ExitCode;
    }

    private static void Print(Printer printer, CampaignSummary summary)
    {
        var faults = new Table().Border(TableBorder.Simple).AddColumns("fault", "times");
        foreach (var (kind, count) in summary.Faults.ByKind())
        {
            faults.AddRow(kind.ToString(), count.ToString(CultureInfo.InvariantCulture));
        }

        printer.Tables.Write(faults);
        var speed = summary.SimulatedHours * 3_600 / Math.Max(1e-9, summary.Elapsed.TotalSeconds);
        printer.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"{summary.Seeds} seeds ({summary.RanTwice} of them twice), {summary.SimulatedHours:0.00} simulated hours in "
            + $"{summary.Elapsed.TotalSeconds:0} s ({speed:0} to 1), {summary.Events} events, {summary.Operations} operations, "
            + $"{summary.Faults.Total} faults"));
        foreach (var failure in summary.Failures.Take(1))
        {
            printer.Line(failure.Describe());
        }

        if (summary.Failures.Count == 0)
        {
            printer.Line("all passed");
        }
    }

    private static void Json(Printer printer, CampaignSummary summary) => printer.Json(writer =>
    {
        writer.WriteNumber("seeds", summary.Seeds);
        writer.WriteNumber("ranTwice", summary.RanTwice);
        writer.WriteNumber("simulatedHours", Math.Round(summary.SimulatedHours, 4));
        writer.WriteNumber("elapsedSeconds", Math.Round(summary.Elapsed.TotalSeconds, 3));
        writer.WriteNumber("events", summary.Events);
        writer.WriteNumber("operations", summary.Operations);
        writer.WriteStartObject("faults");
        foreach (var (kind, count) in summary.Faults.ByKind())
        {
            writer.WriteNumber(kind.ToString(), count);
        }

        writer.WriteEndObject();
        writer.WriteStartArray("failures");
        foreach (var failure in summary.Failures)
        {
            writer.WriteStartObject();
            writer.WriteNumber("seed", failure.Seed);
            writer.WriteString("outcome", failure.Outcome.ToString());
            writer.WriteString("message", failure.Message);
            writer.WriteString("replay", failure.ReplayCommand);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });
}
