using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads types.</summary>
internal static class TypeNameSyntax
{
    /// <summary>A type.</summary>
    public static TypeName Type(TokenReader reader)
    {
        reader.Enter();
        var token = reader.Current;
        var isParametric = reader.Peek(1).Kind == TokenKind.Less;
        TypeName type = token.Keyword switch
        {
            Keyword.List when isParametric => new ListTypeName(Parameter(reader)),
            Keyword.Set when isParametric => new SetTypeName(Parameter(reader)),
            Keyword.Frozen when isParametric => new FrozenTypeName(Parameter(reader)),
            Keyword.Map when isParametric => Map(reader),
            Keyword.Tuple when isParametric => Tuple(reader),
            _ when token.Kind == TokenKind.String => new CustomTypeName(reader.StringContent(reader.Next())),
            var keyword when keyword.IsNativeType() && reader.Peek(1).Kind != TokenKind.Dot => Native(reader),
            _ => new UserTypeName(NameSyntax.UserType(reader)),
        };
        reader.Leave();
        return type;
    }

    /// <summary>A native type.</summary>
    public static NativeTypeName Native(TokenReader reader) => reader.Current.Keyword.IsNativeType()
        ? new NativeTypeName(reader.NameOf(reader.Next()))
        : throw reader.Unexpected();

    private static TypeName Parameter(TokenReader reader)
    {
        reader.Next();
        reader.Expect(TokenKind.Less);
        var parameter = Type(reader);
        reader.Expect(TokenKind.Greater);
        return parameter;
    }

    private static MapTypeName Map(TokenReader reader)
    {
        reader.Next();
        reader.Expect(TokenKind.Less);
        var key = Type(reader);
        reader.Expect(TokenKind.Comma);
        var value = Type(reader);
        reader.Expect(TokenKind.Greater);
        return new MapTypeName(key, value);
    }

    private static TupleTypeName Tuple(TokenReader reader)
    {
        reader.Next();
        return new TupleTypeName(reader.List(TokenKind.Less, Type, TokenKind.Greater));
    }
}
