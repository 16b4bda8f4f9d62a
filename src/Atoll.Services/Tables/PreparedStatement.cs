using System.Security.Cryptography;
using System.Text;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables;

/// <summary>
/// A statement that was parsed and checked. Immutable; every node gives the same statement the same id, so that a driver may execute it
/// anywhere after it was prepared there.
/// </summary>
public sealed class PreparedStatement
{
    /// <summary>Bytes of an id.</summary>
    public const int IdBytes = 16;

    /// <summary>A statement with what is known about it.</summary>
    /// <param name="query">The text.</param>
    /// <param name="keyspace">The keyspace of names without one.</param>
    /// <param name="variables">The bind markers, in order.</param>
    /// <param name="partitionKeyIndexes">See <see cref="PartitionKeyIndexes"/>.</param>
    /// <param name="result">See <see cref="Result"/>.</param>
    public PreparedStatement(
        string query, string? keyspace, IReadOnlyList<ColumnSpec> variables, IReadOnlyList<int> partitionKeyIndexes,
        IReadOnlyList<ColumnSpec>? result)
    {
        Query = query;
        Keyspace = keyspace;
        Variables = variables;
        PartitionKeyIndexes = partitionKeyIndexes;
        Result = result;
        Id = IdOf(query, keyspace);
        ResultMetadataId = MetadataIdOf(result);
    }

    /// <summary>The statement's id: a hash of its keyspace and text.</summary>
    public byte[] Id { get; }

    /// <summary>A hash of <see cref="Result"/>: another one means that the columns are not those that the client knows.</summary>
    public byte[] ResultMetadataId { get; }

    /// <summary>The bind markers, in order: the name is that of the marker or of what it is bound to.</summary>
    public IReadOnlyList<ColumnSpec> Variables { get; }

    /// <summary>
    /// For each column of the partition key, in order, the position of the bind marker that gives it; empty unless each has one: what a
    /// driver needs to find the replicas by itself.
    /// </summary>
    public IReadOnlyList<int> PartitionKeyIndexes { get; }

    /// <summary>The columns of the rows that it answers with; null when it doesn't answer with rows, or the columns vary.</summary>
    public IReadOnlyList<ColumnSpec>? Result { get; }

    /// <summary>The text.</summary>
    public string Query { get; }

    /// <summary>The keyspace of names without one, fixed when it was prepared.</summary>
    public string? Keyspace { get; }

    /// <summary>What the executor made of it.</summary>
    internal object? Plan { get; init; }

    /// <summary>The id of a statement.</summary>
    public static byte[] IdOf(string query, string? keyspace) =>
        SHA256.HashData(Encoding.UTF8.GetBytes($"{keyspace}\0{query}"))[..IdBytes];

    /// <summary>The id of columns of rows.</summary>
    public static byte[] MetadataIdOf(IReadOnlyList<ColumnSpec>? columns) => SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Concat((columns ?? []).Select(column => $"{column.Keyspace}\0{column.Table}\0{column.Name}\0{column.Type}\0"))))[..IdBytes];
}

/// <summary>A column of a result, or a bind marker.</summary>
/// <param name="Keyspace">The keyspace of the table.</param>
/// <param name="Table">The table.</param>
/// <param name="Name">The column's name, alias or expression.</param>
/// <param name="Type">Its type.</param>
public sealed record ColumnSpec(string Keyspace, string Table, string Name, CqlType Type);
