using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Atoll.Services.Tables.Roles;

/// <summary>
/// What is kept of a password: "pbkdf2-sha512$iterations$salt$key", salt (16 bytes) and key (32 bytes) in Base64. PBKDF2 with
/// HMAC-SHA-512 (RFC 8018).
/// </summary>
public static class PasswordHash
{
    /// <summary>Iterations of new hashes: about 0.1 s of a processor, so that stolen hashes are slow to guess at.</summary>
    public const int Iterations = 210_000;

    // More would let whoever may give hashes keep a node busy.
    private const int IterationsMax = 2_000_000;
    private const int IterationsMin = 1_000;
    private const int SaltBytes = 16;
    private const int KeyBytes = 32;
    private const string Scheme = "pbkdf2-sha512";

    /// <summary>A new hash of a password, with a salt of its own.</summary>
    public static string Of(string password, int iterations = Iterations)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Scheme}${iterations}${Convert.ToBase64String(salt)}${Convert.ToBase64String(Derive(password, salt, iterations))}");
    }

    /// <summary>Whether it is a hash that <see cref="Matches"/> understands.</summary>
    public static bool IsValid(string hash) => TryParse(hash, out _, out _, out _);

    /// <summary>Whether a password is the one of a hash. Takes as long for a wrong one as for the right one.</summary>
    public static bool Matches(string hash, string password) =>
        TryParse(hash, out var iterations, out var salt, out var key)
        && CryptographicOperations.FixedTimeEquals(Derive(password, salt, iterations), key);

    private static bool TryParse(string hash, out int iterations, out byte[] salt, out byte[] key)
    {
        (iterations, salt, key) = (0, [], []);
        if (hash.Split('$') is not [Scheme, var count, var saltText, var keyText]
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out iterations)
            || iterations is < IterationsMin or > IterationsMax)
        {
            return false;
        }

        salt = new byte[SaltBytes];
        key = new byte[KeyBytes];
        return Convert.TryFromBase64String(saltText, salt, out var saltLength) && saltLength == SaltBytes
            && Convert.TryFromBase64String(keyText, key, out var keyLength) && keyLength == KeyBytes;
    }

    private static byte[] Derive(string password, byte[] salt, int iterations) =>
        Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password), salt, iterations, HashAlgorithmName.SHA512, KeyBytes);
}
