using System.Globalization;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Microsoft.Extensions.Logging;

namespace Atoll.Simulation.World;

/// <summary>What the nodes of a run said, and what was done to them, with virtual times: the story that a failure is told with.</summary>
/// <param name="linesMax">Lines kept; older ones are dropped.</param>
public sealed class SimLog(int linesMax = 400)
{
    private readonly Queue<string> _lines = new();

    /// <summary>The last lines, oldest first.</summary>
    public IReadOnlyCollection<string> Lines => _lines;

    /// <summary>Called with each line as it comes; null for nobody.</summary>
    public Action<string>? LineAdded { get; set; }

    /// <summary>Adds a line.</summary>
    public void Say(Instant at, string who, string what)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"{at,16} {who,-7} {what}");
        _lines.Enqueue(line);
        if (_lines.Count > linesMax)
        {
            _lines.Dequeue();
        }

        LineAdded?.Invoke(line);
    }
}

/// <summary>The logger of one simulated loop.</summary>
internal sealed class SimLogger(SimLog log, Scheduler scheduler, NodeId node, byte loop) : ILogger
{
    private readonly string _who = $"n{node.Value}/{loop}";

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        log.Say(scheduler.Now, _who, formatter(state, exception));
}
