using System.Diagnostics;
using System.Text;
using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Statements about keyspaces, tables, types and indexes as CQL; <see cref="FunctionText"/> has the rest.</summary>
internal static class SchemaText
{
    public static void Append(StringBuilder text, Statement statement)
    {
        switch (statement)
        {
            case CreateKeyspaceStatement create:
                text.Append("CREATE KEYSPACE ").Append(IfNot(create.IfNotExists)).AppendName(create.Name);
                AppendProperties(text, create.Properties);
                break;
            case AlterKeyspaceStatement alter:
                AppendProperties(text.Append("ALTER KEYSPACE ").Append(If(alter.IfExists)).AppendName(alter.Name), alter.Properties);
                break;
            case DropKeyspaceStatement drop:
                text.Append("DROP KEYSPACE ").Append(If(drop.IfExists)).AppendName(drop.Name);
                break;
            case CreateTableStatement create:
                AppendCreateTable(text, create);
                break;
            case AlterTableStatement alter:
                AppendAction(text.Append("ALTER TABLE ").Append(If(alter.IfExists)).AppendName(alter.Table).Append(' '), alter.Action);
                break;
            case DropTableStatement drop:
                text.Append("DROP TABLE ").Append(If(drop.IfExists)).AppendName(drop.Table);
                break;
            case CreateTypeStatement create:
                TypeNameText.AppendUserTypeName(text.Append("CREATE TYPE ").Append(IfNot(create.IfNotExists)), create.Name);
                text.Append(" (").AppendAll(create.Fields, ", ", field => AppendField(text, field)).Append(')');
                break;
            case AlterTypeStatement alter:
                TypeNameText.AppendUserTypeName(text.Append("ALTER TYPE ").Append(If(alter.IfExists)), alter.Name);
                AppendAction(text.Append(' '), alter.Action);
                break;
            case DropTypeStatement drop:
                TypeNameText.AppendUserTypeName(text.Append("DROP TYPE ").Append(If(drop.IfExists)), drop.Name);
                break;
            case CreateIndexStatement create:
                AppendCreateIndex(text, create);
                break;
            case DropIndexStatement drop:
                text.Append("DROP INDEX ").Append(If(drop.IfExists)).AppendName(drop.Index);
                break;
            default:
                FunctionText.Append(text, statement);
                break;
        }
    }

    public static string If(bool ifExists) => ifExists ? "IF EXISTS " : "";

    public static string IfNot(bool ifNotExists) => ifNotExists ? "IF NOT EXISTS " : "";

    public static void AppendField(StringBuilder text, FieldDeclaration field) =>
        TypeNameText.Append(text.AppendName(field.Name).Append(' '), field.Type);

    public static void AppendProperties(StringBuilder text, SyntaxList<Property> properties) =>
        AppendTableOptions(text, isCompactStorage: false, [], properties);

    public static void AppendMap(StringBuilder text, PropertyMap map) => text.Append('{').AppendAll(
        map.Entries, ", ", entry => text.Append(CqlText.String(entry.Key)).Append(": ").Append(CqlText.String(entry.Value))).Append('}');

    public static void AppendKey(StringBuilder text, SyntaxList<string> partitionKey, SyntaxList<string> clusteringKey)
    {
        text.Append("PRIMARY KEY ((").AppendNames(partitionKey).Append(')');
        text.Append(clusteringKey.IsEmpty ? "" : ", ").AppendNames(clusteringKey).Append(')');
    }

    public static void AppendTableOptions(
        StringBuilder text, bool isCompactStorage, SyntaxList<Ordering> order, SyntaxList<Property> properties)
    {
        var before = " WITH ";
        if (isCompactStorage)
        {
            text.Append(before).Append("COMPACT STORAGE");
            before = " AND ";
        }

        if (!order.IsEmpty)
        {
            text.Append(before).Append("CLUSTERING ORDER BY (").AppendAll(
                order, ", ", column => text.AppendName(column.Column).Append(column.IsDescending ? " DESC" : " ASC")).Append(')');
            before = " AND ";
        }

        foreach (var property in properties)
        {
            AppendProperty(text.Append(before), property);
            before = " AND ";
        }
    }

    private static void AppendProperty(StringBuilder text, Property property)
    {
        text.AppendName(property.Name).Append(" = ");
        switch (property.Value)
        {
            case PropertyText single:
                text.Append(CqlText.String(single.Text));
                break;
            case PropertyMap map:
                AppendMap(text, map);
                break;
            default:
                throw new UnreachableException(property.Value.GetType().Name);
        }
    }

    private static void AppendCreateTable(StringBuilder text, CreateTableStatement create)
    {
        text.Append("CREATE TABLE ").Append(IfNot(create.IfNotExists)).AppendName(create.Table).Append(" (");
        text.AppendAll(create.Columns, ", ", column => AppendColumn(text, column));
        if (!create.PartitionKey.IsEmpty)
        {
            AppendKey(text.Append(create.Columns.IsEmpty ? "" : ", "), create.PartitionKey, create.ClusteringKey);
        }

        AppendTableOptions(text.Append(')'), create.IsCompactStorage, create.ClusteringOrder, create.Properties);
    }

    private static void AppendColumn(StringBuilder text, ColumnDeclaration column)
    {
        TypeNameText.Append(text.AppendName(column.Name).Append(' '), column.Type);
        text.Append(column.IsStatic ? " STATIC" : "");
    }

    private static void AppendAction(StringBuilder text, AlterTableAction action)
    {
        switch (action)
        {
            case AlterColumnType alter:
                TypeNameText.Append(text.Append("ALTER ").AppendName(alter.Column).Append(" TYPE "), alter.Type);
                break;
            case AddColumns add:
                text.Append("ADD ").Append(IfNot(add.IfNotExists)).Append('(');
                text.AppendAll(add.Columns, ", ", column => AppendColumn(text, column)).Append(')');
                break;
            case DropColumns drop:
                text.Append("DROP ").Append(If(drop.IfExists)).Append('(').AppendNames(drop.Columns).Append(')');
                text.Append(drop.TimestampMicroseconds is { } timestamp ? $" USING TIMESTAMP {timestamp}" : "");
                break;
            case RenameColumns rename:
                AppendRenames(text.Append("RENAME ").Append(If(rename.IfExists)), rename.Renames);
                break;
            case DropCompactStorage:
                text.Append("DROP COMPACT STORAGE");
                break;
            case AlterTableProperties alter:
                text.Append("WITH ").AppendAll(alter.Properties, " AND ", property => AppendProperty(text, property));
                break;
            default:
                throw new UnreachableException(action.GetType().Name);
        }
    }

    private static void AppendAction(StringBuilder text, AlterTypeAction action)
    {
        switch (action)
        {
            case AlterFieldType alter:
                TypeNameText.Append(text.Append("ALTER ").AppendName(alter.Field).Append(" TYPE "), alter.Type);
                break;
            case AddField add:
                AppendField(text.Append("ADD ").Append(IfNot(add.IfNotExists)), add.Field);
                break;
            case RenameFields rename:
                AppendRenames(text.Append("RENAME ").Append(If(rename.IfExists)), rename.Renames);
                break;
            default:
                throw new UnreachableException(action.GetType().Name);
        }
    }

    private static void AppendRenames(StringBuilder text, SyntaxList<Rename> renames) => text.AppendAll(
        renames, " AND ", rename => text.AppendName(rename.From).Append(" TO ").AppendName(rename.To));

    private static void AppendCreateIndex(StringBuilder text, CreateIndexStatement create)
    {
        text.Append("CREATE ").Append(create.IsCustom ? "CUSTOM " : "").Append("INDEX ").Append(IfNot(create.IfNotExists));
        if (create.Name is { } name)
        {
            text.AppendName(name).Append(' ');
        }

        text.Append("ON ").AppendName(create.Table).Append(" (");
        text.AppendAll(create.Targets, ", ", target => AppendTarget(text, target)).Append(')');
        if (create.ClassName is { } className)
        {
            text.Append(" USING ").Append(CqlText.String(className));
        }

        AppendProperties(text, create.Properties);
    }

    private static void AppendTarget(StringBuilder text, IndexedColumn target)
    {
        if (target.Kind == IndexedPart.Column)
        {
            // Unquoted, a column of this name would be taken for VALUES(...) only if parentheses followed, and none do.
            text.AppendName(target.Column);
            return;
        }

        text.Append(target.Kind switch
        {
            IndexedPart.Values => "VALUES(",
            IndexedPart.Keys => "KEYS(",
            IndexedPart.Entries => "ENTRIES(",
            _ => "FULL(",
        }).AppendName(target.Column).Append(')');
    }
}
