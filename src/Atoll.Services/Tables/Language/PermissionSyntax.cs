using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Reads GRANT, REVOKE and LIST.</summary>
internal static class PermissionSyntax
{
    /// <summary>GRANT.</summary>
    public static Statement Grant(TokenReader reader)
    {
        reader.Expect(Keyword.Grant);
        if (!ArePermissions(reader))
        {
            var role = NameSyntax.Role(reader);
            reader.Expect(Keyword.To);
            return new GrantRoleStatement(role, NameSyntax.Role(reader));
        }

        var permissions = Permissions(reader);
        reader.Expect(Keyword.On);
        var resource = Resource(reader);
        reader.Expect(Keyword.To);
        return new GrantPermissionsStatement(permissions, resource, NameSyntax.Role(reader));
    }

    /// <summary>REVOKE.</summary>
    public static Statement Revoke(TokenReader reader)
    {
        reader.Expect(Keyword.Revoke);
        if (!ArePermissions(reader))
        {
            var role = NameSyntax.Role(reader);
            reader.Expect(Keyword.From);
            return new RevokeRoleStatement(role, NameSyntax.Role(reader));
        }

        var permissions = Permissions(reader);
        reader.Expect(Keyword.On);
        var resource = Resource(reader);
        reader.Expect(Keyword.From);
        return new RevokePermissionsStatement(permissions, resource, NameSyntax.Role(reader));
    }

    /// <summary>LIST.</summary>
    public static Statement List(TokenReader reader)
    {
        reader.Expect(Keyword.List);
        if (reader.Accept(Keyword.Users))
        {
            return new ListUsersStatement();
        }

        if (reader.Accept(Keyword.Roles))
        {
            var role = reader.Accept(Keyword.Of) ? NameSyntax.Role(reader) : null;
            return new ListRolesStatement(role, !reader.Accept(Keyword.NoRecursive));
        }

        var permissions = Permissions(reader);
        var resource = reader.Accept(Keyword.On) ? Resource(reader) : null;
        var grantee = reader.Accept(Keyword.Of) ? NameSyntax.Role(reader) : null;
        return new ListPermissionsStatement(permissions, resource, grantee, !reader.Accept(Keyword.NoRecursive));
    }

    /// <summary>Whether permissions come next, and not the name of a role.</summary>
    private static bool ArePermissions(TokenReader reader) =>
        Permission(reader.Current.Keyword) is not null
        || (reader.Is(Keyword.All) && reader.Peek(1).Keyword is Keyword.Permissions or Keyword.On);

    private static Permission? Permission(Keyword keyword) => keyword switch
    {
        Keyword.Create => Syntax.Permission.Create,
        Keyword.Alter => Syntax.Permission.Alter,
        Keyword.Drop => Syntax.Permission.Drop,
        Keyword.Select => Syntax.Permission.Select,
        Keyword.Modify => Syntax.Permission.Modify,
        Keyword.Authorize => Syntax.Permission.Authorize,
        Keyword.Describe => Syntax.Permission.Describe,
        Keyword.Execute => Syntax.Permission.Execute,
        _ => null,
    };

    private static SyntaxList<Permission> Permissions(TokenReader reader)
    {
        if (reader.Accept(Keyword.All))
        {
            reader.Accept(Keyword.Permissions);
            return [.. Enum.GetValues<Permission>()];
        }

        var permissions = reader.List(static reader =>
        {
            var permission = Permission(reader.Current.Keyword) ?? throw reader.Unexpected();
            reader.Next();
            reader.Accept(Keyword.Permission);
            return permission;
        });
        return [.. permissions.Distinct()];
    }

    private static PermissionResource Resource(TokenReader reader)
    {
        var keyword = reader.Current.Keyword;
        var next = reader.Peek(1);
        switch (keyword)
        {
            case Keyword.All when next.IsName:
                reader.Next();
                return All(reader);
            case Keyword.Keyspace or Keyword.Schema:
                reader.Next();
                return new KeyspaceResource(NameSyntax.Keyspace(reader));
            case Keyword.Table or Keyword.ColumnFamily:
                reader.Next();
                return new TableResource(NameSyntax.Table(reader));
            case Keyword.Role when next.IsName || next.Kind == TokenKind.String:
                reader.Next();
                return new RoleResource(NameSyntax.Role(reader));
            case Keyword.Function when next.IsName || next.IsFunctionName:
                reader.Next();
                var function = NameSyntax.Function(reader);
                return new FunctionResource(function, ObjectSyntax.Types(reader));
            case Keyword.MBean or Keyword.MBeans when next.Kind == TokenKind.String:
                reader.Next();
                return new ManagementBeanResource(reader.StringContent(reader.Next()), keyword == Keyword.MBeans);
            default:
                return new TableResource(NameSyntax.Table(reader));
        }
    }

    /// <summary>What follows ALL.</summary>
    private static PermissionResource All(TokenReader reader)
    {
        var token = reader.Current;
        reader.Next();
        switch (token.Keyword)
        {
            case Keyword.Keyspaces:
                return new AllKeyspacesResource();
            case Keyword.Roles:
                return new AllRolesResource();
            case Keyword.MBeans:
                return new ManagementBeanResource(null, true);
            case Keyword.Tables or Keyword.ColumnFamilies:
                reader.Expect(Keyword.In, Keyword.Keyspace);
                return new AllTablesResource(NameSyntax.Keyspace(reader));
            case Keyword.Functions:
                if (!reader.Accept(Keyword.In))
                {
                    return new AllFunctionsResource(null);
                }

                reader.Expect(Keyword.Keyspace);
                return new AllFunctionsResource(NameSyntax.Keyspace(reader));
            default:
                throw SyntaxErrors.Unexpected(reader.Query, token);
        }
    }
}
