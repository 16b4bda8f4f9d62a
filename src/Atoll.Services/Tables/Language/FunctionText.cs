using System.Diagnostics;
using System.Text;
using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Statements about functions, aggregates, triggers and views, and DESCRIBE, as CQL.</summary>
internal static class FunctionText
{
    public static void Append(StringBuilder text, Statement statement)
    {
        switch (statement)
        {
            case CreateFunctionStatement create:
                AppendCreateFunction(text, create);
                break;
            case DropFunctionStatement drop:
                AppendDrop(text, "FUNCTION ", drop.IfExists, drop.Name, drop.ArgumentTypes);
                break;
            case CreateAggregateStatement create:
                AppendCreateAggregate(text, create);
                break;
            case DropAggregateStatement drop:
                AppendDrop(text, "AGGREGATE ", drop.IfExists, drop.Name, drop.ArgumentTypes);
                break;
            case CreateTriggerStatement create:
                text.Append("CREATE TRIGGER ").Append(SchemaText.IfNot(create.IfNotExists)).AppendName(create.Name);
                text.Append(" ON ").AppendName(create.Table).Append(" USING ").Append(CqlText.String(create.ClassName));
                break;
            case DropTriggerStatement drop:
                text.Append("DROP TRIGGER ").Append(SchemaText.If(drop.IfExists)).AppendName(drop.Name);
                text.Append(" ON ").AppendName(drop.Table);
                break;
            case CreateViewStatement create:
                AppendCreateView(text, create);
                break;
            case AlterViewStatement alter:
                text.Append("ALTER MATERIALIZED VIEW ").Append(SchemaText.If(alter.IfExists)).AppendName(alter.View);
                SchemaText.AppendProperties(text, alter.Properties);
                break;
            case DropViewStatement drop:
                text.Append("DROP MATERIALIZED VIEW ").Append(SchemaText.If(drop.IfExists)).AppendName(drop.View);
                break;
            case DescribeStatement describe:
                AppendDescribe(text, describe);
                break;
            default:
                throw new UnreachableException(statement.GetType().Name);
        }
    }

    private static void AppendCreateFunction(StringBuilder text, CreateFunctionStatement create)
    {
        text.Append(create.IsOrReplace ? "CREATE OR REPLACE FUNCTION " : "CREATE FUNCTION ").Append(SchemaText.IfNot(create.IfNotExists));
        TermText.AppendFunctionName(text, create.Name);
        text.Append(" (").AppendAll(create.Arguments, ", ", argument => SchemaText.AppendField(text, argument));
        text.Append(create.IsCalledOnNull ? ") CALLED" : ") RETURNS NULL").Append(" ON NULL INPUT RETURNS ");
        TypeNameText.Append(text, create.ReturnType);
        text.Append(" LANGUAGE ").Append(create.Language).Append(" AS ").Append(CqlText.String(create.Body));
    }

    private static void AppendCreateAggregate(StringBuilder text, CreateAggregateStatement create)
    {
        text.Append(create.IsOrReplace ? "CREATE OR REPLACE AGGREGATE " : "CREATE AGGREGATE ").Append(SchemaText.IfNot(create.IfNotExists));
        TermText.AppendFunctionName(text, create.Name);
        AppendTypes(text.Append(' '), create.ArgumentTypes);
        TermText.AppendFunctionName(text.Append(" SFUNC "), create.StateFunction);
        TypeNameText.Append(text.Append(" STYPE "), create.StateType);
        if (create.FinalFunction is { } final)
        {
            TermText.AppendFunctionName(text.Append(" FINALFUNC "), final);
        }

        if (create.InitialState is { } initial)
        {
            TermText.Append(text.Append(" INITCOND "), initial);
        }
    }

    private static void AppendDrop(StringBuilder text, string what, bool ifExists, QualifiedName name, SyntaxList<TypeName>? types)
    {
        TermText.AppendFunctionName(text.Append("DROP ").Append(what).Append(SchemaText.If(ifExists)), name);
        if (types is { } given)
        {
            AppendTypes(text.Append(' '), given);
        }
    }

    public static void AppendTypes(StringBuilder text, SyntaxList<TypeName> types) =>
        text.Append('(').AppendAll(types, ", ", type => TypeNameText.Append(text, type)).Append(')');

    private static void AppendCreateView(StringBuilder text, CreateViewStatement create)
    {
        text.Append("CREATE MATERIALIZED VIEW ").Append(SchemaText.IfNot(create.IfNotExists)).AppendName(create.View).Append(" AS SELECT ");
        StatementText.AppendSelectors(text, create.Selectors);
        StatementText.AppendWhere(text.Append(" FROM ").AppendName(create.BaseTable), create.Where);
        SchemaText.AppendKey(text.Append(' '), create.PartitionKey, create.ClusteringKey);
        SchemaText.AppendTableOptions(text, isCompactStorage: false, create.ClusteringOrder, create.Properties);
    }

    private static void AppendDescribe(StringBuilder text, DescribeStatement describe)
    {
        text.Append("DESCRIBE ").Append(describe.Target switch
        {
            DescribeTarget.Cluster => "CLUSTER",
            DescribeTarget.Schema => "SCHEMA",
            DescribeTarget.FullSchema => "FULL SCHEMA",
            DescribeTarget.Keyspaces => "KEYSPACES",
            DescribeTarget.Keyspace => "KEYSPACE",
            DescribeTarget.OnlyKeyspace => "ONLY KEYSPACE",
            DescribeTarget.Tables => "TABLES",
            DescribeTarget.Table => "TABLE ",
            DescribeTarget.Index => "INDEX ",
            DescribeTarget.MaterializedView => "MATERIALIZED VIEW ",
            DescribeTarget.Types => "TYPES",
            DescribeTarget.Type => "TYPE ",
            DescribeTarget.Functions => "FUNCTIONS",
            DescribeTarget.Function => "FUNCTION ",
            DescribeTarget.Aggregates => "AGGREGATES",
            DescribeTarget.Aggregate => "AGGREGATE ",
            _ => "",
        });
        AppendDescribed(text, describe);
        text.Append(describe.WithInternals ? " WITH INTERNALS" : "");
    }

    private static void AppendDescribed(StringBuilder text, DescribeStatement describe)
    {
        if (describe.Name is not { } name)
        {
            if (describe.Keyspace is { } keyspace)
            {
                text.Append(' ').AppendName(keyspace);
            }
        }
        else if (describe.Target == DescribeTarget.Type)
        {
            TypeNameText.AppendUserTypeName(text, new QualifiedName(describe.Keyspace, name));
        }
        else if (describe.Target is DescribeTarget.Function or DescribeTarget.Aggregate)
        {
            TermText.AppendFunctionName(text, new QualifiedName(describe.Keyspace, name));
        }
        else if (describe is { Target: DescribeTarget.Any, Keyspace: null })
        {
            // In quotes always: many names of keyspaces and tables are also words that DESCRIBE knows.
            text.Append(CqlText.QuotedName(name));
        }
        else
        {
            text.AppendKeyspace(describe.Keyspace).AppendName(name);
        }
    }
}
