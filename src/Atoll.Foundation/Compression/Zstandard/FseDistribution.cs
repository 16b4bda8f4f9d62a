using Atoll.Foundation.Checks;

namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>
/// Distributions of symbols for tables of finite state entropy (RFC 8878, 4.1.1): made of counts, and described in a stream.
/// </summary>
internal static class FseDistribution
{
    // A table of a quarter of as many states as there are symbols to write is exact enough.
    private const int CoarserBits = 2;

    /// <summary>How large a table should be, as a power of two.</summary>
    /// <param name="total">Symbols that are to be written.</param>
    /// <param name="distinct">How many different ones: each needs a state.</param>
    /// <param name="accuracyMax">The largest table.</param>
    public static int Accuracy(int total, int distinct, int accuracyMax) => Math.Clamp(
        Math.Max(int.Log2(total) - CoarserBits, int.Log2(distinct) + 1), ZstandardFormat.AccuracyMin, accuracyMax);

    /// <summary>Makes counts parts of a table: each that occurs gets one at least.</summary>
    /// <param name="counts">How often each symbol occurs.</param>
    /// <param name="total">Their sum.</param>
    /// <param name="accuracy">The size of the table, as a power of two.</param>
    /// <param name="distribution">The parts.</param>
    public static void Normalize(ReadOnlySpan<int> counts, int total, int accuracy, Span<short> distribution)
    {
        var left = 1 << accuracy;
        for (var symbol = 0; symbol < counts.Length; symbol++)
        {
            var part = counts[symbol] == 0 ? 0 : Math.Max(1, (int)(((long)counts[symbol] << accuracy) / total));
            distribution[symbol] = (short)part;
            left -= part;
        }

        while (left != 0)
        {
            // What rounding left over goes to the largest; what it took too much comes from there.
            var largest = Largest(distribution[..counts.Length]);
            var part = Math.Max(left, -(distribution[largest] / 2));
            distribution[largest] += (short)part;
            left -= part;
            Check.That(part != 0 && distribution[largest] > 0);
        }
    }

    /// <summary>Writes the description that <see cref="FseTable.TryRead"/> reads.</summary>
    /// <param name="distribution">The parts: none less than 0.</param>
    /// <param name="accuracy">Their sum, as a power of two.</param>
    /// <param name="bits">Where to.</param>
    public static void Write(scoped ReadOnlySpan<short> distribution, int accuracy, ref ForwardBits bits)
    {
        bits.Write((uint)(accuracy - ZstandardFormat.AccuracyMin), 4);
        var remaining = 1 << accuracy;
        for (var symbol = 0; remaining > 0;)
        {
            var value = distribution[symbol] + 1;
            var width = int.Log2(remaining + 1) + 1;
            var shortValues = (1 << width) - 1 - (remaining + 1);
            if (value < shortValues)
            {
                bits.Write((uint)value, width - 1);
            }
            else
            {
                bits.Write((uint)(value < 1 << (width - 1) ? value : value + shortValues), width);
            }

            remaining -= distribution[symbol];
            if (distribution[symbol++] == 0)
            {
                symbol += WriteZeros(distribution[symbol..], ref bits);
            }
        }
    }

    private static int WriteZeros(scoped ReadOnlySpan<short> distribution, ref ForwardBits bits)
    {
        const int more = 3;
        var zeros = distribution.IndexOfAnyExcept((short)0);
        var left = zeros;
        for (; left >= more; left -= more)
        {
            bits.Write(more, 2);
        }

        bits.Write((uint)left, 2);
        return zeros;
    }

    private static int Largest(ReadOnlySpan<short> distribution)
    {
        var largest = 0;
        for (var symbol = 1; symbol < distribution.Length; symbol++)
        {
            largest = distribution[symbol] > distribution[largest] ? symbol : largest;
        }

        return largest;
    }
}
