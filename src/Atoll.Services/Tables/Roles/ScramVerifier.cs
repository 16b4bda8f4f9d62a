using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Services.Tables.Roles;

/// <summary>The hash of a SCRAM exchange.</summary>
public enum ScramMechanism : byte
{
    /// <summary>SCRAM-SHA-256 (RFC 7677).</summary>
    Sha256 = 1,

    /// <summary>SCRAM-SHA-512, the same with another hash.</summary>
    Sha512 = 2,
}

/// <summary>
/// What is kept of a password for SCRAM (RFC 5802, section 3): who has it can check a client's proof, but neither log in with it nor read
/// the password from it. A password is its UTF-8, as Kafka's clients take it: none of them prepares it by SASLprep.
/// </summary>
/// <param name="Mechanism">The hash.</param>
/// <param name="Iterations">How often the password was hashed; clients do the same.</param>
/// <param name="Salt">What was mixed in.</param>
/// <param name="StoredKey">The hash of the client's key.</param>
/// <param name="ServerKey">By which the server shows that it knows the password, too.</param>
public sealed record ScramVerifier(
    ScramMechanism Mechanism, int Iterations, ReadOnlyMemory<byte> Salt, ReadOnlyMemory<byte> StoredKey, ReadOnlyMemory<byte> ServerKey)
{
    /// <summary>
    /// Iterations of all verifiers that are made here, so that these tell nobody apart: a client does them at each connection. They are the
    /// most that the tools of Kafka's own brokers allow.
    /// </summary>
    public const int UsualIterations = 16_384;

    // RFC 7677, section 4: fewer are not allowed.
    private const int IterationsMin = 4_096;
    private const int IterationsMax = 2_000_000;
    private const int SaltBytes = 16;
    private const int SaltBytesMax = 64;

    private bool IsValid => Mechanism is ScramMechanism.Sha256 or ScramMechanism.Sha512
        && Iterations is >= IterationsMin and <= IterationsMax && Salt.Length is > 0 and <= SaltBytesMax
        && StoredKey.Length == KeyBytesOf(Mechanism) && ServerKey.Length == KeyBytesOf(Mechanism);

    /// <summary>One of each mechanism for a new password, with salts of their own.</summary>
    public static ImmutableArray<ScramVerifier> AllOf(string password) =>
    [
        Of(ScramMechanism.Sha256, password, RandomNumberGenerator.GetBytes(SaltBytes), UsualIterations),
        Of(ScramMechanism.Sha512, password, RandomNumberGenerator.GetBytes(SaltBytes), UsualIterations),
    ];

    /// <summary>The verifier of a password (RFC 5802, section 3: SaltedPassword, StoredKey and ServerKey).</summary>
    public static ScramVerifier Of(ScramMechanism mechanism, string password, ReadOnlyMemory<byte> salt, int iterations)
    {
        Check.That(iterations is >= IterationsMin and <= IterationsMax && salt.Length is > 0 and <= SaltBytesMax);
        var hash = HashOf(mechanism);
        var salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password), salt.Span, iterations, hash, KeyBytesOf(mechanism));
        var clientKey = CryptographicOperations.HmacData(hash, salted, "Client Key"u8);
        return new ScramVerifier(
            mechanism, iterations, salt, CryptographicOperations.HashData(hash, clientKey),
            CryptographicOperations.HmacData(hash, salted, "Server Key"u8));
    }

    /// <summary>
    /// What a name is challenged with that cannot log in: always the same, and no proof fits, as nobody knows what its stored key would be
    /// the hash of.
    /// </summary>
    /// <param name="mechanism">The hash.</param>
    /// <param name="name">The name.</param>
    /// <param name="key">A secret of the cluster: who knew it could tell a decoy.</param>
    public static ScramVerifier Decoy(ScramMechanism mechanism, string name, ReadOnlySpan<byte> key)
    {
        var bytes = KeyBytesOf(mechanism);
        return new ScramVerifier(
            mechanism, UsualIterations, Derive(key, "salt").AsMemory(0, SaltBytes), Derive(key, "stored key").AsMemory(0, bytes),
            Derive(key, "server key").AsMemory(0, bytes));

        byte[] Derive(ReadOnlySpan<byte> secret, string what) =>
            HMACSHA512.HashData(secret, Encoding.UTF8.GetBytes($"{what} {mechanism} {name}"));
    }

    /// <summary>The hash of a mechanism, by the name that the platform knows.</summary>
    public static HashAlgorithmName HashOf(ScramMechanism mechanism) =>
        mechanism == ScramMechanism.Sha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA512;

    /// <summary>The bytes of a hash.</summary>
    public static int KeyBytesOf(ScramMechanism mechanism) =>
        mechanism == ScramMechanism.Sha256 ? SHA256.HashSizeInBytes : SHA512.HashSizeInBytes;

    /// <summary>Appends it: mechanism (byte), iterations (varint), salt, stored key, server key (bytes each).</summary>
    internal void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Mechanism);
        writer.WriteVarint((ulong)Iterations);
        writer.WriteBytes(Salt.Span);
        writer.WriteBytes(StoredKey.Span);
        writer.WriteBytes(ServerKey.Span);
    }

    /// <summary>Reads one.</summary>
    /// <returns>Null when it is none.</returns>
    internal static ScramVerifier? Read(ref WireReader reader)
    {
        var read = new ScramVerifier(
            (ScramMechanism)reader.ReadByte(), (int)Math.Min(reader.ReadVarint(), int.MaxValue), reader.ReadBytes(), reader.ReadBytes(),
            reader.ReadBytes());
        return reader.Ok && read.IsValid ? read : null;
    }
}
