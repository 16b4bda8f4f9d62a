using Atoll.Services.Tables.Schema;

namespace Atoll.Services.Tables;

/// <summary>A table whose rows are computed when they are asked for. It cannot be written to.</summary>
public interface IVirtualTable
{
    /// <summary>Its keyspace, name and columns.</summary>
    TableDefinition Definition { get; }

    /// <summary>
    /// All rows as they are now: a value for each of the definition's columns, in the order of
    /// <see cref="TableDefinition.Columns"/>. They may come in any order; the executor sorts, filters and pages them.
    /// </summary>
    IEnumerable<ReadOnlyMemory<byte>?[]> Rows();
}
