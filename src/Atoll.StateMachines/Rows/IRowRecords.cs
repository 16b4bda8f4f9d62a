namespace Atoll.StateMachines.Rows;

/// <summary>What the records of a shard of rows hold, whatever else a kind of shard keeps in them.</summary>
internal interface IRowRecords
{
    /// <summary>The row, or static row, that a record holds. Its bytes may be slices of the record's.</summary>
    RowData RowOf(ReadOnlyMemory<byte> value);

    /// <summary>The deletions that the record about a partition holds.</summary>
    PartitionDeletions DeletionsOf(ReadOnlyMemory<byte> value);

    /// <summary>Whether no row of the partition has anything in it that these deletions cover.</summary>
    bool IsSwept(ReadOnlyMemory<byte> value);
}

/// <summary>The records of a shard with a leader: <see cref="StoredRow"/> and <see cref="StoredPartition"/>.</summary>
internal sealed class StoredRecords : IRowRecords
{
    internal static readonly StoredRecords Instance = new();

    public RowData RowOf(ReadOnlyMemory<byte> value) => StoredRow.Read(value).Row;

    public PartitionDeletions DeletionsOf(ReadOnlyMemory<byte> value) => StoredPartition.Read(value).Deletions;

    public bool IsSwept(ReadOnlyMemory<byte> value) => StoredPartition.Read(value).IsSwept;
}
