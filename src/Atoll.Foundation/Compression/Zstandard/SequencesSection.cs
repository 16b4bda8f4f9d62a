namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>
/// The sequences of a block (RFC 8878, 3.1.1.3.2): how many literals, then how long a match and from how far back; each of the three by its
/// own table of finite state entropy, in one stream that is read backwards.
/// </summary>
internal sealed class SequencesSection
{
    private const int CountLongFrom = 128;
    private const int CountLongest = 255;
    private const int CountLongestBase = 0x7F00;

    private readonly FseTable _literalLengths = ZstandardFormat.NewLiteralLengths();
    private readonly FseTable _offsets = ZstandardFormat.NewOffsets();
    private readonly FseTable _matchLengths = ZstandardFormat.NewMatchLengths();

    // The offsets that were used last, the very last one first (3.1.1.5).
    private uint _offset1;
    private uint _offset2;
    private uint _offset3;

    /// <summary>A frame begins: nothing is kept of the last one.</summary>
    public void Reset()
    {
        _literalLengths.Reset();
        _offsets.Reset();
        _matchLengths.Reset();
        (_offset1, _offset2, _offset3) = (1, 4, 8);
    }

    /// <summary>Reads a section and carries it out.</summary>
    /// <param name="section">All that is behind the literals of a block.</param>
    /// <param name="literals">The literals.</param>
    /// <param name="target">The frame's contents so far, and room behind them, which may hold anything when it fails.</param>
    /// <param name="written">Bytes of the contents.</param>
    /// <param name="windowBytes">How far back a match may be.</param>
    /// <returns>Limit when the room is too small.</returns>
    public CompressionFault Execute(
        ReadOnlySpan<byte> section, ReadOnlySpan<byte> literals, Span<byte> target, ref int written, long windowBytes)
    {
        if (!TryReadCount(section, out var count, out var read))
        {
            return CompressionFault.Format;
        }

        if (count > 0)
        {
            section = section[read..];
            if (!TryReadTables(ref section) || !BackwardBits.TryCreate(section, out var bits))
            {
                return CompressionFault.Format;
            }

            var used = 0;
            var fault = Execute(ref bits, count, literals, ref used, target, ref written, windowBytes);
            if (fault != CompressionFault.None)
            {
                return fault;
            }

            literals = literals[used..];
        }
        else if (read != section.Length)
        {
            return CompressionFault.Format;
        }

        if (literals.Length > target.Length - written)
        {
            return CompressionFault.Limit;
        }

        literals.CopyTo(target[written..]);
        written += literals.Length;
        return CompressionFault.None;
    }

    private static bool TryReadCount(ReadOnlySpan<byte> section, out int count, out int read)
    {
        (count, read) = (0, 1);
        if (section.IsEmpty)
        {
            return false;
        }

        var first = (int)section[0];
        read = first < CountLongFrom ? 1 : first < CountLongest ? 2 : 3;
        if (read > section.Length)
        {
            return false;
        }

        count = read switch
        {
            1 => first,
            2 => ((first - CountLongFrom) << 8) | section[1],
            _ => (section[1] | (section[2] << 8)) + CountLongestBase,
        };
        return true;
    }

    private bool TryReadTables(ref ReadOnlySpan<byte> section)
    {
        if (section.IsEmpty || (section[0] & 3) != 0)
        {
            return false;
        }

        var modes = section[0];
        section = section[1..];
        return TryReadTable(_literalLengths, modes >> 6, ref section)
            && TryReadTable(_offsets, (modes >> 4) & 3, ref section)
            && TryReadTable(_matchLengths, (modes >> 2) & 3, ref section);
    }

    private static bool TryReadTable(FseTable table, int mode, ref ReadOnlySpan<byte> section)
    {
        var read = 0;
        switch (mode)
        {
            case ZstandardFormat.PredefinedMode:
                table.SetDefault();
                break;
            case ZstandardFormat.SingleMode:
                if (section.IsEmpty || !table.TrySetSingle(section[0]))
                {
                    return false;
                }

                read = 1;
                break;
            case ZstandardFormat.DescribedMode:
                if (!table.TryRead(section, out read))
                {
                    return false;
                }

                break;
            default:
                return table.IsSet; // the last one again
        }

        section = section[read..];
        return true;
    }

    private CompressionFault Execute(
        ref BackwardBits bits, int count, ReadOnlySpan<byte> literals, ref int used, Span<byte> target, ref int written, long windowBytes)
    {
        var lengthStates = _literalLengths.States;
        var offsetStates = _offsets.States;
        var matchStates = _matchLengths.States;
        var lengthState = (int)bits.Read(_literalLengths.Accuracy);
        var offsetState = (int)bits.Read(_offsets.Accuracy);
        var matchState = (int)bits.Read(_matchLengths.Accuracy);
        var (position, taken) = (written, used);
        while (true)
        {
            ref readonly var offsetCode = ref offsetStates[offsetState];
            ref readonly var matchCode = ref matchStates[matchState];
            ref readonly var lengthCode = ref lengthStates[lengthState];
            var offsetValue = offsetCode.Baseline + (uint)bits.Read(offsetCode.ExtraBits);
            var matchLength = (int)(matchCode.Baseline + (uint)bits.Read(matchCode.ExtraBits));
            var literalLength = (int)(lengthCode.Baseline + (uint)bits.Read(lengthCode.ExtraBits));
            var offset = NextOffset(offsetValue, literalLength == 0);
            if (literalLength > literals.Length - taken)
            {
                return CompressionFault.Format;
            }

            if (literalLength + matchLength > target.Length - position)
            {
                return CompressionFault.Limit;
            }

            Match.CopyLiterals(literals[taken..], target[position..], literalLength);
            taken += literalLength;
            position += literalLength;
            if (offset == 0 || offset > (uint)position || offset > windowBytes)
            {
                return CompressionFault.Format;
            }

            Match.Copy(target, position, (int)offset, matchLength);
            position += matchLength;
            if (--count == 0)
            {
                break;
            }

            lengthState = lengthCode.NextState + (int)bits.Read(lengthCode.StateBits);
            matchState = matchCode.NextState + (int)bits.Read(matchCode.StateBits);
            offsetState = offsetCode.NextState + (int)bits.Read(offsetCode.StateBits);
        }

        (written, used) = (position, taken);
        return bits.Position == 0 ? CompressionFault.None : CompressionFault.Format;
    }

    // 3.1.1.5: values 1 to 3 are the last three offsets; without literals the second and third, and the first less one.
    private uint NextOffset(uint value, bool hasNoLiterals)
    {
        var which = value + (hasNoLiterals ? 1u : 0);
        if (value > ZstandardFormat.RepeatedOffsets)
        {
            (_offset1, _offset2, _offset3) = (value - ZstandardFormat.RepeatedOffsets, _offset1, _offset2);
        }
        else if (which == 2)
        {
            (_offset1, _offset2) = (_offset2, _offset1);
        }
        else if (which > 2)
        {
            var offset = which == 3 ? _offset3 : _offset1 - 1;
            (_offset1, _offset2, _offset3) = (offset, _offset1, _offset2);
        }

        return _offset1;
    }
}
