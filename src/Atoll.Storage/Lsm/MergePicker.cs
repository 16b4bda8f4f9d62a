namespace Atoll.Storage.Lsm;

/// <summary>A merge that is due.</summary>
/// <param name="Inputs">Its input files of the upper level; of level 0 all, the newest first.</param>
/// <param name="Below">Its input files of the level below.</param>
/// <param name="OutputLevel">Where its output goes; the level of the input when that is only written anew.</param>
internal sealed record MergePlan(List<Table> Inputs, List<Table> Below, int OutputLevel)
{
    /// <summary>True when the files can be moved down as they are: nothing there overlaps them, nor they each other.</summary>
    public bool IsMove { get; init; }
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
        var (garbage, live) = (files.ValueUses.Sum(static u => u.GarbageBytes), files.ValueUses.Sum(static u => u.LiveBytes));
        return (garbage > 2 * live ? PickForSpace(files) : null) ?? PickLevel(files, options) ?? PickForSpace(files);
    }

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
    private static MergePlan? PickForSpace(FileSet files)
    {
        var collected = files.ValueUses.Where(static u => u.IsWorthCollecting).Select(static u => u.File.Meta.Number).ToHashSet();
        if (collected.Count == 0)
        {
            return null;
        }

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
        // All of them: an older file must never stay above what a newer one has gone below of.
        var inputs = files.Levels[0].ToList();
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
