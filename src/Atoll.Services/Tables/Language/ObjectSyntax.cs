using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads CREATE, ALTER and DROP of types, indexes, functions, aggregates and triggers, behind their first words.</summary>
internal static class ObjectSyntax
{
    /// <summary>CREATE TYPE.</summary>
    public static CreateTypeStatement CreateType(TokenReader reader)
    {
        var ifNotExists = reader.AcceptIfNotExists();
        var name = NameSyntax.UserType(reader);
        var fields = new List<FieldDeclaration>();
        reader.Expect(TokenKind.LeftParenthesis);
        do
        {
            // A comma may be followed by nothing, like in Cassandra.
            if (fields.Count == 0 || reader.Current.Kind is not (TokenKind.Comma or TokenKind.RightParenthesis))
            {
                fields.Add(Field(reader));
            }
        }
        while (reader.Accept(TokenKind.Comma));

        reader.Expect(TokenKind.RightParenthesis);
        return new CreateTypeStatement(name, ifNotExists, [.. fields]);
    }

    /// <summary>ALTER TYPE.</summary>
    public static AlterTypeStatement AlterType(TokenReader reader)
    {
        var ifExists = reader.AcceptIfExists();
        var name = NameSyntax.UserType(reader);
        return new AlterTypeStatement(name, ifExists, Action(reader));
    }

    /// <summary>CREATE INDEX.</summary>
    public static CreateIndexStatement CreateIndex(TokenReader reader, bool isCustom)
    {
        var ifNotExists = reader.AcceptIfNotExists();
        var name = reader.Is(Keyword.On) ? null : NameSyntax.IndexName(reader);
        reader.Expect(Keyword.On);
        var table = NameSyntax.Table(reader);
        var columns = reader.List(TokenKind.LeftParenthesis, IndexedColumn, TokenKind.RightParenthesis, isEmptyAllowed: true);
        return new CreateIndexStatement(name, table, ifNotExists, columns)
        {
            IsCustom = isCustom,
            ClassName = reader.Accept(Keyword.Using) ? reader.StringContent(reader.Expect(TokenKind.String)) : null,
            Properties = PropertySyntax.OptionalProperties(reader),
        };
    }

    /// <summary>CREATE FUNCTION.</summary>
    public static CreateFunctionStatement CreateFunction(TokenReader reader, bool isOrReplace)
    {
        var ifNotExists = reader.AcceptIfNotExists();
        var name = NameSyntax.Function(reader);
        var arguments = reader.List(TokenKind.LeftParenthesis, Field, TokenKind.RightParenthesis, isEmptyAllowed: true);
        var isCalledOnNull = reader.Accept(Keyword.Called);
        if (!isCalledOnNull)
        {
            reader.Expect(Keyword.Returns, Keyword.Null);
        }

        reader.Expect(Keyword.On, Keyword.Null);
        reader.Expect(Keyword.Input, Keyword.Returns);
        var returnType = TypeNameSyntax.Type(reader);
        reader.Expect(Keyword.Language);
        if (reader.Current is not { Kind: TokenKind.Word, Keyword: Keyword.None })
        {
            throw reader.Unexpected();
        }

        var language = reader.NameOf(reader.Next());
        reader.Expect(Keyword.As);
        var body = reader.StringContent(reader.Expect(TokenKind.String));
        return new CreateFunctionStatement(name, isOrReplace, ifNotExists, arguments, isCalledOnNull, returnType, language, body);
    }

    /// <summary>CREATE AGGREGATE.</summary>
    public static CreateAggregateStatement CreateAggregate(TokenReader reader, bool isOrReplace)
    {
        var ifNotExists = reader.AcceptIfNotExists();
        var name = NameSyntax.Function(reader);
        var types = Types(reader);
        reader.Expect(Keyword.SFunc);
        var stateFunction = NameSyntax.FunctionName(reader);
        reader.Expect(Keyword.SType);
        var stateType = TypeNameSyntax.Type(reader);
        var finalFunction = reader.Accept(Keyword.FinalFunc) ? NameSyntax.FunctionName(reader) : null;
        var initialState = reader.Accept(Keyword.InitCond) ? TermSyntax.Term(reader) : null;
        return new CreateAggregateStatement(
            name, isOrReplace, ifNotExists, types, stateFunction, stateType, finalFunction, initialState);
    }

    /// <summary>CREATE TRIGGER.</summary>
    public static CreateTriggerStatement CreateTrigger(TokenReader reader)
    {
        var ifNotExists = reader.AcceptIfNotExists();
        var name = NameSyntax.Name(reader);
        reader.Expect(Keyword.On);
        var table = NameSyntax.Table(reader);
        reader.Expect(Keyword.Using);
        return new CreateTriggerStatement(name, ifNotExists, table, reader.StringContent(reader.Expect(TokenKind.String)));
    }

    /// <summary>What follows DROP.</summary>
    public static Statement Drop(TokenReader reader)
    {
        var keyword = reader.Current.Keyword;
        reader.Next();
        if (keyword == Keyword.Materialized)
        {
            reader.Expect(Keyword.View);
        }

        var ifExists = reader.AcceptIfExists();
        switch (keyword)
        {
            case Keyword.Keyspace or Keyword.Schema:
                return new DropKeyspaceStatement(NameSyntax.Keyspace(reader), ifExists);
            case Keyword.Table or Keyword.ColumnFamily:
                return new DropTableStatement(NameSyntax.Table(reader), ifExists);
            case Keyword.Materialized:
                return new DropViewStatement(NameSyntax.Table(reader), ifExists);
            case Keyword.Type:
                return new DropTypeStatement(NameSyntax.UserType(reader), ifExists);
            case Keyword.Index:
                return new DropIndexStatement(NameSyntax.Index(reader), ifExists);
            case Keyword.Function:
                return new DropFunctionStatement(NameSyntax.Function(reader), ifExists, OptionalTypes(reader));
            case Keyword.Aggregate:
                return new DropAggregateStatement(NameSyntax.Function(reader), ifExists, OptionalTypes(reader));
            case Keyword.Role:
                return new DropRoleStatement(NameSyntax.Role(reader), ifExists);
            case Keyword.User:
                return new DropRoleStatement(NameSyntax.User(reader), ifExists);
            default:
                var trigger = NameSyntax.Name(reader);
                reader.Expect(Keyword.On);
                return new DropTriggerStatement(trigger, ifExists, NameSyntax.Table(reader));
        }
    }

    /// <summary>Types in parentheses, perhaps none.</summary>
    public static SyntaxList<TypeName> Types(TokenReader reader) =>
        reader.List(TokenKind.LeftParenthesis, TypeNameSyntax.Type, TokenKind.RightParenthesis, isEmptyAllowed: true);

    private static SyntaxList<TypeName>? OptionalTypes(TokenReader reader) =>
        reader.Is(TokenKind.LeftParenthesis) ? Types(reader) : null;

    private static FieldDeclaration Field(TokenReader reader)
    {
        var name = NameSyntax.Name(reader);
        return new FieldDeclaration(name, TypeNameSyntax.Type(reader));
    }

    private static AlterTypeAction Action(TokenReader reader)
    {
        if (reader.Accept(Keyword.Alter))
        {
            var field = NameSyntax.Name(reader);
            reader.Expect(Keyword.Type);
            return new AlterFieldType(field, TypeNameSyntax.Type(reader));
        }

        if (reader.Accept(Keyword.Add))
        {
            var ifNotExists = reader.AcceptIfNotExists();
            return new AddField(ifNotExists, Field(reader));
        }

        if (!reader.Accept(Keyword.Rename))
        {
            throw reader.Unexpected();
        }

        var ifExists = reader.AcceptIfExists();
        return new RenameFields(ifExists, TableSyntax.Renames(reader));
    }

    private static IndexedColumn IndexedColumn(TokenReader reader)
    {
        IndexedPart? part = reader.Peek(1).Kind != TokenKind.LeftParenthesis ? null : reader.Current.Keyword switch
        {
            Keyword.Values => IndexedPart.Values,
            Keyword.Keys => IndexedPart.Keys,
            Keyword.Entries => IndexedPart.Entries,
            Keyword.Full => IndexedPart.Full,
            _ => null,
        };
        if (part is not { } found)
        {
            return new IndexedColumn(IndexedPart.Column, NameSyntax.ColumnName(reader));
        }

        reader.Next();
        reader.Expect(TokenKind.LeftParenthesis);
        var column = NameSyntax.ColumnName(reader);
        reader.Expect(TokenKind.RightParenthesis);
        return new IndexedColumn(found, column);
    }
}
