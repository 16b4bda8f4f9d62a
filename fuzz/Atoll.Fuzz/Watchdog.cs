namespace Atoll.Fuzz;

/// <summary>Ends the program when one input takes far too long: a hang is a failure, and no exception ever tells of it.</summary>
internal sealed class Watchdog : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly FuzzReport _report;
    private readonly Timer _timer;
    private readonly Lock _lock = new();
    private FuzzRun? _run;
    private byte[] _input = [];

    public Watchdog(FuzzReport report)
    {
        _report = report;
        _timer = new Timer(_ => Bark());
    }

    /// <summary>The run feeds this input from now on.</summary>
    public void Begin(FuzzRun run, byte[] input)
    {
        lock (_lock)
        {
            (_run, _input) = (run, input);
            _timer.Change(Patience, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>It has been taken.</summary>
    public void End()
    {
        lock (_lock)
        {
            _run = null;
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <inheritdoc />
    public void Dispose() => _timer.Dispose();

    private void Bark()
    {
        lock (_lock)
        {
            if (_run is { } run)
            {
                var fault = new Fault("hang", $"the input was not taken within {Patience.TotalSeconds:0} s");
                _report.Failure(run.Target, run.Seed, run.Iterations, _input, _input.Length, fault);
                Environment.Exit(FuzzReport.Failed);
            }
        }
    }
}
