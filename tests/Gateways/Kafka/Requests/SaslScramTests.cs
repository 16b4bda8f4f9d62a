using System.Security.Cryptography;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Gateways.Kafka.Requests;
using Atoll.Gateways.Security;
using Atoll.Gateways.Tests.Security;
using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.Services.Tables.Roles;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Requests;

/// <summary>Roles of the directory that log in at the Kafka gateway: by SCRAM and by PLAIN.</summary>
public sealed class SaslScramTests : IAsyncLifetime
{
    private const string Password = "lovelace";

    private readonly RoleCatalog _roles = new(new MemoryDocuments());
    private readonly KafkaHost _host;

    public SaslScramTests() => _host = new KafkaHost(AccessTokens.Of(["secret"]), _roles);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _roles.ChangeAsync(
        static roles => roles
            .With(new Role("ada", PasswordHash.Of(Password, 1_000), true, false, []) { Scram = ScramVerifier.AllOf(Password) })
            .With(new Role("old", PasswordHash.Of(Password, 1_000), true, false, []))
            .With(new Role("barred", PasswordHash.Of(Password, 1_000), false, false, []) { Scram = ScramVerifier.AllOf(Password) }),
        Cancellation);

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _roles.Dispose();
    }

    [Theory]
    [InlineData("SCRAM-SHA-256", "ada", Password, true)]
    [InlineData("SCRAM-SHA-512", "ada", Password, true)]
    [InlineData("SCRAM-SHA-256", "ada", "Lovelace", false)]
    [InlineData("SCRAM-SHA-512", "ada", "", false)]
    [InlineData("SCRAM-SHA-256", "ada", "secret", false)] // an access token is no role's password
    [InlineData("SCRAM-SHA-256", "old", Password, false)] // only a hash of its password is known
    [InlineData("SCRAM-SHA-512", "barred", Password, false)] // without LOGIN
    [InlineData("SCRAM-SHA-256", "nobody", Password, false)]
    public async Task A_role_comes_in_with_its_password_and_all_who_do_not_are_told_the_same(
        string mechanism, string name, string password, bool isIn)
    {
        await HandshakeAsync(mechanism, 1);
        var client = new ScramClient(HashOf(mechanism), name, password);
        var challenge = await SayAsync(client.First);
        Assert.Equal(KafkaError.None, challenge.Error);
        Assert.EndsWith(",i=16384", Text(challenge));
        Assert.False(_host.Client.IsAuthenticated);
        var end = await SayAsync(client.Answer(Text(challenge)));
        Assert.Equal((isIn, isIn ? name : ""), (_host.Client.IsAuthenticated, _host.Client.UserName));
        if (isIn)
        {
            Assert.True(client.Trusts(Text(end)));
            Assert.Equal((KafkaError.None, 0), (end.Error, end.SessionLifetimeMs));
            Assert.Null((await _host.SendAsync(KafkaApi.Metadata, 9, new MetadataRequest())).WhyClosed);
        }
        else
        {
            Assert.Equal(KafkaError.SaslAuthenticationFailed, end.Error);
            Assert.Equal(
                "the name and the password are not those of a role that can log in by SCRAM: one whose password was set as a hash, or by a "
                    + "version without SCRAM, needs its password set again (access tokens are for PLAIN)",
                end.ErrorText);
            Assert.Equal(KafkaError.IllegalSaslState, (await SayAsync("n,,n=ada,r=abc")).Error); // one message too many
            Assert.NotNull((await _host.SendAsync(KafkaApi.Metadata, 9, new MetadataRequest())).WhyClosed);
        }
    }

    // A name is given the same salt every time, at every node, and before and after others are changed: whether it is one or not.
    [Theory]
    [InlineData("ada")]
    [InlineData("old")]
    [InlineData("nobody")]
    public async Task A_salt_does_not_tell_who_there_is(string name)
    {
        var first = await SaltAsync(_host, name);
        Assert.Equal(first, await SaltAsync(_host, name));
        await _roles.ChangeAsync(static roles => roles.With(new Role("new", null, true, false, [])), Cancellation);
        await using var other = new KafkaHost(AccessTokens.Of(["secret"]), _roles);
        Assert.Equal(first, await SaltAsync(other, name));
        Assert.Equal(16, Convert.FromBase64String(first).Length);
        Assert.NotEqual(first, await SaltAsync(_host, "x" + name));
        Assert.NotEqual(first, await SaltAsync(_host, name, "SCRAM-SHA-512"));
    }

    [Theory]
    [InlineData("ada", Password, true)]
    [InlineData("old", Password, true)]
    [InlineData("anybody", "secret", true)] // an access token
    [InlineData("ada", "Lovelace", false)]
    [InlineData("barred", Password, false)]
    [InlineData("nobody", Password, false)]
    public async Task Roles_come_in_by_PLAIN_as_well(string name, string password, bool isIn)
    {
        await HandshakeAsync("PLAIN", 1);
        var answer = await SayAsync($"\0{name}\0{password}");
        Assert.Equal(isIn ? KafkaError.None : KafkaError.SaslAuthenticationFailed, answer.Error);
        Assert.Equal(isIn, _host.Client.IsAuthenticated);
    }

    [Theory]
    [InlineData(Password, true)]
    [InlineData("wrong", false)]
    public async Task After_the_oldest_handshake_messages_have_no_heads(string password, bool isIn)
    {
        await HandshakeAsync("SCRAM-SHA-256", 0);
        var client = new ScramClient(HashAlgorithmName.SHA256, "ada", password);
        var challenge = Bare(await SendBareAsync(client.First));
        var end = await SendBareAsync(client.Answer(challenge));
        Assert.Equal((isIn, isIn), (end.WhyClosed is null, _host.Client.IsAuthenticated));
        Assert.True(!isIn || client.Trusts(Bare(end)));
    }

    [Theory]
    [InlineData("n,,n=ada", "this is no first message of SCRAM (RFC 5802)")]
    [InlineData("p=tls-exporter,,n=ada,r=abc", "a channel cannot be bound: there are no mechanisms that end with -PLUS")]
    [InlineData("n,,n=ada,r=abc,tokenauth=true", "there are no delegation tokens")]
    public async Task What_cannot_be_served_is_refused_with_a_reason(string message, string why)
    {
        await HandshakeAsync("SCRAM-SHA-256", 1);
        var answer = await SayAsync(message);
        Assert.Equal((KafkaError.SaslAuthenticationFailed, why), (answer.Error, answer.ErrorText));
        Assert.Equal(KafkaError.IllegalSaslState, (await SayAsync("n,,n=ada,r=abc")).Error);
    }

    [Fact]
    public async Task Whoever_comes_when_the_roles_cannot_be_read_loses_the_connection_and_may_come_again()
    {
        using var lost = new RoleCatalog(new Lost());
        await using var host = new KafkaHost(AccessTokens.Of(["secret"]), lost);
        await HandshakeAsync("SCRAM-SHA-256", 1, host);
        var failure = await Assert.ThrowsAsync<KafkaConnectionException>(() => SayAsync("n,,n=ada,r=abc", host));
        Assert.Equal("the roles cannot be read now: nobody leads", failure.Message);
    }

    [Fact]
    public async Task All_who_come_at_once_share_a_read_of_the_roles_and_none_has_one_from_before_it_came()
    {
        var store = new Counted();
        using var roles = new RoleCatalog(store);
        store.Gate = new TaskCompletionSource();
        var first = roles.VerifierOfAsync("a", ScramMechanism.Sha256, Cancellation).AsTask();
        var others = Enumerable.Range(0, 50)
            .Select(_ => roles.VerifierOfAsync("a", ScramMechanism.Sha256, Cancellation).AsTask()).ToArray();
        store.Gate.SetResult();
        await Task.WhenAll([first, .. others]);
        Assert.Equal(2, store.Reads);
        await roles.VerifierOfAsync("a", ScramMechanism.Sha256, Cancellation);
        Assert.Equal(3, store.Reads);
    }

    private static string Text(SaslAuthenticateResponse answer) => Encoding.UTF8.GetString(answer.AuthBytes.Span);

    private static HashAlgorithmName HashOf(string mechanism) =>
        mechanism == "SCRAM-SHA-256" ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA512;

    private static string Bare(KafkaReply reply)
    {
        Assert.Null(reply.WhyClosed);
        var bytes = new WireWriter();
        reply.Write(bytes);
        return Encoding.UTF8.GetString(bytes.Written[4..]);
    }

    private async Task<string> SaltAsync(KafkaHost host, string name, string mechanism = "SCRAM-SHA-256")
    {
        await HandshakeAsync(mechanism, 1, host);
        return Text(await SayAsync($"n,,n={name},r=abc", host)).Split(',')[1][2..];
    }

    private async Task HandshakeAsync(string mechanism, int version, KafkaHost? host = null)
    {
        var answer = await (host ?? _host).AskAsync<SaslHandshakeResponse>(
            KafkaApi.SaslHandshake, version, new SaslHandshakeRequest { Mechanism = mechanism });
        Assert.Equal(KafkaError.None, answer.Error);
        Assert.Equal(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], answer.Mechanisms);
    }

    private Task<SaslAuthenticateResponse> SayAsync(string message, KafkaHost? host = null) =>
        (host ?? _host).AskAsync<SaslAuthenticateResponse>(
            KafkaApi.SaslAuthenticate, 2, new SaslAuthenticateRequest { AuthBytes = Encoding.UTF8.GetBytes(message) });

    private Task<KafkaReply> SendBareAsync(string message) =>
        _host.Table.ServeAsync(Encoding.UTF8.GetBytes(message), _host.Client).AsTask();

    /// <summary>A store that nobody reaches.</summary>
    private sealed class Lost : IDocumentStore
    {
        public ValueTask<IReadOnlyList<StoredDocument>> ReadAsync(CancellationToken cancellationToken) =>
            throw new UnavailableException("nobody leads");

        public ValueTask<IReadOnlyList<StoredDocument>> ReadKnownAsync(CancellationToken cancellationToken) =>
            throw new UnavailableException("nobody leads");

        public ValueTask<bool> TryWriteAsync(
            string name, ulong expectedVersion, ReadOnlyMemory<byte>? document, CancellationToken cancellationToken) =>
            throw new UnavailableException("nobody leads");

        public IDisposable Subscribe(Action changed) => new MemoryStream();
    }

    /// <summary>A store that is empty, and counts who reads it.</summary>
    private sealed class Counted : IDocumentStore
    {
        private readonly MemoryDocuments _documents = new();

        public TaskCompletionSource Gate { get; set; } = new();

        public int Reads { get; private set; }

        public ValueTask<IReadOnlyList<StoredDocument>> ReadAsync(CancellationToken cancellationToken) => ReadKnownAsync(cancellationToken);

        public async ValueTask<IReadOnlyList<StoredDocument>> ReadKnownAsync(CancellationToken cancellationToken)
        {
            Reads++;
            await Gate.Task;
            return await _documents.ReadKnownAsync(cancellationToken);
        }

        public ValueTask<bool> TryWriteAsync(
            string name, ulong expectedVersion, ReadOnlyMemory<byte>? document, CancellationToken cancellationToken) => new(false);

        public IDisposable Subscribe(Action changed) => new MemoryStream();
    }
}
