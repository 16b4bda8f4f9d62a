namespace Atoll.Storage.Lsm;

/// <summary>Says where nothing lies below a merge's output, so that a tombstone there has nothing left to hide.</summary>
internal sealed class BottomCheck
{
    private readonly Table[][] _below;
    private readonly int[] _positions;
    private readonly bool _never;

    /// <summary>A check against the levels below one.</summary>
    /// <param name="files">The files at the beginning of the merge; none can come in below while it runs.</param>
    /// <param name="level">The level of the output.</param>
    public BottomCheck(FileSet files, int level)
    {
        _below = [.. files.Levels.Skip(level + 1).Where(static tables => tables.Length > 0)];
        _positions = new int[_below.Length];
    }

    private BottomCheck()
    {
        _below = [];
        _positions = [];
        _never = true;
    }

    /// <summary>A check that always says that something may lie below.</summary>
    public static BottomCheck Never { get; } = new();

    /// <summary>Whether no file below covers a key. Keys are asked in their order.</summary>
    public bool HasNothingBelow(ReadOnlySpan<byte> key)
    {
        for (var i = 0; i < _below.Length; i++)
        {
            var tables = _below[i];
            ref var position = ref _positions[i];
            while (position < tables.Length && key.SequenceCompareTo(tables[position].Meta.To) >= 0)
            {
                position++;
            }

            if (position < tables.Length && tables[position].Meta.Covers(key))
            {
                return false;
            }
        }

        return !_never;
    }

    /// <summary>Whether no file below overlaps a range.</summary>
    public bool HasNothingBelow(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        foreach (var tables in _below)
        {
            var first = FileSet.FirstEndingAfter(tables, from);
            if (first < tables.Length && tables[first].Meta.Overlaps(from, to))
            {
                return false;
            }
        }

        return !_never;
    }
}
