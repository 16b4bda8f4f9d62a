using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads statements about roles.</summary>
internal static class RoleSyntax
{
    /// <summary>CREATE ROLE, behind these words.</summary>
    public static CreateRoleStatement CreateRole(TokenReader reader)
    {
        var ifNotExists = reader.AcceptIfNotExists();
        var role = NameSyntax.Role(reader);
        return new CreateRoleStatement(role, ifNotExists, OptionalOptions(reader));
    }

    /// <summary>ALTER ROLE, behind these words.</summary>
    public static AlterRoleStatement AlterRole(TokenReader reader)
    {
        var ifExists = reader.AcceptIfExists();
        var role = NameSyntax.Role(reader);
        return new AlterRoleStatement(role, ifExists, OptionalOptions(reader));
    }

    /// <summary>CREATE USER, behind these words: a role that can log in.</summary>
    public static CreateRoleStatement CreateUser(TokenReader reader)
    {
        var ifNotExists = reader.AcceptIfNotExists();
        var role = NameSyntax.User(reader);
        var options = UserOptions(reader);
        return new CreateRoleStatement(
            role, ifNotExists, options with { CanLogin = true, IsSuperuser = options.IsSuperuser ?? false });
    }

    /// <summary>ALTER USER, behind these words.</summary>
    public static AlterRoleStatement AlterUser(TokenReader reader)
    {
        var ifExists = reader.AcceptIfExists();
        var role = NameSyntax.User(reader);
        return new AlterRoleStatement(role, ifExists, UserOptions(reader));
    }

    private static RoleOptions UserOptions(TokenReader reader)
    {
        var options = RoleOptions.None;
        if (reader.Accept(Keyword.With))
        {
            var isHashed = reader.Accept(Keyword.Hashed);
            reader.Expect(Keyword.Password);
            var password = reader.StringContent(reader.Expect(TokenKind.String));
            options = isHashed ? options with { HashedPassword = password } : options with { Password = password };
        }

        return reader.Accept(Keyword.Superuser) ? options with { IsSuperuser = true }
            : reader.Accept(Keyword.NoSuperuser) ? options with { IsSuperuser = false }
            : options;
    }

    private static RoleOptions OptionalOptions(TokenReader reader)
    {
        var options = RoleOptions.None;
        if (!reader.Accept(Keyword.With))
        {
            return options;
        }

        do
        {
            var start = reader.Current;
            options = Option(reader, options);
            if (options is { Password: not null, HashedPassword: not null })
            {
                throw SyntaxErrors.At(reader.Query, start.Start, "Options 'password' and 'hashed password' are mutually exclusive");
            }
        }
        while (reader.Accept(Keyword.And));

        return options;
    }

    private static RoleOptions Option(TokenReader reader, RoleOptions options)
    {
        var start = reader.Current;
        reader.Next();
        switch (start.Keyword)
        {
            case Keyword.Password:
                Once(reader, start, options.Password is null);
                return options with { Password = String(reader) };
            case Keyword.Hashed:
                reader.Expect(Keyword.Password);
                Once(reader, start, options.HashedPassword is null);
                return options with { HashedPassword = String(reader) };
            case Keyword.Superuser:
                Once(reader, start, options.IsSuperuser is null);
                return options with { IsSuperuser = Boolean(reader) };
            case Keyword.Login:
                Once(reader, start, options.CanLogin is null);
                return options with { CanLogin = Boolean(reader) };
            case Keyword.Options:
                Once(reader, start, options.Custom is null);
                reader.Expect(TokenKind.Equal);
                return options with { Custom = PropertySyntax.Map(reader) };
            case Keyword.Access:
                Once(reader, start, options.Access is null);
                reader.Expect(Keyword.To);
                return options with { Access = Access(reader) };
            default:
                throw SyntaxErrors.Unexpected(reader.Query, start);
        }
    }

    private static void Once(TokenReader reader, Token start, bool isFirst)
    {
        if (!isFirst)
        {
            throw SyntaxErrors.At(reader.Query, start.Start, $"Multiple definition for property '{reader.NameOf(start)}'");
        }
    }

    private static string String(TokenReader reader)
    {
        reader.Expect(TokenKind.Equal);
        return reader.StringContent(reader.Expect(TokenKind.String));
    }

    private static bool Boolean(TokenReader reader)
    {
        reader.Expect(TokenKind.Equal);
        return reader.NameOf(reader.Expect(TokenKind.Boolean)) == "true";
    }

    private static DatacenterAccess Access(TokenReader reader)
    {
        if (reader.Accept(Keyword.All))
        {
            reader.Expect(Keyword.Datacenters);
            return new DatacenterAccess(true, []);
        }

        reader.Expect(Keyword.Datacenters);
        return new DatacenterAccess(false, reader.List(
            TokenKind.LeftBrace, static reader => reader.StringContent(reader.Expect(TokenKind.String)), TokenKind.RightBrace));
    }
}
