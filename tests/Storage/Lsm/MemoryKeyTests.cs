using Atoll.Foundation.Randomness;
using Atoll.Storage.Lsm;
using Xunit;

namespace Atoll.Storage.Tests.Lsm;

/// <summary>The order of a memtable's keys, beside the plain order of their bytes.</summary>
public sealed class MemoryKeyTests
{
    [Fact]
    public void Keys_are_in_the_order_of_their_bytes_and_then_the_newest_first()
    {
        var prng = new Prng(3);
        for (var i = 0; i < 200_000; i++)
        {
            var (first, second) = (Bytes(prng), Bytes(prng));
            var (a, b) = (Key(first, (ulong)prng.NextInt(1, 2)), Key(second, (ulong)prng.NextInt(1, 2)));
            var order = first.AsSpan().SequenceCompareTo(second);
            var expected = order != 0 ? order : b.Version.CompareTo(a.Version);

            Assert.Equal(Math.Sign(expected), Math.Sign(a.CompareTo(b)));
            Assert.Equal(Math.Sign(-expected), Math.Sign(b.CompareTo(a)));
        }
    }

    // Of few bytes, zero among them, and around the lengths at which the comparison goes another way.
    private static byte[] Bytes(Prng prng)
    {
        var bytes = new byte[prng.Pick([0, 1, 7, 8, 9, 15, 16, 17, 18, 24])];
        for (var i = Math.Max(0, bytes.Length - 3); i < bytes.Length; i++)
        {
            bytes[i] = (byte)prng.NextInt(0, 1);
        }

        return bytes;
    }

    private static MemoryKey Key(byte[] own, ulong version)
    {
        byte[] bytes = [9, .. TreeKey.Prefix(1), .. own, 9];
        return new MemoryKey(bytes, 1, bytes.Length - 2, version);
    }
}
