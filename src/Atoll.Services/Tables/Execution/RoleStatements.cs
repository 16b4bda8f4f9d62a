using System.Collections.Immutable;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Roles;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Execution;

/// <summary>Statements about roles. There are no permissions: whoever may log in may read and write every table.</summary>
/// <param name="catalog">The roles.</param>
internal sealed class RoleStatements(RoleCatalog catalog)
{
    private const int NameLengthMax = 256;

    /// <summary>Executes a statement if it is one about roles.</summary>
    /// <param name="statement">The statement.</param>
    /// <param name="user">Who asks; null: nobody had to say who they are.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when it is about something else.</returns>
    /// <exception cref="CqlException">It cannot be, or <paramref name="user"/> may not.</exception>
    public async ValueTask<StatementResult?> TryExecuteAsync(Statement statement, TableUser? user, CancellationToken cancellationToken)
    {
        if (ChangeOf(statement, user) is { } change)
        {
            var isOwn = statement is AlterRoleStatement { Options: { IsSuperuser: null, CanLogin: null } } own && own.Role == user?.Name;
            await catalog.ChangeAsync(
                roles =>
                {
                    if (!isOwn)
                    {
                        DemandSuperuser(roles, Known(user));
                    }

                    return change(roles);
                },
                cancellationToken).ConfigureAwait(false);
            return VoidResult.Instance;
        }

        switch (statement)
        {
            case ListRolesStatement list:
                Known(user);
                return ListRoles(await catalog.ReadKnownAsync(cancellationToken).ConfigureAwait(false), list);
            case ListUsersStatement:
                Known(user);
                return ListUsers(await catalog.ReadKnownAsync(cancellationToken).ConfigureAwait(false));
            case GrantPermissionsStatement or RevokePermissionsStatement or ListPermissionsStatement:
                throw CqlException.Invalid("Atoll keeps no permissions: every role that may log in may read and write every table");
            default:
                return null;
        }
    }

    private static Func<RoleSet, RoleSet>? ChangeOf(Statement statement, TableUser? user)
    {
        switch (statement)
        {
            case CreateRoleStatement create:
                var created = WithPassword(create.Options);
                return roles => Create(roles, create, created);
            case AlterRoleStatement alter:
                var altered = WithPassword(alter.Options);
                return roles => Alter(roles, alter, altered, Known(user));
            case DropRoleStatement drop:
                return roles => Drop(roles, drop, Known(user));
            case GrantRoleStatement grant:
                return roles => Grant(roles, grant);
            case RevokeRoleStatement revoke:
                return roles => Revoke(roles, revoke);
            default:
                return null;
        }
    }

    private static TableUser Known(TableUser? user) => user ?? throw Unauthorized(
        "You have to be logged in and not anonymous to perform this request: the cluster has no access tokens, so nobody logs in");

    private static CqlException Unauthorized(string message) => new(CqlErrorCode.Unauthorized, message);

    private static void DemandSuperuser(RoleSet roles, TableUser user)
    {
        if (!user.IsOperator && !roles.IsSuperuser(user.Name))
        {
            throw Unauthorized($"User {user.Name} does not have sufficient privileges to perform the requested operation");
        }
    }

    // A hash takes its time, and is made once, however often the change is computed.
    private static NewOptions WithPassword(RoleOptions options)
    {
        if (options.Custom is not null || options.Access is { IsAll: false })
        {
            throw CqlException.Invalid(
                options.Custom is not null ? "OPTIONS are not supported by passwords" : "ACCESS TO DATACENTERS is not supported");
        }

        if (options.HashedPassword is { } hashed && !PasswordHash.IsValid(hashed))
        {
            throw CqlException.Invalid("Invalid hashed password value: expected pbkdf2-sha512$iterations$salt$key, as Atoll makes them");
        }

        if (options.Password is { Length: 0 })
        {
            throw CqlException.Invalid("A password must not be empty");
        }

        // Of a password that only its hash is known of there can be no verifiers.
        return options.HashedPassword is { } hash ? new NewOptions(options, hash, [])
            : options.Password is { } password ? new NewOptions(options, PasswordHash.Of(password), ScramVerifier.AllOf(password))
            : new NewOptions(options, null, []);
    }

    private static RoleSet Create(RoleSet roles, CreateRoleStatement create, NewOptions options)
    {
        if (roles.TryGet(create.Role, out _))
        {
            return create.IfNotExists ? roles : throw CqlException.Invalid($"{create.Role} already exists");
        }

        if (create.Role.Length is 0 or > NameLengthMax)
        {
            throw CqlException.Invalid($"A role's name has 1 to {NameLengthMax} characters");
        }

        if (roles.Count >= RoleSet.RolesMax)
        {
            throw CqlException.Invalid($"A cluster has at most {RoleSet.RolesMax} roles");
        }

        return roles.With(new Role(
            create.Role, options.Hash, options.Options.CanLogin ?? false, options.Options.IsSuperuser ?? false,
            ImmutableSortedSet.Create<string>(StringComparer.Ordinal))
        {
            Scram = options.Scram,
        });
    }

    private static RoleSet Alter(RoleSet roles, AlterRoleStatement alter, NewOptions options, TableUser user)
    {
        if (!roles.TryGet(alter.Role, out var role))
        {
            return alter.IfExists ? roles : throw Missing(alter.Role);
        }

        if (options.Options.IsSuperuser is not null && roles.HeldBy(user.Name).Any(held => held.Name == alter.Role))
        {
            throw Unauthorized("You aren't allowed to alter your own superuser status or that of a role granted to you");
        }

        return roles.With(role with
        {
            PasswordHash = options.Hash ?? role.PasswordHash,
            Scram = options.Hash is null ? role.Scram : options.Scram,
            CanLogin = options.Options.CanLogin ?? role.CanLogin,
            IsSuperuser = options.Options.IsSuperuser ?? role.IsSuperuser,
        });
    }

    private static RoleSet Drop(RoleSet roles, DropRoleStatement drop, TableUser user)
    {
        if (drop.Role == user.Name && !user.IsOperator)
        {
            throw CqlException.Invalid("Cannot DROP primary role for current login");
        }

        return roles.TryGet(drop.Role, out _) ? roles.Without(drop.Role)
            : drop.IfExists ? roles : throw Missing(drop.Role);
    }

    private static RoleSet Grant(RoleSet roles, GrantRoleStatement grant)
    {
        Role(roles, grant.Role);
        var grantee = Role(roles, grant.Grantee);
        if (roles.HeldBy(grant.Role).Any(held => held.Name == grant.Grantee))
        {
            throw CqlException.Invalid($"{grant.Role} is a member of {grant.Grantee}");
        }

        return grantee.MemberOf.Contains(grant.Role)
            ? throw CqlException.Invalid($"{grant.Grantee} is a member of {grant.Role}")
            : roles.With(grantee with { MemberOf = grantee.MemberOf.Add(grant.Role) });
    }

    private static RoleSet Revoke(RoleSet roles, RevokeRoleStatement revoke)
    {
        Role(roles, revoke.Role);
        var revokee = Role(roles, revoke.Revokee);
        return revokee.MemberOf.Contains(revoke.Role)
            ? roles.With(revokee with { MemberOf = revokee.MemberOf.Remove(revoke.Role) })
            : throw CqlException.Invalid($"{revoke.Revokee} is not a member of {revoke.Role}");
    }

    private static Role Role(RoleSet roles, string name) => roles.TryGet(name, out var role) ? role : throw Missing(name);

    private static CqlException Missing(string name) => CqlException.Invalid($"{name} doesn't exist");

    private static RowsResult ListRoles(RoleSet roles, ListRolesStatement list)
    {
        var listed = list.Grantee is null ? roles.All
            : roles.TryGet(list.Grantee, out _) ? roles.HeldBy(list.Grantee, list.IsRecursive)
            : throw Missing(list.Grantee);
        return Rows(
            [("role", CqlTypes.Text), ("super", CqlTypes.Boolean), ("login", CqlTypes.Boolean), ("datacenters", CqlTypes.Text)],
            listed.Select(role => new ReadOnlyMemory<byte>?[]
            {
                CqlBytes.Of(role.Name), CqlBytes.Of(roles.IsSuperuser(role.Name)), CqlBytes.Of(role.CanLogin), CqlBytes.Of("ALL"),
            }));
    }

    private static RowsResult ListUsers(RoleSet roles) => Rows(
        [("name", CqlTypes.Text), ("super", CqlTypes.Boolean), ("datacenters", CqlTypes.Text)],
        roles.All.Where(static role => role.CanLogin).Select(role => new ReadOnlyMemory<byte>?[]
        {
            CqlBytes.Of(role.Name), CqlBytes.Of(roles.IsSuperuser(role.Name)), CqlBytes.Of("ALL"),
        }));

    private static RowsResult Rows(IEnumerable<(string Name, CqlType Type)> columns, IEnumerable<ReadOnlyMemory<byte>?[]> rows) => new(
        [.. columns.Select(static column => new ColumnSpec("system_auth", "roles", column.Name, column.Type))], [.. rows],
        ReadOnlyMemory<byte>.Empty);

    /// <summary>Options, and what is kept of the password among them; no hash: there is none.</summary>
    private sealed record NewOptions(RoleOptions Options, string? Hash, ImmutableArray<ScramVerifier> Scram);
}
