namespace Atoll.StateMachines.Rows;

/// <summary>What a condition asks. The numbers are in the log.</summary>
public enum RowConditionKind : byte
{
    /// <summary>The row is there.</summary>
    Exists = 1,

    /// <summary>The row is not there.</summary>
    NotExists = 2,

    /// <summary>A cell's value compares with one of the given ones.</summary>
    Cell = 3,

    /// <summary>A collection has exactly the given elements, or has not.</summary>
    Collection = 4,
}

/// <summary>
/// How a value is compared. A cell that is not there is null: equal to null only, and neither less nor greater than anything.
/// </summary>
public enum CellComparison : byte
{
    /// <summary>Is the one value.</summary>
    Equal = 1,

    /// <summary>Is not the one value.</summary>
    NotEqual = 2,

    /// <summary>Comes before it.</summary>
    Less = 3,

    /// <summary>Comes before it or is it.</summary>
    LessOrEqual = 4,

    /// <summary>Comes after it.</summary>
    Greater = 5,

    /// <summary>Comes after it or is it.</summary>
    GreaterOrEqual = 6,

    /// <summary>Is one of the values.</summary>
    In = 7,
}

/// <summary>
/// In which order two values' bytes come, for comparisons other than equality. The state machine knows no types; these cover those of
/// fixed and simple orders. Who needs another order reads the row, and makes a condition of equality with what it read.
/// </summary>
public enum ValueOrder : byte
{
    /// <summary>Byte by byte, unsigned: text, blobs, dates, booleans, addresses.</summary>
    Bytes = 0,

    /// <summary>Two's complement, big-endian, of any length: all integers, timestamps and times.</summary>
    Integer = 1,

    /// <summary>IEEE 754, 4 or 8 bytes, big-endian; not-a-number is equal to itself and comes last.</summary>
    Float = 2,

    /// <summary>UUIDs of version 1: by their time, then byte by byte (signed, as the protocol's own order has it).</summary>
    TimeUuid = 3,
}

/// <summary>An element of a collection in a condition.</summary>
/// <param name="Path">The element's path; not compared for lists.</param>
/// <param name="Value">Its value; empty for sets.</param>
public readonly record struct ConditionElement(ReadOnlyMemory<byte> Path, ReadOnlyMemory<byte> Value);

/// <summary>
/// A condition on one row as it is right before the command, evaluated in the same step. Nothing of a command happens unless all its
/// conditions hold.
/// </summary>
public sealed record RowCondition
{
    private RowCondition(RowConditionKind kind) => Kind = kind;

    /// <summary>What is asked.</summary>
    public RowConditionKind Kind { get; }

    /// <summary>The position of the partition among the command's.</summary>
    public int Partition { get; init; }

    /// <summary>True for the partition's static row.</summary>
    public bool IsStatic { get; init; }

    /// <summary>The row's clustering key.</summary>
    public ReadOnlyMemory<byte> Clustering { get; init; }

    /// <summary>The column that is compared.</summary>
    public uint Column { get; init; }

    /// <summary>The element that is compared; empty for a simple column.</summary>
    public ReadOnlyMemory<byte> Path { get; init; }

    /// <summary>How it is compared; of collections only equal and not equal.</summary>
    public CellComparison Comparison { get; init; }

    /// <summary>The order for comparisons other than equality.</summary>
    public ValueOrder Order { get; init; }

    /// <summary>The values that a cell is compared with: one, or any number for "in". Null is null.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>?> Values { get; init; } = [];

    /// <summary>The elements that a collection is compared with, in the order of their paths (for lists: of their positions).</summary>
    public IReadOnlyList<ConditionElement> Elements { get; init; } = [];

    /// <summary>Whether the paths of elements are compared too: for sets and maps, not for lists.</summary>
    public bool ComparesPaths { get; init; }

    /// <summary>The row is there.</summary>
    public static RowCondition Exists(ReadOnlyMemory<byte> clustering, int partition = 0) =>
        new(RowConditionKind.Exists) { Clustering = clustering, Partition = partition };

    /// <summary>The row is not there.</summary>
    public static RowCondition NotExists(ReadOnlyMemory<byte> clustering, int partition = 0) =>
        new(RowConditionKind.NotExists) { Clustering = clustering, Partition = partition };

    /// <summary>A cell's value compares.</summary>
    public static RowCondition Cell(
        ReadOnlyMemory<byte> clustering, uint column, CellComparison comparison, IReadOnlyList<ReadOnlyMemory<byte>?> values,
        ValueOrder order = ValueOrder.Bytes) =>
        new(RowConditionKind.Cell)
        {
            Clustering = clustering,
            Column = column,
            Comparison = comparison,
            Values = values,
            Order = order,
        };

    /// <summary>A collection has exactly these elements; with <see cref="CellComparison.NotEqual"/>, it has not.</summary>
    public static RowCondition Collection(
        ReadOnlyMemory<byte> clustering, uint column, CellComparison comparison, IReadOnlyList<ConditionElement> elements,
        bool comparesPaths) =>
        new(RowConditionKind.Collection)
        {
            Clustering = clustering,
            Column = column,
            Comparison = comparison,
            Elements = elements,
            ComparesPaths = comparesPaths,
        };
}

/// <summary>A command that changes rows of one shard, in one step.</summary>
/// <param name="Partitions">What is done, partition by partition; each partition once. Not empty.</param>
/// <param name="Conditions">What must hold, or nothing happens.</param>
/// <param name="GraceSeconds">How long tombstones of the rows that are written are kept.</param>
public sealed record RowsMutation(
    IReadOnlyList<PartitionMutation> Partitions,
    IReadOnlyList<RowCondition> Conditions,
    int GraceSeconds = RowsMutation.GraceSecondsDefault)
{
    /// <summary>Ten days.</summary>
    public const int GraceSecondsDefault = 10 * 24 * 60 * 60;

    /// <summary>Operations on one partition, whatever is there.</summary>
    public static RowsMutation Of(PartitionMutation partition) => new([partition], []);
}
