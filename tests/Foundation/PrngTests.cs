using Atoll.Foundation.Checks;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Xunit;

namespace Atoll.Foundation.Tests;

public sealed class PrngTests
{
    // xoshiro256** after four steps of SplitMix64, as in the authors' reference code (Blackman and Vigna, 2018).
    [Theory]
    [InlineData(0UL, new ulong[] { 0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c })]
    [InlineData(1UL, new ulong[] { 0xb3f2af6d0fc710c5, 0x853b559647364cea, 0x92f89756082a4514, 0x642e1c7bc266a3a7 })]
    [InlineData(0xDEADBEEFUL, new ulong[] { 0xc5555444a74d7e83, 0x65c30d37b4b16e38, 0x54f773200a4efa23, 0x429aed75fb958af7 })]
    public void The_numbers_of_a_seed_are_those_of_the_reference(ulong seed, ulong[] expected)
    {
        var prng = new Prng(seed);
        Assert.Equal(expected, Enumerable.Range(0, 4).Select(_ => prng.NextUInt64()));
    }

    [Fact]
    public void Bounded_numbers_keep_their_bounds_and_reach_them()
    {
        var prng = new Prng(3);
        var seen = new SortedSet<int>();
        for (var i = 0; i < 2_000; i++)
        {
            seen.Add(prng.NextInt(-3, 3));
        }

        Assert.Equal(Enumerable.Range(-3, 7), seen);
        Assert.Equal(5, prng.NextInt(5, 5));
        for (var i = 0; i < 100; i++)
        {
            Assert.InRange(prng.NextInt(int.MinValue, int.MaxValue), int.MinValue, int.MaxValue);
        }

        Assert.Equal(0UL, prng.NextBelow(1));
        Assert.Throws<CheckFailedException>(() => prng.NextBelow(0));
        Assert.Throws<CheckFailedException>(() => prng.NextInt(2, 1));
    }

    [Fact]
    public void Bounded_numbers_are_evenly_spread()
    {
        var prng = new Prng(4);
        var counts = new int[10];
        for (var i = 0; i < 100_000; i++)
        {
            counts[prng.NextBelow(10)]++;
        }

        Assert.All(counts, count => Assert.InRange(count, 9_500, 10_500));
    }

    [Fact]
    public void Chance_holds_its_rate_and_its_ends()
    {
        var prng = new Prng(5);
        Assert.InRange(Enumerable.Range(0, 100_000).Count(_ => prng.Chance(250_000)), 24_000, 26_000);
        Assert.DoesNotContain(true, Enumerable.Range(0, 1_000).Select(_ => prng.Chance(0)));
        Assert.DoesNotContain(false, Enumerable.Range(0, 1_000).Select(_ => prng.Chance(1_000_000)));
    }

    [Fact]
    public void Durations_keep_their_bounds()
    {
        var prng = new Prng(6);
        var low = Duration.FromMilliseconds(-5);
        var high = Duration.FromMilliseconds(5);
        for (var i = 0; i < 1_000; i++)
        {
            var drawn = prng.NextDuration(low, high);
            Assert.True(drawn >= low && drawn <= high);
        }

        Assert.Equal(high, prng.NextDuration(high, high));
    }

    [Fact]
    public void A_shuffle_keeps_the_items_and_changes_their_order()
    {
        var items = Enumerable.Range(0, 100).ToArray();
        new Prng(7).Shuffle<int>(items);
        Assert.NotEqual(Enumerable.Range(0, 100), items);
        Assert.Equal(Enumerable.Range(0, 100), items.Order());
    }

    [Fact]
    public void A_fork_does_not_see_what_the_other_draws()
    {
        var first = new Prng(8);
        var second = new Prng(8);
        var firstFork = first.Fork();
        var secondFork = second.Fork();
        for (var i = 0; i < 100; i++)
        {
            second.NextUInt64();
        }

        Assert.Equal(firstFork.NextUInt64(), secondFork.NextUInt64());
        Assert.NotEqual(first.NextUInt64(), firstFork.NextUInt64());
    }

    [Fact]
    public void Filled_bytes_depend_on_the_seed_only()
    {
        var one = new byte[37];
        var two = new byte[37];
        new Prng(9).Fill(one);
        new Prng(9).Fill(two);
        Assert.Equal(one, two);
        Assert.True(one.Distinct().Count() > 20);
    }
}
