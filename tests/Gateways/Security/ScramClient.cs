using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Xunit;

namespace Atoll.Gateways.Tests.Security;

/// <summary>The client's side of a SCRAM exchange, as RFC 5802 (section 3) writes it down.</summary>
/// <param name="hash">The hash.</param>
/// <param name="userName">Who it is.</param>
/// <param name="password">Its password.</param>
internal sealed class ScramClient(HashAlgorithmName hash, string userName, string password)
{
    private const string Nonce = "fyko+d2lbbFgONRv9qkxdawL";

    private string _said = "";
    private byte[] _salted = [];

    /// <summary>Whether it says its own part of the nonce twice in the end, as librdkafka 2.0.2 does.</summary>
    public bool RepeatsNonce { get; init; }

    /// <summary>The client's first message.</summary>
    public string First { get; init; } = $"n,,n={userName},r={Nonce}";

    /// <summary>The answer to a challenge.</summary>
    public string Answer(string challenge)
    {
        var parts = challenge.Split(',');
        Assert.StartsWith($"r={Nonce}", parts[0]);
        var salt = Convert.FromBase64String(parts[1][2..]);
        var iterations = int.Parse(parts[2][2..], CultureInfo.InvariantCulture);
        _salted = Rfc2898DeriveBytes.Pbkdf2(password, salt, iterations, hash, hash == HashAlgorithmName.SHA256 ? 32 : 64);
        var head = First[..(First.IndexOf(',', 2) + 1)];
        var nonce = RepeatsNonce ? $"r={Nonce}{parts[0][2..]}" : parts[0];
        var final = $"c={Convert.ToBase64String(Encoding.UTF8.GetBytes(head))},{nonce}";
        _said = $"{First[head.Length..]},{challenge},{final}";
        var key = Hmac(_salted, "Client Key");
        var proof = Hmac(CryptographicOperations.HashData(hash, key), _said).Zip(key, static (a, b) => (byte)(a ^ b)).ToArray();
        return $"{final},p={Convert.ToBase64String(proof)}";
    }

    /// <summary>Whether the server has shown that it knows the password, too.</summary>
    public bool Trusts(string proof) =>
        proof == $"v={Convert.ToBase64String(Hmac(Hmac(_salted, "Server Key"), _said))}";

    private byte[] Hmac(byte[] key, string text) => CryptographicOperations.HmacData(hash, key, Encoding.UTF8.GetBytes(text));
}
