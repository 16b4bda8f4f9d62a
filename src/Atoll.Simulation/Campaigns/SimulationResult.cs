using Atoll.Simulation.Workloads;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Campaigns;

/// <summary>How a run ended. The number is the exit code of <c>atoll sim</c> that stands for it.</summary>
public enum SimulationOutcome
{
    /// <summary>Nothing was wrong.</summary>
    Passed = 0,

    /// <summary>A promise was broken.</summary>
    SafetyViolation = 10,

    /// <summary>The cluster did not come back to work.</summary>
    Stalled = 11,

    /// <summary>An always-on check failed, or an exception escaped.</summary>
    Crashed = 12,

    /// <summary>Two runs of the seed differed.</summary>
    Nondeterministic = 13,
}

/// <summary>The result of a run.</summary>
public sealed record SimulationResult
{
    /// <summary>The seed.</summary>
    public required ulong Seed { get; init; }

    /// <summary>How it ended.</summary>
    public required SimulationOutcome Outcome { get; init; }

    /// <summary>What was wrong, in words; empty when nothing was.</summary>
    public required string Message { get; init; }

    /// <summary>What the seed had decided.</summary>
    public required SimulationSheet Sheet { get; init; }

    /// <summary>Virtual seconds that passed.</summary>
    public required double SimulatedSeconds { get; init; }

    /// <summary>Events that happened.</summary>
    public required long Events { get; init; }

    /// <summary>Client calls that succeeded.</summary>
    public required long Operations { get; init; }

    /// <summary>Faults injected, by kind.</summary>
    public required FaultLedger Faults { get; init; }

    /// <summary>The hash over every event and the generator's end: equal for every run of the seed.</summary>
    public required ulong TraceHash { get; init; }

    /// <summary>The last things that nodes said and that were done to them.</summary>
    public required IReadOnlyList<string> Story { get; init; }

    /// <summary>The last events.</summary>
    public required string RecentEvents { get; init; }

    /// <summary>The command that does it again.</summary>
    public string ReplayCommand =>
        $"./atoll sim --seed {Seed}"
        + (Sheet.Workload.Kind == WorkloadKind.Records ? "" : $" --workload {Sheet.Workload.Kind}")
        + (Sheet.Bug == PlantedBug.None ? "" : $" --planted-bug {Sheet.Bug}");

    /// <summary>A failure told in full: what was wrong, the sheet, the story, and how to replay it in the last line.</summary>
    public string Describe() =>
        $"seed {Seed}: {Outcome} after {SimulatedSeconds:0.000} simulated seconds, {Events} events\n{Message}\n\nthe sheet:\n{Sheet}\n"
        + $"the story's end:\n{string.Join('\n', Story)}\n\nthe last events:\n{RecentEvents}\n{ReplayCommand}";
}
