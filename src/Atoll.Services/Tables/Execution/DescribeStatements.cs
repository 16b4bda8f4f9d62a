using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>DESCRIBE: things of the schema as rows of keyspace, kind, name and the statement that creates them.</summary>
/// <param name="schema">The schema.</param>
/// <param name="current">The session's keyspace.</param>
/// <param name="clusterName">The cluster's name.</param>
internal sealed class DescribeStatements(TableSchema schema, string? current, string clusterName)
{
    private sealed record Described(string Keyspace, string Kind, string Name, string Text);

    /// <summary>Executes the statement.</summary>
    /// <exception cref="CqlException">There is no such thing.</exception>
    public RowsResult Execute(DescribeStatement statement)
    {
        switch (statement.Target)
        {
            case DescribeTarget.Cluster:
                return Rows(
                    ["cluster", "partitioner", "snitch"],
                    [[clusterName, "org.apache.cassandra.dht.Murmur3Partitioner", "org.apache.cassandra.locator.SimpleSnitch"]]);
            case DescribeTarget.Keyspaces:
                return Names(schema.Keyspaces.Values.Select(keyspace => new Described(keyspace.Name, "keyspace", keyspace.Name, "")));
            case DescribeTarget.Tables:
                return Names(Keyspaces().SelectMany(keyspace => keyspace.Tables.Values).Select(Describe));
            case DescribeTarget.Types:
                return Names(Keyspaces().SelectMany(keyspace => keyspace.Types.Values).Select(Describe));
            case DescribeTarget.Functions or DescribeTarget.Aggregates:
                return Names([]);
            case DescribeTarget.Schema:
                return Statements(schema.Keyspaces.Values.Where(keyspace => !keyspace.IsVirtual).SelectMany(All));
            case DescribeTarget.FullSchema:
                return Statements(schema.Keyspaces.Values.SelectMany(All));
            case DescribeTarget.Keyspace:
                return Statements(All(Keyspace(statement.Keyspace)));
            case DescribeTarget.OnlyKeyspace:
                return Statements([Describe(Keyspace(statement.Keyspace))]);
            case DescribeTarget.Table:
                var keyspace = Keyspace(statement.Keyspace);
                return keyspace.Tables.TryGetValue(statement.Name!, out var table)
                    ? Statements(WithIndexes(table))
                    : throw CqlException.Invalid($"Table '{statement.Name}' not found in keyspace '{keyspace.Name}'");
            case DescribeTarget.Type:
                keyspace = Keyspace(statement.Keyspace);
                return keyspace.Types.TryGetValue(statement.Name!, out var type)
                    ? Statements([Describe(type)])
                    : throw CqlException.Invalid($"User defined type '{statement.Name}' not found in '{keyspace.Name}'");
            case DescribeTarget.Index:
                keyspace = Keyspace(statement.Keyspace);
                return Index(keyspace, statement.Name!) is { } index
                    ? Statements([index])
                    : throw CqlException.Invalid($"Table for existing index '{statement.Name}' not found in '{keyspace.Name}'");
            case DescribeTarget.Any:
                return Any(statement);
            default:
                throw CqlException.Invalid($"'{statement.Name}' not found in keyspace '{Keyspace(statement.Keyspace).Name}'");
        }
    }

    private RowsResult Any(DescribeStatement statement)
    {
        var name = statement.Name ?? statement.Keyspace!;
        if ((statement.Keyspace is null || statement.Name is null) && schema.Keyspaces.TryGetValue(name, out var named))
        {
            return Statements(All(named));
        }

        if ((statement.Keyspace ?? current) is null)
        {
            throw CqlException.Invalid($"'{name}' not found in keyspaces");
        }

        var keyspace = Keyspace(statement.Keyspace);
        return keyspace.Tables.TryGetValue(name, out var table) ? Statements(WithIndexes(table))
            : Index(keyspace, name) is { } index ? Statements([index])
            : throw CqlException.Invalid($"'{name}' not found in keyspace '{keyspace.Name}'");
    }

    private KeyspaceDefinition Keyspace(string? name)
    {
        var wanted = name ?? current ?? throw CqlException.Invalid("No keyspace specified and no current keyspace");
        return schema.Keyspaces.TryGetValue(wanted, out var keyspace)
            ? keyspace
            : throw CqlException.Invalid($"'{wanted}' not found in keyspaces");
    }

    private IEnumerable<KeyspaceDefinition> Keyspaces() => current is null ? schema.Keyspaces.Values : [Keyspace(null)];

    private IEnumerable<Described> All(KeyspaceDefinition keyspace) =>
    [
        Describe(keyspace), .. InOrder(keyspace).Select(Describe), .. keyspace.Tables.Values.SelectMany(WithIndexes),
    ];

    // Types that others are made of come before them, so that the statements can be executed from top to bottom.
    private static List<UserTypeDefinition> InOrder(KeyspaceDefinition keyspace)
    {
        var ordered = new List<UserTypeDefinition>();
        foreach (var type in keyspace.Types.Values)
        {
            Visit(type);
        }

        return ordered;

        void Visit(UserTypeDefinition type)
        {
            if (ordered.Contains(type))
            {
                return;
            }

            foreach (var field in type.Type.Fields)
            {
                VisitIn(field.Type);
            }

            ordered.Add(type);
        }

        void VisitIn(CqlType type)
        {
            switch (type)
            {
                case UserType user:
                    Visit(keyspace.Types[user.Name]);
                    break;
                case ListType list:
                    VisitIn(list.Element);
                    break;
                case SetType set:
                    VisitIn(set.Element);
                    break;
                case MapType map:
                    VisitIn(map.Key);
                    VisitIn(map.Value);
                    break;
                case TupleType tuple:
                    foreach (var element in tuple.Elements)
                    {
                        VisitIn(element);
                    }

                    break;
            }
        }
    }

    private IEnumerable<Described> WithIndexes(TableDefinition table) =>
    [
        Describe(table),
        .. table.Indexes.Select(index => new Described(table.Keyspace, "index", index.Name, SchemaText.Of(table, index))),
    ];

    private static Described? Index(KeyspaceDefinition keyspace, string name) => keyspace.Tables.Values
        .SelectMany(table => table.Indexes.Select(index => (Table: table, Index: index)))
        .Where(pair => pair.Index.Name == name)
        .Select(pair => new Described(keyspace.Name, "index", name, SchemaText.Of(pair.Table, pair.Index)))
        .FirstOrDefault();

    private static Described Describe(KeyspaceDefinition keyspace) =>
        new(keyspace.Name, "keyspace", keyspace.Name, SchemaText.Of(keyspace));

    private static Described Describe(UserTypeDefinition type) => new(type.Type.Keyspace, "type", type.Name, SchemaText.Of(type));

    private Described Describe(TableDefinition table) => new(
        table.Keyspace, "table", table.Name, SchemaText.Of(table, schema.Keyspaces[table.Keyspace].IsVirtual));

    private static RowsResult Names(IEnumerable<Described> things) => Rows(
        ["keyspace_name", "type", "name"],
        things.Select(thing => new[] { CqlNames.Quote(thing.Keyspace), thing.Kind, CqlNames.Quote(thing.Name) }));

    private static RowsResult Statements(IEnumerable<Described> things) => Rows(
        ["keyspace_name", "type", "name", "create_statement"],
        things.Select(thing => new[] { CqlNames.Quote(thing.Keyspace), thing.Kind, CqlNames.Quote(thing.Name), thing.Text }));

    private static RowsResult Rows(IEnumerable<string> columns, IEnumerable<string[]> rows) => new(
        [.. columns.Select(column => new ColumnSpec("system", "describe", column, CqlTypes.Text))],
        [.. rows.Select(row => row.Select(text => (ReadOnlyMemory<byte>?)CqlBytes.Of(text)).ToArray())], default);
}
