using System.Collections.Immutable;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// What the horizon allows to drop (docs/eventual.md, "When a tombstone may go"): a deletion when its stamp and its timestamp are at
/// most the
/// horizon; a value that has expired, when its expiry is, too; and which updates a counter took, when no retry of them can come. Times are
/// rounded up to milliseconds, so nothing goes too early.
/// </summary>
internal static class DropRules
{
    /// <summary>When a deletion may be dropped, in Unix milliseconds of the horizon.</summary>
    internal static long DropMilliseconds(in DeletionTime deletion) =>
        DropMilliseconds(deletion.TimestampMicros, deletion.DeletedAtMilliseconds);

    /// <summary>What is left of a partition's deletions.</summary>
    internal static PartitionDeletions Drop(PartitionDeletions deletions, HybridTime horizon)
    {
        var through = horizon.UnixMilliseconds;
        return NextDropMilliseconds(deletions) is { } next && next <= through
            ? deletions.Keep(deletion => DropMilliseconds(deletion) > through)
            : deletions;
    }

    /// <summary>What is left of a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="horizon">The horizon.</param>
    /// <param name="forgets">
    /// Whether counters forget updates, too: only those of this replica, which knows all of them up to its horizon. What comes from
    /// elsewhere may be older than that.
    /// </param>
    internal static RowData Drop(RowData row, HybridTime horizon, bool forgets)
    {
        var through = horizon.UnixMilliseconds;
        if (NextDropMilliseconds(row) is not { } next || next > through)
        {
            return row;
        }

        var cells = ImmutableArray.CreateBuilder<RowCell>(row.Cells.Length);
        foreach (ref readonly var cell in row.Cells.AsSpan())
        {
            if (cell.Kind == CellKind.Counter)
            {
                cells.Add(forgets ? Forget(cell, horizon) : cell);
            }
            else if (cell.Kind == CellKind.Siblings)
            {
                if (SiblingsValue.Of(cell).Drop(through) is { IsEmpty: false } left)
                {
                    cells.Add(SiblingsValue.CellOf(cell.Column, left));
                }
            }
            else if (cell.Kind == CellKind.Value || DropMilliseconds(cell.TimestampMicros, cell.TimeMilliseconds) > through)
            {
                cells.Add(cell);
            }
        }

        return row.Keep(
            deletion => DropMilliseconds(deletion) > through,
            row.Liveness.ExpiresAtMilliseconds != 0 && DropMilliseconds(row.Liveness) <= through ? RowLiveness.None : row.Liveness,
            cells.DrainToImmutable());
    }

    /// <summary>When <see cref="Drop(PartitionDeletions, HybridTime)"/> next has something to do; null for never.</summary>
    internal static long? NextDropMilliseconds(PartitionDeletions deletions)
    {
        long? next = deletions.Partition.IsNone ? null : DropMilliseconds(deletions.Partition);
        foreach (var range in deletions.Ranges)
        {
            var drop = DropMilliseconds(range.Deletion);
            next = next <= drop ? next : drop;
        }

        return next;
    }

    /// <summary>When <see cref="Drop(RowData, HybridTime, bool)"/> next has something to do; null for never.</summary>
    internal static long? NextDropMilliseconds(RowData row)
    {
        var next = row.Deletion.IsNone ? long.MaxValue : DropMilliseconds(row.Deletion);
        if (row.Liveness.ExpiresAtMilliseconds != 0)
        {
            next = Math.Min(next, DropMilliseconds(row.Liveness));
        }

        foreach (var column in row.ColumnDeletions)
        {
            next = Math.Min(next, DropMilliseconds(column.Deletion));
        }

        foreach (ref readonly var cell in row.Cells.AsSpan())
        {
            next = cell.Kind switch
            {
                CellKind.Value => next,
                CellKind.Counter => CounterValue.TryReadOrigins(cell.Value)?.FirstRemembered is { } first
                    ? Math.Min(next, first.UnixMilliseconds + 1)
                    : next,
                CellKind.Siblings => SiblingsValue.Of(cell).NextDropMilliseconds is { } drop ? Math.Min(next, drop) : next,
                _ => Math.Min(next, DropMilliseconds(cell.TimestampMicros, cell.TimeMilliseconds)),
            };
        }

        return next == long.MaxValue ? null : next;
    }

    private static long DropMilliseconds(in RowLiveness liveness) =>
        DropMilliseconds(liveness.TimestampMicros, liveness.ExpiresAtMilliseconds);

    private static long DropMilliseconds(long timestampMicros, long timeMilliseconds) =>
        Math.Max(1, Math.Max(timeMilliseconds, (timestampMicros / 1000) + 1));

    // Through the last update that the horizon has passed, and not the horizon: replicas whose horizons differ a little keep equal bytes.
    private static RowCell Forget(in RowCell cell, HybridTime horizon) =>
        CounterValue.TryReadOrigins(cell.Value) is { } counter && counter.LastRememberedThrough(horizon) is { } last
            ? cell with { Value = CounterValue.OfOriginCounter(counter.Forget(last)) }
            : cell;
}
