using Atoll.Services.Directory;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Roles;
using Xunit;

namespace Atoll.Services.Tests.Tables;

public sealed class RoleTests
{
    private static readonly TableUser Operator = new("op", IsOperator: true);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_role_logs_in_with_its_password_and_with_no_other()
    {
        using var cql = new Cql();
        await Run(cql, Operator, "CREATE ROLE ada WITH PASSWORD = 'lovelace' AND LOGIN = true");
        await Run(cql, Operator, "CREATE ROLE writers");
        await Run(cql, Operator, "CREATE ROLE later WITH PASSWORD = 'x'");
        var roles = cql.Tables.Roles;
        Assert.True(await roles.AuthenticateAsync("ada", "lovelace", Cancellation));
        Assert.True(await roles.AuthenticateAsync("ada", "lovelace", Cancellation)); // remembered
        Assert.False(await roles.AuthenticateAsync("ada", "Lovelace", Cancellation));
        Assert.False(await roles.AuthenticateAsync("ada", "", Cancellation));
        Assert.False(await roles.AuthenticateAsync("nobody", "", Cancellation));
        Assert.False(await roles.AuthenticateAsync("writers", "", Cancellation));
        Assert.False(await roles.AuthenticateAsync("later", "x", Cancellation)); // without LOGIN
    }

    [Fact]
    public async Task A_changed_password_is_the_only_one_at_once_even_for_who_was_remembered()
    {
        using var cql = new Cql();
        await Run(cql, Operator, "CREATE ROLE ada WITH PASSWORD = 'a' AND LOGIN = true");
        Assert.True(await cql.Tables.Roles.AuthenticateAsync("ada", "a", Cancellation));
        await Run(cql, new TableUser("ada", false), "ALTER ROLE ada WITH PASSWORD = 'b'"); // its own: it may
        Assert.False(await cql.Tables.Roles.AuthenticateAsync("ada", "a", Cancellation));
        Assert.True(await cql.Tables.Roles.AuthenticateAsync("ada", "b", Cancellation));
        await Run(cql, Operator, "DROP ROLE ada");
        Assert.False(await cql.Tables.Roles.AuthenticateAsync("ada", "b", Cancellation));
    }

    [Fact]
    public async Task Another_node_knows_a_role_at_once()
    {
        var store = new MemoryDocuments();
        using var here = new RoleCatalog(store);
        using var there = new RoleCatalog(new Deaf(store));
        Assert.False(await there.AuthenticateAsync("ada", "a", Cancellation));
        await here.ChangeAsync(
            roles => roles.With(new Role("ada", PasswordHash.Of("a", 1000), true, false, [])), Cancellation);
        Assert.True(await there.AuthenticateAsync("ada", "a", Cancellation));
    }

    [Fact]
    public async Task Only_superusers_change_roles()
    {
        using var cql = new Cql();
        await Run(cql, Operator, "CREATE ROLE admins WITH SUPERUSER = true");
        await Run(cql, Operator, "CREATE ROLE ada WITH PASSWORD = 'a' AND LOGIN = true");
        var ada = new TableUser("ada", IsOperator: false);
        foreach (var statement in new[]
        {
            "CREATE ROLE x", "DROP ROLE admins", "ALTER ROLE ada WITH SUPERUSER = true", "GRANT admins TO ada",
            "ALTER ROLE admins WITH PASSWORD = 'x'",
        })
        {
            Assert.Equal(
                (CqlErrorCode.Unauthorized, "User ada does not have sufficient privileges to perform the requested operation"),
                await Fail(cql, ada, statement));
        }

        await Run(cql, Operator, "GRANT admins TO ada");
        await Run(cql, ada, "CREATE ROLE x");
        Assert.Equal(CqlErrorCode.Unauthorized, (await Fail(cql, ada, "ALTER ROLE admins WITH SUPERUSER = false")).Code);
        Assert.Equal((CqlErrorCode.Invalid, "Cannot DROP primary role for current login"), await Fail(cql, ada, "DROP ROLE ada"));
        await Run(cql, Operator, "REVOKE admins FROM ada");
        Assert.Equal(CqlErrorCode.Unauthorized, (await Fail(cql, ada, "CREATE ROLE y")).Code);
    }

    [Fact]
    public async Task Whoever_did_not_log_in_may_do_nothing_with_roles()
    {
        using var cql = new Cql();
        foreach (var statement in new[] { "CREATE ROLE x", "LIST ROLES", "LIST USERS", "ALTER ROLE x WITH LOGIN = true", "DROP ROLE x" })
        {
            Assert.Equal(CqlErrorCode.Unauthorized, (await Fail(cql, null, statement)).Code);
        }
    }

    [Fact]
    public async Task Roles_are_granted_listed_and_go_with_all_that_had_them()
    {
        using var cql = new Cql();
        await Run(cql, Operator, "CREATE ROLE a WITH SUPERUSER = true");
        await Run(cql, Operator, "CREATE ROLE b");
        await Run(cql, Operator, "CREATE USER c WITH PASSWORD 'c' NOSUPERUSER");
        await Run(cql, Operator, "GRANT a TO b");
        await Run(cql, Operator, "GRANT b TO c");
        Assert.Equal("'a', true, false, 'ALL'; 'b', true, false, 'ALL'; 'c', true, true, 'ALL'", await Run(cql, Operator, "LIST ROLES"));
        Assert.Equal("'b', true, false, 'ALL'; 'c', true, true, 'ALL'", await Run(cql, Operator, "LIST ROLES OF c NORECURSIVE"));
        Assert.Equal("'c', true, 'ALL'", await Run(cql, Operator, "LIST USERS"));
        Assert.Equal((CqlErrorCode.Invalid, "c is a member of a"), await Fail(cql, Operator, "GRANT c TO a"));
        await Run(cql, Operator, "DROP ROLE a");
        Assert.Equal("'b', false, false, 'ALL'; 'c', false, true, 'ALL'", await Run(cql, Operator, "LIST ROLES OF c"));
    }

    [Fact]
    public async Task What_cannot_be_says_so()
    {
        using var cql = new Cql();
        await Run(cql, Operator, "CREATE ROLE a");
        await Run(cql, Operator, "CREATE ROLE IF NOT EXISTS a");
        await Run(cql, Operator, "DROP ROLE IF EXISTS z");
        Assert.Equal((CqlErrorCode.Invalid, "a already exists"), await Fail(cql, Operator, "CREATE ROLE a"));
        Assert.Equal((CqlErrorCode.Invalid, "z doesn't exist"), await Fail(cql, Operator, "DROP ROLE z"));
        Assert.Equal((CqlErrorCode.Invalid, "z doesn't exist"), await Fail(cql, Operator, "GRANT z TO a"));
        var (_, why) = await Fail(cql, Operator, "CREATE ROLE b WITH HASHED PASSWORD = '$2a$10$x'");
        Assert.StartsWith("Invalid hashed password", why);
        Assert.Equal(
            (CqlErrorCode.Invalid, "Atoll keeps no permissions: every role that may log in may read and write every table"),
            await Fail(cql, Operator, "GRANT SELECT ON ALL KEYSPACES TO a"));
    }

    [Fact]
    public void Roles_are_the_same_after_a_way_through_bytes_and_garbage_is_none()
    {
        var roles = RoleSet.Empty
            .With(new Role("ada", PasswordHash.Of("x", 1000), true, false, ["b", "\u0627"]))
            .With(new Role("b", null, false, true, []));
        var bytes = roles.Encode();
        Assert.True(RoleSet.TryDecode(bytes, out var read));
        Assert.Equal(bytes, read.Encode());
        Assert.True(read.IsSuperuser("ada"));
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(RoleSet.TryDecode(bytes.AsMemory(0, length), out _));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("pbkdf2-sha512$210000$AAAA$AAAA")]
    [InlineData("pbkdf2-sha512$99999999$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("pbkdf2-sha1$210000$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    public void What_is_no_hash_fits_no_password(string hash)
    {
        Assert.False(PasswordHash.IsValid(hash));
        Assert.False(PasswordHash.Matches(hash, ""));
    }

    private static async Task<string> Run(Cql cql, TableUser? user, string statement) =>
        Cql.Text(await cql.Session.ExecuteAsync(statement, StatementOptions.Default with { User = user }, Cancellation));

    private static async Task<(CqlErrorCode Code, string Message)> Fail(Cql cql, TableUser? user, string statement)
    {
        var error = await Assert.ThrowsAsync<CqlException>(async () => await Run(cql, user, statement));
        return (error.Code, error.Message);
    }

    /// <summary>A node that hears of no change.</summary>
    private sealed class Deaf(IDocumentStore store) : IDocumentStore
    {
        public ValueTask<IReadOnlyList<StoredDocument>> ReadAsync(CancellationToken cancellationToken) =>
            store.ReadAsync(cancellationToken);

        public ValueTask<IReadOnlyList<StoredDocument>> ReadKnownAsync(CancellationToken cancellationToken) =>
            store.ReadKnownAsync(cancellationToken);

        public ValueTask<bool> TryWriteAsync(
            string name, ulong expectedVersion, ReadOnlyMemory<byte>? document, CancellationToken cancellationToken) =>
            store.TryWriteAsync(name, expectedVersion, document, cancellationToken);

        public IDisposable Subscribe(Action changed) => new MemoryStream();
    }
}
