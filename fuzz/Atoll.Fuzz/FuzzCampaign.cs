using System.Diagnostics;

namespace Atoll.Fuzz;

/// <summary>Runs targets: for a number of inputs, for a time, or one input.</summary>
internal static class FuzzCampaign
{
    /// <summary>Inputs of each target in a smoke run.</summary>
    public const int SmokeIterations = 400;

    // Turns are short, so that every target gets its share of a short time, too.
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(250);

    /// <summary>A fixed number of inputs for each target.</summary>
    public static int Smoke(IReadOnlyList<IFuzzTarget> targets, ulong seed, FuzzReport report)
    {
        using var watchdog = new Watchdog(report);
        var hasFailed = false;
        foreach (var target in targets)
        {
            var run = new FuzzRun(target, seed);
            var watch = Stopwatch.StartNew();
            var isFine = true;
            while (run.Iterations < SmokeIterations && isFine)
            {
                isFine = TryStep(run, watchdog, report);
            }

            hasFailed |= !isFine;
            report.Told(run, watch.Elapsed);
        }

        return hasFailed ? FuzzReport.Failed : FuzzReport.Passed;
    }

    /// <summary>All targets in turn, until the time is over; one that failed gets no more turns.</summary>
    public static int RunFor(IReadOnlyList<IFuzzTarget> targets, ulong seed, TimeSpan time, FuzzReport report)
    {
        using var watchdog = new Watchdog(report);
        var runs = targets.Select(target => (Run: new FuzzRun(target, seed), Time: new Stopwatch())).ToList();
        var failed = new HashSet<FuzzRun>();
        var whole = Stopwatch.StartNew();
        while (whole.Elapsed < time && failed.Count < runs.Count)
        {
            foreach (var (run, watch) in runs.Where(pair => !failed.Contains(pair.Run)))
            {
                watch.Start();
                for (var turn = Stopwatch.StartNew(); turn.Elapsed < Turn && whole.Elapsed < time;)
                {
                    if (!TryStep(run, watchdog, report))
                    {
                        failed.Add(run);
                        break;
                    }
                }

                watch.Stop();
            }
        }

        runs.ForEach(pair => report.Told(pair.Run, pair.Time.Elapsed));
        return failed.Count > 0 ? FuzzReport.Failed : FuzzReport.Passed;
    }

    /// <summary>One input as it is.</summary>
    public static int Replay(IFuzzTarget target, ulong seed, FileInfo file, FuzzReport report)
    {
        using var watchdog = new Watchdog(report);
        var input = File.ReadAllBytes(file.FullName);
        watchdog.Begin(new FuzzRun(target, seed), input);
        var fault = Judge.Try(target, input, out var verdict);
        watchdog.End();
        report.Replayed(target, file, fault, verdict);
        return fault is null ? FuzzReport.Passed : FuzzReport.Failed;
    }

    private static bool TryStep(FuzzRun run, Watchdog watchdog, FuzzReport report)
    {
        var input = run.Next();
        watchdog.Begin(run, input);
        var fault = run.Feed(input);
        watchdog.End();
        if (fault is not null)
        {
            var small = Minimizer.Minimize(run.Target, input, fault);
            report.Failure(run.Target, run.Seed, run.Iterations - 1, small, input.Length, fault);
        }

        return fault is null;
    }
}
