using System.Collections.Concurrent;
using System.Diagnostics;
using Atoll.Foundation.Checks;
using Atoll.Simulation.Workloads;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Campaigns;

/// <summary>What a campaign shall do.</summary>
public sealed record CampaignOptions
{
    /// <summary>The first seed; the others follow it.</summary>
    public ulong FirstSeed { get; init; } = 1;

    /// <summary>How many seeds; null for as many as time allows.</summary>
    public long? Seeds { get; init; }

    /// <summary>When to begin no more seeds; null for never.</summary>
    public TimeSpan? AtMost { get; init; }

    /// <summary>Seeds at once; each runs on one thread.</summary>
    public int Parallel { get; init; } = Environment.ProcessorCount;

    /// <summary>Each that many seeds one runs twice, and must go exactly alike; 0 for none.</summary>
    public int TwiceEvery { get; init; } = 20;

    /// <summary>What clients work on.</summary>
    public WorkloadKind Workload { get; init; }

    /// <summary>A bug to put into every run on purpose.</summary>
    public PlantedBug Bug { get; init; }

    /// <summary>Whether to begin no more seeds after a failure.</summary>
    public bool StopAtFailure { get; init; } = true;
}

/// <summary>What a campaign has come to.</summary>
public sealed record CampaignSummary
{
    /// <summary>Seeds that ended.</summary>
    public required long Seeds { get; init; }

    /// <summary>Seeds that ran twice.</summary>
    public required long RanTwice { get; init; }

    /// <summary>Virtual hours over all seeds.</summary>
    public required double SimulatedHours { get; init; }

    /// <summary>Events over all seeds.</summary>
    public required long Events { get; init; }

    /// <summary>Client calls that succeeded, over all seeds.</summary>
    public required long Operations { get; init; }

    /// <summary>Faults injected, by kind.</summary>
    public required FaultLedger Faults { get; init; }

    /// <summary>Runs that did not pass.</summary>
    public required IReadOnlyList<SimulationResult> Failures { get; init; }

    /// <summary>Real time that it took.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The exit code of the worst failure, 0 for none.</summary>
    public int ExitCode => Failures.Count == 0 ? 0 : (int)Failures.Min(failure => failure.Outcome);
}

/// <summary>Runs many seeds on all cores. A seed's run is on one thread, and knows nothing of the others.</summary>
public sealed class SimulationCampaign
{
    private readonly CampaignOptions _options;
    private readonly Action<SimulationResult> _ended;
    private readonly ConcurrentQueue<SimulationResult> _failures = new();
    private readonly FaultLedger _faults = new();
    private readonly Lock _lock = new();
    private readonly Stopwatch _elapsed = new();
    private long _next;
    private long _seeds;
    private long _twice;
    private long _events;
    private long _operations;
    private double _simulatedSeconds;

    /// <summary>A campaign that has not begun.</summary>
    /// <param name="options">What it shall do.</param>
    /// <param name="ended">Called for each seed that ended, one call at a time, in any order of seeds.</param>
    public SimulationCampaign(CampaignOptions options, Action<SimulationResult>? ended = null)
    {
        Check.That(options.Parallel >= 1 && options.TwiceEvery >= 0);
        _options = options;
        _ended = ended ?? (_ => { });
    }

    /// <summary>Runs all seeds; returns when all have ended.</summary>
    public CampaignSummary Run(CancellationToken cancellation = default)
    {
        _elapsed.Start();
        var threads = Enumerable.Range(0, _options.Parallel)
            .Select(_ => new Thread(() => Work(cancellation)) { IsBackground = true })
            .ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return Summary();
    }

    /// <summary>Where it stands; may be asked at any time.</summary>
    public CampaignSummary Summary()
    {
        lock (_lock)
        {
            var faults = new FaultLedger();
            faults.Add(_faults);
            return new CampaignSummary
            {
                Seeds = _seeds,
                RanTwice = _twice,
                SimulatedHours = _simulatedSeconds / 3_600,
                Events = _events,
                Operations = _operations,
                Faults = faults,
                Failures = [.. _failures.OrderBy(failure => failure.Seed)],
                Elapsed = _elapsed.Elapsed,
            };
        }
    }

    private void Work(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested && !(_options.StopAtFailure && !_failures.IsEmpty)
            && !(_options.AtMost is { } most && _elapsed.Elapsed >= most))
        {
            var number = Interlocked.Increment(ref _next) - 1;
            if (number >= _options.Seeds)
            {
                return;
            }

            var twice = _options.TwiceEvery > 0 && number % _options.TwiceEvery == 0;
            var seed = _options.FirstSeed + (ulong)number;
            Take(twice ? RunTwice(seed) : SimulationRun.Run(seed, _options.Workload, _options.Bug), twice);
        }
    }

    private SimulationResult RunTwice(ulong seed)
    {
        var first = new EventTrace(keepHashes: true);
        var result = SimulationRun.Run(seed, _options.Workload, _options.Bug, first);
        var second = new EventTrace(expected: first.Hashes);
        var again = SimulationRun.Run(seed, _options.Workload, _options.Bug, second);
        if (second.FirstDifference is null && result.TraceHash == again.TraceHash && result.Outcome == again.Outcome)
        {
            return result;
        }

        return again with
        {
            Outcome = SimulationOutcome.Nondeterministic,
            Message = $"two runs of the seed part at event {second.FirstDifference}: {result.Outcome} with {first.Count} events and hash "
                + $"{result.TraceHash:x16}, then {again.Outcome} with {second.Count} events and hash {again.TraceHash:x16}",
        };
    }

    private void Take(SimulationResult result, bool twice)
    {
        lock (_lock)
        {
            _seeds++;
            _twice += twice ? 1 : 0;
            _events += result.Events;
            _operations += result.Operations;
            _simulatedSeconds += result.SimulatedSeconds;
            _faults.Add(result.Faults);
            if (result.Outcome != SimulationOutcome.Passed)
            {
                _failures.Enqueue(result);
            }

            _ended(result);
        }
    }
}
