namespace Atoll.StateMachines.Rows;

/// <summary>What an operation does. The numbers are in the log.</summary>
public enum RowOperationKind : byte
{
    /// <summary>Writes cells of a row, and its marker if asked for.</summary>
    Upsert = 1,

    /// <summary>Deletes a row, or the static row.</summary>
    DeleteRow = 2,

    /// <summary>Deletes the rows of a range of clustering keys.</summary>
    DeleteRange = 3,

    /// <summary>Deletes the partition, its static row included.</summary>
    DeletePartition = 4,
}

/// <summary>What is done to a cell. The numbers are in the log.</summary>
public enum CellWriteKind : byte
{
    /// <summary>Writes a value.</summary>
    Put = 1,

    /// <summary>Deletes a cell.</summary>
    Delete = 2,

    /// <summary>Deletes all elements of a collection that were written before.</summary>
    Clear = 3,

    /// <summary>
    /// Like <see cref="Clear"/>, one microsecond earlier: elements that the same command writes stay. An assignment of a whole collection
    /// is this and its elements.
    /// </summary>
    Replace = 4,

    /// <summary>Adds to a counter.</summary>
    Increment = 5,

    /// <summary>
    /// Writes an element behind all that were appended before: its path is the write's timestamp (8 bytes), then the path that was given.
    /// </summary>
    Append = 6,

    /// <summary>Writes an element before all others; as for <see cref="Append"/>, with the timestamp turned around.</summary>
    Prepend = 7,
}

/// <summary>One write to one cell (or collection) of a row.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Column">The column's number.</param>
/// <param name="Path">Empty for a simple column; see <see cref="RowCell.Path"/>.</param>
/// <param name="Value">The value of a put, append or prepend; else empty.</param>
/// <param name="TimeToLiveSeconds">How long the value lives; 0 for ever.</param>
/// <param name="Delta">What is added to a counter; else 0.</param>
public readonly record struct CellWrite(
    CellWriteKind Kind, uint Column, ReadOnlyMemory<byte> Path, ReadOnlyMemory<byte> Value, int TimeToLiveSeconds, long Delta)
{
    /// <summary>Writes a value, of a simple column or of an element.</summary>
    public static CellWrite Put(uint column, ReadOnlyMemory<byte> value, int timeToLiveSeconds = 0, ReadOnlyMemory<byte> path = default) =>
        new(CellWriteKind.Put, column, path, value, timeToLiveSeconds, 0);

    /// <summary>Deletes a simple column's value, or an element.</summary>
    public static CellWrite Delete(uint column, ReadOnlyMemory<byte> path = default) =>
        new(CellWriteKind.Delete, column, path, default, 0, 0);

    /// <summary>Deletes all elements of a collection.</summary>
    public static CellWrite Clear(uint column) => new(CellWriteKind.Clear, column, default, default, 0, 0);

    /// <summary>Deletes all elements of a collection, those excepted that the same command writes.</summary>
    public static CellWrite Replace(uint column) => new(CellWriteKind.Replace, column, default, default, 0, 0);

    /// <summary>Adds to a counter.</summary>
    public static CellWrite Increment(uint column, long delta) => new(CellWriteKind.Increment, column, default, default, 0, delta);

    /// <summary>Writes an element at the end of a list.</summary>
    /// <param name="column">The column.</param>
    /// <param name="ordinal">Orders the elements of one command among themselves: of one length within a column.</param>
    /// <param name="value">The element.</param>
    /// <param name="timeToLiveSeconds">How long it lives; 0 for ever.</param>
    public static CellWrite Append(uint column, ReadOnlyMemory<byte> ordinal, ReadOnlyMemory<byte> value, int timeToLiveSeconds = 0) =>
        new(CellWriteKind.Append, column, ordinal, value, timeToLiveSeconds, 0);

    /// <summary>Writes an element at the beginning of a list; see <see cref="Append"/>.</summary>
    public static CellWrite Prepend(uint column, ReadOnlyMemory<byte> ordinal, ReadOnlyMemory<byte> value, int timeToLiveSeconds = 0) =>
        new(CellWriteKind.Prepend, column, ordinal, value, timeToLiveSeconds, 0);
}

/// <summary>One operation on one partition.</summary>
public sealed record RowOperation
{
    private RowOperation(RowOperationKind kind) => Kind = kind;

    /// <summary>What it does.</summary>
    public RowOperationKind Kind { get; }

    /// <summary>True when the row is the partition's static one, which has no clustering key.</summary>
    public bool IsStatic { get; init; }

    /// <summary>The row's clustering key; empty for a table without one.</summary>
    public ReadOnlyMemory<byte> Clustering { get; init; }

    /// <summary>The rows that a range deletion deletes.</summary>
    public ClusteringRange Range { get; init; }

    /// <summary>
    /// The client's own timestamp in microseconds, between <see cref="RowTimestamp.Min"/> and <see cref="RowTimestamp.Max"/>. Null for the
    /// shard's: above everything that was written before to what the operation touches.
    /// </summary>
    public long? TimestampMicros { get; init; }

    /// <summary>Whether an upsert writes the row's marker: true for an insert, false for an update.</summary>
    public bool WritesMarker { get; init; }

    /// <summary>How long the marker lives, in seconds; 0 for ever.</summary>
    public int MarkerTimeToLiveSeconds { get; init; }

    /// <summary>What an upsert writes.</summary>
    public IReadOnlyList<CellWrite> Cells { get; init; } = [];

    /// <summary>Writes cells of a row.</summary>
    public static RowOperation Upsert(ReadOnlyMemory<byte> clustering, IReadOnlyList<CellWrite> cells, bool writesMarker = false) =>
        new(RowOperationKind.Upsert) { Clustering = clustering, Cells = cells, WritesMarker = writesMarker };

    /// <summary>Writes cells of the static row.</summary>
    public static RowOperation UpsertStatic(IReadOnlyList<CellWrite> cells) =>
        new(RowOperationKind.Upsert) { IsStatic = true, Cells = cells };

    /// <summary>Deletes a row.</summary>
    public static RowOperation DeleteRow(ReadOnlyMemory<byte> clustering) => new(RowOperationKind.DeleteRow) { Clustering = clustering };

    /// <summary>Deletes the static row.</summary>
    public static RowOperation DeleteStatic() => new(RowOperationKind.DeleteRow) { IsStatic = true };

    /// <summary>Deletes the rows of a range.</summary>
    public static RowOperation DeleteRange(ClusteringRange range) => new(RowOperationKind.DeleteRange) { Range = range };

    /// <summary>Deletes the partition.</summary>
    public static RowOperation DeletePartition() => new(RowOperationKind.DeletePartition);
}

/// <summary>What a command does to one partition.</summary>
/// <param name="Token">The partition's token; the shard is found by it.</param>
/// <param name="Key">
/// The partition's key, as bytes that are the same whoever makes them; at most <see cref="Foundation.Limits.PartitionKeyBytesMax"/>.
/// </param>
/// <param name="Operations">What is done; all at one time, so that their order does not matter.</param>
public sealed record PartitionMutation(long Token, ReadOnlyMemory<byte> Key, IReadOnlyList<RowOperation> Operations);
