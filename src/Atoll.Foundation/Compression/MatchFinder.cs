using System.Buffers.Binary;
using Atoll.Foundation.Checks;

namespace Atoll.Foundation.Compression;

/// <summary>
/// Finds the matches of a text from its beginning to its end. Fast rather than thorough: one look into a hash table of what four bytes were
/// seen last, no search; what does not compress is passed over faster and faster.
/// </summary>
internal ref struct MatchFinder
{
    /// <summary>Bytes of the shortest match.</summary>
    public const int BytesMin = 4;

    private const int SkipShift = 6;

    private readonly ReadOnlySpan<byte> _source;
    private readonly Span<int> _table; // where a value of four bytes was seen last, plus one; 0: nowhere
    private readonly int _hashShift;
    private readonly int _distanceMax;
    private readonly int _startMargin;
    private readonly int _endMargin;
    private int _position;

    /// <summary>A finder at the beginning.</summary>
    /// <param name="source">The text.</param>
    /// <param name="table">Zeros, a power of two of them.</param>
    /// <param name="distanceMax">How far back a match may be.</param>
    /// <param name="startMargin">Bytes at the end where no match begins: at least <see cref="BytesMin"/> - 1.</param>
    /// <param name="endMargin">Bytes at the end that no match contains; so many less than the other that a match has room.</param>
    public MatchFinder(ReadOnlySpan<byte> source, Span<int> table, int distanceMax, int startMargin, int endMargin)
    {
        Check.That(startMargin >= endMargin + BytesMin - 1);
        _source = source;
        _table = table;
        _hashShift = 32 - int.Log2(table.Length);
        _distanceMax = distanceMax;
        _startMargin = startMargin;
        _endMargin = endMargin;
    }

    /// <summary>Where the literals behind the last match begin.</summary>
    public int LiteralsFrom { get; private set; }

    /// <summary>What is before this is done with: literals begin there, and matches are looked for from there on.</summary>
    public void Pass(int end)
    {
        LiteralsFrom = end;
        _position = Math.Max(_position, end);
    }

    /// <summary>The next match.</summary>
    /// <param name="match">The match.</param>
    /// <param name="end">Where to stop looking: at most the text's length.</param>
    /// <returns>False when there is none before the end; the rest is literals.</returns>
    public bool TryNext(int end, out Match match)
    {
        var source = _source;
        var table = _table;
        var (shift, position, misses) = (_hashShift, _position, 0);
        for (end -= _startMargin; position < end;)
        {
            var word = BinaryPrimitives.ReadUInt32LittleEndian(source[position..]);
            ref var slot = ref table[(int)((word * 2654435761U) >> shift)];
            var candidate = slot - 1;
            slot = position + 1;
            if (candidate < 0 || position - candidate > _distanceMax
                || BinaryPrimitives.ReadUInt32LittleEndian(source[candidate..]) != word)
            {
                position += 1 + (misses++ >> SkipShift);
                continue;
            }

            var length = BytesMin + source[(candidate + BytesMin)..].CommonPrefixLength(
                source[(position + BytesMin)..(end + _startMargin - _endMargin)]);
            match = new Match(LiteralsFrom, position, position - candidate, length);
            _position = position + length;
            LiteralsFrom = _position;
            return true;
        }

        _position = position;
        match = default;
        return false;
    }
}
