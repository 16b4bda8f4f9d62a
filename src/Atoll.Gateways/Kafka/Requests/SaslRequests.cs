using System.Text;
using Atoll.Gateways.Kafka.Connections;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Gateways.Security;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>
/// SaslHandshake and SaslAuthenticate: the cluster's access tokens as passwords, for any name, by the mechanism PLAIN (RFC 4616). After a
/// handshake of version 0 the token comes without a head, and so does the answer.
/// </summary>
internal sealed class SaslRequests(AccessTokens tokens) : IKafkaRequests
{
    private const string Plain = "PLAIN";

    public IEnumerable<KafkaHandler> Handlers => tokens.AreRequired
        ?
        [
            KafkaHandler.Of<SaslHandshakeRequest>(KafkaApi.SaslHandshake, Begin),
            KafkaHandler.Of<SaslAuthenticateRequest>(KafkaApi.SaslAuthenticate, Authenticate),
        ]
        : [];

    /// <summary>Whether a call may be made before the client has shown who it is.</summary>
    public static bool IsFree(KafkaApi api) => api is KafkaApi.ApiVersions or KafkaApi.SaslHandshake or KafkaApi.SaslAuthenticate;

    /// <summary>Takes a token without a head.</summary>
    public KafkaReply TakeBare(ReadOnlySpan<byte> token, KafkaClient client) => TryAuthenticate(token, client)
        ? KafkaReply.Bare
        : KafkaReply.Close("it has no good credentials");

    private ValueTask<IKafkaMessage?> Begin(KafkaExchange exchange, SaslHandshakeRequest request)
    {
        var isKnown = string.Equals(request.Mechanism, Plain, StringComparison.Ordinal);
        exchange.Client.Login = !isKnown ? KafkaLogin.None : exchange.Version == 0 ? KafkaLogin.BareToken : KafkaLogin.Token;
        return new(new SaslHandshakeResponse
        {
            Error = isKnown ? KafkaError.None : KafkaError.UnsupportedSaslMechanism, Mechanisms = [Plain],
        });
    }

    private ValueTask<IKafkaMessage?> Authenticate(KafkaExchange exchange, SaslAuthenticateRequest request)
    {
        if (exchange.Client.Login != KafkaLogin.Token)
        {
            return new(new SaslAuthenticateResponse { Error = KafkaError.IllegalSaslState, ErrorText = "a handshake comes first" });
        }

        return new(TryAuthenticate(request.AuthBytes.Span, exchange.Client)
            ? new SaslAuthenticateResponse()
            : new SaslAuthenticateResponse
            {
                Error = KafkaError.SaslAuthenticationFailed, ErrorText = "the password is none of the cluster's access tokens",
            });
    }

    // Whom to act for, a zero, the name, a zero, the password.
    private bool TryAuthenticate(ReadOnlySpan<byte> message, KafkaClient client)
    {
        client.Login = KafkaLogin.None;
        var first = message.IndexOf((byte)0);
        var second = first < 0 ? -1 : message[(first + 1)..].IndexOf((byte)0);
        if (second < 0 || !tokens.Allow(message[(first + second + 2)..]))
        {
            return false;
        }

        client.IsAuthenticated = true;
        client.UserName = Encoding.UTF8.GetString(message.Slice(first + 1, second));
        return true;
    }
}
