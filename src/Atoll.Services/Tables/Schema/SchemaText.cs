using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Tables.Schema;

/// <summary>Things of a schema as the statements that create them: what DESCRIBE answers with.</summary>
public static class SchemaText
{
    /// <summary>CREATE KEYSPACE.</summary>
    public static string Of(KeyspaceDefinition keyspace)
    {
        var replication = keyspace.Replication.OrderBy(pair => pair.Key == "class" ? 0 : 1).ThenBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"{CqlNames.Text(pair.Key)}: {CqlNames.Text(ShortClass(pair.Value))}");
        var text = $"CREATE KEYSPACE {CqlNames.Quote(keyspace.Name)} WITH replication = {{{string.Join(", ", replication)}}}  "
            + $"AND durable_writes = {(keyspace.DurableWrites ? "true" : "false")}";
        var regions = keyspace.AllowedRegions.IsEmpty
            ? "" : $" AND allowed_regions = {CqlNames.Text(string.Join(", ", keyspace.AllowedRegions))}";
        return keyspace.IsVirtual ? text + ";"
            : $"{text} AND fault_model = '{(keyspace.FaultModel == FaultModel.Strong ? "strong" : "eventual")}'{regions};";
    }

    /// <summary>CREATE TYPE.</summary>
    public static string Of(UserTypeDefinition definition)
    {
        var type = definition.Type;
        var fields = type.Fields.Select(field => $"    {CqlNames.Quote(field.Name)} {field.Type}");
        return $"CREATE TYPE {CqlNames.Quote(type.Keyspace)}.{CqlNames.Quote(type.Name)} (\n{string.Join(",\n", fields)}\n);";
    }

    /// <summary>CREATE TABLE.</summary>
    /// <param name="table">The table.</param>
    /// <param name="isVirtual">Whether it is computed: that is said in a comment, as it cannot be created.</param>
    public static string Of(TableDefinition table, bool isVirtual)
    {
        var text = new StringBuilder();
        text.Append(isVirtual ? "/*\nWarning: Table " : "CREATE TABLE ");
        if (isVirtual)
        {
            text.Append(CultureInfo.InvariantCulture, $"{table.Keyspace}.{table.Name}")
                .Append(" is a virtual table and cannot be recreated with CQL.\n").Append("Structure, for reference:\nVIRTUAL TABLE ");
        }

        text.Append(CultureInfo.InvariantCulture, $"{CqlNames.Quote(table.Keyspace)}.{CqlNames.Quote(table.Name)} (\n");
        var isSimpleKey = table.PartitionKey.Length == 1 && table.Clustering.IsEmpty;
        foreach (var column in table.Columns)
        {
            text.Append(CultureInfo.InvariantCulture, $"    {CqlNames.Quote(column.Name)} {column.Type}")
                .Append(column.Kind == ColumnKind.Static ? " static" : "")
                .Append(isSimpleKey && column.Kind == ColumnKind.PartitionKey ? " PRIMARY KEY" : "")
                .Append(isSimpleKey && column == table.Columns[^1] ? "\n" : ",\n");
        }

        if (!isSimpleKey)
        {
            var partition = string.Join(", ", table.PartitionKey.Select(column => CqlNames.Quote(column.Name)));
            text.Append("    PRIMARY KEY (").Append(table.PartitionKey.Length > 1 ? $"({partition})" : partition)
                .Append(string.Concat(table.Clustering.Select(column => ", " + CqlNames.Quote(column.Name)))).Append(")\n");
        }

        text.Append(") WITH ");
        if (!table.Clustering.IsEmpty)
        {
            text.Append("CLUSTERING ORDER BY (").AppendJoin(", ", table.Clustering.Select(column =>
                $"{CqlNames.Quote(column.Name)} {(column.IsDescending ? "DESC" : "ASC")}")).Append(")\n    AND ");
        }

        text.AppendJoin("\n    AND ", Options(table.Options, isVirtual)).Append(';');
        return text.Append(isVirtual ? "\n*/" : "").ToString();
    }

    /// <summary>CREATE INDEX.</summary>
    public static string Of(TableDefinition table, IndexDefinition index) =>
        $"CREATE INDEX {CqlNames.Quote(index.Name)} ON {CqlNames.Quote(table.Keyspace)}.{CqlNames.Quote(table.Name)} "
        + $"({Target(table, index)});";

    /// <summary>What an index is on, as CREATE INDEX and system_schema.indexes have it.</summary>
    internal static string Target(TableDefinition table, IndexDefinition index)
    {
        var column = CqlNames.Quote(index.Column);
        return index.Target switch
        {
            IndexTarget.Keys => $"keys({column})",
            IndexTarget.Entries => $"entries({column})",
            IndexTarget.Full => $"full({column})",
            _ => table.TryGetColumn(index.Column, out var definition) && definition.Type is { IsCollection: true, IsMultiCell: true }
                ? $"values({column})" : column,
        };
    }

    private static IEnumerable<string> Options(TableOptions options, bool isVirtual)
    {
        if (isVirtual)
        {
            yield return $"comment = {CqlNames.Text(options.Comment)}";
            yield break;
        }

        yield return $"additional_write_policy = {CqlNames.Text(options.AdditionalWritePolicy)}";
        yield return $"bloom_filter_fp_chance = {CqlNumbers.Format(options.BloomFilterFalsePositiveChance)}";
        yield return $"caching = {Map(options.Caching)}";
        yield return $"cdc = {(options.Cdc ? "true" : "false")}";
        yield return $"comment = {CqlNames.Text(options.Comment)}";
        yield return $"compaction = {Map(options.Compaction)}";
        yield return $"compression = {Map(options.Compression)}";
        yield return $"crc_check_chance = {CqlNumbers.Format(options.CrcCheckChance)}";
        yield return string.Create(CultureInfo.InvariantCulture, $"default_time_to_live = {options.DefaultTimeToLiveSeconds}");
        yield return "extensions = {}";
        yield return string.Create(CultureInfo.InvariantCulture, $"gc_grace_seconds = {options.GcGraceSeconds}");
        yield return string.Create(CultureInfo.InvariantCulture, $"max_index_interval = {options.MaxIndexInterval}");
        yield return string.Create(CultureInfo.InvariantCulture, $"memtable_flush_period_in_ms = {options.MemtableFlushPeriodMs}");
        yield return string.Create(CultureInfo.InvariantCulture, $"min_index_interval = {options.MinIndexInterval}");
        yield return $"read_repair = {CqlNames.Text(options.ReadRepair)}";
        yield return $"speculative_retry = {CqlNames.Text(options.SpeculativeRetry)}";
    }

    private static string Map(ImmutableSortedDictionary<string, string> map) => "{"
        + string.Join(", ", map.OrderBy(pair => pair.Key == "class" ? 0 : 1).ThenBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"{CqlNames.Text(pair.Key)}: {CqlNames.Text(pair.Value)}")) + "}";

    private static string ShortClass(string name) => name.StartsWith("org.apache.cassandra.locator.", StringComparison.Ordinal)
        ? name["org.apache.cassandra.locator.".Length..] : name;
}
