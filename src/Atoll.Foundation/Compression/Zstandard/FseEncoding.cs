namespace Atoll.Foundation.Compression.Zstandard;

/// <summary>
/// A predefined table of finite state entropy turned round: from a symbol and the state that is to come next to the state that stands for
/// the symbol and leads there. A stream is written from its last symbol to its first, so what comes next is known.
/// </summary>
internal sealed class FseEncoding
{
    private readonly FseState[] _states;
    private readonly byte[] _stateBefore; // of a symbol and a next state: rows of symbols
    private readonly byte[] _anyState;

    /// <summary>The encoding of a table's predefined distribution.</summary>
    /// <param name="table">The table: at most 256 states.</param>
    /// <param name="symbols">How many symbols there are; each has a state.</param>
    public FseEncoding(FseTable table, int symbols)
    {
        table.SetDefault();
        Accuracy = table.Accuracy;
        _states = table.States.ToArray();
        _stateBefore = new byte[symbols << Accuracy];
        _anyState = new byte[symbols];
        for (var state = 0; state < _states.Length; state++)
        {
            var symbol = table.Symbols[state];
            _anyState[symbol] = (byte)state;
            _stateBefore.AsSpan((symbol << Accuracy) + _states[state].NextState, 1 << _states[state].StateBits).Fill((byte)state);
        }
    }

    /// <summary>Bits of the first state.</summary>
    public int Accuracy { get; }

    /// <summary>A state of the last symbol.</summary>
    public int Last(int symbol) => _anyState[symbol];

    /// <summary>Goes one symbol back, and writes the bits that lead from it to the next.</summary>
    /// <param name="symbol">The symbol before.</param>
    /// <param name="next">The state that comes next.</param>
    /// <param name="bits">Where to.</param>
    /// <returns>The state of that symbol.</returns>
    public int Before(int symbol, int next, ref ForwardBits bits)
    {
        var state = _stateBefore[(symbol << Accuracy) + next];
        bits.Write((uint)(next - _states[state].NextState), _states[state].StateBits);
        return state;
    }
}
