namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>
/// A table of finite state entropy turned round: from a symbol and the state that is to come next to the state that stands for the symbol
/// and leads there. A stream is written from its last symbol to its first, so what comes next is known.
/// </summary>
internal sealed class FseEncoding
{
    // Fewer symbols than these are written by the predefined table: another one's description would cost more than it saves.
    private const int DescribedFrom = 64;

    private readonly FseTable _table;
    private readonly int _accuracyMax;
    private readonly int[] _counts;
    private readonly ushort[] _stateBefore; // of a symbol and a next state: rows of symbols
    private readonly ushort[] _anyState;
    private int _total;
    private bool _isDefault;

    /// <summary>An encoding without a table.</summary>
    /// <param name="table">The table that is turned round.</param>
    /// <param name="symbols">How many symbols there are.</param>
    /// <param name="accuracyMax">The table's largest size, as a power of two.</param>
    public FseEncoding(FseTable table, int symbols, int accuracyMax)
    {
        _table = table;
        _accuracyMax = accuracyMax;
        _counts = new int[symbols];
        _stateBefore = new ushort[symbols << accuracyMax];
        _anyState = new ushort[symbols];
    }

    /// <summary>Bits of the first state.</summary>
    public int Accuracy => _table.Accuracy;

    /// <summary>A symbol will be written.</summary>
    public void Count(int symbol)
    {
        _counts[symbol]++;
        _total++;
    }

    /// <summary>Chooses a table for the symbols that were counted, and forgets the counts.</summary>
    /// <param name="target">Where its description goes.</param>
    /// <param name="mode">How it is given (3.1.1.3.2.1).</param>
    /// <returns>Bytes of the description; -1 when there is no room.</returns>
    public int WriteTable(Span<byte> target, out int mode)
    {
        var distinct = _counts.Length - _counts.AsSpan().Count(0);
        var written = distinct == 1 ? WriteSingle(target, out mode)
            : _total < DescribedFrom ? UseDefault(out mode) : WriteDescription(distinct, target, out mode);
        Array.Clear(_counts);
        _total = 0;
        return written;
    }

    /// <summary>A state of the last symbol.</summary>
    public int Last(int symbol) => _anyState[symbol];

    /// <summary>Goes one symbol back, and writes the bits that lead from it to the next.</summary>
    /// <param name="symbol">The symbol before.</param>
    /// <param name="next">The state that comes next.</param>
    /// <param name="bits">Where to.</param>
    /// <returns>The state of that symbol.</returns>
    public int Before(int symbol, int next, ref ForwardBits bits)
    {
        int state = _stateBefore[(symbol << _table.Accuracy) + next];
        ref readonly var before = ref _table.States[state];
        bits.Write((uint)(next - before.NextState), before.StateBits);
        return state;
    }

    private int WriteSingle(Span<byte> target, out int mode)
    {
        mode = ZstandardFormat.SingleMode;
        if (target.IsEmpty)
        {
            return -1;
        }

        target[0] = (byte)_counts.AsSpan().IndexOfAnyExcept(0);
        _table.TrySetSingle(target[0]);
        TurnRound();
        return 1;
    }

    private int UseDefault(out int mode)
    {
        mode = ZstandardFormat.PredefinedMode;
        if (!_isDefault)
        {
            _table.SetDefault();
            TurnRound();
            _isDefault = true;
        }

        return 0;
    }

    private int WriteDescription(int distinct, Span<byte> target, out int mode)
    {
        mode = ZstandardFormat.DescribedMode;
        var accuracy = FseDistribution.Accuracy(_total, distinct, _accuracyMax);
        Span<short> distribution = stackalloc short[_counts.Length];
        FseDistribution.Normalize(_counts, _total, accuracy, distribution);
        var bits = new ForwardBits(target);
        FseDistribution.Write(distribution, accuracy, ref bits);
        var written = bits.CloseUnmarked();
        if (written == 0)
        {
            return -1;
        }

        _table.Set(distribution, accuracy);
        TurnRound();
        return written;
    }

    private void TurnRound()
    {
        _isDefault = false;
        var states = _table.States;
        for (var state = 0; state < states.Length; state++)
        {
            var symbol = _table.Symbols[state];
            _anyState[symbol] = (ushort)state;
            _stateBefore.AsSpan((symbol << _table.Accuracy) + states[state].NextState, 1 << states[state].StateBits).Fill((ushort)state);
        }
    }
}
