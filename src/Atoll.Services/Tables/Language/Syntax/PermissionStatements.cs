namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>What a role may be allowed.</summary>
public enum Permission
{
    /// <summary>To create.</summary>
    Create = 0,

    /// <summary>To alter.</summary>
    Alter = 1,

    /// <summary>To drop.</summary>
    Drop = 2,

    /// <summary>To read.</summary>
    Select = 3,

    /// <summary>To write, truncation included.</summary>
    Modify = 4,

    /// <summary>To grant and revoke.</summary>
    Authorize = 5,

    /// <summary>To list.</summary>
    Describe = 6,

    /// <summary>To call.</summary>
    Execute = 7,
}

/// <summary>What a permission is about.</summary>
public abstract record PermissionResource
{
    /// <summary>The resource in CQL.</summary>
    public sealed override string ToString() => CqlText.Of(this);
}

/// <summary>ALL KEYSPACES.</summary>
public sealed record AllKeyspacesResource : PermissionResource;

/// <summary>KEYSPACE name.</summary>
/// <param name="Keyspace">The keyspace.</param>
public sealed record KeyspaceResource(string Keyspace) : PermissionResource;

/// <summary>ALL TABLES IN KEYSPACE name.</summary>
/// <param name="Keyspace">The keyspace.</param>
public sealed record AllTablesResource(string Keyspace) : PermissionResource;

/// <summary>TABLE name, or a name alone.</summary>
/// <param name="Table">The table.</param>
public sealed record TableResource(QualifiedName Table) : PermissionResource;

/// <summary>ALL ROLES.</summary>
public sealed record AllRolesResource : PermissionResource;

/// <summary>ROLE name.</summary>
/// <param name="Role">The role.</param>
public sealed record RoleResource(string Role) : PermissionResource;

/// <summary>ALL FUNCTIONS, perhaps IN KEYSPACE name.</summary>
/// <param name="Keyspace">The keyspace; null: of all.</param>
public sealed record AllFunctionsResource(string? Keyspace) : PermissionResource;

/// <summary>FUNCTION name(types).</summary>
/// <param name="Function">The function.</param>
/// <param name="ArgumentTypes">The types of its arguments.</param>
public sealed record FunctionResource(QualifiedName Function, SyntaxList<TypeName> ArgumentTypes) : PermissionResource;

/// <summary>ALL MBEANS, MBEAN 'name' or MBEANS 'pattern': of Java's management, which is not here.</summary>
/// <param name="Name">The name or pattern; null: all.</param>
/// <param name="IsPattern">MBEANS.</param>
public sealed record ManagementBeanResource(string? Name, bool IsPattern) : PermissionResource;

/// <summary>GRANT permissions ON resource TO role.</summary>
/// <param name="Permissions">The permissions, each once; all of them for ALL.</param>
/// <param name="Resource">What they are about.</param>
/// <param name="Grantee">Who gets them.</param>
public sealed record GrantPermissionsStatement(SyntaxList<Permission> Permissions, PermissionResource Resource, string Grantee)
    : Statement;

/// <summary>REVOKE permissions ON resource FROM role.</summary>
/// <param name="Permissions">The permissions, each once; all of them for ALL.</param>
/// <param name="Resource">What they are about.</param>
/// <param name="Revokee">Who loses them.</param>
public sealed record RevokePermissionsStatement(SyntaxList<Permission> Permissions, PermissionResource Resource, string Revokee)
    : Statement;

/// <summary>LIST permissions.</summary>
/// <param name="Permissions">The permissions, each once; all of them for ALL.</param>
/// <param name="Resource">ON resource; null: on any.</param>
/// <param name="Grantee">OF role; null: of any.</param>
/// <param name="IsRecursive">Whether roles that roles have count; not with NORECURSIVE.</param>
public sealed record ListPermissionsStatement(
    SyntaxList<Permission> Permissions, PermissionResource? Resource, string? Grantee, bool IsRecursive)
    : Statement;
