using Atoll.Foundation.Checks;

namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>
/// Huffman codes for the literals of a block (RFC 8878, 4.2), none longer than eleven bits. Their weights are written as they are, which is
/// possible up to byte 128: texts have it, other literals are stored.
/// </summary>
internal sealed class HuffmanEncoding
{
    private const int SymbolsMax = 129;
    private const int CodeBitsMax = 11;
    private const int DirectFrom = 128;

    private readonly uint[] _counts = new uint[256];
    private readonly byte[] _lengths = new byte[SymbolsMax];
    private readonly ushort[] _codes = new ushort[SymbolsMax];
    private readonly ulong[] _sorted = new ulong[SymbolsMax]; // count, and below it the symbol
    private readonly ulong[] _nodeCounts = new ulong[2 * SymbolsMax];
    private readonly byte[] _depths = new byte[2 * SymbolsMax];
    private readonly short[] _parents = new short[2 * SymbolsMax];
    private int _symbols;

    /// <summary>Makes the codes of some literals.</summary>
    /// <returns>False when there are none of this kind.</returns>
    public bool TryBuild(ReadOnlySpan<byte> literals)
    {
        Array.Clear(_counts);
        foreach (var literal in literals)
        {
            _counts[literal]++;
        }

        _symbols = _counts.AsSpan().LastIndexOfAnyExcept(0u) + 1;
        if (_symbols > SymbolsMax || _counts.AsSpan(0, _symbols).IndexOfAnyExcept(0u) >= _symbols - 1)
        {
            return false;
        }

        while (!TryMeasure())
        {
            foreach (ref var count in _counts.AsSpan(0, _symbols))
            {
                count = count == 0 ? 0 : (count >> 1) | 1; // rare ones less rare, until no code is too long
            }
        }

        AssignCodes();
        return true;
    }

    /// <summary>Writes the description of the codes (4.2.1.1).</summary>
    /// <returns>Bytes of it; 0 when there is no room.</returns>
    public int WriteTable(Span<byte> target)
    {
        var weights = _symbols - 1; // the last one follows from the others
        var size = 1 + ((weights + 1) / 2);
        if (target.Length < size)
        {
            return 0;
        }

        target[..size].Clear();
        target[0] = (byte)(DirectFrom - 1 + weights);
        var longest = Longest();
        for (var symbol = 0; symbol < weights; symbol++)
        {
            target[1 + (symbol / 2)] |= (byte)(Weight(symbol, longest) << ((symbol & 1) == 0 ? 4 : 0));
        }

        return size;
    }

    /// <summary>Writes one stream.</summary>
    /// <returns>Bytes of it; 0 when there is no room.</returns>
    public int Encode(ReadOnlySpan<byte> literals, Span<byte> target)
    {
        var bits = new ForwardBits(target);
        for (var i = literals.Length - 1; i >= 0; i--)
        {
            bits.Write(_codes[literals[i]], _lengths[literals[i]]);
        }

        return bits.Close();
    }

    // The two rarest nodes become one, until one is left (Huffman 1952); leaves in order, and new nodes as they come, are both sorted.
    private bool TryMeasure()
    {
        var leaves = 0;
        for (var symbol = 0; symbol < _symbols; symbol++)
        {
            if (_counts[symbol] > 0)
            {
                _sorted[leaves++] = ((ulong)_counts[symbol] << 8) | (uint)symbol;
            }
        }

        _sorted.AsSpan(0, leaves).Sort();
        for (var leaf = 0; leaf < leaves; leaf++)
        {
            _nodeCounts[leaf] = _sorted[leaf] >> 8;
        }

        var (nextLeaf, nextInner, end) = (0, leaves, leaves);
        for (; end < (2 * leaves) - 1; end++)
        {
            _nodeCounts[end] = 0;
            for (var child = 0; child < 2; child++)
            {
                var takesLeaf = nextLeaf < leaves && (nextInner == end || _nodeCounts[nextLeaf] <= _nodeCounts[nextInner]);
                var node = takesLeaf ? nextLeaf++ : nextInner++;
                _nodeCounts[end] += _nodeCounts[node];
                _parents[node] = (short)end;
            }
        }

        Array.Clear(_lengths);
        _depths[end - 1] = 0;
        for (var node = end - 2; node >= 0; node--)
        {
            _depths[node] = (byte)(_depths[_parents[node]] + 1);
            if (node < leaves)
            {
                _lengths[(int)(_sorted[node] & 0xFF)] = _depths[node];
            }
        }

        return Longest() <= CodeBitsMax;
    }

    // 4.2.1.3: the longest codes first, and among them the smallest symbols.
    private void AssignCodes()
    {
        var longest = Longest();
        var position = 0;
        for (var weight = 1; weight <= longest; weight++)
        {
            for (var symbol = 0; symbol < _symbols; symbol++)
            {
                if (Weight(symbol, longest) == weight)
                {
                    _codes[symbol] = (ushort)(position >> (weight - 1));
                    position += 1 << (weight - 1);
                }
            }
        }

        Check.That(position == 1 << longest);
    }

    private int Longest()
    {
        var longest = 0;
        foreach (var length in _lengths)
        {
            longest = Math.Max(longest, length);
        }

        return longest;
    }

    private int Weight(int symbol, int longest) => _lengths[symbol] == 0 ? 0 : longest + 1 - _lengths[symbol];
}
