using System.Numerics;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.Foundation.Randomness;

/// <summary>
/// The one source of randomness below the host: a seeded xoshiro256** generator (Blackman and Vigna, 2018), seeded
/// by SplitMix64. The same seed gives the same numbers on every machine. Not for secrets.
/// </summary>
public sealed class Prng
{
    private ulong _s0;
    private ulong _s1;
    private ulong _s2;
    private ulong _s3;

    /// <summary>A generator whose whole future is fixed by the seed.</summary>
    public Prng(ulong seed)
    {
        _s0 = SplitMix(ref seed);
        _s1 = SplitMix(ref seed);
        _s2 = SplitMix(ref seed);
        _s3 = SplitMix(ref seed);
    }

    /// <summary>The next 64 random bits.</summary>
    public ulong NextUInt64()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A number in [0, <paramref name="bound"/>), without modulo bias (Lemire, 2019).</summary>
    public ulong NextBelow(ulong bound)
    {
        Check.That(bound > 0);
        while (true)
        {
            var high = Math.BigMul(NextUInt64(), bound, out var low);
            if (low >= bound || low >= (0 - bound) % bound)
            {
                return high;
            }
        }
    }

    /// <summary>A number in [<paramref name="low"/>, <paramref name="high"/>], both included.</summary>
    public int NextInt(int low, int high)
    {
        Check.That(low <= high);
        return (int)(low + (long)NextBelow((ulong)((long)high - low + 1)));
    }

    /// <summary>True with the given chance.</summary>
    /// <param name="partsPerMillion">0 is never, 1,000,000 is always.</param>
    public bool Chance(int partsPerMillion) => NextBelow(1_000_000) < (ulong)Math.Clamp(partsPerMillion, 0, 1_000_000);

    /// <summary>A duration in [<paramref name="low"/>, <paramref name="high"/>], both included.</summary>
    public Duration NextDuration(Duration low, Duration high)
    {
        Check.That(low <= high);
        return new Duration(low.Nanoseconds + (long)NextBelow((ulong)(high.Nanoseconds - low.Nanoseconds) + 1));
    }

    /// <summary>One of the items, each as likely as the others.</summary>
    public T Pick<T>(IReadOnlyList<T> items) => items[(int)NextBelow((ulong)items.Count)];

    /// <summary>Puts the items into a random order (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = (int)NextBelow((ulong)i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    /// <summary>Fills the buffer with random bytes.</summary>
    public void Fill(Span<byte> buffer)
    {
        for (var i = 0; i < buffer.Length; i += 8)
        {
            var bits = NextUInt64();
            for (var j = i; j < Math.Min(i + 8, buffer.Length); j++, bits >>= 8)
            {
                buffer[j] = (byte)bits;
            }
        }
    }

    /// <summary>
    /// A generator of its own for a part of the system, so that what one part draws does not shift what the others see.
    /// </summary>
    public Prng Fork() => new(NextUInt64());

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        var z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
