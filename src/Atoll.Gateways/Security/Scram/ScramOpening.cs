using System.Text;

namespace Atoll.Gateways.Security.Scram;

/// <summary>What a client of SCRAM says first (RFC 5802, section 7: client-first-message).</summary>
/// <param name="UserName">Who it wants to be.</param>
/// <param name="Nonce">Its part of the nonce.</param>
/// <param name="Head">What is before the part that is authenticated as it is (gs2-header); the client repeats it later.</param>
/// <param name="Bare">The part that is (client-first-message-bare).</param>
public sealed record ScramOpening(string UserName, string Nonce, string Head, string Bare)
{
    // Names of roles have at most 256 characters; nonces of clients some 30.
    private const int BytesMax = 4_096;

    // Kafka's own extension (KIP-48): the name is the number of a delegation token.
    private const string DelegationToken = "tokenauth=true";

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads it. Never throws.</summary>
    /// <param name="message">Any bytes.</param>
    /// <param name="whyNot">What is wrong with it, in words for its client; empty when nothing is.</param>
    /// <returns>
    /// Null when it is none, or asks for what is not there: a bound channel, another identity, an extension that must be known.
    /// </returns>
    public static ScramOpening? Read(ReadOnlySpan<byte> message, out string whyNot)
    {
        whyNot = "this is no first message of SCRAM (RFC 5802)";
        if (Text(message) is not { } text)
        {
            return null;
        }

        if (text.StartsWith("p=", StringComparison.Ordinal))
        {
            whyNot = "a channel cannot be bound: there are no mechanisms that end with -PLUS";
            return null;
        }

        // "y": the client could bind a channel and takes it that the server cannot, which is so.
        var headEnd = text.StartsWith("n,", StringComparison.Ordinal) || text.StartsWith("y,", StringComparison.Ordinal)
            ? text.IndexOf(',', 2) + 1 : 0;
        var parts = text[headEnd..].Split(',');
        if (headEnd == 0 || parts.Length < 2)
        {
            return null;
        }

        if (parts[0].StartsWith("m=", StringComparison.Ordinal) || parts.AsSpan(2).Contains(DelegationToken))
        {
            whyNot = parts[0][0] == 'm' ? "there are no mandatory extensions of SCRAM" : "there are no delegation tokens";
            return null;
        }

        if (Value(parts[0], 'n') is not { } escaped || Name(escaped) is not { Length: > 0 } name
            || Value(parts[1], 'r') is not { Length: > 0 } nonce || !nonce.All(static c => c is > ' ' and <= '~'))
        {
            return null;
        }

        // Whom to act for may be said, and is then the same.
        var identity = text[2..(headEnd - 1)];
        if (identity.Length > 0 && Value(identity, 'a') != escaped)
        {
            whyNot = "nobody can act for another role";
            return null;
        }

        whyNot = "";
        return new ScramOpening(name, nonce, text[..headEnd], text[headEnd..]);
    }

    /// <summary>The text of a message; null when it is too long, or none.</summary>
    internal static string? Text(ReadOnlySpan<byte> message)
    {
        try
        {
            return message.Length > BytesMax ? null : Strict.GetString(message);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>The value of an attribute; null when the part has another one.</summary>
    internal static string? Value(string part, char attribute) =>
        part.Length >= 2 && part[0] == attribute && part[1] == '=' ? part[2..] : null;

    // A comma is written "=2C", and "=" is "=3D"; nothing else is escaped, so that each "=" stands for two characters more.
    private static string? Name(string escaped)
    {
        var name = escaped.Replace("=2C", ",", StringComparison.Ordinal).Replace("=3D", "=", StringComparison.Ordinal);
        return escaped.Length - (escaped.Count(static c => c == '=') * 2) == name.Length && !name.Contains('\0') ? name : null;
    }
}
