using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Tables.Execution;

/// <summary>Checks a SELECT against its table.</summary>
internal static class SelectPlanner
{
    /// <summary>A plan of the statement.</summary>
    /// <param name="binder">Types its terms.</param>
    /// <param name="statement">The statement.</param>
    /// <param name="virtualTable">The table's rows, when it is computed.</param>
    /// <exception cref="CqlException">The statement is wrong.</exception>
    public static SelectPlan Plan(TermBinder binder, SelectStatement statement, IVirtualTable? virtualTable)
    {
        var table = binder.Table;
        var isLenient = statement.AllowFiltering || virtualTable is not null;
        var selection = Selection.Of(binder, statement);
        var restrictions = WhereAnalyzer.Analyze(binder, statement.Where, WhereKind.Select, isLenient);
        CheckDistinct(statement, selection, table);
        if (restrictions.NeedsFiltering && !isLenient)
        {
            throw CqlException.Invalid(
                "Cannot execute this query as it might involve data filtering and thus may have unpredictable performance. If you want to "
                + "execute this query despite the performance unpredictability, use ALLOW FILTERING");
        }

        var limit = Limit(binder, statement.Limit, "[limit]");
        var perPartition = Limit(binder, statement.PerPartitionLimit, "[per_partition_limit]");
        if (statement.IsDistinct && perPartition is not null)
        {
            throw CqlException.Invalid("PER PARTITION LIMIT is not allowed with SELECT DISTINCT queries");
        }

        return new SelectPlan(binder.Markers)
        {
            Table = table,
            IsEventual = binder.Keyspace.FaultModel == FaultModel.Eventual,
            Selection = selection,
            Restrictions = restrictions,
            GroupBy = GroupBy(binder, statement, selection, restrictions),
            Limit = limit,
            PerPartitionLimit = perPartition,
            IsDistinct = statement.IsDistinct,
            IsOrdered = !statement.OrderBy.IsEmpty,
            IsReverse = IsReverse(table, statement, restrictions),
            Virtual = virtualTable,
        };
    }

    private static BoundTerm? Limit(TermBinder binder, Term? term, string name) =>
        term is null ? null : binder.Bind(term, CqlTypes.Int, name);

    private static void CheckDistinct(SelectStatement statement, Selection selection, TableDefinition table)
    {
        if (!statement.IsDistinct)
        {
            return;
        }

        foreach (var position in selection.TableColumns)
        {
            if (table.Columns[position].Kind is not (ColumnKind.PartitionKey or ColumnKind.Static))
            {
                throw CqlException.Invalid("SELECT DISTINCT queries must only request partition key columns and/or static columns "
                    + $"(not {table.Columns[position].Name})");
            }
        }

        foreach (var column in table.PartitionKey)
        {
            if (!selection.TableColumns.Any(position => table.Columns[position].Name == column.Name))
            {
                throw CqlException.Invalid(
                    $"SELECT DISTINCT queries must request all the partition key columns (missing {column.Name})");
            }
        }
    }

    private static List<RowTerm> GroupBy(
        TermBinder binder, SelectStatement statement, Selection selection, Restrictions restrictions)
    {
        var terms = new List<RowTerm>();
        var next = 0;
        foreach (var term in statement.GroupBy)
        {
            var bound = selection.BindGrouping(term);
            if (bound is ColumnRowTerm { Column: var column })
            {
                if (!column.IsPrimaryKey)
                {
                    throw CqlException.Invalid("Group by is currently only supported on the columns of the PRIMARY KEY, "
                        + $"got {column.Name}");
                }

                var keys = binder.Table.PartitionKey.AddRange(binder.Table.Clustering);
                var position = keys.IndexOf(column);
                for (; next < position; next++)
                {
                    // Columns that have one value anyway may be left out.
                    var isFixed = next < binder.Table.PartitionKey.Length
                        ? restrictions.PartitionKey?[next].IsSingle ?? false
                        : next - binder.Table.PartitionKey.Length < restrictions.Clustering.PrefixColumns;
                    if (!isFixed)
                    {
                        throw CqlException.Invalid(
                            "Group by currently only support groups of columns following their declared order in the PRIMARY KEY");
                    }
                }

                next = position + 1;
            }

            terms.Add(bound);
        }

        if (terms.Count > 0 && next < binder.Table.PartitionKey.Length && terms.TrueForAll(term => term is ColumnRowTerm))
        {
            throw CqlException.Invalid("Group by is not supported on only a part of the partition key");
        }

        return terms;
    }

    private static bool IsReverse(TableDefinition table, SelectStatement statement, Restrictions restrictions)
    {
        if (statement.OrderBy.IsEmpty)
        {
            return false;
        }

        if (restrictions.PartitionKey is null)
        {
            throw CqlException.Invalid("ORDER BY is only supported when the partition key is restricted by an EQ or an IN.");
        }

        bool? isReverse = null;
        var next = 0;
        foreach (var ordering in statement.OrderBy)
        {
            if (!table.TryGetColumn(ordering.Column, out var column))
            {
                throw WhereAnalyzer.UndefinedColumn(table, ordering.Column);
            }

            if (column.Kind != ColumnKind.Clustering)
            {
                throw CqlException.Invalid(
                    $"Order by is currently only supported on the clustered columns of the PRIMARY KEY, got {column.Name}");
            }

            if (column.Position > next && column.Position > restrictions.Clustering.PrefixColumns || column.Position < next)
            {
                throw CqlException.Invalid(
                    "Order by currently only supports the ordering of columns following their declared order in the PRIMARY KEY");
            }

            next = column.Position + 1;
            var isAgainst = ordering.IsDescending != column.IsDescending;
            isReverse = isReverse is null || isReverse == isAgainst
                ? isAgainst
                : throw CqlException.Invalid("Unsupported order by relation");
        }

        return isReverse ?? false;
    }
}
