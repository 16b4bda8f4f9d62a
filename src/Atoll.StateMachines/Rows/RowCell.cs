namespace Atoll.StateMachines.Rows;

/// <summary>What a cell holds. The order of the numbers decides between cells of one timestamp: the higher one wins.</summary>
public enum CellKind : byte
{
    /// <summary>A value for ever.</summary>
    Value = 0,

    /// <summary>
    /// A value with a time to live. It wins over one without: once it has expired it counts as a tombstone, which would win too, so that
    /// replicas that merge before and after agree.
    /// </summary>
    Expiring = 1,

    /// <summary>A counter: see <see cref="CounterValue"/>.</summary>
    Counter = 2,

    /// <summary>Nothing: the cell was deleted.</summary>
    Tombstone = 3,

    /// <summary>All writes of a record that none has replaced: a <see cref="Kernel.Eventual.SiblingSet"/>.</summary>
    Siblings = 4,
}

/// <summary>One cell of a row: the value of a simple column, or one element of a collection or user type that is not frozen.</summary>
/// <param name="Column">The column's number within its table; never used again for another column.</param>
/// <param name="Path">
/// Empty for a simple column. The place of an element in its collection: bytes that order as the elements do (the encoded element of a set,
/// the encoded key of a map, the position in a list, the number of a field).
/// </param>
/// <param name="Kind">What it holds.</param>
/// <param name="TimestampMicros">
/// When it was written, in microseconds. Of a counter: one above the newest deletion that its first increment saw, so that all increments
/// since that deletion add up, wherever they were made.
/// </param>
/// <param name="TimeMilliseconds">
/// Unix milliseconds: when an expiring value expires, when a tombstone was deleted; 0 for others.
/// </param>
/// <param name="Value">The value's bytes; empty for a tombstone (and for elements of sets, and for values that are empty).</param>
public readonly record struct RowCell(
    uint Column, ReadOnlyMemory<byte> Path, CellKind Kind, long TimestampMicros, long TimeMilliseconds, ReadOnlyMemory<byte> Value)
{
    /// <summary>A value for ever.</summary>
    public static RowCell Of(uint column, ReadOnlyMemory<byte> path, long timestampMicros, ReadOnlyMemory<byte> value) =>
        new(column, path, CellKind.Value, timestampMicros, 0, value);

    /// <summary>A value with a time to live.</summary>
    public static RowCell OfExpiring(
        uint column, ReadOnlyMemory<byte> path, long timestampMicros, long expiresAtMilliseconds, ReadOnlyMemory<byte> value) =>
        new(column, path, CellKind.Expiring, timestampMicros, expiresAtMilliseconds, value);

    /// <summary>A deletion.</summary>
    public static RowCell OfTombstone(uint column, ReadOnlyMemory<byte> path, long timestampMicros, long deletedAtMilliseconds) =>
        new(column, path, CellKind.Tombstone, timestampMicros, deletedAtMilliseconds, default);

    /// <summary>True when the cell has a value at that time.</summary>
    public bool IsLive(long nowMilliseconds) =>
        Kind != CellKind.Tombstone && (Kind != CellKind.Expiring || TimeMilliseconds > nowMilliseconds);

    /// <summary>The order of cells in a row: by column, then by path.</summary>
    public int ComparePlace(in RowCell other) =>
        Column != other.Column ? Column.CompareTo(other.Column) : Path.Span.SequenceCompareTo(other.Path.Span);

    /// <summary>
    /// The cell of two at one place that stays: by timestamp, kind, value and time, a total order; counters of one timestamp add up,
    /// siblings are joined.
    /// </summary>
    public static RowCell Merge(in RowCell a, in RowCell b)
    {
        if (a.TimestampMicros != b.TimestampMicros)
        {
            return a.TimestampMicros > b.TimestampMicros ? a : b;
        }

        if (a.Kind != b.Kind)
        {
            return a.Kind > b.Kind ? a : b;
        }

        if (a.Kind == CellKind.Counter)
        {
            return a with { Value = CounterValue.Merge(a.Value, b.Value) };
        }

        if (a.Kind == CellKind.Siblings)
        {
            return a with { Value = SiblingsValue.Merge(a.Value, b.Value) };
        }

        var byValue = a.Value.Span.SequenceCompareTo(b.Value.Span);
        return byValue != 0 ? (byValue > 0 ? a : b) : (a.TimeMilliseconds >= b.TimeMilliseconds ? a : b);
    }
}
