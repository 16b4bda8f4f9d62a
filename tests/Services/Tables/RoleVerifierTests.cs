using System.Text;
using Atoll.Foundation;
using Atoll.Services.Directory;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Roles;
using Xunit;

namespace Atoll.Services.Tests.Tables;

/// <summary>What is kept of roles' passwords for SCRAM.</summary>
public sealed class RoleVerifierTests
{
    private static readonly TableUser Operator = new("op", IsOperator: true);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_password_that_is_set_leaves_verifiers_and_is_nowhere_itself()
    {
        using var cql = new Cql();
        await Run(cql, "CREATE ROLE ada WITH PASSWORD = 'lovelace' AND LOGIN = true");
        await AssertKnows(cql, "lovelace");
        await Run(cql, "ALTER ROLE ada WITH PASSWORD = 'countess'");
        await AssertKnows(cql, "countess");
        await Run(cql, "ALTER ROLE ada WITH SUPERUSER = true");
        await AssertKnows(cql, "countess");
        await Run(cql, $"ALTER ROLE ada WITH HASHED PASSWORD = '{PasswordHash.Of("lovelace", 1_000)}'");
        Assert.Empty(Ada(await cql.Tables.Roles.ReadKnownAsync(Cancellation)).Scram); // those of the password from before are gone
        Assert.True(await cql.Tables.Roles.AuthenticateAsync("ada", "lovelace", Cancellation));

        static Role Ada(RoleSet roles) => Assert.Single(roles.All);

        static async Task AssertKnows(Cql cql, string password)
        {
            var roles = await cql.Tables.Roles.ReadKnownAsync(Cancellation);
            Assert.DoesNotContain(password, Encoding.Latin1.GetString(roles.Encode()), StringComparison.Ordinal);
            Assert.Equal([ScramMechanism.Sha256, ScramMechanism.Sha512], Ada(roles).Scram.Select(static verifier => verifier.Mechanism));
            foreach (var verifier in Ada(roles).Scram)
            {
                var same = ScramVerifier.Of(verifier.Mechanism, password, verifier.Salt, verifier.Iterations);
                Assert.Equal(same.StoredKey.ToArray(), verifier.StoredKey.ToArray());
                Assert.Equal(same.ServerKey.ToArray(), verifier.ServerKey.ToArray());
                Assert.Equal(ScramVerifier.UsualIterations, verifier.Iterations);
            }
        }
    }

    // What an older version wrote is read; and it is written for as long as it says everything, so that older nodes read it, too.
    [Fact]
    public void Roles_without_verifiers_are_in_the_first_format()
    {
        byte[] bytes = [1, 2, 1, (byte)'a', 0, 1, 0, 1, 1, (byte)'b', 1, (byte)'b', 2, (byte)'$', (byte)'x', 0, 1, 0];
        Assert.True(RoleSet.TryDecode(bytes, out var roles));
        Assert.Equal(["a", "b"], roles.All.Select(static role => role.Name));
        Assert.True(roles.DecoyKey.IsEmpty);
        Assert.All(roles.All, static role => Assert.Empty(role.Scram));
        Assert.Equal(bytes, roles.Encode());
    }

    [Fact]
    public async Task The_first_verifier_brings_the_second_format_and_the_key_of_decoys_which_stays()
    {
        var store = new MemoryDocuments();
        using var catalog = new RoleCatalog(store);
        await catalog.ChangeAsync(static roles => roles.With(new Role("old", "$x", true, false, [])), Cancellation);
        Assert.True((await catalog.ReadKnownAsync(Cancellation)).DecoyKey.IsEmpty);
        await catalog.ChangeAsync(static roles => roles.With(RoleOf("ada")), Cancellation);
        var key = (await catalog.ReadKnownAsync(Cancellation)).DecoyKey;
        Assert.Equal(32, key.Length);
        await catalog.ChangeAsync(static roles => roles.Without("ada"), Cancellation);
        await catalog.ChangeAsync(static roles => roles.With(RoleOf("grace")), Cancellation);
        var bytes = Assert.Single(await store.ReadAsync(Cancellation)).Bytes;
        Assert.True(RoleSet.TryDecode(bytes, out var read));
        Assert.Equal(key.ToArray(), read.DecoyKey.ToArray());
        Assert.Equal(bytes.ToArray(), read.Encode());
        Assert.Equal([2, 32, .. key.ToArray(), 2, 5, .. "grace"u8], bytes.ToArray()[..41]);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(RoleSet.TryDecode(bytes[..length], out _));
        }
    }

    [Fact]
    public async Task A_decoy_is_the_same_at_every_node_and_another_one_for_every_name_and_mechanism()
    {
        var store = new MemoryDocuments();
        using var here = new RoleCatalog(store);
        using var there = new RoleCatalog(store);
        await here.ChangeAsync(
            static roles => roles.With(new Role("ada", "$x", true, false, []) { Scram = ScramVerifier.AllOf("p") }), Cancellation);
        var salts = new HashSet<string>();
        foreach (var (name, mechanism) in new[]
        {
            ("ada", ScramMechanism.Sha256), ("ada", ScramMechanism.Sha512), ("nobody", ScramMechanism.Sha256),
            ("nobody", ScramMechanism.Sha512), ("nobody2", ScramMechanism.Sha256),
        })
        {
            var (one, other) = (
                await here.VerifierOfAsync(name, mechanism, Cancellation), await there.VerifierOfAsync(name, mechanism, Cancellation));
            Assert.Equal(one.Salt.ToArray(), other.Salt.ToArray());
            Assert.Equal((mechanism, ScramVerifier.UsualIterations, 16), (one.Mechanism, one.Iterations, one.Salt.Length));
            Assert.True(salts.Add(Convert.ToHexString(one.Salt.Span)));
        }
    }

    // 360 bytes each, and one document for all: fewer than may be by their number.
    [Fact]
    public async Task More_roles_than_a_document_takes_are_refused_and_may_be_dropped()
    {
        using var catalog = new RoleCatalog(new MemoryDocuments());
        var role = RoleOf("any") with { PasswordHash = new string('x', 90) };
        var refused = await Assert.ThrowsAsync<CqlException>(() => catalog.ChangeAsync(
            roles => Enumerable.Range(0, RoleSet.RolesMax).Aggregate(
                roles, (all, i) => all.With(role with { Name = $"role{i}" })),
            Cancellation).AsTask());
        Assert.Equal(CqlErrorCode.Invalid, refused.Code);
        Assert.StartsWith($"The roles of a cluster take at most {Limits.DocumentBytesMax} bytes together", refused.Message);
        Assert.Equal(0, (await catalog.ReadKnownAsync(Cancellation)).Count);
    }

    private static Role RoleOf(string name) => new(name, "$x", true, false, [])
    {
        Scram =
        [
            ScramVerifier.Of(ScramMechanism.Sha256, "p", new byte[16], 4_096),
            ScramVerifier.Of(ScramMechanism.Sha512, "p", new byte[16], 4_096),
        ],
    };

    private static async Task Run(Cql cql, string statement) =>
        await cql.Session.ExecuteAsync(statement, StatementOptions.Default with { User = Operator }, Cancellation);
}
