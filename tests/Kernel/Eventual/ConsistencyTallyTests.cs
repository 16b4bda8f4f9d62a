using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Kernel.Eventual;
using Xunit;

namespace Atoll.Kernel.Tests.Eventual;

public sealed class ConsistencyTallyTests
{
    private static readonly ReplicaSet TwoRegions = ReplicaSet.Of(
        1, new(new(1), "eu"), new(new(2), "eu"), new(new(3), "eu"), new(new(4), "us"), new(new(5), "us"));

    [Theory]
    [InlineData(ConsistencyLevel.Any, 1)]
    [InlineData(ConsistencyLevel.One, 1)]
    [InlineData(ConsistencyLevel.Two, 2)]
    [InlineData(ConsistencyLevel.Three, 3)]
    [InlineData(ConsistencyLevel.Quorum, 3)]
    [InlineData(ConsistencyLevel.All, 5)]
    [InlineData(ConsistencyLevel.LocalQuorum, 2)]
    [InlineData(ConsistencyLevel.EachQuorum, 4)]
    [InlineData(ConsistencyLevel.LocalOne, 1)]
    public void Each_level_asks_for_so_many_answers(ConsistencyLevel level, int required) =>
        Assert.Equal(required, ConsistencyTally.OfWrite(level, TwoRegions, "eu").Required);

    [Fact]
    public void Local_levels_count_only_their_region()
    {
        var tally = ConsistencyTally.OfWrite(ConsistencyLevel.LocalQuorum, TwoRegions, "us");
        tally.Record(new NodeId(1), ok: true);
        tally.Record(new NodeId(2), ok: true);
        tally.Record(new NodeId(4), ok: true);
        tally.Record(new NodeId(4), ok: true);
        Assert.False(tally.IsSatisfied);
        Assert.Equal(1, tally.Received);
        tally.Record(new NodeId(5), ok: true);
        Assert.True(tally.IsSatisfied);
    }

    [Fact]
    public void Each_quorum_needs_a_majority_of_each_region()
    {
        var tally = ConsistencyTally.OfWrite(ConsistencyLevel.EachQuorum, TwoRegions, "eu");
        foreach (var node in new uint[] { 1, 2, 3, 4 })
        {
            tally.Record(new NodeId(node), ok: true);
        }

        Assert.False(tally.IsSatisfied);
        tally.Record(new NodeId(5), ok: false);
        Assert.True(tally.IsLost);
        Assert.False(tally.CanBeSatisfiedBy(node => node != new NodeId(5), out var alive, out var required));
        Assert.Equal((1, 2), (alive, required));
    }

    [Fact]
    public void What_one_region_has_too_much_of_makes_up_for_nothing_elsewhere()
    {
        var wide = ReplicaSet.Of(1, [.. TwoRegions.Members, new(new(6), "eu"), new(new(7), "eu")]);
        var tally = ConsistencyTally.OfWrite(ConsistencyLevel.EachQuorum, wide, "eu");
        foreach (var node in new uint[] { 1, 2, 3, 6, 7 })
        {
            tally.Record(new NodeId(node), ok: true);
        }

        Assert.Equal((3, 5, false), (tally.Received, tally.Required, tally.IsSatisfied));
        Assert.False(tally.CanBeSatisfiedBy(node => node.Value is not (4 or 5), out var alive, out var required));
        Assert.Equal((0, 2), (alive, required));
    }

    // Who is up, as digits; what a coordinator in a region says: satisfied or not, how many are up and how many it needs.
    [Theory]
    [InlineData(ConsistencyLevel.LocalQuorum, "eu", "123", true, 3, 2)]
    [InlineData(ConsistencyLevel.LocalQuorum, "us", "123", false, 0, 2)]
    [InlineData(ConsistencyLevel.LocalQuorum, "eu", "145", false, 1, 2)]
    [InlineData(ConsistencyLevel.LocalOne, "us", "123", false, 0, 1)]
    [InlineData(ConsistencyLevel.LocalOne, "us", "5", true, 1, 1)]
    [InlineData(ConsistencyLevel.LocalQuorum, "asia", "12345", false, 0, 1)]
    [InlineData(ConsistencyLevel.LocalOne, "asia", "12345", false, 0, 1)]
    [InlineData(ConsistencyLevel.EachQuorum, "eu", "123", false, 0, 2)]
    [InlineData(ConsistencyLevel.EachQuorum, "asia", "2345", true, 4, 4)]
    [InlineData(ConsistencyLevel.EachQuorum, "us", "145", false, 1, 2)]
    [InlineData(ConsistencyLevel.Quorum, "us", "123", true, 3, 3)]
    [InlineData(ConsistencyLevel.Quorum, "us", "14", false, 2, 3)]
    [InlineData(ConsistencyLevel.One, "asia", "4", true, 1, 1)]
    [InlineData(ConsistencyLevel.All, "eu", "1234", false, 4, 5)]
    public void Levels_are_judged_by_who_is_up_in_which_region(
        ConsistencyLevel level, string region, string up, bool suffices, int alive, int required)
    {
        foreach (var tally in new[]
        {
            ConsistencyTally.OfWrite(level, TwoRegions, region), ConsistencyTally.OfRead(level, TwoRegions, region),
        })
        {
            var can = tally.CanBeSatisfiedBy(node => up.Contains((char)('0' + node.Value)), out var seen, out var needed);
            Assert.Equal((suffices, alive, required), (can, seen, needed));
        }
    }

    [Fact]
    public void Pending_replicas_raise_what_a_write_needs_and_not_what_a_read_needs()
    {
        var moving = new ReplicaSet(2, TwoRegions.Members, [new(new(6), "eu")]);
        Assert.Equal(4, ConsistencyTally.OfWrite(ConsistencyLevel.Quorum, moving, "eu").Required);
        Assert.Equal(3, ConsistencyTally.OfRead(ConsistencyLevel.Quorum, moving, "eu").Required);
    }

    [Fact]
    public void Write_and_read_quorums_of_any_size_meet()
    {
        var random = new Prng(2);
        for (var i = 0; i < 2000; i++)
        {
            var count = random.NextInt(1, 7);
            var set = ReplicaSet.Of(1, Enumerable.Range(1, count).Select(n => new Replica(new((uint)n), "eu")));
            var (write, read) = (Some(), Some());
            Assert.Contains(write, read.Contains);

            HashSet<NodeId> Some()
            {
                var nodes = set.Members.Select(replica => replica.Node).ToArray();
                random.Shuffle(nodes.AsSpan());
                var tally = ConsistencyTally.OfRead(ConsistencyLevel.Quorum, set, "eu");
                var taken = new HashSet<NodeId>();
                foreach (var node in nodes.TakeWhile(_ => !tally.IsSatisfied))
                {
                    tally.Record(node, ok: true);
                    taken.Add(node);
                }

                return taken;
            }
        }
    }
}
