using Atoll.Benchmarks;
using Atoll.Foundation.Randomness;
using Xunit;

namespace Atoll.Gateways.Tests.Commands;

public sealed class LatencyHistogramTests
{
    /// <summary>Against the simple twin: sort everything and pick.</summary>
    [Fact]
    public void A_percentile_is_right_to_within_a_bucket()
    {
        var random = new Prng(5);
        var histogram = new LatencyHistogram();
        var all = new List<long>();
        for (var i = 0; i < 50_000; i++)
        {
            var value = (long)random.NextBelow(1UL << random.NextInt(1, 30));
            histogram.Record(value);
            all.Add(value);
        }

        all.Sort();
        foreach (var percent in new[] { 1.0, 25, 50, 90, 99, 99.9, 100 })
        {
            var exact = all[(int)Math.Ceiling(all.Count * percent / 100) - 1];
            Assert.InRange(histogram.Percentile(percent), exact, exact + (exact / 30) + 1);
        }

        Assert.Equal((all.Count, all[^1]), (histogram.Count, histogram.MaxMicroseconds));
    }

    [Fact]
    public void Histograms_add_up()
    {
        var (a, b) = (new LatencyHistogram(), new LatencyHistogram());
        a.Record(1);
        b.Record(1_000_000);
        a.Add(b);
        Assert.Equal((2, 1_000_000, 1), (a.Count, a.Percentile(100), a.Percentile(50)));
        Assert.Equal(0, new LatencyHistogram().Percentile(99));
    }
}
