using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Gateways.Security;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Requests;

public sealed class SaslTests
{
    private static readonly AccessTokens Tokens = AccessTokens.Of(["secret"]);

    [Fact]
    public async Task A_client_comes_in_with_a_token_as_its_password()
    {
        await using var host = new KafkaHost(Tokens);
        Assert.NotNull((await host.SendAsync(KafkaApi.Metadata, 9, new MetadataRequest())).WhyClosed);
        var scram = new SaslHandshakeRequest { Mechanism = "SCRAM-SHA-256" };
        var refused = await host.AskAsync<SaslHandshakeResponse>(KafkaApi.SaslHandshake, 1, scram);
        Assert.Equal(KafkaError.UnsupportedSaslMechanism, refused.Error);
        Assert.Equal(["PLAIN"], refused.Mechanisms);
        Assert.Equal(KafkaError.IllegalSaslState, await AuthenticateAsync(host, "\0user\0secret"));

        await HandshakeAsync(host, 1);
        Assert.Equal(KafkaError.SaslAuthenticationFailed, await AuthenticateAsync(host, "\0user\0wrong"));
        Assert.NotNull((await host.SendAsync(KafkaApi.Metadata, 9, new MetadataRequest())).WhyClosed);
        await HandshakeAsync(host, 1);
        Assert.Equal(KafkaError.None, await AuthenticateAsync(host, "\0user\0secret"));
        Assert.Equal("user", host.Client.UserName);
        Assert.Null((await host.SendAsync(KafkaApi.Metadata, 9, new MetadataRequest())).WhyClosed);
    }

    [Theory]
    [InlineData("\0user\0secret", true)]
    [InlineData("\0user\0wrong", false)]
    [InlineData("secret", false)]
    [InlineData("", false)]
    public async Task After_the_oldest_handshake_the_token_has_no_head(string token, bool isGood)
    {
        await using var host = new KafkaHost(Tokens);
        await HandshakeAsync(host, 0);
        var reply = await host.Table.ServeAsync(Encoding.UTF8.GetBytes(token), host.Client);
        Assert.Equal((isGood, isGood), (reply.WhyClosed is null, host.Client.IsAuthenticated));
        if (isGood)
        {
            var bytes = new WireWriter();
            reply.Write(bytes);
            Assert.Equal([0, 0, 0, 0], bytes.ToArray());
        }
    }

    private static async Task HandshakeAsync(KafkaHost host, int version)
    {
        var answer = await host.AskAsync<SaslHandshakeResponse>(
            KafkaApi.SaslHandshake, version, new SaslHandshakeRequest { Mechanism = "PLAIN" });
        Assert.Equal(KafkaError.None, answer.Error);
    }

    private static async Task<KafkaError> AuthenticateAsync(KafkaHost host, string token)
    {
        var answer = await host.AskAsync<SaslAuthenticateResponse>(
            KafkaApi.SaslAuthenticate, 2, new SaslAuthenticateRequest { AuthBytes = Encoding.UTF8.GetBytes(token) });
        return answer.Error;
    }
}
