using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Xunit;

namespace Atoll.Foundation.Tests;

public sealed class TimeTests
{
    // Kulkarni et al. (2014), section 3: greater than every timestamp before, whatever the physical clock does.
    [Fact]
    public void The_next_hybrid_time_is_always_greater_and_follows_the_clock()
    {
        var prng = new Prng(1);
        var last = HybridTime.Zero;
        var wall = 1_700_000_000_000L;
        for (var i = 0; i < 10_000; i++)
        {
            wall += prng.NextInt(-5_000, 5_001);
            var next = last.Next(Instant.FromMilliseconds(wall));
            Assert.True(next > last);
            Assert.True(next.UnixMilliseconds >= wall);
            Assert.True(next.UnixMilliseconds == wall || next.Value == last.Value + 1);
            last = next;
        }
    }

    [Fact]
    public void A_full_logical_counter_moves_on_to_the_next_millisecond()
    {
        var last = new HybridTime((1_000UL << 16) | 0xFFFF);
        var next = last.Next(Instant.FromMilliseconds(10));
        Assert.Equal(1_001, next.UnixMilliseconds);
        Assert.Equal(0, next.Logical);
    }

    [Fact]
    public void Hybrid_time_packs_milliseconds_above_the_counter()
    {
        var time = HybridTime.FromUnixMilliseconds(1_767_225_600_123);
        Assert.Equal(1_767_225_600_123, time.UnixMilliseconds);
        Assert.Equal(0, time.Logical);
        Assert.Equal(1_767_225_601_123, time.Add(Duration.FromSeconds(1)).UnixMilliseconds);
        Assert.Equal(7, new HybridTime(time.Value + 7).Add(Duration.FromSeconds(1)).Logical);
        Assert.Equal(HybridTime.Zero, time.Add(Duration.FromSeconds(-1_800_000_000)));
        Assert.Equal("1767225600123.0", time.ToString());
    }

    [Fact]
    public void A_wall_clock_before_the_epoch_does_not_go_into_hybrid_time() =>
        Assert.Equal(new HybridTime(1), HybridTime.Zero.Next(new Instant(-1_000_000_000)));

    [Fact]
    public void Instants_and_durations_calculate_and_never_stays_never()
    {
        var instant = Instant.FromMilliseconds(5);
        Assert.Equal(Instant.FromMilliseconds(8), instant + Duration.FromMilliseconds(3));
        Assert.Equal(Duration.FromMilliseconds(-3), instant - Instant.FromMilliseconds(8));
        Assert.Equal(Instant.Never, Instant.Never + Duration.FromSeconds(1));
        Assert.Equal(Instant.Never, instant + Duration.Infinite);
        Assert.Throws<OverflowException>(() => new Instant(long.MaxValue - 1) + Duration.FromSeconds(1));
        Assert.Equal("5.000ms", instant.ToString());
        Assert.Equal("never", Instant.Never.ToString());
        Assert.Equal("infinite", Duration.Infinite.ToString());
        Assert.True(Duration.FromMicroseconds(1_001) > Duration.FromMilliseconds(1));
    }
}
