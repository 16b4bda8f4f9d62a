using Atoll.Foundation.Checks;

namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>
/// A decoding table of Huffman codes of bytes (RFC 8878, 4.2): for all that the next eleven bits (or fewer) may be, the byte and how many
/// of them it takes. Kept from block to block, as a block may use the last one's again.
/// </summary>
internal sealed class HuffmanTable
{
    private const int CodeBitsMax = 11;
    private const int SymbolsMax = 256;
    private const int WeightAccuracyMax = 6;

    // Below this the description's first byte is the length of compressed weights, from here on it counts weights that are not.
    private const int DirectFrom = 128;
    private const int Unrolled = 5; // times eleven bits are in a word of 57

    // The byte, and above it the bits of its code.
    private readonly ushort[] _codes = new ushort[1 << CodeBitsMax];
    private readonly FseTable _weights = new(
        WeightAccuracyMax, [.. Enumerable.Range(0, SymbolsMax).Select(symbol => (uint)symbol)], new byte[SymbolsMax], [], 0);

    private int _bits;

    /// <summary>Whether there is one.</summary>
    public bool IsSet { get; private set; }

    /// <summary>A frame begins: nothing is kept of the last one.</summary>
    public void Reset() => IsSet = false;

    /// <summary>Takes the table that is described (4.2.1).</summary>
    /// <param name="source">The description, and what is behind it.</param>
    /// <param name="read">How long it is.</param>
    /// <returns>False when it is none.</returns>
    public bool TryRead(ReadOnlySpan<byte> source, out int read)
    {
        read = 0;
        if (source.IsEmpty)
        {
            return false;
        }

        Span<byte> weights = stackalloc byte[SymbolsMax];
        var head = (int)source[0];
        source = source[1..];
        int count;
        if (head < DirectFrom)
        {
            if (head > source.Length || !TryReadWeights(source[..head], weights, out count))
            {
                return false;
            }

            read = 1 + head;
        }
        else
        {
            count = head - DirectFrom + 1;
            read = 1 + ((count + 1) / 2);
            if (read - 1 > source.Length)
            {
                return false;
            }

            for (var i = 0; i < count; i++)
            {
                weights[i] = (byte)((i & 1) == 0 ? source[i / 2] >> 4 : source[i / 2] & 0xF);
            }
        }

        return TryBuild(weights, count);
    }

    /// <summary>Decodes one stream, which must be just so many bytes.</summary>
    /// <param name="source">The stream.</param>
    /// <param name="target">Room for its bytes.</param>
    public bool TryDecode(ReadOnlySpan<byte> source, Span<byte> target)
    {
        if (!BackwardBits.TryCreate(source, out var bits))
        {
            return false;
        }

        var done = 0;
        while (CanUnroll(bits, target.Length - done))
        {
            DecodeUnrolled(ref bits, target.Slice(done, Unrolled));
            done += Unrolled;
        }

        return TryDecodeRest(ref bits, target[done..]);
    }

    /// <summary>Decodes four streams, which were written side by side so that they can be read so.</summary>
    /// <param name="source">The lengths of the first three (2 bytes each, little-endian), and the four.</param>
    /// <param name="target">Room for their bytes: a quarter each, rounded up, and the rest.</param>
    public bool TryDecodeFour(ReadOnlySpan<byte> source, Span<byte> target)
    {
        const int lengthsBytes = 6;
        if (source.Length < lengthsBytes)
        {
            return false;
        }

        var (length1, length2, length3) = (source[0] | (source[1] << 8), source[2] | (source[3] << 8), source[4] | (source[5] << 8));
        var quarter = (target.Length + 3) / 4;
        source = source[lengthsBytes..];
        if (length1 + length2 + length3 > source.Length || 3 * quarter > target.Length)
        {
            return false;
        }

        if (!BackwardBits.TryCreate(source[..length1], out var bits1)
            || !BackwardBits.TryCreate(source.Slice(length1, length2), out var bits2)
            || !BackwardBits.TryCreate(source.Slice(length1 + length2, length3), out var bits3)
            || !BackwardBits.TryCreate(source[(length1 + length2 + length3)..], out var bits4))
        {
            return false;
        }

        var target1 = target[..quarter];
        var target2 = target.Slice(quarter, quarter);
        var target3 = target.Slice(2 * quarter, quarter);
        var target4 = target[(3 * quarter)..];
        var done = 0;
        while (CanUnroll(bits1, target4.Length - done) && CanUnroll(bits2, Unrolled)
            && CanUnroll(bits3, Unrolled) && CanUnroll(bits4, Unrolled))
        {
            DecodeUnrolled(ref bits1, target1.Slice(done, Unrolled));
            DecodeUnrolled(ref bits2, target2.Slice(done, Unrolled));
            DecodeUnrolled(ref bits3, target3.Slice(done, Unrolled));
            DecodeUnrolled(ref bits4, target4.Slice(done, Unrolled));
            done += Unrolled;
        }

        return TryDecodeRest(ref bits1, target1[done..]) && TryDecodeRest(ref bits2, target2[done..])
            && TryDecodeRest(ref bits3, target3[done..]) && TryDecodeRest(ref bits4, target4[done..]);
    }

    private static bool CanUnroll(in BackwardBits bits, int room) => bits.Position >= 64 && room >= Unrolled;

    private void DecodeUnrolled(ref BackwardBits bits, Span<byte> target)
    {
        var (codes, shift, word, used) = (_codes, 64 - _bits, bits.PeekWord(), 0);
        for (var i = 0; i < target.Length; i++)
        {
            var code = codes[(int)(word >> shift)];
            target[i] = (byte)code;
            word <<= code >> 8;
            used += code >> 8;
        }

        bits.Skip(used);
    }

    private bool TryDecodeRest(ref BackwardBits bits, Span<byte> target)
    {
        for (var i = 0; i < target.Length; i++)
        {
            var code = _codes[bits.Peek(_bits)];
            target[i] = (byte)code;
            bits.Skip(code >> 8);
        }

        return bits.Position == 0;
    }

    // 4.2.1.2: two states take turns, until the bits are used up; then what the other one stands for is the last.
    private bool TryReadWeights(ReadOnlySpan<byte> source, Span<byte> weights, out int count)
    {
        count = 0;
        if (!_weights.TryRead(source, out var read) || !BackwardBits.TryCreate(source[read..], out var bits))
        {
            return false;
        }

        var states = _weights.States;
        var state = (int)bits.Read(_weights.Accuracy);
        var other = (int)bits.Read(_weights.Accuracy);
        if (bits.Position < 0)
        {
            return false;
        }

        while (count < SymbolsMax - 2)
        {
            weights[count++] = (byte)states[state].Baseline;
            var next = states[state].NextState + (int)bits.Read(states[state].StateBits);
            if (bits.Position < 0)
            {
                weights[count++] = (byte)states[other].Baseline;
                return true;
            }

            (state, other) = (other, next);
        }

        return false;
    }

    // 4.2.1.3: the last weight is not written; it makes the sum a power of two.
    private bool TryBuild(Span<byte> weights, int count)
    {
        var sum = 0;
        foreach (var weight in weights[..count])
        {
            if (weight > CodeBitsMax)
            {
                return false;
            }

            sum += (1 << weight) >> 1;
        }

        if (sum == 0)
        {
            return false;
        }

        var bits = int.Log2(sum) + 1;
        var rest = (1 << bits) - sum;
        if (bits > CodeBitsMax || !int.IsPow2(rest))
        {
            return false;
        }

        weights[count++] = (byte)(int.Log2(rest) + 1);
        var position = 0;
        for (var weight = 1; weight <= bits; weight++)
        {
            var (length, states) = (bits + 1 - weight, 1 << (weight - 1));
            for (var symbol = 0; symbol < count; symbol++)
            {
                if (weights[symbol] == weight)
                {
                    _codes.AsSpan(position, states).Fill((ushort)(symbol | (length << 8)));
                    position += states;
                }
            }
        }

        Check.That(position == 1 << bits);
        (_bits, IsSet) = (bits, true);
        return true;
    }
}
