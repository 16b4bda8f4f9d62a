using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.World;
using Xunit;

namespace Atoll.Simulation.Tests;

public sealed class SimClockTests
{
    [Fact]
    public void A_clock_drifts_by_its_rate()
    {
        var scheduler = new Scheduler();
        var fast = new SimClock(scheduler, Instant.FromMilliseconds(500), Duration.FromSeconds(60), 1_000);
        scheduler.RunFor(Duration.FromSeconds(1_000));
        Assert.Equal(Duration.FromSeconds(1_001), fast.Now - Instant.FromMilliseconds(500));
        Assert.Equal(Duration.FromSeconds(1_061), fast.WallTime - SimClock.WallOrigin);
    }

    [Fact]
    public void The_wall_clock_jumps_and_the_monotonic_one_does_not()
    {
        var scheduler = new Scheduler();
        var clock = new SimClock(scheduler, Instant.Zero, Duration.Zero);
        clock.JumpWall(Duration.FromSeconds(-3_600));
        Assert.Equal(Instant.Zero, clock.Now);
        Assert.Equal(Duration.FromSeconds(-3_600), clock.WallTime - SimClock.WallOrigin);
        clock.JumpWall(Duration.FromSeconds(-4_000_000_000));
        Assert.Equal(Instant.Zero, clock.WallTime);
    }

    [Fact]
    public void The_monotonic_clock_never_goes_back_whatever_its_drift()
    {
        var prng = new Prng(1);
        var scheduler = new Scheduler();
        var clock = new SimClock(scheduler, Instant.Zero, Duration.Zero, -900_000);
        var last = clock.Now;
        for (var i = 0; i < 20_000; i++)
        {
            if (i % 100 == 0)
            {
                clock.SetDrift(prng.NextInt(-999_999, 999_999));
            }

            scheduler.RunFor(new Duration(prng.NextInt(0, 3_000_000)));
            Assert.True(clock.Now >= last);
            last = clock.Now;
        }
    }

    [Fact]
    public void The_true_time_of_a_local_instant_is_the_first_at_which_it_is_reached()
    {
        var prng = new Prng(2);
        var scheduler = new Scheduler();
        var clock = new SimClock(scheduler, Instant.FromMilliseconds(77), Duration.Zero);
        for (var i = 0; i < 2_000; i++)
        {
            clock.SetDrift(prng.NextInt(-500_000, 500_000));
            scheduler.RunFor(new Duration(prng.NextInt(0, 1_000_000)));
            var wanted = clock.Now + new Duration(prng.NextInt(1, 2_000_000_000));
            var at = clock.TrueTimeOf(wanted);
            scheduler.RunUntil(at - new Duration(2));
            Assert.True(clock.Now < wanted);
            scheduler.RunUntil(at);
            Assert.True(clock.Now >= wanted);
        }

        Assert.Equal(scheduler.Now, clock.TrueTimeOf(Instant.Zero));
        Assert.Equal(Instant.Never, clock.TrueTimeOf(Instant.Never));
    }
}
