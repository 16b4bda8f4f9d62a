using System.Buffers.Binary;
using Atoll.Foundation.Checks;

namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>A state of a table: what it stands for, and how the next state is found.</summary>
/// <param name="Baseline">What its code begins with.</param>
/// <param name="NextState">The next state, to which the bits that are read are added.</param>
/// <param name="StateBits">How many bits those are.</param>
/// <param name="ExtraBits">How many bits are added to what its code begins with.</param>
internal readonly record struct FseState(uint Baseline, ushort NextState, byte StateBits, byte ExtraBits);

/// <summary>
/// A decoding table of finite state entropy (RFC 8878, 4.1): built from a distribution, which is predefined or described in the stream; or
/// one symbol alone. Kept from block to block, as a block may use the last one's again.
/// </summary>
internal sealed class FseTable
{
    private const int SymbolsMax = 256;

    private readonly FseState[] _states;
    private readonly byte[] _symbols;
    private readonly int _accuracyMax;
    private readonly uint[] _baselines;
    private readonly byte[] _extraBits;
    private readonly short[] _defaults;
    private readonly int _defaultAccuracy;
    private bool _isDefault;

    /// <summary>A table that is not set yet.</summary>
    /// <param name="accuracyMax">Its largest size, as a power of two.</param>
    /// <param name="baselines">What each symbol stands for.</param>
    /// <param name="extraBits">How many bits are added to that.</param>
    /// <param name="defaults">The predefined distribution; empty when there is none.</param>
    /// <param name="defaultAccuracy">Its size, as a power of two.</param>
    public FseTable(int accuracyMax, uint[] baselines, byte[] extraBits, short[] defaults, int defaultAccuracy)
    {
        _accuracyMax = accuracyMax;
        _states = new FseState[1 << accuracyMax];
        _symbols = new byte[1 << accuracyMax];
        _baselines = baselines;
        _extraBits = extraBits;
        _defaults = defaults;
        _defaultAccuracy = defaultAccuracy;
    }

    /// <summary>The size, as a power of two: bits of the first state.</summary>
    public int Accuracy { get; private set; }

    /// <summary>Whether there is one.</summary>
    public bool IsSet { get; private set; }

    /// <summary>The states.</summary>
    public ReadOnlySpan<FseState> States => _states.AsSpan(0, 1 << Accuracy);

    /// <summary>The symbol of each state.</summary>
    public ReadOnlySpan<byte> Symbols => _symbols.AsSpan(0, 1 << Accuracy);

    /// <summary>A frame begins: nothing is kept of the last one.</summary>
    public void Reset() => IsSet = false;

    /// <summary>Takes the predefined distribution.</summary>
    public void SetDefault()
    {
        if (!_isDefault)
        {
            Build(_defaults, _defaultAccuracy);
            _isDefault = true;
        }

        IsSet = true;
    }

    /// <summary>Takes one symbol for all.</summary>
    /// <returns>False when there is no such symbol.</returns>
    public bool TrySetSingle(int symbol)
    {
        if (symbol >= _baselines.Length)
        {
            return false;
        }

        (Accuracy, _isDefault, IsSet) = (0, false, true);
        _symbols[0] = (byte)symbol;
        _states[0] = new FseState(_baselines[symbol], 0, 0, _extraBits[symbol]);
        return true;
    }

    /// <summary>Takes a distribution.</summary>
    /// <param name="distribution">How many states each symbol gets; -1 for one that gets less than one.</param>
    /// <param name="accuracy">How many those are together, as a power of two.</param>
    public void Set(ReadOnlySpan<short> distribution, int accuracy)
    {
        Build(distribution, accuracy);
        (_isDefault, IsSet) = (false, true);
    }

    /// <summary>Takes a distribution that is described (4.1.1).</summary>
    /// <param name="source">The description, and what is behind it.</param>
    /// <param name="read">How long it is.</param>
    /// <returns>False when it is none.</returns>
    public bool TryRead(ReadOnlySpan<byte> source, out int read)
    {
        Span<short> distribution = stackalloc short[SymbolsMax];
        read = 0;
        if (source.IsEmpty)
        {
            return false;
        }

        var accuracy = (source[0] & 0xF) + ZstandardFormat.AccuracyMin;
        if (accuracy > _accuracyMax)
        {
            return false;
        }

        var position = 4;
        var remaining = 1 << accuracy;
        var symbols = 0;
        while (remaining > 0)
        {
            if (symbols >= _baselines.Length || position > 8 * source.Length)
            {
                return false;
            }

            // A value from 0 to remaining + 1; the small ones take one bit less, as many of them as there are values too few for all bits.
            var bits = int.Log2(remaining + 1) + 1;
            var value = BitsAt(source, position, bits);
            var shortValues = (1 << bits) - 1 - (remaining + 1);
            var low = value & ((1 << (bits - 1)) - 1);
            if (low < shortValues)
            {
                value = low;
                bits--;
            }
            else if (value >= 1 << (bits - 1))
            {
                value -= shortValues;
            }

            position += bits;
            var probability = value - 1;
            remaining -= Math.Abs(probability);
            distribution[symbols++] = (short)probability;
            if (probability == 0 && !TrySkipZeros(source, distribution, ref position, ref symbols))
            {
                return false;
            }
        }

        read = (position + 7) / 8;
        if (remaining != 0 || read > source.Length)
        {
            return false;
        }

        Set(distribution[..symbols], accuracy);
        return true;
    }

    // Behind a probability of zero two bits say how many more there are; three: and more.
    private bool TrySkipZeros(ReadOnlySpan<byte> source, Span<short> distribution, ref int position, ref int symbols)
    {
        int more;
        do
        {
            more = BitsAt(source, position, 2);
            position += 2;
            if (symbols + more > _baselines.Length || position > 8 * source.Length)
            {
                return false;
            }

            distribution.Slice(symbols, more).Clear();
            symbols += more;
        }
        while (more == 3);
        return true;
    }

    private static int BitsAt(ReadOnlySpan<byte> source, int position, int count)
    {
        var rest = source[Math.Min(position >> 3, source.Length)..];
        uint word = 0;
        for (var i = Math.Min(rest.Length, sizeof(uint)) - 1; i >= 0; i--)
        {
            word = (word << 8) | rest[i];
        }

        return (int)(word >> (position & 7)) & ((1 << count) - 1);
    }

    private void Build(ReadOnlySpan<short> distribution, int accuracy)
    {
        Accuracy = accuracy;
        var size = 1 << accuracy;
        Span<ushort> next = stackalloc ushort[SymbolsMax];
        var end = size;
        for (var symbol = 0; symbol < distribution.Length; symbol++)
        {
            next[symbol] = (ushort)Math.Abs(distribution[symbol]);
            if (distribution[symbol] == -1)
            {
                _symbols[--end] = (byte)symbol; // "less than one": one state, at the end
            }
        }

        // The others are spread: a step that meets every state once.
        var (step, mask, position) = ((size >> 1) + (size >> 3) + 3, size - 1, 0);
        for (var symbol = 0; symbol < distribution.Length; symbol++)
        {
            for (var i = 0; i < distribution[symbol]; i++)
            {
                _symbols[position] = (byte)symbol;
                do
                {
                    position = (position + step) & mask;
                }
                while (position >= end);
            }
        }

        Check.That(position == 0 || end == 0);
        for (var state = 0; state < size; state++)
        {
            var symbol = _symbols[state];
            var number = next[symbol]++;
            var bits = accuracy - int.Log2(number);
            _states[state] = new FseState(
                _baselines[symbol], (ushort)((number << bits) - size), (byte)bits, _extraBits[symbol]);
        }
    }
}
