using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>
/// The parser of CQL 3.4, written by hand along the grammar: a function a rule, one token after the other, never back. It takes time and
/// memory in proportion to the text, and refuses what would make a tree too deep to walk (<see cref="Foundation.Limits"/>). It knows no
/// schema: whether names exist and types fit is not its business.
/// </summary>
public static class CqlParser
{
    /// <summary>The tree of one statement. Semicolons may follow it.</summary>
    /// <exception cref="CqlSyntaxException">The text is no statement.</exception>
    public static Statement Parse(string query)
    {
        var reader = new TokenReader(query);
        var statement = Statement(reader);
        while (reader.Accept(TokenKind.Semicolon))
        {
        }

        reader.Expect(TokenKind.End);
        return statement with { Markers = reader.Markers };
    }

    /// <summary>A type alone: "map&lt;text, frozen&lt;list&lt;int&gt;&gt;&gt;".</summary>
    /// <exception cref="CqlSyntaxException">The text is no type.</exception>
    public static TypeName ParseType(string text) => Whole(text, TypeNameSyntax.Type);

    /// <summary>A term alone, without columns: "{'a': 1}".</summary>
    /// <exception cref="CqlSyntaxException">The text is no term.</exception>
    public static Term ParseTerm(string text) => Whole(text, TermSyntax.Term);

    private static T Whole<T>(string text, Func<TokenReader, T> read)
    {
        var reader = new TokenReader(text);
        var tree = read(reader);
        reader.Expect(TokenKind.End);
        return tree;
    }

    private static Statement Statement(TokenReader reader)
    {
        switch (reader.Current.Keyword)
        {
            case Keyword.Select:
                return SelectSyntax.Select(reader);
            case Keyword.Insert:
                return ModificationSyntax.Insert(reader);
            case Keyword.Update:
                return ModificationSyntax.Update(reader);
            case Keyword.Delete:
                return ModificationSyntax.Delete(reader);
            case Keyword.Begin:
                return ModificationSyntax.Batch(reader);
            case Keyword.Use:
                reader.Next();
                return new UseStatement(NameSyntax.Keyspace(reader));
            case Keyword.Truncate:
                return Truncate(reader);
            case Keyword.Create:
                return Create(reader);
            case Keyword.Alter:
                return Alter(reader);
            case Keyword.Drop:
                return Drop(reader);
            case Keyword.Grant:
                return PermissionSyntax.Grant(reader);
            case Keyword.Revoke:
                return PermissionSyntax.Revoke(reader);
            case Keyword.List:
                return PermissionSyntax.List(reader);
            case Keyword.Describe or Keyword.Desc:
                return DescribeSyntax.Describe(reader);
            default:
                throw reader.Unexpected();
        }
    }

    private static TruncateStatement Truncate(TokenReader reader)
    {
        reader.Expect(Keyword.Truncate);
        if (!reader.Accept(Keyword.Table))
        {
            reader.Accept(Keyword.ColumnFamily);
        }

        return new TruncateStatement(NameSyntax.Table(reader));
    }

    private static Statement Create(TokenReader reader)
    {
        reader.Expect(Keyword.Create);
        if (reader.Accept(Keyword.Or))
        {
            reader.Expect(Keyword.Replace);
            return reader.Accept(Keyword.Function) ? ObjectSyntax.CreateFunction(reader, isOrReplace: true)
                : reader.Accept(Keyword.Aggregate) ? ObjectSyntax.CreateAggregate(reader, isOrReplace: true)
                : throw reader.Unexpected();
        }

        if (reader.Accept(Keyword.Custom))
        {
            reader.Expect(Keyword.Index);
            return ObjectSyntax.CreateIndex(reader, isCustom: true);
        }

        Func<TokenReader, Statement>? read = reader.Current.Keyword switch
        {
            Keyword.Keyspace or Keyword.Schema => TableSyntax.CreateKeyspace,
            Keyword.Table or Keyword.ColumnFamily => TableSyntax.CreateTable,
            Keyword.Materialized => TableSyntax.CreateView,
            Keyword.Type => ObjectSyntax.CreateType,
            Keyword.Index => static reader => ObjectSyntax.CreateIndex(reader, isCustom: false),
            Keyword.Function => static reader => ObjectSyntax.CreateFunction(reader, isOrReplace: false),
            Keyword.Aggregate => static reader => ObjectSyntax.CreateAggregate(reader, isOrReplace: false),
            Keyword.Trigger => ObjectSyntax.CreateTrigger,
            Keyword.Role => RoleSyntax.CreateRole,
            Keyword.User => RoleSyntax.CreateUser,
            _ => null,
        };
        return Behind(reader, read);
    }

    private static Statement Alter(TokenReader reader)
    {
        reader.Expect(Keyword.Alter);
        Func<TokenReader, Statement>? read = reader.Current.Keyword switch
        {
            Keyword.Keyspace or Keyword.Schema => TableSyntax.AlterKeyspace,
            Keyword.Table or Keyword.ColumnFamily => TableSyntax.AlterTable,
            Keyword.Materialized => TableSyntax.AlterView,
            Keyword.Type => ObjectSyntax.AlterType,
            Keyword.Role => RoleSyntax.AlterRole,
            Keyword.User => RoleSyntax.AlterUser,
            _ => null,
        };
        return Behind(reader, read);
    }

    private static Statement Drop(TokenReader reader)
    {
        reader.Expect(Keyword.Drop);
        var isKnown = reader.Current.Keyword is Keyword.Keyspace or Keyword.Schema or Keyword.Table or Keyword.ColumnFamily
            or Keyword.Materialized or Keyword.Type or Keyword.Index or Keyword.Function or Keyword.Aggregate or Keyword.Trigger
            or Keyword.Role or Keyword.User;
        return isKnown ? ObjectSyntax.Drop(reader) : throw reader.Unexpected();
    }

    private static Statement Behind(TokenReader reader, Func<TokenReader, Statement>? read)
    {
        if (read is null)
        {
            throw reader.Unexpected();
        }

        reader.Next();
        return read(reader);
    }
}
