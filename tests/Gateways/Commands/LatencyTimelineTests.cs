using System.Diagnostics;
using Atoll.Benchmarks;
using Xunit;

namespace Atoll.Gateways.Tests.Commands;

public sealed class LatencyTimelineTests
{
    [Fact]
    public void A_fault_in_the_middle_stands_out()
    {
        var timeline = new LatencyTimeline();
        timeline.Begin(Stopwatch.Frequency);
        timeline.Add([.. Enumerable.Range(0, 300).Select(i => new LatencySample(
            Stopwatch.Frequency + (Stopwatch.Frequency * i / 100), i is >= 100 and < 200 ? 200_000 : 1_000))]);
        Assert.Equal(100, timeline.Between(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)).Count);
        var lines = timeline.Plot(TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1), from => from.TotalSeconds == 1 ? "slowed" : "")
            .ToArray();
        Assert.Equal(
            [
                "   from s      ops/s   p50 ms   p99 ms",
                "      0.0        100     1.00     1.00  ####################",
                "      1.0        100   200.00   200.00  ########################################### slowed",
                "      2.0        100     1.00     1.00  ####################",
            ],
            lines);
    }
}
