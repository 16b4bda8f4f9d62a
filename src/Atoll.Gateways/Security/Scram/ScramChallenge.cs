using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Atoll.Services.Tables.Roles;

namespace Atoll.Gateways.Security.Scram;

/// <summary>
/// The server's side of a SCRAM exchange (RFC 5802, sections 3 and 7), after the client's first message: a challenge, and the check of what
/// the client answers. Nothing but its arguments decides what it says.
/// </summary>
/// <param name="opening">What the client said first.</param>
/// <param name="verifier">What is kept of the password.</param>
/// <param name="nonce">The server's part of the nonce: printable, without commas, never the same again.</param>
public sealed class ScramChallenge(ScramOpening opening, ScramVerifier verifier, string nonce)
{
    private readonly string _nonce = opening.Nonce + nonce;

    /// <summary>Who the client says that it is.</summary>
    public string UserName => opening.UserName;

    /// <summary>The challenge (server-first-message).</summary>
    public string Message { get; } = string.Create(
        CultureInfo.InvariantCulture, $"r={opening.Nonce}{nonce},s={Convert.ToBase64String(verifier.Salt.Span)},i={verifier.Iterations}");

    /// <summary>Checks the client's proof (client-final-message). Never throws.</summary>
    /// <returns>The server's own proof (server-final-message); null when the password is another one, or the message none.</returns>
    public string? Accept(ReadOnlySpan<byte> message)
    {
        var text = ScramOpening.Text(message);
        var proofAt = text?.LastIndexOf(",p=", StringComparison.Ordinal) ?? -1;
        if (proofAt < 0)
        {
            return null;
        }

        // librdkafka 2.0.2 says its own part of the nonce twice. What it says is in the proof, and the exchange is this one as long as it
        // ends with all of the nonce: so Kafka's brokers take it, and nothing is lost.
        var parts = text![..proofAt].Split(',');
        if (parts.Length < 2 || ScramOpening.Value(parts[0], 'c') != Convert.ToBase64String(Encoding.UTF8.GetBytes(opening.Head))
            || ScramOpening.Value(parts[1], 'r') is not { } said || !said.EndsWith(_nonce, StringComparison.Ordinal))
        {
            return null;
        }

        var proof = new byte[ScramVerifier.KeyBytesOf(verifier.Mechanism)];
        if (!Convert.TryFromBase64String(text[(proofAt + 3)..], proof, out var length) || length != proof.Length)
        {
            return null;
        }

        // The proof is the client's key under a signature that only who has the stored key can make: with it the key is found again.
        var hash = ScramVerifier.HashOf(verifier.Mechanism);
        var exchange = Encoding.UTF8.GetBytes($"{opening.Bare},{Message},{text[..proofAt]}");
        var signature = CryptographicOperations.HmacData(hash, verifier.StoredKey.Span, exchange);
        for (var i = 0; i < proof.Length; i++)
        {
            proof[i] ^= signature[i];
        }

        return CryptographicOperations.FixedTimeEquals(CryptographicOperations.HashData(hash, proof), verifier.StoredKey.Span)
            ? $"v={Convert.ToBase64String(CryptographicOperations.HmacData(hash, verifier.ServerKey.Span, exchange))}"
            : null;
    }
}
