using Atoll.Simulation.Checkers;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Counters to which every power of two is added at most once: their value says which increments it contains, and an increment that counts
/// twice is seen as another one. An increment that a quorum has is in every quorum's read; in the end all that were acknowledged are.
/// </summary>
internal sealed class BitCounterChecker
{
    /// <summary>Increments of one counter.</summary>
    public const int IncrementsMax = 60;

    private readonly SortedDictionary<string, Counter> _counters = new(StringComparer.Ordinal);

    public IEnumerable<string> Names => _counters.Keys;

    /// <summary>The next increment of a counter; 0 when it has had all.</summary>
    public long Invoke(string name)
    {
        if (!_counters.TryGetValue(name, out var counter))
        {
            _counters[name] = counter = new Counter();
        }

        if (counter.Increments == IncrementsMax)
        {
            return 0;
        }

        var delta = 1L << counter.Increments++;
        counter.Possible |= delta;
        return delta;
    }

    /// <summary>An increment was acknowledged.</summary>
    public void Acknowledge(string name, long delta, bool byQuorum)
    {
        _counters[name].Acknowledged |= delta;
        _counters[name].InQuorums |= byQuorum ? delta : 0;
    }

    /// <summary>The increment certainly had no effect and never will have.</summary>
    public void Refuse(string name, long delta) => _counters[name].Possible &= ~delta;

    /// <summary>The increments that a read must contain which begins now.</summary>
    /// <param name="name">The counter.</param>
    /// <param name="byQuorum">Whether a majority is asked.</param>
    /// <param name="isLast">Whether all replicas have the same by now.</param>
    public long Least(string name, bool byQuorum, bool isLast) => !_counters.TryGetValue(name, out var counter) ? 0
        : isLast ? counter.Acknowledged | counter.InQuorums
        : byQuorum ? counter.InQuorums : 0;

    /// <summary>A read has ended.</summary>
    public void Check(string name, long value, long least, bool byQuorum)
    {
        var counter = _counters.GetValueOrDefault(name) ?? new Counter();
        if ((value & least) != least || (value & ~counter.Possible) != 0)
        {
            throw new SafetyViolationException(
                $"counter {name} was read as {value:x}: it must contain {least:x} and may contain {counter.Possible:x} "
                + $"(missing {least & ~value:x}, too much {value & ~counter.Possible:x})");
        }

        if (byQuorum)
        {
            counter.InQuorums |= value;
        }
    }

    private sealed class Counter
    {
        public int Increments { get; set; }

        public long Possible { get; set; }

        public long Acknowledged { get; set; }

        public long InQuorums { get; set; }
    }
}
