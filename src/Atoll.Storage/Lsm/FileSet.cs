using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>How much of a value file is needed.</summary>
/// <param name="File">The file.</param>
/// <param name="LiveBytes">Bytes of the values that a sorted file points to, trailers included; the rest is garbage.</param>
internal readonly record struct ValueUse(ValueFile File, long LiveBytes)
{
    /// <summary>Bytes that nothing points to.</summary>
    public long GarbageBytes => File.Meta.LengthBytes - LiveBytes;

    /// <summary>
    /// True when writing anew what is needed frees more than it costs. A damaged file is never: its values are not touched any more.
    /// </summary>
    public bool IsWorthCollecting => File.Damage is null && GarbageBytes > LiveBytes;
}

/// <summary>
/// The sorted files that make up the store at one moment, by level. Immutable and counted: snapshots and scans keep the set that they
/// began with, and a file goes when no set has it any more.
/// </summary>
internal sealed class FileSet
{
    /// <summary>Levels. With ten times the bytes a level, the last holds more than any disk.</summary>
    public const int LevelCount = 7;

    private readonly Action<Table> _gone;
    private readonly Dictionary<ulong, Table[][]> _runs = [];
    private IReadOnlyList<ValueUse>? _valueUses;
    private int _references = 1;

    /// <summary>A set, with one reference.</summary>
    /// <param name="levels">The files of each level: of level 0 the newest first, of the others by their keys.</param>
    /// <param name="gone">Called for each file that is in no set any more.</param>
    public FileSet(Table[][] levels, Action<Table> gone)
    {
        Check.That(levels.Length == LevelCount);
        _gone = gone;
        Levels = levels;
        WithRangeTombstones = [.. levels.SelectMany(static l => l).Where(static table => !table.Meta.RangeTombstones.IsEmpty)];
        foreach (var level in levels)
        {
            foreach (var table in level)
            {
                table.References++;
            }
        }
    }

    /// <summary>The files of each level.</summary>
    public Table[][] Levels { get; }

    /// <summary>The files that delete ranges.</summary>
    public Table[] WithRangeTombstones { get; }

    /// <summary>The value files that the files of the set point into, by number, and how much of each is needed.</summary>
    public IReadOnlyList<ValueUse> ValueUses => _valueUses ??= CountValueUses();

    /// <summary>
    /// The value files that merges are to empty now: those that are mostly garbage, the cheapest first, as far as what must be written anew
    /// stays within bounds. One at least, if there is any.
    /// </summary>
    /// <param name="liveBytesMax">Bytes of values to write anew.</param>
    public IReadOnlyList<ValueUse> ToCollect(long liveBytesMax)
    {
        var chosen = new List<ValueUse>();
        foreach (var use in ValueUses.Where(static use => use.IsWorthCollecting).OrderBy(static use => use.LiveBytes))
        {
            liveBytesMax -= use.LiveBytes;
            if (chosen.Count > 0 && liveBytesMax < 0)
            {
                break;
            }

            chosen.Add(use);
        }

        return chosen;
    }

    /// <summary>The first of some files in order whose keys end after a key; their number when none does.</summary>
    public static int FirstEndingAfter(Table[] tables, ReadOnlySpan<byte> key)
    {
        int low = 0, high = tables.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (EntryOrder.CompareKeys(key, tables[middle].Meta.To) < 0)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    /// <summary>The first of some files in order whose keys begin at or after a key; their number when none does.</summary>
    public static int FirstStartingAtOrAfter(Table[] tables, ReadOnlySpan<byte> key)
    {
        int low = 0, high = tables.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (EntryOrder.CompareKeys(key, tables[middle].Meta.From) <= 0)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }

    /// <summary>The files of a level that may say something of a key in [from, to).</summary>
    public List<Table> Overlapping(int level, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        var found = new List<Table>();
        foreach (var table in Levels[level])
        {
            if (table.Meta.Overlaps(from, to))
            {
                found.Add(table);
            }
        }

        return found;
    }

    /// <summary>
    /// The files that may say something of a tree, in runs: of two runs the earlier one is of newer files, and the files of one are in
    /// order and do not overlap. So what was written in order is one run, however many levels it lies in, and needs no merging.
    /// </summary>
    public Table[][] RunsOf(ulong tree)
    {
        if (!_runs.TryGetValue(tree, out var runs))
        {
            _runs.Add(tree, runs = FindRuns(TreeKey.Prefix(tree), TreeKey.Prefix(tree + 1)));
        }

        return runs;
    }

    private Table[][] FindRuns(byte[] from, byte[] to)
    {
        var runs = new List<Table[]>();
        for (var level = 0; level < LevelCount; level++)
        {
            var tables = Overlapping(level, from, to);
            if (level > 0)
            {
                Append(runs, tables);
                continue;
            }

            foreach (var table in tables)
            {
                Append(runs, [table]);
            }
        }

        return [.. runs];
    }

    // To the last run, unless that overlaps: never past it to an earlier one, whose files would no longer be the newer ones.
    private static void Append(List<Table[]> runs, List<Table> tables)
    {
        if (tables.Count == 0)
        {
            return;
        }

        if (runs.Count > 0)
        {
            Table[] both = [.. runs[^1], .. tables];
            Array.Sort(both, static (a, b) => EntryOrder.CompareKeys(a.Meta.From, b.Meta.From));
            if (AreApart(both))
            {
                runs[^1] = both;
                return;
            }
        }

        runs.Add([.. tables]);
    }

    private static bool AreApart(Table[] inOrder)
    {
        for (var i = 1; i < inOrder.Length; i++)
        {
            if (EntryOrder.CompareKeys(inOrder[i - 1].Meta.To, inOrder[i].Meta.From) > 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The newest version, not above the given one, at which a file of the set deleted the key's range; 0 when none did.</summary>
    public ulong Covering(ReadOnlySpan<byte> key, ulong at)
    {
        ulong newest = 0;
        foreach (var table in WithRangeTombstones)
        {
            if (table.Meta.Covers(key))
            {
                newest = Math.Max(newest, table.Meta.RangeTombstones.Covering(key, at));
            }
        }

        return newest;
    }

    /// <summary>The set after a change.</summary>
    public FileSet With(ManifestEdit edit, Func<TableMeta, int, Table> make)
    {
        var moved = edit.Moved.ToDictionary(static m => m.Number, static m => m.Level);
        var removed = edit.Removed.ToHashSet();
        var levels = new List<Table>[LevelCount];
        for (var level = 0; level < LevelCount; level++)
        {
            levels[level] = [];
        }

        foreach (var table in Levels.SelectMany(static l => l))
        {
            if (!removed.Contains(table.Meta.Number))
            {
                table.Level = moved.GetValueOrDefault(table.Meta.Number, table.Level);
                levels[table.Level].Add(table);
            }
        }

        foreach (var (level, meta) in edit.Added)
        {
            levels[level].Add(make(meta, level));
        }

        levels[0].Sort(static (a, b) => b.Meta.Number.CompareTo(a.Meta.Number));
        for (var level = 1; level < LevelCount; level++)
        {
            levels[level].Sort(static (a, b) => a.Meta.From.AsSpan().SequenceCompareTo(b.Meta.From));
            for (var i = 1; i < levels[level].Count; i++)
            {
                Check.That(levels[level][i - 1].Meta.To.AsSpan().SequenceCompareTo(levels[level][i].Meta.From) <= 0);
            }
        }

        return new FileSet([.. levels.Select(static l => l.ToArray())], _gone);
    }

    private List<ValueUse> CountValueUses()
    {
        var uses = new SortedDictionary<ulong, ValueUse>();
        foreach (var table in Levels.SelectMany(static l => l))
        {
            for (var i = 0; i < table.ValueFiles.Length; i++)
            {
                var (number, bytes) = table.Meta.Values[i];
                var known = uses.GetValueOrDefault(number);
                uses[number] = new ValueUse(table.ValueFiles[i], known.LiveBytes + bytes);
            }
        }

        return [.. uses.Values];
    }

    /// <summary>Keeps the files of the set.</summary>
    public FileSet Hold()
    {
        Check.That(_references > 0);
        _references++;
        return this;
    }

    /// <summary>Lets go of them.</summary>
    public void Release()
    {
        Check.That(_references > 0);
        if (--_references > 0)
        {
            return;
        }

        foreach (var table in Levels.SelectMany(static l => l))
        {
            if (--table.References == 0)
            {
                _gone(table);
            }
        }
    }
}
