using Atoll.Foundation.Checks;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.World;
using Xunit;

namespace Atoll.Simulation.Tests;

public sealed class SchedulerTests
{
    [Fact]
    public void Events_run_by_time_and_then_in_the_order_of_scheduling()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var scheduler = new Scheduler();
            var prng = new Prng(seed);
            var expected = new List<(long At, int Number)>();
            var ran = new List<(long At, int Number)>();
            for (var i = 0; i < 2_000; i++)
            {
                var at = prng.NextInt(0, 300);
                var number = i;
                expected.Add((at, number));
                scheduler.Schedule(new Instant(at), () => ran.Add((scheduler.Now.Nanoseconds, number)));
            }

            while (scheduler.RunNext())
            {
            }

            Assert.Equal(expected.OrderBy(item => item.At).ThenBy(item => item.Number), ran);
        }
    }

    [Fact]
    public void Running_until_a_moment_stands_there_and_leaves_the_rest()
    {
        var scheduler = new Scheduler();
        var ran = 0;
        scheduler.Schedule(Duration.FromMilliseconds(10), () => ran++);
        scheduler.Schedule(Duration.FromMilliseconds(30), () => ran++);
        scheduler.RunUntil(Instant.FromMilliseconds(20));
        Assert.Equal(1, ran);
        Assert.Equal(Instant.FromMilliseconds(20), scheduler.Now);
        Assert.Equal(Instant.FromMilliseconds(30), scheduler.NextAt);
        Assert.False(scheduler.RunUntil(() => ran == 3, Duration.FromSeconds(1)));
        Assert.Equal(2, ran);
    }

    [Fact]
    public void The_past_cannot_be_scheduled()
    {
        var scheduler = new Scheduler();
        scheduler.RunUntil(Instant.FromMilliseconds(5));
        Assert.Throws<CheckFailedException>(() => scheduler.Schedule(Instant.FromMilliseconds(4), () => { }));
    }

    [Fact]
    public void A_warm_scheduler_allocates_nothing()
    {
        var scheduler = new Scheduler();
        var target = new Chain(scheduler);
        for (var i = 0; i < 100; i++)
        {
            scheduler.Schedule(new Duration(i), target, new SimEvent(SimEventKind.Tick, 1, i, 0, null));
        }

        Run(10_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run(100_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Run(int events)
        {
            for (var i = 0; i < events; i++)
            {
                scheduler.RunNext();
            }
        }
    }

    [Fact]
    public void The_trace_tells_any_difference_and_where_it_begins()
    {
        var first = Run(7, null);
        Assert.Equal(first.Hash, Run(7, null).Hash);
        Assert.NotEqual(first.Hash, Run(8, null).Hash);
        Assert.Null(Run(7, first.Hashes).FirstDifference);

        var straight = new EventTrace(keepHashes: true);
        for (var i = 0; i < 100; i++)
        {
            straight.Record(new Instant(i), SimEventKind.Tick, 1, i, 0);
        }

        var compared = new EventTrace(expected: straight.Hashes);
        for (var i = 0; i < 100; i++)
        {
            compared.Record(new Instant(i), SimEventKind.Tick, 1, i, i == 42 ? 1UL : 0);
        }

        Assert.Equal(42, compared.FirstDifference);
        Assert.Contains("42", compared.Describe(), StringComparison.Ordinal);

        static EventTrace Run(ulong seed, IReadOnlyList<ulong>? expected)
        {
            var trace = new EventTrace(keepHashes: true, expected: expected);
            var scheduler = new Scheduler(trace);
            var prng = new Prng(seed);
            for (var i = 0; i < 500; i++)
            {
                scheduler.Schedule(new Duration(prng.NextInt(0, 1_000)), () => { });
            }

            scheduler.RunFor(Duration.FromSeconds(1));
            return trace;
        }
    }

    private sealed class Chain(Scheduler scheduler) : ISimEventTarget
    {
        public void Run(in SimEvent happening) => scheduler.Schedule(new Duration(happening.Argument % 7 * 100), this, happening);
    }
}
