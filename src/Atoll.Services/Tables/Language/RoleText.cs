using System.Diagnostics;
using System.Text;
using Atoll.Services.Tables.Language.Syntax;

namespace Atoll.Services.Tables.Language;

/// <summary>Statements about roles and permissions as CQL.</summary>
internal static class RoleText
{
    private static readonly int PermissionCount = Enum.GetValues<Permission>().Length;

    /// <summary>Appends a statement that is about roles or permissions; else says no.</summary>
    public static bool TryAppend(StringBuilder text, Statement statement, bool hidesSecrets)
    {
        switch (statement)
        {
            case CreateRoleStatement create:
                text.Append("CREATE ROLE ").Append(SchemaText.IfNot(create.IfNotExists)).AppendName(create.Role);
                AppendOptions(text, create.Options, hidesSecrets);
                return true;
            case AlterRoleStatement alter:
                text.Append("ALTER ROLE ").Append(SchemaText.If(alter.IfExists)).AppendName(alter.Role);
                AppendOptions(text, alter.Options, hidesSecrets);
                return true;
            case DropRoleStatement drop:
                text.Append("DROP ROLE ").Append(SchemaText.If(drop.IfExists)).AppendName(drop.Role);
                return true;
            case GrantRoleStatement grant:
                text.Append("GRANT ").AppendName(grant.Role).Append(" TO ").AppendName(grant.Grantee);
                return true;
            case RevokeRoleStatement revoke:
                text.Append("REVOKE ").AppendName(revoke.Role).Append(" FROM ").AppendName(revoke.Revokee);
                return true;
            case ListRolesStatement list:
                AppendOf(text.Append("LIST ROLES"), list.Grantee, list.IsRecursive);
                return true;
            case ListUsersStatement:
                text.Append("LIST USERS");
                return true;
            case GrantPermissionsStatement grant:
                AppendPermissions(text.Append("GRANT "), grant.Permissions);
                Append(text.Append(" ON "), grant.Resource);
                text.Append(" TO ").AppendName(grant.Grantee);
                return true;
            case RevokePermissionsStatement revoke:
                AppendPermissions(text.Append("REVOKE "), revoke.Permissions);
                Append(text.Append(" ON "), revoke.Resource);
                text.Append(" FROM ").AppendName(revoke.Revokee);
                return true;
            case ListPermissionsStatement list:
                AppendListPermissions(text, list);
                return true;
            default:
                return false;
        }
    }

    public static void Append(StringBuilder text, PermissionResource resource)
    {
        switch (resource)
        {
            case AllKeyspacesResource:
                text.Append("ALL KEYSPACES");
                break;
            case KeyspaceResource keyspace:
                text.Append("KEYSPACE ").AppendName(keyspace.Keyspace);
                break;
            case AllTablesResource tables:
                text.Append("ALL TABLES IN KEYSPACE ").AppendName(tables.Keyspace);
                break;
            case TableResource table:
                text.Append("TABLE ").AppendName(table.Table);
                break;
            case AllRolesResource:
                text.Append("ALL ROLES");
                break;
            case RoleResource role:
                text.Append("ROLE ").AppendName(role.Role);
                break;
            case AllFunctionsResource { Keyspace: null }:
                text.Append("ALL FUNCTIONS");
                break;
            case AllFunctionsResource functions:
                text.Append("ALL FUNCTIONS IN KEYSPACE ").AppendName(functions.Keyspace);
                break;
            case FunctionResource function:
                TermText.AppendFunctionName(text.Append("FUNCTION "), function.Function);
                FunctionText.AppendTypes(text.Append(' '), function.ArgumentTypes);
                break;
            case ManagementBeanResource { Name: null }:
                text.Append("ALL MBEANS");
                break;
            case ManagementBeanResource bean:
                text.Append(bean.IsPattern ? "MBEANS " : "MBEAN ").Append(CqlText.String(bean.Name));
                break;
            default:
                throw new UnreachableException(resource.GetType().Name);
        }
    }

    private static void AppendListPermissions(StringBuilder text, ListPermissionsStatement list)
    {
        AppendPermissions(text.Append("LIST "), list.Permissions);
        if (list.Resource is { } resource)
        {
            Append(text.Append(" ON "), resource);
        }

        AppendOf(text, list.Grantee, list.IsRecursive);
    }

    private static void AppendOf(StringBuilder text, string? grantee, bool isRecursive)
    {
        if (grantee is not null)
        {
            text.Append(" OF ").AppendName(grantee);
        }

        text.Append(isRecursive ? "" : " NORECURSIVE");
    }

    private static void AppendPermissions(StringBuilder text, SyntaxList<Permission> permissions)
    {
        if (permissions.Count == PermissionCount)
        {
            text.Append("ALL PERMISSIONS");
            return;
        }

        text.AppendAll(permissions, ", ", permission => text.Append(permission.ToString().ToUpperInvariant()));
    }

    private static void AppendOptions(StringBuilder text, RoleOptions options, bool hidesSecrets)
    {
        var before = " WITH ";
        AppendOption("PASSWORD", options.Password is { } password ? Secret(password, hidesSecrets) : null);
        AppendOption("HASHED PASSWORD", options.HashedPassword is { } hashed ? Secret(hashed, hidesSecrets) : null);
        AppendOption("SUPERUSER", options.IsSuperuser is { } isSuperuser ? (isSuperuser ? "true" : "false") : null);
        AppendOption("LOGIN", options.CanLogin is { } canLogin ? (canLogin ? "true" : "false") : null);
        if (options.Custom is { } custom)
        {
            SchemaText.AppendMap(text.Append(before).Append("OPTIONS = "), custom);
            before = " AND ";
        }

        if (options.Access is { IsAll: true })
        {
            text.Append(before).Append("ACCESS TO ALL DATACENTERS");
        }
        else if (options.Access is { } access)
        {
            text.Append(before).Append("ACCESS TO DATACENTERS {").AppendAll(
                access.Names, ", ", name => text.Append(CqlText.String(name))).Append('}');
        }

        void AppendOption(string name, string? value)
        {
            if (value is not null)
            {
                text.Append(before).Append(name).Append(" = ").Append(value);
                before = " AND ";
            }
        }
    }

    private static string Secret(string secret, bool isHidden) => isHidden ? "'*******'" : CqlText.String(secret);
}
