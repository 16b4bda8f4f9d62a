using Atoll.Foundation.Time;

namespace Atoll.Live.Networks;

/// <summary>Lets a line be logged once in a while, however often its cause comes back. Safe on every thread.</summary>
internal sealed class RepeatedLog
{
    private const int LinesMax = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Instant> _last = new(StringComparer.Ordinal);
    private readonly Duration _interval;

    /// <summary>Each line at most once in the interval.</summary>
    public RepeatedLog(Duration interval) => _interval = interval;

    /// <summary>Whether the line is due.</summary>
    public bool IsDue(string line)
    {
        var now = LiveClock.Instance.Now;
        lock (_gate)
        {
            if (_last.TryGetValue(line, out var last) && now - last < _interval)
            {
                return false;
            }

            if (_last.Count >= LinesMax)
            {
                _last.Clear();
            }

            _last[line] = now;
            return true;
        }
    }
}
