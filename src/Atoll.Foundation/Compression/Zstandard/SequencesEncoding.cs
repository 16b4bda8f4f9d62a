namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>Writes the sequences of a block (RFC 8878, 3.1.1.3.2), all three codes by their predefined tables.</summary>
internal sealed class SequencesEncoding
{
    private const int CountLongFrom = 128;
    private const int CountLongestFrom = 0x7F00;

    private static readonly FseEncoding LiteralLengths = new(
        ZstandardFormat.NewLiteralLengths(), ZstandardFormat.LiteralLengthDefaults.Length);

    private static readonly FseEncoding MatchLengths = new(
        ZstandardFormat.NewMatchLengths(), ZstandardFormat.MatchLengthDefaults.Length);

    private static readonly FseEncoding Offsets = new(ZstandardFormat.NewOffsets(), ZstandardFormat.OffsetDefaults.Length);

    // The codes of short lengths; each code of a longer one is a power of two.
    private static readonly byte[] ShortLiteralCodes = ShortCodes(ZstandardFormat.LiteralLengthBaselines, 64);
    private static readonly byte[] ShortMatchCodes = ShortCodes(ZstandardFormat.MatchLengthBaselines, 131);

    private (uint OffsetValue, int LiteralLength, int MatchLength)[] _sequences = [];
    private uint _offset1;
    private uint _offset2;
    private uint _offset3;

    /// <summary>Sequences of the block so far.</summary>
    public int Count { get; private set; }

    /// <summary>A frame begins.</summary>
    public void Reset() => (_offset1, _offset2, _offset3, Count) = (1, 4, 8, 0);

    /// <summary>The offsets that the reader knows, to be taken back by <see cref="Undo"/> when the block is stored after all.</summary>
    public (uint First, uint Second, uint Third) LastOffsets => (_offset1, _offset2, _offset3);

    /// <summary>The block is stored: its sequences never were.</summary>
    public void Undo((uint First, uint Second, uint Third) offsets) => (_offset1, _offset2, _offset3) = offsets;

    /// <summary>Adds a sequence to the block.</summary>
    public void Add(in Match match)
    {
        if (Count == _sequences.Length)
        {
            Array.Resize(ref _sequences, Math.Max(256, 2 * Count));
        }

        var literalLength = match.Position - match.LiteralsFrom;
        _sequences[Count++] = (OffsetValue((uint)match.Distance, literalLength == 0), literalLength, match.Length);
    }

    /// <summary>Writes the section, and begins the next block's.</summary>
    /// <returns>Bytes of it; 0 when there is no room.</returns>
    public int Write(Span<byte> target)
    {
        var sequences = _sequences.AsSpan(0, Count);
        Count = 0;
        var head = sequences.Length == 0 ? 1 : sequences.Length < CountLongFrom ? 2 : sequences.Length < CountLongestFrom ? 3 : 4;
        if (target.Length < head)
        {
            return 0;
        }

        // The count, and behind it a byte of zeros: the tables are predefined.
        target[..head].Clear();
        switch (head)
        {
            case 1:
                return 1;
            case 2:
                target[0] = (byte)sequences.Length;
                break;
            case 3:
                target[0] = (byte)(CountLongFrom + (sequences.Length >> 8));
                target[1] = (byte)sequences.Length;
                break;
            default:
                target[0] = byte.MaxValue;
                target[1] = (byte)(sequences.Length - CountLongestFrom);
                target[2] = (byte)((sequences.Length - CountLongestFrom) >> 8);
                break;
        }

        var size = WriteStream(sequences, target[head..]);
        return size == 0 ? 0 : head + size;
    }

    // All is written in the reverse of the order in which it is read.
    private static int WriteStream(
        ReadOnlySpan<(uint OffsetValue, int LiteralLength, int MatchLength)> sequences, Span<byte> target)
    {
        var bits = new ForwardBits(target);
        var (literalState, offsetState, matchState) = (0, 0, 0);
        for (var i = sequences.Length - 1; i >= 0; i--)
        {
            var (offsetValue, literalLength, matchLength) = sequences[i];
            var literalCode = literalLength < ShortLiteralCodes.Length ? ShortLiteralCodes[literalLength] : int.Log2(literalLength) + 19;
            var matchCode = matchLength < ShortMatchCodes.Length
                ? ShortMatchCodes[matchLength] : int.Log2(matchLength - ZstandardFormat.MatchBytesMin) + 36;
            var offsetCode = (int)uint.Log2(offsetValue);
            if (i == sequences.Length - 1)
            {
                (literalState, offsetState) = (LiteralLengths.Last(literalCode), Offsets.Last(offsetCode));
                matchState = MatchLengths.Last(matchCode);
            }
            else
            {
                offsetState = Offsets.Before(offsetCode, offsetState, ref bits);
                matchState = MatchLengths.Before(matchCode, matchState, ref bits);
                literalState = LiteralLengths.Before(literalCode, literalState, ref bits);
            }

            bits.Write(
                (uint)literalLength - ZstandardFormat.LiteralLengthBaselines[literalCode], ZstandardFormat.LiteralLengthBits[literalCode]);
            bits.Write((uint)matchLength - ZstandardFormat.MatchLengthBaselines[matchCode], ZstandardFormat.MatchLengthBits[matchCode]);
            bits.Write(offsetValue - ZstandardFormat.OffsetBaselines[offsetCode], ZstandardFormat.OffsetBits[offsetCode]);
        }

        bits.Write((uint)matchState, MatchLengths.Accuracy);
        bits.Write((uint)offsetState, Offsets.Accuracy);
        bits.Write((uint)literalState, LiteralLengths.Accuracy);
        return bits.Close();
    }

    // 3.1.1.5, as the reader has it.
    private uint OffsetValue(uint offset, bool hasNoLiterals)
    {
        if (offset == _offset1 && !hasNoLiterals)
        {
            return 1;
        }

        if (offset == _offset2)
        {
            (_offset1, _offset2) = (_offset2, _offset1);
            return hasNoLiterals ? 1u : 2;
        }

        var isThird = offset == _offset3;
        (_offset1, _offset2, _offset3) = (offset, _offset1, _offset2);
        return isThird ? hasNoLiterals ? 2u : 3 : offset + ZstandardFormat.RepeatedOffsets;
    }

    private static byte[] ShortCodes(uint[] baselines, int count)
    {
        var codes = new byte[count];
        for (var length = 0; length < count; length++)
        {
            codes[length] = (byte)Math.Max(0, Array.FindLastIndex(baselines, baseline => baseline <= length));
        }

        return codes;
    }
}
