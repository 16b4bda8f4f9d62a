using Atoll.Foundation.Time;
using Xunit;

namespace Atoll.Foundation.Tests;

/// <summary>Steps of a pace of 100 a second, with a burst of a second and waits of 5 s at most.</summary>
public sealed class PaceTests
{
    private static readonly Duration Burst = Duration.FromSeconds(1);
    private static readonly Duration WaitMax = Duration.FromSeconds(5);

    [Fact]
    public void What_is_within_the_rate_waits_for_nothing_and_the_rest_until_it_is()
    {
        var pace = new Pace();
        foreach (var (atMs, amount, waitMs) in new[]
        {
            (10_000L, 100L, 0L), // all that was saved
            (10_000, 1, 10),
            (10_000, 9, 100), // what is owed adds up
            (10_050, 0, 50),
            (10_100, 0, 0),
            (10_200, 10, 0), // what a tenth of a second brought
            (10_300, 11, 10),
            (20_000, 100, 0), // no more is saved than a burst
            (20_000, 50, 500),
            (20_000, 100_000, 5_000), // and no more is owed than the longest wait
            (25_000, 0, 0),
            (25_000, 1, 10),
        })
        {
            Assert.Equal((atMs, waitMs), (atMs, Take(ref pace, atMs, amount)));
        }
    }

    [Fact]
    public void What_has_rested_says_what_a_new_one_says()
    {
        var pace = new Pace();
        Take(ref pace, 10_000, 150);
        Assert.False(pace.IsRested(Instant.FromMilliseconds(11_499), Burst));
        Assert.True(pace.IsRested(Instant.FromMilliseconds(11_500), Burst));
        var fresh = new Pace();
        Assert.Equal(Take(ref fresh, 11_500, 130), Take(ref pace, 11_500, 130));
    }

    [Fact]
    public void The_largest_amounts_at_the_smallest_rate_do_no_harm()
    {
        var pace = new Pace();
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(WaitMax, pace.Take(Instant.FromMilliseconds(10_000), long.MaxValue, 1, Burst, WaitMax));
        }

        Assert.Equal(Duration.Zero, pace.Take(Instant.FromMilliseconds(15_000), 0, long.MaxValue, Burst, WaitMax));
    }

    private static long Take(ref Pace pace, long atMs, long amount) =>
        pace.Take(Instant.FromMilliseconds(atMs), amount, 100, Burst, WaitMax).Milliseconds;
}
