using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Kernel.Quorums;
using Xunit;

namespace Atoll.Kernel.Tests.Raft;

/// <summary>Quorums against twins that enumerate (dissertation, 3.4, 3.6.2 and 4.3).</summary>
public sealed class QuorumTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 2)]
    [InlineData(4, 3)]
    [InlineData(5, 3)]
    [InlineData(6, 4)]
    [InlineData(7, 4)]
    public void A_majority_is_more_than_half(int members, int size) => Assert.Equal(size, Majority.Size(members));

    [Theory]
    [InlineData(new[] { 5 }, 5)]
    [InlineData(new[] { 5, 0 }, 0)]
    [InlineData(new[] { 5, 3, 0 }, 3)]
    [InlineData(new[] { 5, 5, 0 }, 5)]
    [InlineData(new[] { 9, 5, 3, 1 }, 3)]
    [InlineData(new[] { 9, 7, 5, 3, 1 }, 5)]
    public void What_a_majority_has_reached(int[] values, int reached) => Assert.Equal(reached, Majority.Reached<int>(values));

    [Fact]
    public void Any_two_majorities_share_a_member()
    {
        for (var members = 1; members <= 9; members++)
        {
            Assert.True(2 * Majority.Size(members) > members);
        }
    }

    [Fact]
    public void What_both_majorities_have_reached_is_the_highest_that_each_set_agrees_on()
    {
        var random = new Prng(1);
        for (var i = 0; i < 20_000; i++)
        {
            var voters = Draw(random, random.NextInt(1, 7));
            var outgoing = Draw(random, random.NextInt(0, 7));
            var twin = Enumerable.Range(0, 11).Last(value =>
                IsReached(voters, value) && (outgoing.Length == 0 || IsReached(outgoing, value)));
            Assert.Equal(twin, Majority.ReachedByBoth<int>(voters, outgoing));
        }

        static int[] Draw(Prng random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextInt(0, 10))];

        static bool IsReached(int[] values, int value) => values.Count(v => v >= value) * 2 > values.Length;
    }

    [Fact]
    public void A_tally_says_won_or_lost_as_soon_as_no_further_vote_can_change_it()
    {
        var random = new Prng(2);
        for (var i = 0; i < 5_000; i++)
        {
            NodeId[] voters = [.. Enumerable.Range(1, random.NextInt(1, 4)).Select(n => new NodeId((uint)n))];
            NodeId[] outgoing = [.. Enumerable.Range(3, random.NextInt(0, 4)).Select(n => new NodeId((uint)n))];
            var tally = new VoteTally([.. voters], [.. outgoing]);
            var answers = new Dictionary<NodeId, bool>();
            for (var step = 0; step < 8; step++)
            {
                var node = new NodeId((uint)random.NextInt(1, 8));
                var granted = random.Chance(500_000);
                tally.Record(node, granted);
                answers.TryAdd(node, granted);
                Assert.Equal(Twin(voters, outgoing, answers), tally.Outcome);
            }
        }
    }

    // Tries out every way in which those who have not answered might.
    private static VoteOutcome Twin(NodeId[] voters, NodeId[] outgoing, Dictionary<NodeId, bool> answers)
    {
        var open = voters.Union(outgoing).Where(node => !answers.ContainsKey(node)).ToArray();
        var canWin = false;
        var canLose = false;
        for (var future = 0; future < 1 << open.Length; future++)
        {
            bool Grants(NodeId node) =>
                answers.TryGetValue(node, out var granted) ? granted : (future >> Array.IndexOf(open, node) & 1) == 1;
            var wins = voters.Count(Grants) * 2 > voters.Length && (outgoing.Length == 0 || outgoing.Count(Grants) * 2 > outgoing.Length);
            canWin |= wins;
            canLose |= !wins;
        }

        return canWin && canLose ? VoteOutcome.Pending : canWin ? VoteOutcome.Won : VoteOutcome.Lost;
    }
}
