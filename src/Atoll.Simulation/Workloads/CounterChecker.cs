using Atoll.Simulation.Checkers;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Counters under retries and crashes: whatever is read is at least what had been acknowledged when the read began, and at most that and
/// everything that may have taken effect by its end. Without unknown outcomes both are the same number.
/// </summary>
internal sealed class CounterChecker
{
    private readonly SortedDictionary<string, (long Acknowledged, long Possible)> _counters = new(StringComparer.Ordinal);

    public IEnumerable<string> Names => _counters.Keys;

    public void Invoke(string name, long delta)
    {
        var (acknowledged, possible) = _counters.GetValueOrDefault(name);
        _counters[name] = (acknowledged, possible + delta);
    }

    public void Acknowledge(string name, long delta)
    {
        var (acknowledged, possible) = _counters[name];
        _counters[name] = (acknowledged + delta, possible);
    }

    /// <summary>The increment certainly had no effect and never will have.</summary>
    public void Refuse(string name, long delta)
    {
        var (acknowledged, possible) = _counters[name];
        _counters[name] = (acknowledged, possible - delta);
    }

    public long LeastNow(string name) => _counters.GetValueOrDefault(name).Acknowledged;

    public void Check(string name, long value, long least)
    {
        var most = _counters.GetValueOrDefault(name).Possible;
        if (value < least || value > most)
        {
            throw new SafetyViolationException($"counter {name} was read as {value}, and must be between {least} and {most}");
        }
    }
}
