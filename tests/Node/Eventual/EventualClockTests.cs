using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Node.Eventual;
using Xunit;

namespace Atoll.Node.Tests.Eventual;

public sealed class EventualClockTests
{
    [Fact]
    public void Stamps_order_as_their_microseconds_do_however_many_there_are_in_a_millisecond()
    {
        var clock = new EventualClock(new StandingClock());
        var last = clock.Next();
        for (var i = 0; i < 5000; i++)
        {
            var next = clock.Next();
            Assert.True(next > last);
            Assert.True(EventualClock.MicrosOf(next) > EventualClock.MicrosOf(last));
            last = next;
        }
    }

    [Fact]
    public void Loops_of_one_cluster_never_give_one_stamp_twice()
    {
        var world = new StandingClock();
        var clocks = Enumerable.Range(0, 6).Select(position =>
        {
            var clock = new EventualClock(world);
            clock.SetLane(position, 6);
            return clock;
        }).ToArray();
        var seen = new HashSet<long>();
        for (var i = 0; i < 1000; i++)
        {
            foreach (var clock in clocks)
            {
                Assert.True(seen.Add(EventualClock.MicrosOf(clock.Next())));
            }

            clocks[i % 6].Observe(clocks[(i + 1) % 6].Peek());
        }
    }

    [Fact]
    public void What_is_given_is_later_than_what_was_seen()
    {
        var clock = new EventualClock(new StandingClock());
        clock.SetLane(3, 7);
        var seen = new HybridTime(HybridTime.FromUnixMilliseconds(5_000_000).Value + 999);
        clock.Observe(seen);
        Assert.True(clock.Next() > seen);
        Assert.True(EventualClock.MicrosOf(clock.Next()) > EventualClock.MicrosOf(seen));
    }

    private sealed class StandingClock : IClock
    {
        public Instant Now => Instant.Zero;

        public Instant WallTime => Instant.Zero + Duration.FromSeconds(1_000);
    }
}
