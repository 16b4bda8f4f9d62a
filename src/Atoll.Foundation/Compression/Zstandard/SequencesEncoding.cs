namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>
/// Writes the sequences of a block (RFC 8878, 3.1.1.3.2): each of the three codes by a table of its own where they are many, by the
/// predefined one where they are few.
/// </summary>
internal sealed class SequencesEncoding
{
    private const int CountLongFrom = 128;
    private const int CountLongestFrom = 0x7F00;

    // The codes of short lengths; each code of a longer one is a power of two.
    private static readonly byte[] ShortLiteralCodes = ShortCodes(ZstandardFormat.LiteralLengthBaselines, 64);
    private static readonly byte[] ShortMatchCodes = ShortCodes(ZstandardFormat.MatchLengthBaselines, 131);

    private readonly FseEncoding _literalLengths = new(
        ZstandardFormat.NewLiteralLengths(), ZstandardFormat.LiteralLengthBits.Length, ZstandardFormat.LiteralLengthAccuracyMax);

    private readonly FseEncoding _matchLengths = new(
        ZstandardFormat.NewMatchLengths(), ZstandardFormat.MatchLengthBits.Length, ZstandardFormat.MatchLengthAccuracyMax);

    // Only those codes that the predefined table has, too.
    private readonly FseEncoding _offsets = new(
        ZstandardFormat.NewOffsets(), ZstandardFormat.OffsetDefaults.Length, ZstandardFormat.OffsetAccuracyMax);

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

        // The count, and behind it how the tables are given.
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

        var written = WriteTables(sequences, target, head);
        var size = written == 0 ? 0 : WriteStream(sequences, target[written..]);
        return size == 0 ? 0 : written + size;
    }

    // Where the stream begins; 0 when there is no room.
    private int WriteTables(ReadOnlySpan<(uint OffsetValue, int LiteralLength, int MatchLength)> sequences, Span<byte> target, int head)
    {
        foreach (var (offsetValue, literalLength, matchLength) in sequences)
        {
            _literalLengths.Count(LiteralCode(literalLength));
            _offsets.Count((int)uint.Log2(offsetValue));
            _matchLengths.Count(MatchCode(matchLength));
        }

        var literalBytes = _literalLengths.WriteTable(target[head..], out var literalMode);
        var written = head + Math.Max(0, literalBytes);
        var offsetBytes = _offsets.WriteTable(target[written..], out var offsetMode);
        written += Math.Max(0, offsetBytes);
        var matchBytes = _matchLengths.WriteTable(target[written..], out var matchMode);
        target[head - 1] = (byte)((literalMode << 6) | (offsetMode << 4) | (matchMode << 2));
        return literalBytes < 0 || offsetBytes < 0 || matchBytes < 0 ? 0 : written + matchBytes;
    }

    // All is written in the reverse of the order in which it is read.
    private int WriteStream(ReadOnlySpan<(uint OffsetValue, int LiteralLength, int MatchLength)> sequences, Span<byte> target)
    {
        var bits = new ForwardBits(target);
        var (literalState, offsetState, matchState) = (0, 0, 0);
        for (var i = sequences.Length - 1; i >= 0; i--)
        {
            var (offsetValue, literalLength, matchLength) = sequences[i];
            var (literalCode, matchCode, offsetCode) = (LiteralCode(literalLength), MatchCode(matchLength), (int)uint.Log2(offsetValue));
            if (i == sequences.Length - 1)
            {
                (literalState, offsetState) = (_literalLengths.Last(literalCode), _offsets.Last(offsetCode));
                matchState = _matchLengths.Last(matchCode);
            }
            else
            {
                offsetState = _offsets.Before(offsetCode, offsetState, ref bits);
                matchState = _matchLengths.Before(matchCode, matchState, ref bits);
                literalState = _literalLengths.Before(literalCode, literalState, ref bits);
            }

            bits.Write(
                (uint)literalLength - ZstandardFormat.LiteralLengthBaselines[literalCode], ZstandardFormat.LiteralLengthBits[literalCode]);
            bits.Write((uint)matchLength - ZstandardFormat.MatchLengthBaselines[matchCode], ZstandardFormat.MatchLengthBits[matchCode]);
            bits.Write(offsetValue - ZstandardFormat.OffsetBaselines[offsetCode], ZstandardFormat.OffsetBits[offsetCode]);
        }

        bits.Write((uint)matchState, _matchLengths.Accuracy);
        bits.Write((uint)offsetState, _offsets.Accuracy);
        bits.Write((uint)literalState, _literalLengths.Accuracy);
        return bits.Close();
    }

    private static int LiteralCode(int length) => length < ShortLiteralCodes.Length ? ShortLiteralCodes[length] : int.Log2(length) + 19;

    private static int MatchCode(int length) => length < ShortMatchCodes.Length
        ? ShortMatchCodes[length] : int.Log2(length - ZstandardFormat.MatchBytesMin) + 36;

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
