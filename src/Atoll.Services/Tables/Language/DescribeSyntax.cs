using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads DESCRIBE.</summary>
internal static class DescribeSyntax
{
    /// <summary>DESCRIBE, DESC.</summary>
    public static DescribeStatement Describe(TokenReader reader)
    {
        reader.Next();
        var statement = Target(reader);
        if (!reader.Accept(Keyword.With))
        {
            return statement;
        }

        reader.Expect(Keyword.Internals);
        return statement with { WithInternals = true };
    }

    private static DescribeStatement Target(TokenReader reader)
    {
        var next = reader.Peek(1);

        // Most of the words are names of keyspaces too: "describe types.t".
        var isAlone = next.Kind != TokenKind.Dot;
        DescribeTarget? list = reader.Current.Keyword switch
        {
            Keyword.Cluster when isAlone => DescribeTarget.Cluster,
            Keyword.Schema => DescribeTarget.Schema,
            Keyword.Keyspaces when isAlone => DescribeTarget.Keyspaces,
            Keyword.Tables or Keyword.ColumnFamilies when isAlone => DescribeTarget.Tables,
            Keyword.Types when isAlone => DescribeTarget.Types,
            Keyword.Functions when isAlone => DescribeTarget.Functions,
            Keyword.Aggregates when isAlone => DescribeTarget.Aggregates,
            _ => null,
        };
        if (list is { } found)
        {
            reader.Next();
            return new DescribeStatement(found, null, null, false);
        }

        switch (reader.Current.Keyword)
        {
            case Keyword.Full:
                reader.Expect(Keyword.Full, Keyword.Schema);
                return new DescribeStatement(DescribeTarget.FullSchema, null, null, false);
            case Keyword.Only when next.Keyword == Keyword.Keyspace:
                reader.Next();
                return Keyspace(reader, DescribeTarget.OnlyKeyspace);
            case Keyword.Keyspace:
                return Keyspace(reader, DescribeTarget.Keyspace);
            case Keyword.Table or Keyword.ColumnFamily:
                reader.Next();
                return Of(DescribeTarget.Table, NameSyntax.Table(reader));
            case Keyword.Index:
                reader.Next();
                return Of(DescribeTarget.Index, NameSyntax.Index(reader));
            case Keyword.Materialized:
                reader.Expect(Keyword.Materialized, Keyword.View);
                return Of(DescribeTarget.MaterializedView, NameSyntax.Table(reader));
            case Keyword.Type when next.IsName:
                reader.Next();
                return Of(DescribeTarget.Type, NameSyntax.UserType(reader));
            case Keyword.Function when next.IsName || next.IsFunctionName:
                reader.Next();
                return Of(DescribeTarget.Function, NameSyntax.Function(reader));
            case Keyword.Aggregate when next.IsName || next.IsFunctionName:
                reader.Next();
                return Of(DescribeTarget.Aggregate, NameSyntax.Function(reader));
            default:
                return Of(DescribeTarget.Any, NameSyntax.Table(reader));
        }
    }

    private static DescribeStatement Keyspace(TokenReader reader, DescribeTarget target)
    {
        reader.Expect(Keyword.Keyspace);
        return new DescribeStatement(target, reader.Current.IsName ? NameSyntax.Keyspace(reader) : null, null, false);
    }

    private static DescribeStatement Of(DescribeTarget target, QualifiedName name) => new(target, name.Keyspace, name.Name, false);
}
