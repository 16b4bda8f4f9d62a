namespace Atoll.Storage.Lsm;

/// <summary>A merge that is due.</summary>
/// <param name="Inputs">Its input files of the upper level; of level 0 all, the newest first.</param>
/// <param name="Below">Its input files of the level below.</param>
/// <param name="OutputLevel">Where its output goes; the level of the input when that is only written anew.</param>
internal sealed record MergePlan(List<Table> Inputs, List<Table> Below, int OutputLevel)
{
    /// <summary>True when the files can be moved down as they are: nothing there overlaps them, nor they each other.</summary>
    public bool IsMove { get; init; }

    /// <summary>The value files that it empties as far as it meets their values.</summary>
    public IReadOnlyList<ValueUse> Collected { get; init; } = [];

    /// <summary>True when it only writes a file of the lowest level anew, to win space.</summary>
    public bool IsSqueeze { get; init; }

    /// <summary>Bytes that its output takes at most, while its input is still there.</summary>
    public long OutputBytesMax
    {
        get
        {
            if (IsMove)
            {
                return 0;
            }

            var collected = Collected.Select(static use => use.File.Meta.Number).ToHashSet();
            return Inputs.Concat(Below).Sum(table => table.Meta.LengthBytes
                + table.Meta.Values.Where(value => collected.Contains(value.File)).Sum(static value => value.LiveBytes));
        }
    }
}

/// <summary>
/// Chooses what to merge next: the level that exceeds its bound most; in it the file that costs least, by the bytes below that it overlaps
/// for each of its own (O'Neil et al., 1996; the choice as in RocksDB's "minimum overlapping ratio").
/// </summary>
internal static class MergePicker
{
    /// <summary>The merge that is most due; null when none is.</summary>
    public static MergePlan? Pick(FileSet files, LsmOptions options)
    {
        // Merges collect what they meet. One for that alone waits for the levels, unless values that nobody needs take most of the space.
        var collected = files.ToCollect(CollectedBytesMax(options));
        var (garbage, live) = (files.ValueUses.Sum(static u => u.GarbageBytes), files.ValueUses.Sum(static u => u.LiveBytes));
        var plan = (garbage > 2 * live ? PickToCollect(files, collected) : null)
            ?? PickLevel(files, options) ?? PickToCollect(files, collected);
        return plan is null ? null : plan with { Collected = collected };
    }

    /// <summary>
    /// When the disk is short of space and nothing else is due: everything goes down to the lowest level, where what is replaced or deleted
    /// goes; then the files there are written anew, each once. Null when no merge can win space.
    /// </summary>
    /// <param name="files">The files.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="isSqueezed">Whether a file of the lowest level was written anew already.</param>
    public static MergePlan? PickToWinSpace(FileSet files, LsmOptions options, Predicate<Table> isSqueezed)
    {
        var lowest = Math.Max(1, Array.FindLastIndex(files.Levels, static level => level.Length > 0));
        MergePlan? plan = null;
        for (var level = 0; level < lowest && plan is null; level++)
        {
            plan = files.Levels[level].Length == 0 ? null : level == 0 ? PickLevelZero(files) : PickFile(files, level);
        }

        if (plan is null && Array.Find(files.Levels[lowest], t => t.Damage is null && t.Meta.MayShrink && !isSqueezed(t)) is { } table)
        {
            plan = new MergePlan([table], [], lowest) { IsSqueeze = true };
        }

        return plan is null ? null : plan with { Collected = files.ToCollect(CollectedBytesMax(options)) };
    }

    /// <summary>
    /// Bytes that the output of a merge may take which is due now or soon, at most: one of all of level 0 into level 1, or of one file
    /// further down with those that it overlaps.
    /// </summary>
    public static long OutputBytesMax(FileSet files, LsmOptions options)
    {
        var levelZero = files.Levels[0].Length == 0 ? null : PickLevelZero(files);
        var deeper = files.Levels.Skip(1).Sum(static level => level.Sum(static table => table.Meta.LengthBytes));
        var collected = files.ToCollect(CollectedBytesMax(options));
        return Math.Max(levelZero is { IsMove: false } ? levelZero.OutputBytesMax : 0, Math.Min(deeper, FilesOfMerge * options.FileBytes))
            + collected.Sum(static use => use.LiveBytes);
    }

    // Of level 0, in one merge.
    private const int LevelZeroFilesMax = 12;

    // A file and about ten that it overlaps one level down.
    private const int FilesOfMerge = 12;

    // Collecting is cut into pieces: a merge that wrote all live values of the store anew would need as much room as they take.
    private static long CollectedBytesMax(LsmOptions options) => 2 * options.ValueFileBytes;

    private static MergePlan? PickLevel(FileSet files, LsmOptions options)
    {
        // The worst level first; one that cannot be merged now (a damaged file) must not keep the others waiting.
        var levels = Enumerable.Range(0, FileSet.LevelCount - 1)
            .Select(level => (Level: level, Score: Score(files, level, options)))
            .Where(static l => l.Score >= 1)
            .OrderByDescending(static l => l.Score).ThenBy(static l => l.Level);
        foreach (var (level, _) in levels)
        {
            var plan = level == 0 ? PickLevelZero(files) : PickFile(files, level);
            if (plan is not null)
            {
                return plan;
            }
        }

        return null;
    }

    /// <summary>How full a level is: a merge is due at 1.</summary>
    public static double Score(FileSet files, int level, LsmOptions options)
    {
        if (level == 0)
        {
            return (double)files.Levels[0].Length / options.LevelZeroFiles;
        }

        double bound = options.LevelOneBytes;
        for (var i = 1; i < level; i++)
        {
            bound *= 10;
        }

        long bytes = 0;
        foreach (var table in files.Levels[level])
        {
            // With the values that are kept apart: else what replaces a value would not meet it for long, and neither would go.
            bytes += table.Meta.BytesWithValues;
        }

        return bytes / bound;
    }

    /// <summary>
    /// The file that points most into value files that are mostly garbage, to be written anew where it is; when only files of level 0 do,
    /// all of that level.
    /// </summary>
    private static MergePlan? PickToCollect(FileSet files, IReadOnlyList<ValueUse> toCollect)
    {
        if (toCollect.Count == 0)
        {
            return null;
        }

        var collected = toCollect.Select(static use => use.File.Meta.Number).ToHashSet();

        Table? best = null;
        var (bestBytes, isInLevelZero) = (0L, false);
        foreach (var table in files.Levels.SelectMany(static l => l).Where(static t => t.Damage is null))
        {
            var bytes = table.Meta.Values.Where(v => collected.Contains(v.File)).Sum(static v => v.LiveBytes);
            isInLevelZero |= bytes > 0 && table.Level == 0;
            if (table.Level > 0 && bytes > bestBytes)
            {
                (best, bestBytes) = (table, bytes);
            }
        }

        return best is not null ? new MergePlan([best], [], best.Level) : isInLevelZero ? PickLevelZero(files) : null;
    }

    private static MergePlan? PickLevelZero(FileSet files)
    {
        // The oldest: an older file must never stay above what a newer one has gone below of. Not all, when there are many: nothing leaves
        // the level before the merge ends, and meanwhile it grows.
        var inputs = files.Levels[0].TakeLast(LevelZeroFilesMax).ToList();
        var from = inputs.MinBy(static t => t.Meta.From, Foundation.Bytes.KeyOrder.Instance)!.Meta.From;
        var to = inputs.MaxBy(static t => t.Meta.To, Foundation.Bytes.KeyOrder.Instance)!.Meta.To;
        var below = files.Overlapping(1, from, to);
        if (inputs.Concat(below).Any(static t => t.Damage is not null))
        {
            return null;
        }

        var inOrder = inputs.OrderBy(static t => t.Meta.From, Foundation.Bytes.KeyOrder.Instance).ToList();
        var apart = !inOrder.Zip(inOrder.Skip(1)).Any(static p => p.First.Meta.To.AsSpan().SequenceCompareTo(p.Second.Meta.From) > 0);
        var isMove = apart && inputs.TrueForAll(t => files.Overlapping(1, t.Meta.From, t.Meta.To).Count == 0);
        return new MergePlan(inputs, below, 1) { IsMove = isMove };
    }

    private static MergePlan? PickFile(FileSet files, int level)
    {
        Table? best = null;
        var bestRatio = double.MaxValue;
        foreach (var table in files.Levels[level])
        {
            if (table.Damage is not null)
            {
                continue;
            }

            long overlap = 0;
            var isDamaged = false;
            var below = files.Levels[level + 1];
            for (var i = FileSet.FirstEndingAfter(below, table.Meta.From);
                i < below.Length && below[i].Meta.Overlaps(table.Meta.From, table.Meta.To); i++)
            {
                overlap += below[i].Meta.LengthBytes;
                isDamaged |= below[i].Damage is not null;
            }

            var ratio = (double)overlap / table.Meta.LengthBytes;
            if (!isDamaged && ratio < bestRatio)
            {
                (best, bestRatio) = (table, ratio);
            }
        }

        return best is null
            ? null
            : new MergePlan([best], files.Overlapping(level + 1, best.Meta.From, best.Meta.To), level + 1) { IsMove = bestRatio == 0 };
    }
}
