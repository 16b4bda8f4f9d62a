using System.Globalization;
using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads CREATE, ALTER and DROP of keyspaces, tables and materialized views, behind their first words.</summary>
internal static class TableSyntax
{
    /// <summary>CREATE KEYSPACE.</summary>
    public static CreateKeyspaceStatement CreateKeyspace(TokenReader reader)
    {
        var ifNotExists = reader.AcceptIfNotExists();
        var name = NameSyntax.Keyspace(reader);
        reader.Expect(Keyword.With);
        return new CreateKeyspaceStatement(name, ifNotExists, PropertySyntax.Properties(reader));
    }

    /// <summary>ALTER KEYSPACE.</summary>
    public static AlterKeyspaceStatement AlterKeyspace(TokenReader reader)
    {
        var ifExists = reader.AcceptIfExists();
        var name = NameSyntax.Keyspace(reader);
        reader.Expect(Keyword.With);
        return new AlterKeyspaceStatement(name, ifExists, PropertySyntax.Properties(reader));
    }

    /// <summary>CREATE TABLE.</summary>
    public static CreateTableStatement CreateTable(TokenReader reader)
    {
        var ifNotExists = reader.AcceptIfNotExists();
        var table = NameSyntax.Table(reader);
        var columns = new List<ColumnDeclaration>();
        (SyntaxList<string> Partition, SyntaxList<string> Clustering)? key = null;
        reader.Expect(TokenKind.LeftParenthesis);
        do
        {
            // A comma may be followed by nothing, like in Cassandra.
            if (columns.Count > 0 && reader.Current.Kind is TokenKind.Comma or TokenKind.RightParenthesis)
            {
                continue;
            }

            var start = reader.Current;
            if (ColumnOrKey(reader, columns) is { } found)
            {
                key = key is null ? found : throw SyntaxErrors.At(
                    reader.Query, start.Start, $"Multiple PRIMARY KEYs specified for table '{table}' (exactly one required)");
            }
        }
        while (reader.Accept(TokenKind.Comma));

        reader.Expect(TokenKind.RightParenthesis);
        var options = new TableOptionsReader();
        if (reader.Accept(Keyword.With))
        {
            reader.Conjunction(options.Read);
        }

        return new CreateTableStatement(table, ifNotExists, [.. columns], key?.Partition ?? [], key?.Clustering ?? [])
        {
            ClusteringOrder = options.ClusteringOrder,
            IsCompactStorage = options.IsCompactStorage,
            Properties = options.Properties,
        };
    }

    /// <summary>ALTER TABLE.</summary>
    public static AlterTableStatement AlterTable(TokenReader reader)
    {
        var ifExists = reader.AcceptIfExists();
        var table = NameSyntax.Table(reader);
        return new AlterTableStatement(table, ifExists, Action(reader));
    }

    /// <summary>CREATE MATERIALIZED VIEW.</summary>
    public static CreateViewStatement CreateView(TokenReader reader)
    {
        reader.Expect(Keyword.View);
        var ifNotExists = reader.AcceptIfNotExists();
        var view = NameSyntax.Table(reader);
        reader.Expect(Keyword.As, Keyword.Select);
        var selectors = SelectorSyntax.Selectors(reader);
        reader.Expect(Keyword.From);
        var table = NameSyntax.Table(reader);
        var where = RelationSyntax.OptionalWhere(reader);
        var (partition, clustering) = PrimaryKey(reader);
        var options = new TableOptionsReader();
        if (reader.Accept(Keyword.With))
        {
            var start = reader.Current;
            reader.Conjunction(options.Read);
            if (options.IsCompactStorage)
            {
                throw SyntaxErrors.At(reader.Query, start.Start, "COMPACT STORAGE tables are not allowed starting with version 4.0");
            }
        }

        return new CreateViewStatement(view, ifNotExists, selectors, table, where, partition, clustering)
        {
            ClusteringOrder = options.ClusteringOrder,
            Properties = options.Properties,
        };
    }

    /// <summary>ALTER MATERIALIZED VIEW.</summary>
    public static AlterViewStatement AlterView(TokenReader reader)
    {
        reader.Expect(Keyword.View);
        var ifExists = reader.AcceptIfExists();
        var view = NameSyntax.Table(reader);
        reader.Expect(Keyword.With);
        return new AlterViewStatement(view, ifExists, PropertySyntax.Properties(reader));
    }

    /// <summary>Reads new names: a TO b, with AND between them.</summary>
    public static SyntaxList<Rename> Renames(TokenReader reader) => reader.Conjunction(static reader =>
    {
        var from = NameSyntax.Name(reader);
        reader.Expect(Keyword.To);
        return new Rename(from, NameSyntax.Name(reader));
    });

    /// <summary>A column, which is added to the list, or the primary key; a column may also be the key.</summary>
    private static (SyntaxList<string> Partition, SyntaxList<string> Clustering)? ColumnOrKey(
        TokenReader reader, List<ColumnDeclaration> columns)
    {
        if (reader.Is(Keyword.Primary))
        {
            return PrimaryKey(reader);
        }

        var column = Column(reader);
        columns.Add(column);
        if (!reader.Accept(Keyword.Primary))
        {
            return null;
        }

        reader.Expect(Keyword.Key);
        return ([column.Name], []);
    }

    private static (SyntaxList<string> Partition, SyntaxList<string> Clustering) PrimaryKey(TokenReader reader)
    {
        reader.Expect(Keyword.Primary, Keyword.Key);
        reader.Expect(TokenKind.LeftParenthesis);
        SyntaxList<string> partition = reader.Is(TokenKind.LeftParenthesis)
            ? reader.List(TokenKind.LeftParenthesis, NameSyntax.Name, TokenKind.RightParenthesis)
            : [NameSyntax.Name(reader)];
        SyntaxList<string> clustering = reader.Accept(TokenKind.Comma) ? reader.List(NameSyntax.Name) : [];
        reader.Expect(TokenKind.RightParenthesis);
        return (partition, clustering);
    }

    private static ColumnDeclaration Column(TokenReader reader)
    {
        var name = NameSyntax.Name(reader);
        var type = TypeNameSyntax.Type(reader);
        return new ColumnDeclaration(name, type, reader.Accept(Keyword.Static));
    }

    private static AlterTableAction Action(TokenReader reader)
    {
        if (reader.Accept(Keyword.Alter))
        {
            var column = NameSyntax.ColumnName(reader);
            reader.Expect(Keyword.Type);
            return new AlterColumnType(column, TypeNameSyntax.Type(reader));
        }

        if (reader.Accept(Keyword.Add))
        {
            var ifNotExists = reader.AcceptIfNotExists();
            return new AddColumns(ifNotExists, OneOrMore(reader, Column));
        }

        if (reader.Accept(Keyword.Drop))
        {
            return Drop(reader);
        }

        if (reader.Accept(Keyword.Rename))
        {
            var ifExists = reader.AcceptIfExists();
            return new RenameColumns(ifExists, Renames(reader));
        }

        return reader.Accept(Keyword.With) ? new AlterTableProperties(PropertySyntax.Properties(reader)) : throw reader.Unexpected();
    }

    private static AlterTableAction Drop(TokenReader reader)
    {
        if (reader.Are(Keyword.Compact, Keyword.Storage))
        {
            reader.Expect(Keyword.Compact, Keyword.Storage);
            return new DropCompactStorage();
        }

        var ifExists = reader.AcceptIfExists();
        var columns = OneOrMore(reader, NameSyntax.Name);
        if (!reader.Accept(Keyword.Using))
        {
            return new DropColumns(ifExists, columns, null);
        }

        reader.Expect(Keyword.Timestamp);
        var number = reader.Expect(TokenKind.Integer);
        return long.TryParse(reader.Text(number), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var timestamp)
            ? new DropColumns(ifExists, columns, timestamp)
            : throw SyntaxErrors.At(reader.Query, number.Start, $"the timestamp {reader.Text(number)} has more than 64 bits");
    }

    private static SyntaxList<T> OneOrMore<T>(TokenReader reader, Func<TokenReader, T> item) => reader.Is(TokenKind.LeftParenthesis)
        ? reader.List(TokenKind.LeftParenthesis, item, TokenKind.RightParenthesis)
        : [item(reader)];
}

/// <summary>Reads what stands behind WITH of a table or a view: properties, and what looks like one.</summary>
internal sealed class TableOptionsReader
{
    private readonly PropertyCollector _properties = new();

    /// <summary>The properties.</summary>
    public SyntaxList<Property> Properties => _properties.All;

    /// <summary>CLUSTERING ORDER BY.</summary>
    public SyntaxList<Ordering> ClusteringOrder { get; private set; } = [];

    /// <summary>COMPACT STORAGE.</summary>
    public bool IsCompactStorage { get; private set; }

    /// <summary>Reads one of them.</summary>
    public bool Read(TokenReader reader)
    {
        if (reader.Are(Keyword.Compact, Keyword.Storage))
        {
            reader.Expect(Keyword.Compact, Keyword.Storage);
            IsCompactStorage = true;
        }
        else if (reader.Are(Keyword.Clustering, Keyword.Order))
        {
            reader.Expect(Keyword.Clustering, Keyword.Order);
            reader.Expect(Keyword.By);
            var more = reader.List(TokenKind.LeftParenthesis, Order, TokenKind.RightParenthesis);
            ClusteringOrder = [.. ClusteringOrder, .. more];
        }
        else
        {
            _properties.Read(reader);
        }

        return true;
    }

    private static Ordering Order(TokenReader reader)
    {
        var column = NameSyntax.Name(reader);
        var isDescending = reader.Accept(Keyword.Desc);
        if (!isDescending)
        {
            reader.Expect(Keyword.Asc);
        }

        return new Ordering(column, isDescending);
    }
}
