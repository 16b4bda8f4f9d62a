using System.Text;
using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Statements about rows as CQL; those about the schema and about roles are handed on.</summary>
internal static class StatementText
{
    public static void Append(StringBuilder text, Statement statement, bool hidesSecrets)
    {
        switch (statement)
        {
            case SelectStatement select:
                AppendSelect(text, select);
                break;
            case InsertStatement insert:
                AppendInsert(text, insert);
                break;
            case InsertJsonStatement insert:
                AppendInsertJson(text, insert);
                break;
            case UpdateStatement update:
                AppendUpdate(text, update);
                break;
            case DeleteStatement delete:
                AppendDelete(text, delete);
                break;
            case BatchStatement batch:
                AppendBatch(text, batch);
                break;
            case UseStatement use:
                text.Append("USE ").AppendName(use.Keyspace);
                break;
            case TruncateStatement truncate:
                text.Append("TRUNCATE ").AppendName(truncate.Table);
                break;
            default:
                if (!RoleText.TryAppend(text, statement, hidesSecrets))
                {
                    SchemaText.Append(text, statement);
                }

                break;
        }
    }

    public static void AppendSelectors(StringBuilder text, SyntaxList<Selector> selectors)
    {
        if (selectors.IsEmpty)
        {
            text.Append('*');
            return;
        }

        text.AppendAll(selectors, ", ", selector => TermText.Append(text, selector));
    }

    public static void AppendWhere(StringBuilder text, SyntaxList<Relation> where)
    {
        if (!where.IsEmpty)
        {
            text.Append(" WHERE ").AppendAll(where, " AND ", relation => RelationText.Append(text, relation));
        }
    }

    private static void AppendSelect(StringBuilder text, SelectStatement select)
    {
        text.Append("SELECT ").Append(select.IsJson ? "JSON " : "").Append(select.IsDistinct ? "DISTINCT " : "");
        AppendSelectors(text, select.Selectors);
        AppendWhere(text.Append(" FROM ").AppendName(select.Table), select.Where);
        if (!select.GroupBy.IsEmpty)
        {
            text.Append(" GROUP BY ").AppendAll(select.GroupBy, ", ", term => TermText.Append(text, term));
        }

        if (!select.OrderBy.IsEmpty)
        {
            text.Append(" ORDER BY ").AppendAll(
                select.OrderBy, ", ", order => text.AppendName(order.Column).Append(order.IsDescending ? " DESC" : " ASC"));
        }

        AppendOptional(text, " PER PARTITION LIMIT ", select.PerPartitionLimit);
        AppendOptional(text, " LIMIT ", select.Limit);
        text.Append(select.AllowFiltering ? " ALLOW FILTERING" : "");
    }

    private static void AppendInsert(StringBuilder text, InsertStatement insert)
    {
        text.Append("INSERT INTO ").AppendName(insert.Table).Append(" (").AppendNames(insert.Columns).Append(") VALUES (");
        text.AppendAll(insert.Values, ", ", value => TermText.Append(text, value)).Append(')');
        text.Append(insert.IfNotExists ? " IF NOT EXISTS" : "");
        AppendUsing(text, insert.Using);
    }

    private static void AppendInsertJson(StringBuilder text, InsertJsonStatement insert)
    {
        TermText.Append(text.Append("INSERT INTO ").AppendName(insert.Table).Append(" JSON "), insert.Json);
        text.Append(insert.IsDefaultUnset ? " DEFAULT UNSET" : "").Append(insert.IfNotExists ? " IF NOT EXISTS" : "");
        AppendUsing(text, insert.Using);
    }

    private static void AppendUpdate(StringBuilder text, UpdateStatement update)
    {
        AppendUsing(text.Append("UPDATE ").AppendName(update.Table), update.Using);
        text.Append(" SET ").AppendAll(update.Assignments, ", ", assignment => RelationText.Append(text, assignment));
        AppendWhere(text, update.Where);
        AppendConditions(text, update.IfExists, update.Conditions);
    }

    private static void AppendDelete(StringBuilder text, DeleteStatement delete)
    {
        text.Append("DELETE ").AppendAll(delete.Targets, ", ", target => RelationText.Append(text, target));
        AppendUsing(text.Append(delete.Targets.IsEmpty ? "FROM " : " FROM ").AppendName(delete.Table), delete.Using);
        AppendWhere(text, delete.Where);
        AppendConditions(text, delete.IfExists, delete.Conditions);
    }

    private static void AppendBatch(StringBuilder text, BatchStatement batch)
    {
        text.Append(batch.Kind switch
        {
            BatchKind.Unlogged => "BEGIN UNLOGGED BATCH",
            BatchKind.Counter => "BEGIN COUNTER BATCH",
            _ => "BEGIN BATCH",
        });
        AppendUsing(text, batch.Using);
        foreach (var statement in batch.Statements)
        {
            Append(text.Append(' '), statement, hidesSecrets: false);
            text.Append(';');
        }

        text.Append(" APPLY BATCH");
    }

    private static void AppendUsing(StringBuilder text, UsingClause clause)
    {
        AppendOptional(text, " USING TIMESTAMP ", clause.TimestampMicroseconds);
        AppendOptional(text, clause.TimestampMicroseconds is null ? " USING TTL " : " AND TTL ", clause.TimeToLiveSeconds);
    }

    private static void AppendConditions(StringBuilder text, bool ifExists, SyntaxList<Condition> conditions)
    {
        if (ifExists)
        {
            text.Append(" IF EXISTS");
        }
        else if (!conditions.IsEmpty)
        {
            text.Append(" IF ").AppendAll(conditions, " AND ", condition => RelationText.Append(text, condition));
        }
    }

    private static void AppendOptional(StringBuilder text, string before, Term? term)
    {
        if (term is not null)
        {
            TermText.Append(text.Append(before), term);
        }
    }
}
