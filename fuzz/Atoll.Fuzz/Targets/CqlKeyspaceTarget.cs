using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Fuzz.Targets;

/// <summary>Documents of keyspaces, as the directory keeps them.</summary>
public sealed class CqlKeyspaceTarget : IFuzzTarget
{
    /// <inheritdoc />
    public string Name => "cql-keyspace";

    /// <inheritdoc />
    public string About => "KeyspaceDocument: refused, or a keyspace whose document is read as the same one";

    /// <inheritdoc />
    public AllocationBound Allocation => new(8 * 1024, 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } = [KeyspaceDocument.Encode(Sample())];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        if (!KeyspaceDocument.TryDecode(input, out var keyspace) || keyspace is null)
        {
            return Verdict.Refused("no keyspace");
        }

        var document = KeyspaceDocument.Encode(keyspace);
        BrokenPromiseException.Unless(
            KeyspaceDocument.TryDecode(document, out var again) && KeyspaceDocument.Encode(again!).AsSpan().SequenceEqual(document),
            "a keyspace is read as it was written");
        BrokenPromiseException.Unless(SchemaText.Of(keyspace).Length > 0, "a keyspace can be described");
        foreach (var table in keyspace.Tables.Values)
        {
            BrokenPromiseException.Unless(SchemaText.Of(table, false).Length > 0, "a table can be described");
        }

        return Verdict.Accepted($"{Math.Min(keyspace.Tables.Count, 2)} tables, {Math.Min(keyspace.Types.Count, 2)} types");
    }

    private static KeyspaceDefinition Sample()
    {
        var inner = new UserType("ks", "inner", [new UserTypeField("x", CqlTypes.Int)], false);
        var outer = new UserType(
            "ks", "outer", [new UserTypeField("i", inner.Freeze()), new UserTypeField("t", new TupleType([CqlTypes.Text]))], false);
        var table = new TableDefinition("ks", "t", new Guid("00112233-4455-4677-8899-aabbccddeeff"),
        [
            new ColumnDefinition("p", CqlTypes.Int, ColumnKind.PartitionKey, 0, ClusteringOrder.None, 0),
            new ColumnDefinition("c", CqlTypes.Timeuuid, ColumnKind.Clustering, 0, ClusteringOrder.Descending, 1),
            new ColumnDefinition("s", new SetType(CqlTypes.Text, false), ColumnKind.Static, -1, ClusteringOrder.None, 2),
            new ColumnDefinition("v", outer, ColumnKind.Regular, -1, ClusteringOrder.None, 3),
            new ColumnDefinition(
                "m", new MapType(CqlTypes.Text, inner.Freeze(), false), ColumnKind.Regular, -1, ClusteringOrder.None, 5),
        ]);
        var replication = TableOptions.Default.Caching.Clear().Add("class", "SimpleStrategy").Add("replication_factor", "3");
        return new KeyspaceDefinition { Name = "ks", Replication = replication }
            .With(new UserTypeDefinition(inner)).With(new UserTypeDefinition(outer))
            .With(table.WithIndexes([new IndexDefinition("i", "m", IndexTarget.Keys, null, replication.Clear())]));
    }
}
