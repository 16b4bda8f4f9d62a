using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Xunit;

namespace Atoll.Kernel.Tests.Eventual;

/// <summary>Concurrent writes are all kept, and each goes when somebody has replaced it who had read it.</summary>
public sealed class SiblingSetTests
{
    [Fact]
    public void A_write_is_there_until_another_has_read_it_and_not_longer_in_any_order_of_merges()
    {
        for (var seed = 1UL; seed <= 300; seed++)
        {
            var random = new Prng(seed);
            var replicas = new[] { SiblingSet.Empty, SiblingSet.Empty, SiblingSet.Empty };
            var read = new List<SiblingSet> { SiblingSet.Empty };
            var written = new HashSet<ulong>();
            var replaced = new HashSet<ulong>();
            for (var step = 1UL; step <= 60; step++)
            {
                var at = random.NextInt(0, 2);
                switch (random.NextInt(0, 5))
                {
                    case < 2:
                        // What was read may be old, and another replica's; clocks may be apart.
                        var seen = random.Pick(read);
                        replaced.UnionWith(seen.Siblings.Select(static sibling => sibling.Id.Number));
                        written.Add(step);
                        replicas[at] = Put(replicas[at], at, step + (ulong)(at * 40), seen, step);
                        break;
                    case < 4:
                        replicas[at] = replicas[at].Merge(replicas[random.NextInt(0, 2)]);
                        break;
                    default:
                        read.Add(replicas[at].Merge(replicas[random.NextInt(0, 2)]));
                        break;
                }
            }

            var all = replicas[0].Merge(replicas[1]).Merge(replicas[2]);
            var left = all.Siblings.Select(static sibling => sibling.Id.Number).Order();
            Assert.True(written.Except(replaced).Order().SequenceEqual(left), $"seed {seed}");
            Assert.Equal(Bytes(all), Bytes(replicas[2].Merge(replicas[0]).Merge(replicas[1])));
        }
    }

    [Fact]
    public void The_merge_is_commutative_associative_and_idempotent_to_the_byte()
    {
        for (var seed = 1UL; seed <= 300; seed++)
        {
            var random = new Prng(seed);
            var states = Enumerable.Repeat(SiblingSet.Empty, 3).ToArray();
            for (var step = 1UL; step <= 20; step++)
            {
                var (at, other) = (random.NextInt(0, 2), random.NextInt(0, 2));
                states[at] = random.Chance(600_000)
                    ? Put(states[at], at, step, random.Chance(500_000) ? states[other] : SiblingSet.Empty, step)
                    : states[at].Merge(states[other]);
            }

            var (a, b, c) = (states[0], states[1], states[2]);
            Assert.Equal(Bytes(a.Merge(b)), Bytes(b.Merge(a)));
            Assert.Equal(Bytes(a.Merge(b).Merge(c)), Bytes(a.Merge(b.Merge(c))));
            Assert.Equal(Bytes(a.Merge(b)), Bytes(a.Merge(b).Merge(b)));
            Assert.Equal(Bytes(a), Bytes(a.Merge(SiblingSet.Empty)));
        }
    }

    [Fact]
    public void Writers_that_all_read_before_any_of_them_wrote_leave_one_sibling_each_and_the_next_round_none_of_those()
    {
        // With a vector of the server's counters alone, each write would seem to have seen the ones before it, or none of its own.
        var record = SiblingSet.Empty;
        for (var round = 0UL; round < 20; round++)
        {
            var seen = record;
            for (var client = 0UL; client < 4; client++)
            {
                record = Put(record, 0, (round * 4) + client + 1, seen, (round * 4) + client + 1);
            }

            Assert.Equal(4, record.Siblings.Length);
        }

        Assert.Equal(1, record.Context.Count);
    }

    [Fact]
    public void Times_of_an_origin_only_go_forward_whatever_its_clock_says()
    {
        var record = Put(SiblingSet.Empty, 0, 9, SiblingSet.Empty, 1);
        record = Put(record, 0, 5, record, 2);
        Assert.Equal((10UL, 2UL), (record.Siblings.Single().Time.Value, record.Siblings.Single().Id.Number));

        // What this origin has lost and somebody has read of it is not used again either.
        var other = Put(Put(SiblingSet.Empty, 0, 50, SiblingSet.Empty, 3), 1, 51, SiblingSet.Empty, 4);
        Assert.Equal(51UL, Put(record, 0, 6, other, 5).Siblings.First(static sibling => sibling.Id.Number == 5).Time.Value);
    }

    [Fact]
    public void Deletions_and_what_is_known_go_with_the_horizon_and_values_do_not()
    {
        var (early, late) = (HybridTime.FromUnixMilliseconds(100), HybridTime.FromUnixMilliseconds(200));
        var put = SiblingSet.Empty.Put(Origin(0), early, CausalContext.Empty, Write(1));
        Assert.Null(put.NextDropMilliseconds);
        Assert.Same(put, put.Drop(long.MaxValue));
        var deleted = put.Put(Origin(0), late, put.Context, Write(2) with { IsDeletion = true });
        Assert.Equal(201, deleted.NextDropMilliseconds);
        Assert.Same(deleted, deleted.Drop(200));
        Assert.True(deleted.Drop(201).IsEmpty);

        // Beside a value only the deletion goes, and what is known says that it is replaced.
        var beside = deleted.Merge(SiblingSet.Empty.Put(Origin(1), early, CausalContext.Empty, Write(3)));
        var left = beside.Drop(201);
        Assert.Equal(3UL, left.Siblings.Single().Id.Number);
        Assert.Equal(Bytes(left), Bytes(left.Merge(beside)));

        var expiring = SiblingSet.Empty.Put(Origin(0), early, CausalContext.Empty, Write(4) with { ExpiresAtMilliseconds = 500 });
        Assert.Equal(500, expiring.NextDropMilliseconds);
        Assert.True(expiring.Drop(500).IsEmpty);
    }

    [Fact]
    public void Siblings_are_read_back_and_damaged_ones_are_refused()
    {
        var record = Put(Put(SiblingSet.Empty, 0, 5, SiblingSet.Empty, 1), 1, 6, SiblingSet.Empty, 2);
        record = record.Put(Origin(2), new HybridTime(7), CausalContext.Empty, Write(3) with { IsDeletion = true });
        record = record.Put(Origin(2), new HybridTime(8), CausalContext.Empty, Write(4) with { ExpiresAtMilliseconds = 9 });
        var bytes = Bytes(record);
        Assert.Equal(bytes, Bytes(SiblingSet.TryRead(bytes)!));
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Null(SiblingSet.TryRead(bytes.AsMemory(0, length)));
        }

        var random = new Prng(3);
        for (var i = 0; i < 5000; i++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[random.NextInt(0, damaged.Length - 1)] ^= (byte)random.NextInt(1, 255);
            SiblingSet.TryRead(damaged);
        }
    }

    private static SiblingSet Put(SiblingSet record, int at, ulong stamp, SiblingSet seen, ulong number) =>
        record.Put(Origin(at), new HybridTime(stamp), seen.Context, Write(number));

    private static Sibling Write(ulong number) =>
        new(default, HybridTime.Zero, new CounterUpdateId(new HybridTime(number), 7, number), false, 0, new byte[] { (byte)number });

    private static CounterOrigin Origin(int replica) => new(new NodeId((uint)replica + 1), 1);

    private static byte[] Bytes(SiblingSet siblings)
    {
        var writer = new WireWriter();
        siblings.Write(writer);
        return writer.ToArray();
    }
}
