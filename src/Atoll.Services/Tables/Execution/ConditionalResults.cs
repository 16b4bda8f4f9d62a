using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>What conditional writes answer with: whether they were applied, and if not, what is there instead.</summary>
internal static class ConditionalResults
{
    /// <summary>The column that says it.</summary>
    public const string AppliedColumn = "[applied]";

    /// <summary>Applied.</summary>
    public static RowsResult Applied(TableDefinition table) => new([Applied(table.Keyspace, table.Name)], [[CqlBytes.True]], default);

    /// <summary>Not applied.</summary>
    /// <param name="statements">The statements, of one table.</param>
    /// <param name="isBatch">Whether they were a batch: then the rows are told apart by their keys.</param>
    /// <param name="rows">The rows as they were, by their clustering key in hexadecimal digits.</param>
    public static RowsResult Refused(
        IReadOnlyList<(ModificationPlan Plan, BoundValues Values)> statements, bool isBatch, IReadOnlyDictionary<string, RowView> rows)
    {
        var conditional = statements.Where(statement => statement.Plan.IsConditional).ToArray();
        var table = conditional[0].Plan.Table;

        // Who asks about existence sees everything; who asks about columns sees these.
        var isAll = conditional.Any(statement => statement.Plan.Existence != ExistenceCondition.None);
        var positions = Enumerable.Range(0, table.Columns.Length)
            .Where(position => isAll || (isBatch && table.Columns[position].IsPrimaryKey)
                || conditional.Any(statement => statement.Plan.Conditions.Any(condition => condition.Column == table.Columns[position])))
            .ToArray();
        var found = conditional.Select(statement => Modifications.ClusteringOf(statement.Plan, statement.Values))
            .Select(clustering => Convert.ToHexString(clustering.Span)).Distinct(StringComparer.Ordinal)
            .Select(place => rows.GetValueOrDefault(place)).OfType<RowView>().Where(IsThere).ToArray();
        if (found.Length == 0)
        {
            return new RowsResult([Applied(table.Keyspace, table.Name)], [[CqlBytes.False]], default);
        }

        return new RowsResult(
            [
                Applied(table.Keyspace, table.Name),
                .. positions.Select(position => new ColumnSpec(
                    table.Keyspace, table.Name, table.Columns[position].Name, table.Columns[position].Type)),
            ],
            [.. found.Select(row => (ReadOnlyMemory<byte>?[])[CqlBytes.False, .. positions.Select(position => row[position])])],
            default);
    }

    private static bool IsThere(RowView row) => !row.Row.IsEmpty || !row.Statics.IsEmpty;

    private static ColumnSpec Applied(string keyspace, string table) => new(keyspace, table, AppliedColumn, CqlTypes.Boolean);
}
