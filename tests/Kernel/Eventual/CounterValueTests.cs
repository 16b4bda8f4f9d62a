using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Xunit;

namespace Atoll.Kernel.Tests.Eventual;

/// <summary>Museum, row 25: counters that over- or undercount after time-outs and retries.</summary>
public sealed class CounterValueTests
{
    [Fact]
    public void Updates_that_are_retried_anywhere_in_any_order_count_once()
    {
        for (var seed = 1UL; seed <= 200; seed++)
        {
            var random = new Prng(seed);
            var replicas = new[] { CounterValue.Zero, CounterValue.Zero, CounterValue.Zero };
            var expected = 0L;
            var horizon = HybridTime.Zero;
            var open = new List<(CounterUpdateId Id, long Delta)>();
            for (var step = 1; step <= 120; step++)
            {
                var at = random.NextInt(0, 2);
                switch (random.NextInt(0, 9))
                {
                    case < 3:
                        open.Add((new CounterUpdateId(new HybridTime((ulong)step), seed, (ulong)step), random.NextInt(-50, 50)));
                        expected += open[^1].Delta;
                        Assert.True(replicas[at].TryAdd(Origin(at), open[^1].Id, open[^1].Delta, out replicas[at]));
                        break;
                    case < 6 when open.Count > 0:
                        var (id, delta) = random.Pick(open);
                        var isKnown = replicas[at].TryAdd(Origin(at), id, delta, out replicas[at]);
                        Assert.Equal(id.Stamp > replicas[at].ForgottenThrough, isKnown);
                        break;
                    case < 9:
                        replicas[at] = replicas[at].Merge(replicas[random.NextInt(0, 2)]);
                        break;
                    default:
                        // The horizon: everybody has everything through it, and then each forgets when it likes.
                        var everything = replicas[0].Merge(replicas[1]).Merge(replicas[2]);
                        replicas = [.. replicas.Select(replica => replica.Merge(everything))];
                        horizon = new HybridTime((ulong)step);
                        replicas[at] = replicas[at].Forget(horizon);
                        open.Clear();
                        break;
                }
            }

            var all = replicas[0].Merge(replicas[1]).Merge(replicas[2]);
            Assert.True(expected == all.Total, $"seed {seed}: {all.Total} instead of {expected}");
            Assert.Equal(0, all.Forget(HybridTime.Max).Remembered);
            Assert.Equal(expected, all.Forget(HybridTime.Max).Total);
        }
    }

    [Fact]
    public void The_merge_is_commutative_associative_and_idempotent_to_the_byte()
    {
        var random = new Prng(5);
        for (var i = 0; i < 300; i++)
        {
            // Three replicas that took some of the same updates, and settled the same horizon or none.
            var versions = Enumerable.Range(0, 3).Select(at =>
            {
                var value = CounterValue.Zero;
                for (var n = 1UL; n <= 8; n++)
                {
                    if (n <= 3 || random.Chance(500_000))
                    {
                        value.TryAdd(Origin(n <= 3 ? 0 : at), new CounterUpdateId(new HybridTime(n), 1, n), (long)n, out value);
                    }
                }

                return random.Chance(300_000) ? value.Forget(new HybridTime(3)) : value;
            }).ToArray();
            var (a, b, c) = (versions[0], versions[1], versions[2]);
            Assert.Equal(Bytes(a.Merge(b)), Bytes(b.Merge(a)));
            Assert.Equal(Bytes(a.Merge(b).Merge(c)), Bytes(a.Merge(b.Merge(c))));
            Assert.Equal(Bytes(a.Merge(b)), Bytes(a.Merge(b).Merge(b)));
        }
    }

    [Fact]
    public void An_update_of_which_nobody_can_know_is_refused()
    {
        Assert.True(CounterValue.Zero.TryAdd(Origin(0), new CounterUpdateId(new HybridTime(5), 1, 1), 7, out var value));
        value = value.Forget(new HybridTime(9));
        Assert.False(value.TryAdd(Origin(1), new CounterUpdateId(new HybridTime(5), 1, 1), 7, out var after));
        Assert.Equal(7, after.Total);
    }

    [Fact]
    public void A_counter_is_read_back_and_damaged_ones_are_refused()
    {
        CounterValue.Zero.TryAdd(Origin(0), new CounterUpdateId(new HybridTime(5), 1, 1), -7, out var value);
        value.TryAdd(Origin(1), new CounterUpdateId(new HybridTime(6), 1, 2), 3, out value);
        var bytes = Bytes(value);
        Assert.Equal(-4, CounterValue.TryRead(bytes)!.Total);
        Assert.Equal(bytes, Bytes(CounterValue.TryRead(bytes)!));
        Assert.Equal(0, CounterValue.TryRead(default)!.Total);
        for (var length = 1; length < bytes.Length; length++)
        {
            Assert.Null(CounterValue.TryRead(bytes.AsMemory(0, length)));
        }

        var random = new Prng(3);
        for (var i = 0; i < 5000; i++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[random.NextInt(0, damaged.Length - 1)] ^= (byte)random.NextInt(1, 255);
            CounterValue.TryRead(damaged);
        }
    }

    private static CounterOrigin Origin(int replica) => new(new NodeId((uint)replica + 1), 1);

    private static byte[] Bytes(CounterValue value)
    {
        var writer = new WireWriter();
        value.Write(writer);
        return writer.ToArray();
    }
}
