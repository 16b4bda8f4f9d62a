using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// The marker that a row is there although none of its columns has a value: an insert writes it, an update does not.
/// </summary>
/// <param name="TimestampMicros">When it was written; <see cref="RowTimestamp.None"/> when it was not.</param>
/// <param name="ExpiresAtMilliseconds">When it expires, in Unix milliseconds; 0 for never.</param>
public readonly record struct RowLiveness(long TimestampMicros, long ExpiresAtMilliseconds)
{
    /// <summary>No marker.</summary>
    public static readonly RowLiveness None = new(RowTimestamp.None, 0);

    /// <summary>True when there is no marker.</summary>
    public bool IsNone => TimestampMicros == RowTimestamp.None;

    /// <summary>True when the row is there at that time because of the marker.</summary>
    public bool IsLive(long nowMilliseconds) => !IsNone && (ExpiresAtMilliseconds == 0 || ExpiresAtMilliseconds > nowMilliseconds);

    /// <summary>The marker that stays: the later; of one timestamp, one that expires, and the one that expires last.</summary>
    public static RowLiveness Merge(in RowLiveness a, in RowLiveness b) => a.TimestampMicros != b.TimestampMicros
        ? (a.TimestampMicros > b.TimestampMicros ? a : b)
        : (a.ExpiresAtMilliseconds >= b.ExpiresAtMilliseconds ? a : b);
}

/// <summary>The deletion of a whole collection of a row.</summary>
/// <param name="Column">The column.</param>
/// <param name="Deletion">The deletion.</param>
public readonly record struct ColumnDeletion(uint Column, DeletionTime Deletion);

/// <summary>
/// What is known of one row: cells, the marker that it is there, and its deletions. Immutable. Nothing in it is covered by a deletion in
/// it, so that equal knowledge is equal bytes. <see cref="Merge"/> is commutative, associative and idempotent: replicas that saw the same
/// writes in any order, any number of times, hold the same row.
/// </summary>
public sealed class RowData
{
    /// <summary>Nothing known.</summary>
    public static readonly RowData Empty = new(RowLiveness.None, DeletionTime.None, [], []);

    private RowData(
        RowLiveness liveness, DeletionTime deletion, ImmutableArray<ColumnDeletion> columnDeletions, ImmutableArray<RowCell> cells)
    {
        Liveness = liveness;
        Deletion = deletion;
        ColumnDeletions = columnDeletions;
        Cells = cells;
    }

    /// <summary>The marker.</summary>
    public RowLiveness Liveness { get; }

    /// <summary>The deletion of the row.</summary>
    public DeletionTime Deletion { get; }

    /// <summary>Deletions of collections, by column.</summary>
    public ImmutableArray<ColumnDeletion> ColumnDeletions { get; }

    /// <summary>The cells, by column and path.</summary>
    public ImmutableArray<RowCell> Cells { get; }

    /// <summary>True when nothing is known of the row.</summary>
    public bool IsEmpty => Liveness.IsNone && Deletion.IsNone && ColumnDeletions.IsEmpty && Cells.IsEmpty;

    /// <summary>The highest timestamp of anything in it; <see cref="RowTimestamp.None"/> when it is empty.</summary>
    public long HighestTimestampMicros
    {
        get
        {
            var highest = Math.Max(Liveness.TimestampMicros, Deletion.TimestampMicros);
            foreach (var column in ColumnDeletions)
            {
                highest = Math.Max(highest, column.Deletion.TimestampMicros);
            }

            foreach (ref readonly var cell in Cells.AsSpan())
            {
                highest = Math.Max(highest, cell.TimestampMicros);
            }

            return highest;
        }
    }

    /// <summary>A row of parts in any order; of several parts of one place the one stays that <see cref="Merge"/> keeps.</summary>
    public static RowData Create(
        RowLiveness liveness, DeletionTime deletion, IEnumerable<ColumnDeletion> columnDeletions, IEnumerable<RowCell> cells)
    {
        // Most rows: nothing is deleted, and so nothing covered.
        if (deletion.IsNone && columnDeletions is IReadOnlyCollection<ColumnDeletion> { Count: 0 } && cells is List<RowCell> list
            && AreInOrder(CollectionsMarshal.AsSpan(list)))
        {
            return new RowData(liveness, deletion, [], [.. CollectionsMarshal.AsSpan(list)]);
        }

        var columns = ImmutableArray.CreateBuilder<ColumnDeletion>();
        foreach (var column in columnDeletions.Where(static c => !c.Deletion.IsNone).OrderBy(static c => c.Column))
        {
            if (columns.Count > 0 && columns[^1].Column == column.Column)
            {
                columns[^1] = new ColumnDeletion(column.Column, DeletionTime.Later(columns[^1].Deletion, column.Deletion));
            }
            else
            {
                columns.Add(column);
            }
        }

        var places = ImmutableArray.CreateBuilder<RowCell>();
        foreach (var cell in cells.Order(Comparer<RowCell>.Create(static (a, b) => a.ComparePlace(b))))
        {
            if (places.Count > 0 && places[^1].ComparePlace(cell) == 0)
            {
                places[^1] = RowCell.Merge(places[^1], cell);
            }
            else
            {
                places.Add(cell);
            }
        }

        return Reduced(liveness, deletion, columns, places);
    }

    /// <summary>A row of parts that are in order, with nothing covered; null when they are not.</summary>
    internal static RowData? FromParts(
        in RowLiveness liveness, in DeletionTime deletion, ImmutableArray<ColumnDeletion> columns, ImmutableArray<RowCell> cells)
    {
        if (!liveness.IsNone && deletion.Covers(liveness.TimestampMicros))
        {
            return null;
        }

        for (var i = 0; i < columns.Length; i++)
        {
            if ((i > 0 && columns[i].Column <= columns[i - 1].Column) || deletion.Covers(columns[i].Deletion.TimestampMicros))
            {
                return null;
            }
        }

        var row = new RowData(liveness, deletion, columns, cells);
        for (var i = 0; i < cells.Length; i++)
        {
            if ((i > 0 && cells[i - 1].ComparePlace(cells[i]) >= 0)
                || deletion.Covers(cells[i].TimestampMicros)
                || row.DeletionOf(cells[i].Column).Covers(cells[i].TimestampMicros))
            {
                return null;
            }
        }

        return row;
    }

    /// <summary>The cells of one column, by path.</summary>
    public ReadOnlySpan<RowCell> CellsOf(uint column)
    {
        var start = LowerBound(column);
        var end = start;
        while (end < Cells.Length && Cells[end].Column == column)
        {
            end++;
        }

        return Cells.AsSpan()[start..end];
    }

    /// <summary>The cell at a place.</summary>
    public bool TryGetCell(uint column, ReadOnlySpan<byte> path, out RowCell cell)
    {
        foreach (ref readonly var candidate in CellsOf(column))
        {
            if (candidate.Path.Span.SequenceEqual(path))
            {
                cell = candidate;
                return true;
            }
        }

        cell = default;
        return false;
    }

    /// <summary>The deletion of a collection.</summary>
    public DeletionTime DeletionOf(uint column)
    {
        foreach (var deleted in ColumnDeletions)
        {
            if (deleted.Column == column)
            {
                return deleted.Deletion;
            }
        }

        return DeletionTime.None;
    }

    /// <summary>What both know together.</summary>
    public static RowData Merge(RowData a, RowData b)
    {
        if (a.IsEmpty || b.IsEmpty)
        {
            return a.IsEmpty ? b : a;
        }

        if (b.Replaces(a))
        {
            return b;
        }

        if (a.Replaces(b))
        {
            return a;
        }

        var columns = ImmutableArray.CreateBuilder<ColumnDeletion>(a.ColumnDeletions.Length + b.ColumnDeletions.Length);
        for (int i = 0, j = 0; i < a.ColumnDeletions.Length || j < b.ColumnDeletions.Length;)
        {
            var order = i == a.ColumnDeletions.Length ? 1
                : j == b.ColumnDeletions.Length ? -1
                : a.ColumnDeletions[i].Column.CompareTo(b.ColumnDeletions[j].Column);
            columns.Add(order < 0 ? a.ColumnDeletions[i]
                : order > 0 ? b.ColumnDeletions[j]
                : new ColumnDeletion(
                    a.ColumnDeletions[i].Column, DeletionTime.Later(a.ColumnDeletions[i].Deletion, b.ColumnDeletions[j].Deletion)));
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        var cells = ImmutableArray.CreateBuilder<RowCell>(a.Cells.Length + b.Cells.Length);
        for (int i = 0, j = 0; i < a.Cells.Length || j < b.Cells.Length;)
        {
            var order = i == a.Cells.Length ? 1 : j == b.Cells.Length ? -1 : a.Cells[i].ComparePlace(b.Cells[j]);
            cells.Add(order < 0 ? a.Cells[i] : order > 0 ? b.Cells[j] : RowCell.Merge(a.Cells[i], b.Cells[j]));
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        return Reduced(
            RowLiveness.Merge(a.Liveness, b.Liveness), DeletionTime.Later(a.Deletion, b.Deletion), columns, cells);
    }

    /// <summary>What is left when a deletion from outside (of a range, or the partition) covers part of the row.</summary>
    public RowData Without(in DeletionTime outer)
    {
        if (outer.IsNone || HasNothingUpTo(outer.TimestampMicros))
        {
            return this;
        }

        return Reduced(
            outer.Covers(Liveness.TimestampMicros) ? RowLiveness.None : Liveness,
            outer.Covers(Deletion.TimestampMicros) ? DeletionTime.None : Deletion,
            Keep(ColumnDeletions, outer),
            Keep(Cells, outer));
    }

    /// <summary>
    /// What a reader sees at a time: live cells and a live marker; no tombstones, nothing expired. Empty when the row is not there. A row
    /// with neither a live cell nor a live marker is not there.
    /// </summary>
    public RowData VisibleAt(long nowMilliseconds)
    {
        var isLive = Liveness.IsNone || Liveness.IsLive(nowMilliseconds);
        var dead = 0;
        foreach (ref readonly var cell in Cells.AsSpan())
        {
            dead += cell.IsLive(nowMilliseconds) ? 0 : 1;
        }

        if (isLive && dead == 0 && Deletion.IsNone && ColumnDeletions.IsEmpty)
        {
            return this;
        }

        var cells = Cells;
        if (dead > 0)
        {
            var kept = ImmutableArray.CreateBuilder<RowCell>(Cells.Length - dead);
            foreach (ref readonly var cell in Cells.AsSpan())
            {
                if (cell.IsLive(nowMilliseconds))
                {
                    kept.Add(cell);
                }
            }

            cells = kept.ToImmutable();
        }

        return new RowData(isLive ? Liveness : RowLiveness.None, DeletionTime.None, [], cells);
    }

    /// <summary>
    /// Makes tombstones of what has expired, and drops the tombstones that were deleted at or before a time.
    /// </summary>
    /// <param name="nowMilliseconds">What expires at this time or before has.</param>
    /// <param name="dropMilliseconds">
    /// Tombstones of this time or before go: the time less the grace period. A write that is older than such a tombstone and comes after it
    /// would be seen.
    /// </param>
    public RowData Purge(long nowMilliseconds, long dropMilliseconds)
    {
        var liveness = Liveness.IsNone || Liveness.IsLive(nowMilliseconds) ? Liveness
            : Liveness.ExpiresAtMilliseconds <= dropMilliseconds ? RowLiveness.None : Liveness;
        var deletion = !Deletion.IsNone && Deletion.DeletedAtMilliseconds <= dropMilliseconds ? DeletionTime.None : Deletion;
        var columns = ColumnDeletions.RemoveAll(column => column.Deletion.DeletedAtMilliseconds <= dropMilliseconds);
        var cells = ImmutableArray.CreateBuilder<RowCell>(Cells.Length);
        foreach (ref readonly var cell in Cells.AsSpan())
        {
            var now = cell.IsLive(nowMilliseconds) || cell.Kind == CellKind.Tombstone
                ? cell
                : RowCell.OfTombstone(cell.Column, cell.Path, cell.TimestampMicros, cell.TimeMilliseconds);
            if (now.Kind != CellKind.Tombstone || now.TimeMilliseconds > dropMilliseconds)
            {
                cells.Add(now);
            }
        }

        return new RowData(liveness, deletion, columns, cells.DrainToImmutable());
    }

    /// <summary>
    /// When <see cref="Purge"/> next has something to do, in Unix milliseconds; null for never.
    /// </summary>
    /// <param name="graceMilliseconds">How long tombstones are kept.</param>
    public long? NextPurgeMilliseconds(long graceMilliseconds)
    {
        var next = long.MaxValue;
        if (!Liveness.IsNone && Liveness.ExpiresAtMilliseconds != 0)
        {
            next = Math.Min(next, Liveness.ExpiresAtMilliseconds + graceMilliseconds);
        }

        if (!Deletion.IsNone)
        {
            next = Math.Min(next, Deletion.DeletedAtMilliseconds + graceMilliseconds);
        }

        foreach (var column in ColumnDeletions)
        {
            next = Math.Min(next, column.Deletion.DeletedAtMilliseconds + graceMilliseconds);
        }

        foreach (ref readonly var cell in Cells.AsSpan())
        {
            next = cell.Kind switch
            {
                CellKind.Expiring => Math.Min(next, cell.TimeMilliseconds),
                CellKind.Tombstone => Math.Min(next, cell.TimeMilliseconds + graceMilliseconds),
                _ => next,
            };
        }

        return next == long.MaxValue ? null : next;
    }

    /// <summary>What is left of it without some of its parts; whatever is left may be so, as nothing in it covered anything else.</summary>
    /// <param name="keepsDeletion">Which deletions stay, of the row and of collections.</param>
    /// <param name="liveness">The marker.</param>
    /// <param name="cells">The cells that stay, in their order.</param>
    internal RowData Keep(Predicate<DeletionTime> keepsDeletion, RowLiveness liveness, ImmutableArray<RowCell> cells) => new(
        liveness,
        !Deletion.IsNone && keepsDeletion(Deletion) ? Deletion : DeletionTime.None,
        ColumnDeletions.RemoveAll(column => !keepsDeletion(column.Deletion)),
        cells);

    /// <summary>The row with only the cells of some columns. Marker and deletions stay.</summary>
    /// <param name="columns">The columns, in order; empty for all.</param>
    public RowData Project(ReadOnlySpan<uint> columns)
    {
        if (columns.IsEmpty)
        {
            return this;
        }

        var kept = ImmutableArray.CreateBuilder<RowCell>(Cells.Length);
        foreach (ref readonly var cell in Cells.AsSpan())
        {
            if (columns.BinarySearch(cell.Column) >= 0)
            {
                kept.Add(cell);
            }
        }

        return kept.Count == Cells.Length ? this : new RowData(Liveness, Deletion, ColumnDeletions, kept.ToImmutable());
    }

    private static bool AreInOrder(ReadOnlySpan<RowCell> cells)
    {
        for (var i = 1; i < cells.Length; i++)
        {
            if (cells[i - 1].ComparePlace(cells[i]) >= 0)
            {
                return false;
            }
        }

        return true;
    }

    // Whether the merge with the other row is this one, as far as that is seen at once: a row that is written whole again and again.
    private bool Replaces(RowData other)
    {
        if (Cells.Length != other.Cells.Length || !ColumnDeletions.IsEmpty || !other.ColumnDeletions.IsEmpty
            || RowLiveness.Merge(other.Liveness, Liveness) != Liveness || DeletionTime.Later(other.Deletion, Deletion) != Deletion)
        {
            return false;
        }

        for (var i = 0; i < Cells.Length; i++)
        {
            ref readonly var cell = ref Cells.ItemRef(i);
            ref readonly var replaced = ref other.Cells.ItemRef(i);
            if (cell.TimestampMicros <= replaced.TimestampMicros || cell.ComparePlace(replaced) != 0)
            {
                return false;
            }
        }

        return true;
    }

    // Drops what the row's own deletions cover. That commutes with merging: what is covered once stays covered, and what it would have won
    // over is covered too, as its timestamp is not higher.
    private static RowData Reduced(
        in RowLiveness liveness, in DeletionTime deletion, ImmutableArray<ColumnDeletion>.Builder columns,
        ImmutableArray<RowCell>.Builder cells)
    {
        var outer = deletion;
        var keptColumns = 0;
        for (var i = 0; i < columns.Count; i++)
        {
            if (!outer.Covers(columns[i].Deletion.TimestampMicros))
            {
                columns[keptColumns++] = columns[i];
            }
        }

        columns.Count = keptColumns;
        var keptCells = 0;
        var column = 0;
        for (var i = 0; i < cells.Count; i++)
        {
            var cell = cells[i];
            while (column < columns.Count && columns[column].Column < cell.Column)
            {
                column++;
            }

            var inner = column < columns.Count && columns[column].Column == cell.Column ? columns[column].Deletion : DeletionTime.None;
            if (!outer.Covers(cell.TimestampMicros) && !inner.Covers(cell.TimestampMicros))
            {
                cells[keptCells++] = cell;
            }
        }

        cells.Count = keptCells;
        return new RowData(
            outer.Covers(liveness.TimestampMicros) ? RowLiveness.None : liveness,
            deletion,
            columns.DrainToImmutable(),
            cells.DrainToImmutable());
    }

    private static ImmutableArray<ColumnDeletion>.Builder Keep(ImmutableArray<ColumnDeletion> columns, in DeletionTime outer)
    {
        var kept = ImmutableArray.CreateBuilder<ColumnDeletion>(columns.Length);
        foreach (var column in columns)
        {
            if (!outer.Covers(column.Deletion.TimestampMicros))
            {
                kept.Add(column);
            }
        }

        return kept;
    }

    private static ImmutableArray<RowCell>.Builder Keep(ImmutableArray<RowCell> cells, in DeletionTime outer)
    {
        var kept = ImmutableArray.CreateBuilder<RowCell>(cells.Length);
        foreach (ref readonly var cell in cells.AsSpan())
        {
            if (!outer.Covers(cell.TimestampMicros))
            {
                kept.Add(cell);
            }
        }

        return kept;
    }

    private bool HasNothingUpTo(long timestampMicros)
    {
        if ((!Liveness.IsNone && Liveness.TimestampMicros <= timestampMicros)
            || (!Deletion.IsNone && Deletion.TimestampMicros <= timestampMicros))
        {
            return false;
        }

        foreach (var column in ColumnDeletions)
        {
            if (column.Deletion.TimestampMicros <= timestampMicros)
            {
                return false;
            }
        }

        foreach (ref readonly var cell in Cells.AsSpan())
        {
            if (cell.TimestampMicros <= timestampMicros)
            {
                return false;
            }
        }

        return true;
    }

    private int LowerBound(uint column)
    {
        var low = 0;
        var high = Cells.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (Cells[middle].Column < column)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
