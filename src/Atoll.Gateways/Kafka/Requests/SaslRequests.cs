using System.Security.Cryptography;
using System.Text;
using Atoll.Gateways.Kafka.Connections;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Gateways.Security;
using Atoll.Gateways.Security.Scram;
using Atoll.Services.Errors;
using Atoll.Services.Tables.Roles;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>
/// SaslHandshake and SaslAuthenticate. By the mechanism PLAIN (RFC 4616): the cluster's access tokens as passwords, for any name, and the
/// roles with their passwords. By SCRAM (RFC 5802, 7677): the roles. After a handshake of version 0 messages come without a head, and so do
/// the answers.
/// </summary>
/// <param name="tokens">The access tokens; without any nobody is asked.</param>
/// <param name="roles">The roles; null: there are none, and no SCRAM.</param>
internal sealed class SaslRequests(AccessTokens tokens, RoleCatalog? roles) : IKafkaRequests
{
    private const string Plain = "PLAIN";
    private const string Scram256 = "SCRAM-SHA-256";
    private const string Scram512 = "SCRAM-SHA-512";
    private const int NonceBytes = 24;
    private const string WrongPassword = "the name and the password are not those of a role, nor is the password an access token";

    // It says all that may be wrong, as it must not say which: names are not to be found out.
    private const string WrongProof = "the name and the password are not those of a role that can log in by SCRAM: "
        + "one whose password was set as a hash, or by a version without SCRAM, needs its password set again (access tokens are for PLAIN)";

    private readonly string[] _mechanisms = roles is null ? [Plain] : [Plain, Scram256, Scram512];

    public IEnumerable<KafkaHandler> Handlers => tokens.AreRequired
        ?
        [
            KafkaHandler.Of<SaslHandshakeRequest>(KafkaApi.SaslHandshake, Begin),
            KafkaHandler.Of<SaslAuthenticateRequest>(KafkaApi.SaslAuthenticate, AuthenticateAsync),
        ]
        : [];

    /// <summary>Whether a call may be made before the client has shown who it is.</summary>
    public static bool IsFree(KafkaApi api) => api is KafkaApi.ApiVersions or KafkaApi.SaslHandshake or KafkaApi.SaslAuthenticate;

    /// <summary>Takes a message without a head.</summary>
    /// <exception cref="KafkaConnectionException">The roles cannot be read.</exception>
    public async ValueTask<KafkaReply> TakeBareAsync(ReadOnlyMemory<byte> message, KafkaClient client)
    {
        var step = await StepAsync(message, client).ConfigureAwait(false);
        return step.Refusal is { } why ? KafkaReply.Close($"it has no good credentials: {why}") : KafkaReply.Bare(step.Answer);
    }

    private ValueTask<IKafkaMessage?> Begin(KafkaExchange exchange, SaslHandshakeRequest request)
    {
        var isKnown = _mechanisms.Contains(request.Mechanism);
        exchange.Client.Login = isKnown ? new KafkaLogin(exchange.Version == 0, MechanismOf(request.Mechanism), null) : null;
        return new(new SaslHandshakeResponse
        {
            Error = isKnown ? KafkaError.None : KafkaError.UnsupportedSaslMechanism, Mechanisms = _mechanisms,
        });
    }

    private async ValueTask<IKafkaMessage?> AuthenticateAsync(KafkaExchange exchange, SaslAuthenticateRequest request)
    {
        if (exchange.Client.Login is not { IsBare: false })
        {
            return new SaslAuthenticateResponse { Error = KafkaError.IllegalSaslState, ErrorText = "a handshake comes first" };
        }

        var step = await StepAsync(request.AuthBytes, exchange.Client).ConfigureAwait(false);
        return step.Refusal is { } why
            ? new SaslAuthenticateResponse { Error = KafkaError.SaslAuthenticationFailed, ErrorText = why }
            : new SaslAuthenticateResponse { AuthBytes = step.Answer };
    }

    private async ValueTask<Step> StepAsync(ReadOnlyMemory<byte> message, KafkaClient client)
    {
        var login = client.Login!;
        client.Login = null; // nothing more is due, unless this says so
        try
        {
            return login switch
            {
                { Mechanism: null } => await TakePasswordAsync(message, client).ConfigureAwait(false),
                { Challenge: { } challenge } => TakeProof(challenge, message.Span, client),
                { Mechanism: { } mechanism } => await ChallengeAsync(login, mechanism, message, client).ConfigureAwait(false),
            };
        }
        catch (AtollException error)
        {
            // Whoever is told that the password is wrong gives up; who loses the connection comes again.
            throw new KafkaConnectionException($"the roles cannot be read now: {error.Message}");
        }
    }

    // Whom to act for, a zero, the name, a zero, the password.
    private async ValueTask<Step> TakePasswordAsync(ReadOnlyMemory<byte> message, KafkaClient client)
    {
        var first = message.Span.IndexOf((byte)0);
        var second = first < 0 ? -1 : message.Span[(first + 1)..].IndexOf((byte)0);
        if (second < 0)
        {
            return Step.Refuse("this is no message of PLAIN (RFC 4616)");
        }

        var name = Encoding.UTF8.GetString(message.Span.Slice(first + 1, second));
        var password = message[(first + second + 2)..];
        if (!tokens.Allow(password.Span) && !await IsRoleAsync(name, password, client.Gone).ConfigureAwait(false))
        {
            return Step.Refuse(WrongPassword);
        }

        LetIn(client, name);
        return Step.Say("");
    }

    private async ValueTask<bool> IsRoleAsync(string name, ReadOnlyMemory<byte> password, CancellationToken cancellation) =>
        roles is not null
        && await roles.AuthenticateAsync(name, Encoding.UTF8.GetString(password.Span), cancellation).ConfigureAwait(false);

    private async ValueTask<Step> ChallengeAsync(
        KafkaLogin login, ScramMechanism mechanism, ReadOnlyMemory<byte> message, KafkaClient client)
    {
        if (ScramOpening.Read(message.Span, out var whyNot) is not { } opening)
        {
            return Step.Refuse(whyNot);
        }

        var verifier = await roles!.VerifierOfAsync(opening.UserName, mechanism, client.Gone).ConfigureAwait(false);
        var challenge = new ScramChallenge(opening, verifier, Convert.ToBase64String(RandomNumberGenerator.GetBytes(NonceBytes)));
        client.Login = login with { Challenge = challenge };
        return Step.Say(challenge.Message);
    }

    private static Step TakeProof(ScramChallenge challenge, ReadOnlySpan<byte> message, KafkaClient client)
    {
        if (challenge.Accept(message) is not { } proof)
        {
            return Step.Refuse(WrongProof);
        }

        LetIn(client, challenge.UserName);
        return Step.Say(proof);
    }

    private static void LetIn(KafkaClient client, string name)
    {
        client.UserName = name;
        client.IsAuthenticated = true;
    }

    private static ScramMechanism? MechanismOf(string name) => name switch
    {
        Scram256 => ScramMechanism.Sha256,
        Scram512 => ScramMechanism.Sha512,
        _ => null,
    };

    /// <summary>What becomes of a message: an answer, or a refusal.</summary>
    private readonly record struct Step(ReadOnlyMemory<byte> Answer, string? Refusal)
    {
        public static Step Say(string answer) => new(Encoding.UTF8.GetBytes(answer), null);

        public static Step Refuse(string why) => new(default, why);
    }
}
