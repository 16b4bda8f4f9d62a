using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Xunit;

namespace Atoll.Foundation.Tests;

public sealed class KeyOrderTests
{
    [Fact]
    public void Keys_order_byte_by_byte_unsigned_and_a_prefix_comes_first()
    {
        byte[][] ordered = [[], [0], [0, 0], [0, 255], [1], [127], [128], [255], [255, 0], [255, 255]];
        var shuffled = (byte[][])ordered.Clone();
        new Prng(1).Shuffle<byte[]>(shuffled);
        Assert.Equal(ordered, shuffled.Order(KeyOrder.Instance));
        Assert.Equal(0, KeyOrder.Instance.Compare(new byte[] { 1, 2 }.AsMemory(), new byte[] { 1, 2 }.AsMemory()));
    }

    [Fact]
    public void The_end_of_a_prefix_is_above_all_its_keys_and_below_all_others()
    {
        var prng = new Prng(2);
        for (var round = 0; round < 5_000; round++)
        {
            var prefix = Draw(prng);
            var key = Draw(prng);
            var end = KeyOrder.EndOfPrefix(prefix);
            var inRange = key.AsSpan().SequenceCompareTo(prefix) >= 0 && (end.Length == 0 || key.AsSpan().SequenceCompareTo(end) < 0);
            Assert.Equal(key.AsSpan().StartsWith(prefix), inRange);
        }
    }

    [Fact]
    public void A_prefix_of_nothing_but_the_highest_byte_has_no_end()
    {
        Assert.Empty(KeyOrder.EndOfPrefix([]));
        Assert.Empty(KeyOrder.EndOfPrefix([255, 255]));
        Assert.Equal([2], KeyOrder.EndOfPrefix([1, 255, 255]));
    }

    [Fact]
    public void Nothing_lies_between_a_key_and_its_successor()
    {
        var prng = new Prng(3);
        for (var round = 0; round < 5_000; round++)
        {
            var key = Draw(prng);
            var next = KeyOrder.Successor(key);
            var other = Draw(prng);
            Assert.True(KeyOrder.Instance.Compare(key, next) < 0);
            Assert.False(KeyOrder.Instance.Compare(key, other) < 0 && KeyOrder.Instance.Compare(other, next) < 0);
        }
    }

    // Few different bytes and short keys, so that prefixes and equal keys are common.
    private static byte[] Draw(Prng prng)
    {
        byte[] alphabet = [0, 1, 254, 255];
        return [.. Enumerable.Range(0, prng.NextInt(0, 4)).Select(_ => prng.Pick(alphabet))];
    }
}
