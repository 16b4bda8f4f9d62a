using System.Diagnostics;
using System.Globalization;

namespace Atoll.Benchmarks;

/// <summary>One call.</summary>
/// <param name="StartedAt">When it began, as <see cref="Stopwatch"/> counts.</param>
/// <param name="Microseconds">How long it took.</param>
internal readonly record struct LatencySample(long StartedAt, long Microseconds);

/// <summary>How latencies go over time: what a fault in the middle of a run does to them.</summary>
internal sealed class LatencyTimeline
{
    private const int BarColumns = 50;
    private readonly List<LatencySample> _samples = [];
    private long _startedAt;

    /// <summary>The measuring begins.</summary>
    public void Begin(long startedAt) => _startedAt = startedAt;

    /// <summary>Adds calls.</summary>
    public void Add(IReadOnlyList<LatencySample> samples) => _samples.AddRange(samples);

    /// <summary>The latencies of the calls that began within a stretch of time.</summary>
    public LatencyHistogram Between(TimeSpan from, TimeSpan to)
    {
        var latencies = new LatencyHistogram();
        foreach (var sample in _samples)
        {
            var at = Stopwatch.GetElapsedTime(_startedAt, sample.StartedAt);
            if (at >= from && at < to)
            {
                latencies.Record(sample.Microseconds);
            }
        }

        return latencies;
    }

    /// <summary>A line for each step: calls a second, p50 and p99, and p99 as a bar whose length is its logarithm.</summary>
    public IEnumerable<string> Plot(TimeSpan duration, TimeSpan step, Func<TimeSpan, string> remark)
    {
        yield return "   from s      ops/s   p50 ms   p99 ms";
        for (var from = TimeSpan.Zero; duration - from > step / 2; from += step)
        {
            var latencies = Between(from, from + step);
            var p99 = latencies.Percentile(99);

            // A decade is a fifth of the bar: 10 us are nothing, 1 s is all of it.
            var columns = (int)Math.Clamp((Math.Log10(Math.Max(10, p99)) - 1) / 5 * BarColumns, 0, BarColumns);
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{from.TotalSeconds,9:0.0} {latencies.Count / step.TotalSeconds,10:0} {latencies.Percentile(50) / 1000.0,8:0.00} "
                + $"{p99 / 1000.0,8:0.00}  {new string('#', columns)} {remark(from)}").TrimEnd();
        }
    }
}
