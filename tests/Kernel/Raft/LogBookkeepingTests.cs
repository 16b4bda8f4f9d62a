using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Kernel.Raft;
using Xunit;

namespace Atoll.Kernel.Tests.Raft;

/// <summary>What the core keeps about its log, against twins that keep a list.</summary>
public sealed class LogBookkeepingTests
{
    [Fact]
    public void Terms_of_a_log_are_those_that_were_appended()
    {
        for (var seed = 0UL; seed < 60; seed++)
        {
            var random = new Prng(seed);
            var terms = new LogTerms(LogIndex.Zero, Term.Zero, [], LogIndex.Zero);
            var twin = new List<ulong> { 0 };
            var compacted = 0;
            for (var step = 0; step < 200; step++)
            {
                switch (random.NextInt(0, 9))
                {
                    case < 6:
                        twin.Add(twin[^1] + (ulong)(random.Chance(200_000) ? random.NextInt(1, 2) : 0));
                        terms.Append(new LogIndex((ulong)twin.Count - 1), new Term(twin[^1]));
                        break;
                    case 6 when twin.Count - 1 > compacted:
                        var cut = random.NextInt(compacted + 1, twin.Count - 1);
                        twin.RemoveRange(cut, twin.Count - cut);
                        terms.CutFrom(new LogIndex((ulong)cut));
                        break;
                    case 7:
                        compacted = random.NextInt(compacted, twin.Count - 1);
                        terms.CompactThrough(new LogIndex((ulong)compacted));
                        break;
                    case 8 when random.Chance(50_000):
                        compacted = twin.Count + 2;
                        twin.AddRange([twin[^1], twin[^1], twin[^1] + 1]);
                        terms.Reset(new LogIndex((ulong)compacted), new Term(twin[compacted]));
                        break;
                }

                Compare(terms, twin, compacted, random);
            }
        }
    }

    [Fact]
    public void A_restored_table_of_terms_equals_one_that_was_appended_to()
    {
        var terms = new LogTerms(
            new LogIndex(3), new Term(2), [(new LogIndex(2), new Term(2)), (new LogIndex(5), new Term(4))], new LogIndex(6));
        Assert.True(terms.TryGetTerm(new LogIndex(4), out var term));
        Assert.Equal(new Term(2), term);
        Assert.True(terms.Has(new LogIndex(3), new Term(2)));
        Assert.True(terms.Has(new LogIndex(6), new Term(4)));
        Assert.False(terms.TryGetTerm(new LogIndex(2), out _));
        Assert.False(terms.TryGetTerm(new LogIndex(7), out _));
    }

    [Fact]
    public void Entry_sizes_fit_as_many_entries_as_the_budget_holds()
    {
        for (var seed = 0UL; seed < 100; seed++)
        {
            var random = new Prng(seed);
            var start = random.NextBelow(100);
            var sizes = new EntrySizes(new LogIndex(start));
            var twin = new List<(ulong Index, int Size)>();
            var last = start;
            for (var step = 0; step < 300; step++)
            {
                if (random.NextInt(0, 19) == 0 && twin.Count > 0)
                {
                    var cut = last - random.NextBelow(Math.Min(last, 5));
                    sizes.CutFrom(new LogIndex(cut));
                    twin.RemoveAll(item => item.Index >= cut);
                    last = cut - 1;
                }
                else
                {
                    last++;
                    twin.Add((last, random.NextInt(0, 100)));
                    sizes.Append(new LogIndex(last), twin[^1].Size);
                }

                if (twin.Count == 0)
                {
                    continue;
                }

                var first = random.Pick(twin).Index;
                var budget = random.NextInt(0, 500);
                Assert.True(sizes.TryFit(new LogIndex(first), new LogIndex(last), budget, out var through, out var bytes));
                var expected = first;
                while (expected < last
                    && twin.Where(item => item.Index >= first && item.Index <= expected + 1).Sum(item => item.Size) <= budget)
                {
                    expected++;
                }

                Assert.Equal(expected, through.Value);
                Assert.Equal(twin.Where(item => item.Index >= first && item.Index <= expected).Sum(item => item.Size), bytes);
            }
        }
    }

    [Fact]
    public void Entry_sizes_remember_a_pipelines_worth_and_say_so_beyond_it()
    {
        var sizes = new EntrySizes(new LogIndex(10));
        for (var index = 11UL; index <= 10_010; index++)
        {
            sizes.Append(new LogIndex(index), 1);
        }

        Assert.False(sizes.TryFit(new LogIndex(11), new LogIndex(10_010), 10, out _, out _));
        Assert.True(sizes.TryFit(new LogIndex(10_010 - EntrySizes.KeptMax + 2), new LogIndex(10_010), 10, out var through, out var bytes));
        Assert.Equal(10, bytes);
        Assert.Equal(10_010UL - EntrySizes.KeptMax + 11, through.Value);
    }

    [Fact]
    public void The_window_of_appends_in_flight_is_bounded_in_messages_and_in_bytes()
    {
        var window = new InFlightAppends(3, 100);
        window.Add(new LogIndex(1), 10);
        window.Add(new LogIndex(2), 10);
        Assert.False(window.IsFull);
        window.Add(new LogIndex(3), 10);
        Assert.True(window.IsFull);
        window.FreeThrough(new LogIndex(2));
        Assert.False(window.IsFull);
        window.Add(new LogIndex(9), 95);
        Assert.Equal(2, window.Count);
        Assert.True(window.IsFull);
        window.FreeThrough(new LogIndex(9));
        Assert.Equal(0, window.Count);
        for (var i = 10UL; i < 100; i++)
        {
            window.Add(new LogIndex(i), 1);
            window.FreeThrough(new LogIndex(i - 1));
        }

        Assert.Equal(1, window.Count);
    }

    [Fact]
    public void The_latest_membership_is_in_force_and_the_one_before_it_again_when_the_log_is_cut()
    {
        var a = Membership.Of([new NodeId(1)]);
        var b = Membership.Of([new NodeId(1)], [new NodeId(2)]);
        var c = Membership.Of([new NodeId(1), new NodeId(2)]);
        var history = new MembershipHistory(LogIndex.Zero, a, [(new LogIndex(3), b)]);
        history.Append(new LogIndex(7), c);
        Assert.Equal(c, history.Latest);
        Assert.Equal(b, history.BeforeLatest);
        Assert.Equal(a, history.At(new LogIndex(2)));
        Assert.Equal(b, history.At(new LogIndex(6)));
        Assert.True(history.CutFrom(new LogIndex(5)));
        Assert.False(history.CutFrom(new LogIndex(5)));
        Assert.Equal(b, history.Latest);
        history.CompactThrough(new LogIndex(4));
        Assert.Equal(b, history.At(new LogIndex(4)));
        Assert.Null(history.BeforeLatest);
    }

    private static void Compare(LogTerms terms, List<ulong> twin, int compacted, Prng random)
    {
        Assert.Equal((ulong)twin.Count - 1, terms.LastIndex.Value);
        Assert.Equal(twin[^1], terms.LastTerm.Value);
        for (var index = 0; index <= twin.Count; index++)
        {
            var isKnown = terms.TryGetTerm(new LogIndex((ulong)index), out var term);
            Assert.Equal(index >= compacted && index < twin.Count, isKnown);
            Assert.Equal(isKnown ? twin[index] : 0, term.Value);
        }

        var at = random.NextInt(compacted, twin.Count + 2);
        var limit = new Term(random.NextBelow(twin[^1] + 2));
        var expected = Math.Min(at, twin.Count - 1);
        while (expected > compacted && twin[expected] > limit.Value)
        {
            expected--;
        }

        Assert.Equal((ulong)expected, terms.LastNotAbove(new LogIndex((ulong)at), limit).Value);
    }
}
