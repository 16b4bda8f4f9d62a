using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;
using Atoll.Simulation.World;
using Atoll.Simulation.Workloads;
using Atoll.Simulation.Workloads.Streams;
using Atoll.StateMachines.Directory;

namespace Atoll.Simulation.Campaigns;

/// <summary>
/// One seed, from its sheet to its verdict: a cluster is founded, clients work while things go wrong (nothing false may ever be seen), then
/// everything is mended (and the cluster must come back), and at the end the whole history must be linearizable.
/// </summary>
public sealed class SimulationRun
{
    // Far beyond what any sheet needs: a run that goes on and on without time passing.
    private const long EventsMax = 60_000_000;

    private static readonly Duration ConvergenceMax = Duration.FromSeconds(120);

    // Horizons wait for repairs of Paxos, hints and several rounds of exchanges, one after the other.
    private static readonly Duration EventualConvergenceMax = Duration.FromSeconds(400);

    private readonly SimulationSheet _sheet;
    private readonly Prng _prng;
    private readonly SimCluster _cluster;
    private IWorkload? _workload;

    private SimulationRun(SimulationSheet sheet, EventTrace? trace, Action<string>? tell)
    {
        _sheet = sheet;
        _prng = new Prng(sheet.Seed);
        _cluster = new SimCluster(_prng.NextUInt64(), sheet.Cluster, trace);
        _cluster.Log.LineAdded = tell;
        _cluster.Checker.StateHashInterval = sheet.StateHashInterval;
    }

    /// <summary>Runs a seed.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="bug">A bug to put in on purpose.</param>
    /// <param name="trace">Where events are recorded; null for a fresh trace.</param>
    /// <param name="tell">Gets each line of the story as it happens; null for nobody.</param>
    public static SimulationResult Run(
        ulong seed, PlantedBug bug = PlantedBug.None, EventTrace? trace = null, Action<string>? tell = null) =>
        Run(SimulationSheet.Draw(seed) with { Bug = bug }, trace, tell);

    /// <summary>Runs a seed with clients of the given kind.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="kind">What clients work on.</param>
    /// <param name="bug">A bug to put in on purpose.</param>
    /// <param name="trace">Where events are recorded; null for a fresh trace.</param>
    /// <param name="tell">Gets each line of the story as it happens; null for nobody.</param>
    public static SimulationResult Run(
        ulong seed, WorkloadKind kind, PlantedBug bug = PlantedBug.None, EventTrace? trace = null, Action<string>? tell = null) =>
        Run(SimulationSheet.Draw(seed).Of(kind) with { Bug = bug }, trace, tell);

    /// <summary>Runs a sheet.</summary>
    public static SimulationResult Run(SimulationSheet sheet, EventTrace? trace = null, Action<string>? tell = null)
    {
        var run = new SimulationRun(sheet, trace, tell);
        try
        {
            run.Execute();
            return run.End(SimulationOutcome.Passed, "");
        }
        catch (SafetyViolationException violation)
        {
            return run.End(SimulationOutcome.SafetyViolation, violation.Message);
        }
        catch (StalledException stall)
        {
            return run.End(SimulationOutcome.Stalled, stall.Message);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            return run.End(SimulationOutcome.Crashed, failure.ToString());
        }
    }

    private void Execute()
    {
        foreach (var number in _sheet.Cluster.Nodes == 0 ? [] : DrawExpendable())
        {
            _cluster.Node(number).IsExpendable = true;
        }

        _cluster.Start();
        Check.That(RunUntil(() => _cluster.Directory.Nodes.Length == _sheet.Cluster.Nodes, Duration.FromSeconds(30)));
        _workload = NewWorkload();
        _workload.Start();
        var injector = new FaultInjector(_cluster, _sheet.Faults, _prng.Fork());
        injector.Start();
        RunUntil(() => false, _sheet.FaultyFor);

        injector.EndAndMend();
        _workload.Stop();
        RunUntil(() => _workload.Busy == 0, _sheet.Workload.Patience + Duration.FromSeconds(20));
        ProveThatItServes();
        var convergenceMax = _sheet.Workload.IsEventual ? EventualConvergenceMax : ConvergenceMax;
        if (!RunUntil(HasConverged, convergenceMax, everyEvents: 2_000))
        {
            throw new StalledException(
                $"{convergenceMax} after everything was mended: {ConvergenceChecker.Missing(_cluster) ?? _workload.DescribeLag()}"
                + ConvergenceChecker.Explain(_cluster));
        }

        ReadEverything();

        // Who follows the space may be told of some deletions only now; what is still amiss after that, the check says.
        RunUntil(() => _workload.IsCaughtUp, ConvergenceMax, everyEvents: 2_000);
        _workload.CheckTheRest();
        CheckHistory();
    }

    private IWorkload NewWorkload()
    {
        var shape = _sheet.Workload;
        var space = shape.Kind switch
        {
            WorkloadKind.Rows => _cluster.CreateSpace("rows", _sheet.Replicas, _sheet.Shards, SpaceKind.Rows),
            WorkloadKind.Eventual => _cluster.CreateSpace(
                "rows", _sheet.Replicas, _sheet.Shards, SpaceKind.Rows, FaultModel.Eventual),
            WorkloadKind.EventualRecords => _cluster.CreateSpace(
                "records", _sheet.Replicas, _sheet.Shards, faultModel: FaultModel.Eventual),
            WorkloadKind.Siblings => _cluster.CreateSpace(new SpaceOptions(
                "records", FaultModel.Eventual, _sheet.Replicas, ShardCount: _sheet.Shards, Conflicts: ConflictRule.Siblings)),
            WorkloadKind.Elements => _cluster.CreateSpace(new SpaceOptions(
                "records", FaultModel.Eventual, _sheet.Replicas, ShardCount: _sheet.Shards, Conflicts: ConflictRule.Maps)),
            WorkloadKind.Streams => _cluster.CreateSpace("topic", _sheet.Replicas, _sheet.Shards, SpaceKind.Streams),
            _ => _cluster.CreateSpace("records", _sheet.Replicas, _sheet.Shards),
        };
        PlantedBugs.Plant(_cluster, _sheet.Bug, _prng.Fork());
        return shape.Kind switch
        {
            WorkloadKind.Rows => new RowsWorkload(_cluster, space, shape, _prng.Fork()),
            WorkloadKind.Eventual => new EventualWorkload(_cluster, space, _sheet.Replicas, shape, _prng.Fork()),
            WorkloadKind.EventualRecords => new EventualRecordsWorkload(_cluster, space, _sheet.Replicas, shape, _prng.Fork()),
            WorkloadKind.Siblings => new SiblingsWorkload(
                _cluster, space, new SiblingsChecker(_sheet.Replicas, _sheet.ExpendableNodes > 0), shape, _prng.Fork()),
            WorkloadKind.Elements => new ElementsWorkload(
                _cluster, space, new SiblingsChecker(_sheet.Replicas, _sheet.ExpendableNodes > 0), shape, _prng.Fork()),
            WorkloadKind.Streams => new StreamsWorkload(_cluster, space, _sheet.Replicas, shape, _prng.Fork()),
            _ => new RecordsWorkload(_cluster, space, shape, _prng.Fork()),
        };
    }

    // Which nodes may lose data: any but so few that a quorum of everything is without them.
    private int[] DrawExpendable()
    {
        var numbers = Enumerable.Range(1, _sheet.Cluster.Nodes).ToArray();
        _prng.Shuffle<int>(numbers);
        return numbers[.._sheet.ExpendableNodes];
    }

    private bool HasConverged() => ConvergenceChecker.Missing(_cluster) is null && _workload!.IsCaughtUp;

    private void ProveThatItServes()
    {
        var serving = _cluster.Nodes.Where(node => !node.IsExpendable).ToList();
        var left = serving.Count;
        var failed = new List<string>();
        foreach (var node in serving)
        {
            _workload!.Probe(node, problem =>
            {
                left--;
                if (problem is not null)
                {
                    failed.Add(problem);
                }
            });
        }

        if (!RunUntil(() => left == 0, ConvergenceMax * 2) || failed.Count > 0)
        {
            throw new StalledException(
                $"after everything was mended, writes do not succeed: {string.Join("; ", failed)} "
                + $"({left} have not ended; {ConvergenceChecker.Missing(_cluster) ?? "the replicas have converged"})");
        }
    }

    private void ReadEverything()
    {
        var isRead = false;
        _workload!.ReadEverything(() => isRead = true);
        if (!RunUntil(() => isRead, ConvergenceMax))
        {
            throw new StalledException("reading all keys does not come to an end");
        }
    }

    private void CheckHistory()
    {
        var result = LinearizabilityChecker.Check(_workload!.History);
        if (result.Verdict == LinearizabilityVerdict.Violation)
        {
            throw new SafetyViolationException(result.Explanation);
        }

        if (result.Verdict == LinearizabilityVerdict.Undecided)
        {
            Probes.Undecided.Hit();
        }
    }

    private bool RunUntil(Func<bool> condition, Duration atMost, int everyEvents = 16)
    {
        var scheduler = _cluster.Scheduler;
        var end = scheduler.Now + atMost;
        while (!condition())
        {
            for (var i = 0; i < everyEvents; i++)
            {
                if (scheduler.NextAt > end)
                {
                    return condition();
                }

                scheduler.RunNext();
            }

            if (scheduler.EventsRun > EventsMax)
            {
                throw new StalledException($"{EventsMax} events, and time has only come to {scheduler.Now}");
            }
        }

        return true;
    }

    private SimulationResult End(SimulationOutcome outcome, string message) => new()
    {
        Seed = _sheet.Seed,
        Outcome = outcome,
        Message = message,
        Sheet = _sheet,
        SimulatedSeconds = (_cluster.Scheduler.Now - Instant.Zero).Seconds,
        Events = _cluster.Scheduler.EventsRun,
        Operations = _workload?.Succeeded ?? 0,
        Faults = _cluster.Ledger,
        TraceHash = _cluster.Scheduler.Trace.Hash ^ _prng.NextUInt64(),
        Story = [.. _cluster.Log.Lines],
        RecentEvents = _cluster.Scheduler.Trace.Describe(40),
    };

    private static class Probes
    {
        public static readonly Probe Undecided = Probe.Define("simulation: a history was too hard to judge");
    }
}
