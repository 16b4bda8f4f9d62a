using Atoll.Services.Tables;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Gateways.Cql.SystemTables;

/// <summary>
/// Keyspace "system_virtual_schema": the schema of keyspaces that exist in no file. Cassandra shows there only what keyspace
/// "system_schema" does not have, and drivers put both together; here, too.
/// </summary>
internal static class SchemaTables
{
    /// <summary>The keyspace that describes itself; all others are in "system_schema".</summary>
    public const string Keyspace = "system_virtual_schema";

    public static IEnumerable<IVirtualTable> All(ITables tables)
    {
        yield return new SystemTable(
            Keyspace, "keyspaces", [("keyspace_name", CqlTypes.Text)], 1, 0,
            () => Described(tables).Select(keyspace => SystemRow.Of(("keyspace_name", SystemValues.Text(keyspace.Name)))));
        yield return new SystemTable(
            Keyspace, "tables",
            [("keyspace_name", CqlTypes.Text), ("table_name", CqlTypes.Text), ("comment", CqlTypes.Text)], 1, 1,
            () => Described(tables).SelectMany(keyspace => keyspace.Tables.Values).Select(table => SystemRow.Of(
                ("keyspace_name", SystemValues.Text(table.Keyspace)), ("table_name", SystemValues.Text(table.Name)),
                ("comment", SystemValues.Text(table.Options.Comment)))));
        yield return new SystemTable(
            Keyspace, "columns",
            [
                ("keyspace_name", CqlTypes.Text), ("table_name", CqlTypes.Text), ("column_name", CqlTypes.Text),
                ("clustering_order", CqlTypes.Text), ("column_name_bytes", CqlTypes.Blob), ("kind", CqlTypes.Text),
                ("position", CqlTypes.Int), ("type", CqlTypes.Text),
            ],
            1, 2,
            () => Described(tables).SelectMany(keyspace => keyspace.Tables.Values)
                .SelectMany(table => table.Columns.Select(column => Column(table, column))));
    }

    private static IEnumerable<KeyspaceDefinition> Described(ITables tables) =>
        tables.Schema.Keyspaces.Values.Where(keyspace => keyspace.Name == Keyspace);

    private static SystemRow Column(TableDefinition table, ColumnDefinition column) => SystemRow.Of(
        ("keyspace_name", SystemValues.Text(table.Keyspace)), ("table_name", SystemValues.Text(table.Name)),
        ("column_name", SystemValues.Text(column.Name)),
        ("clustering_order", SystemValues.Text(column.Order switch
        {
            ClusteringOrder.Ascending => "asc",
            ClusteringOrder.Descending => "desc",
            _ => "none",
        })),
        ("column_name_bytes", SystemValues.Text(column.Name)),
        ("kind", SystemValues.Text(column.Kind switch
        {
            ColumnKind.PartitionKey => "partition_key",
            ColumnKind.Clustering => "clustering",
            ColumnKind.Static => "static",
            _ => "regular",
        })),
        ("position", SystemValues.Int(column.Position)), ("type", SystemValues.Text(column.Type.ToString())));
}
