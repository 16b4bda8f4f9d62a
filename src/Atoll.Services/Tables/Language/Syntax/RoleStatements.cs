namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>What CREATE ROLE and ALTER ROLE say of a role; null where they say nothing.</summary>
public sealed record RoleOptions
{
    /// <summary>No options.</summary>
    public static readonly RoleOptions None = new();

    /// <summary>PASSWORD, in clear.</summary>
    public string? Password { get; init; }

    /// <summary>HASHED PASSWORD; never together with <see cref="Password"/>.</summary>
    public string? HashedPassword { get; init; }

    /// <summary>SUPERUSER.</summary>
    public bool? IsSuperuser { get; init; }

    /// <summary>LOGIN.</summary>
    public bool? CanLogin { get; init; }

    /// <summary>OPTIONS: for whoever authenticates in another way.</summary>
    public PropertyMap? Custom { get; init; }

    /// <summary>ACCESS TO DATACENTERS; null when not given.</summary>
    public DatacenterAccess? Access { get; init; }

    /// <summary>The kinds of options that are given, without the passwords: this gets into logs.</summary>
    public override string ToString() =>
        $"password {(Password ?? HashedPassword) is not null}, superuser {IsSuperuser}, login {CanLogin}";
}

/// <summary>The datacenters through which a role may log in.</summary>
/// <param name="IsAll">All of them.</param>
/// <param name="Names">These; empty when all.</param>
public sealed record DatacenterAccess(bool IsAll, SyntaxList<string> Names);

/// <summary>CREATE ROLE; CREATE USER too, which is one that can log in.</summary>
/// <param name="Role">The role.</param>
/// <param name="IfNotExists">No error when it exists.</param>
/// <param name="Options">Its options.</param>
public sealed record CreateRoleStatement(string Role, bool IfNotExists, RoleOptions Options) : Statement;

/// <summary>ALTER ROLE, ALTER USER.</summary>
/// <param name="Role">The role.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
/// <param name="Options">The options that change.</param>
public sealed record AlterRoleStatement(string Role, bool IfExists, RoleOptions Options) : Statement;

/// <summary>DROP ROLE, DROP USER.</summary>
/// <param name="Role">The role.</param>
/// <param name="IfExists">No error when it doesn't exist.</param>
public sealed record DropRoleStatement(string Role, bool IfExists) : Statement;

/// <summary>GRANT role TO role.</summary>
/// <param name="Role">The role that is granted.</param>
/// <param name="Grantee">Who gets it.</param>
public sealed record GrantRoleStatement(string Role, string Grantee) : Statement;

/// <summary>REVOKE role FROM role.</summary>
/// <param name="Role">The role that is taken away.</param>
/// <param name="Revokee">Who loses it.</param>
public sealed record RevokeRoleStatement(string Role, string Revokee) : Statement;

/// <summary>LIST ROLES.</summary>
/// <param name="Grantee">OF role; null: all roles.</param>
/// <param name="IsRecursive">Whether roles that roles have count; not with NORECURSIVE.</param>
public sealed record ListRolesStatement(string? Grantee, bool IsRecursive) : Statement;

/// <summary>LIST USERS: the roles that can log in.</summary>
public sealed record ListUsersStatement : Statement;
