using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Tables.Schema;

/// <summary>
/// system_schema.*: the schema as tables, with the columns that Cassandra 4 has (SchemaKeyspace.java), which drivers read; and
/// system_virtual_schema.*, the same of what is computed.
/// </summary>
public static class SystemSchemaTables
{
    private const string Keyspace = "system_schema";
    private const string VirtualKeyspace = "system_virtual_schema";

    private static readonly MapType TextMap = new(CqlTypes.Text, CqlTypes.Text, true);
    private static readonly ListType TextList = new(CqlTypes.Text, true);
    private static readonly SetType TextSet = new(CqlTypes.Text, true);
    private static readonly MapType BlobMap = new(CqlTypes.Text, CqlTypes.Blob, true);

    /// <summary>The tables.</summary>
    /// <param name="schema">What gives the newest schema.</param>
    public static IEnumerable<IVirtualTable> All(Func<TableSchema> schema)
    {
        var keyspaces = Define(
            "keyspaces", [], ("durable_writes", CqlTypes.Boolean), ("replication", TextMap), ("fault_model", CqlTypes.Text),
            ("allowed_regions", TextSet));
        yield return new ComputedTable(keyspaces, () => Stored(schema).Select(keyspace => VirtualTables.Row(
            keyspaces,
            ("keyspace_name", CqlBytes.Of(keyspace.Name)),
            ("durable_writes", CqlBytes.Of(keyspace.DurableWrites)),
            ("replication", Map(keyspace.Replication)),
            ("fault_model", CqlBytes.Of(keyspace.FaultModel == FaultModel.Strong ? "strong" : "eventual")),
            ("allowed_regions", List(keyspace.AllowedRegions)))));

        var tables = Tables("tables", ("table_name", CqlTypes.Text));
        yield return new ComputedTable(tables, () => TablesOf(Stored(schema)).Select(table => TableRow(tables, table)));
        var columns = Columns();
        yield return new ComputedTable(columns, () => TablesOf(Stored(schema)).SelectMany(table =>
            table.Columns.Select(column => ColumnRow(columns, table, column))));

        var types = Define("types", ["type_name"], ("field_names", TextList), ("field_types", TextList));
        yield return new ComputedTable(types, () => Stored(schema).SelectMany(keyspace => keyspace.Types.Values).Select(type =>
            VirtualTables.Row(
                types,
                ("keyspace_name", CqlBytes.Of(type.Type.Keyspace)),
                ("type_name", CqlBytes.Of(type.Name)),
                ("field_names", List(type.Type.Fields.Select(field => field.Name))),
                ("field_types", List(type.Type.Fields.Select(field => field.Type.ToString()))))));

        var indexes = Define("indexes", ["table_name", "index_name"], ("kind", CqlTypes.Text), ("options", TextMap));
        yield return new ComputedTable(indexes, () => TablesOf(Stored(schema)).SelectMany(table => table.Indexes.Select(index =>
            VirtualTables.Row(
                indexes,
                ("keyspace_name", CqlBytes.Of(table.Keyspace)),
                ("table_name", CqlBytes.Of(table.Name)),
                ("index_name", CqlBytes.Of(index.Name)),
                ("kind", CqlBytes.Of(index.CustomClass is null ? "COMPOSITES" : "CUSTOM")),
                ("options", Map(index.Options.SetItem("target", SchemaText.Target(table, index))))))));

        yield return Empty(Define(
            "functions", ["function_name"], ("argument_types", TextList), ("argument_names", TextList), ("body", CqlTypes.Text),
            ("called_on_null_input", CqlTypes.Boolean), ("language", CqlTypes.Text), ("return_type", CqlTypes.Text)));
        yield return Empty(Define(
            "aggregates", ["aggregate_name"], ("argument_types", TextList), ("final_func", CqlTypes.Text), ("initcond", CqlTypes.Text),
            ("return_type", CqlTypes.Text), ("state_func", CqlTypes.Text), ("state_type", CqlTypes.Text)));
        yield return Empty(Define("triggers", ["table_name", "trigger_name"], ("options", TextMap)));
        yield return Empty(Define(
            "dropped_columns", ["table_name", "column_name"], ("dropped_time", CqlTypes.Timestamp), ("kind", CqlTypes.Text),
            ("type", CqlTypes.Text)));
        yield return Empty(Tables(
            "views", ("view_name", CqlTypes.Text), ("base_table_id", CqlTypes.Uuid), ("base_table_name", CqlTypes.Text),
            ("include_all_columns", CqlTypes.Boolean), ("where_clause", CqlTypes.Text)));
        foreach (var table in VirtualSchema(schema))
        {
            yield return table;
        }
    }

    private static IEnumerable<IVirtualTable> VirtualSchema(Func<TableSchema> schema)
    {
        (string, CqlType)[] key = [("keyspace_name", CqlTypes.Text)];
        var keyspaces = VirtualTables.Define(VirtualKeyspace, "keyspaces", key, [], []);
        yield return new ComputedTable(keyspaces, () => Virtual(schema).Select(keyspace =>
            VirtualTables.Row(keyspaces, ("keyspace_name", CqlBytes.Of(keyspace.Name)))));
        var tables = VirtualTables.Define(
            VirtualKeyspace, "tables", key, [("table_name", CqlTypes.Text)], [("comment", CqlTypes.Text)]);
        yield return new ComputedTable(tables, () => TablesOf(Virtual(schema)).Select(table => VirtualTables.Row(
            tables,
            ("keyspace_name", CqlBytes.Of(table.Keyspace)),
            ("table_name", CqlBytes.Of(table.Name)),
            ("comment", CqlBytes.Of(table.Options.Comment)))));
        var columns = VirtualTables.Define(
            VirtualKeyspace, "columns", key, [("table_name", CqlTypes.Text), ("column_name", CqlTypes.Text)], ColumnColumns);
        yield return new ComputedTable(columns, () => TablesOf(Virtual(schema)).SelectMany(table =>
            table.Columns.Select(column => ColumnRow(columns, table, column))));
    }

    private static readonly (string, CqlType)[] ColumnColumns =
    [
        ("clustering_order", CqlTypes.Text), ("column_name_bytes", CqlTypes.Blob), ("kind", CqlTypes.Text), ("position", CqlTypes.Int),
        ("type", CqlTypes.Text),
    ];

    private static TableDefinition Columns() => VirtualTables.Define(
        Keyspace, "columns", [("keyspace_name", CqlTypes.Text)], [("table_name", CqlTypes.Text), ("column_name", CqlTypes.Text)],
        ColumnColumns);

    private static TableDefinition Tables(string name, params (string, CqlType)[] own) => VirtualTables.Define(
        Keyspace, name, [("keyspace_name", CqlTypes.Text)], [own[0]],
        [
            ("additional_write_policy", CqlTypes.Text), ("bloom_filter_fp_chance", CqlTypes.Double), ("caching", TextMap),
            ("cdc", CqlTypes.Boolean), ("comment", CqlTypes.Text), ("compaction", TextMap), ("compression", TextMap),
            ("crc_check_chance", CqlTypes.Double), ("dclocal_read_repair_chance", CqlTypes.Double), ("default_time_to_live", CqlTypes.Int),
            ("extensions", BlobMap), ("flags", TextSet), ("gc_grace_seconds", CqlTypes.Int), ("id", CqlTypes.Uuid),
            ("max_index_interval", CqlTypes.Int), ("memtable_flush_period_in_ms", CqlTypes.Int), ("min_index_interval", CqlTypes.Int),
            ("read_repair", CqlTypes.Text), ("read_repair_chance", CqlTypes.Double), ("speculative_retry", CqlTypes.Text), .. own[1..],
        ]);

    private static TableDefinition Define(string name, string[] clustering, params (string, CqlType)[] others) => VirtualTables.Define(
        Keyspace, name, [("keyspace_name", CqlTypes.Text)], [.. clustering.Select(column => (column, (CqlType)CqlTypes.Text))], others);

    private static ReadOnlyMemory<byte>?[] TableRow(TableDefinition definition, TableDefinition table)
    {
        var options = table.Options;
        string[] flags = table.IsCounter ? ["compound", "counter"] : ["compound"];
        return VirtualTables.Row(
            definition,
            ("keyspace_name", CqlBytes.Of(table.Keyspace)),
            ("table_name", CqlBytes.Of(table.Name)),
            ("additional_write_policy", CqlBytes.Of(options.AdditionalWritePolicy)),
            ("bloom_filter_fp_chance", CqlBytes.Of(options.BloomFilterFalsePositiveChance)),
            ("caching", Map(options.Caching)),
            ("cdc", CqlBytes.Of(options.Cdc)),
            ("comment", CqlBytes.Of(options.Comment)),
            ("compaction", Map(options.Compaction)),
            ("compression", Map(options.Compression)),
            ("crc_check_chance", CqlBytes.Of(options.CrcCheckChance)),
            ("dclocal_read_repair_chance", CqlBytes.Of(0.0)),
            ("default_time_to_live", CqlBytes.Of(options.DefaultTimeToLiveSeconds)),
            ("extensions", CqlSequence.WriteMap([])),
            ("flags", List(flags)),
            ("gc_grace_seconds", CqlBytes.Of(options.GcGraceSeconds)),
            ("id", CqlBytes.Of(table.Id)),
            ("max_index_interval", CqlBytes.Of(options.MaxIndexInterval)),
            ("memtable_flush_period_in_ms", CqlBytes.Of(options.MemtableFlushPeriodMs)),
            ("min_index_interval", CqlBytes.Of(options.MinIndexInterval)),
            ("read_repair", CqlBytes.Of(options.ReadRepair)),
            ("read_repair_chance", CqlBytes.Of(0.0)),
            ("speculative_retry", CqlBytes.Of(options.SpeculativeRetry)));
    }

    private static ReadOnlyMemory<byte>?[] ColumnRow(TableDefinition definition, TableDefinition table, ColumnDefinition column) =>
        VirtualTables.Row(
            definition,
            ("keyspace_name", CqlBytes.Of(table.Keyspace)),
            ("table_name", CqlBytes.Of(table.Name)),
            ("column_name", CqlBytes.Of(column.Name)),
            ("clustering_order", CqlBytes.Of(column.Order switch
            {
                ClusteringOrder.Ascending => "asc",
                ClusteringOrder.Descending => "desc",
                _ => "none",
            })),
            ("column_name_bytes", CqlBytes.Of(column.Name)),
            ("kind", CqlBytes.Of(column.Kind switch
            {
                ColumnKind.PartitionKey => "partition_key",
                ColumnKind.Clustering => "clustering",
                ColumnKind.Static => "static",
                _ => "regular",
            })),
            ("position", CqlBytes.Of(column.Position)),
            ("type", CqlBytes.Of(column.Type.ToString())));

    // Drivers read the system's own keyspaces here, too: they are listed as long as nothing else describes them.
    private static IEnumerable<KeyspaceDefinition> Stored(Func<TableSchema> schema) =>
        schema().Keyspaces.Values.Where(keyspace => keyspace.Name is not (VirtualKeyspace or "system_views"));

    private static IEnumerable<KeyspaceDefinition> Virtual(Func<TableSchema> schema) =>
        schema().Keyspaces.Values.Where(keyspace => keyspace.Name is VirtualKeyspace or "system_views");

    private static IEnumerable<TableDefinition> TablesOf(IEnumerable<KeyspaceDefinition> keyspaces) =>
        keyspaces.SelectMany(keyspace => keyspace.Tables.Values);

    private static ComputedTable Empty(TableDefinition definition) => new(definition, () => []);

    private static ReadOnlyMemory<byte> Map(IEnumerable<KeyValuePair<string, string>> map) => CqlSequence.WriteMap(
        [.. map.SelectMany(pair => new ReadOnlyMemory<byte>[] { CqlBytes.Of(pair.Key), CqlBytes.Of(pair.Value) })]);

    private static ReadOnlyMemory<byte> List(IEnumerable<string> texts) =>
        CqlSequence.WriteList([.. texts.Select(text => (ReadOnlyMemory<byte>)CqlBytes.Of(text))]);

    private sealed class ComputedTable(TableDefinition definition, Func<IEnumerable<ReadOnlyMemory<byte>?[]>> rows) : IVirtualTable
    {
        public TableDefinition Definition { get; } = definition;

        public IEnumerable<ReadOnlyMemory<byte>?[]> Rows() => rows();
    }
}
