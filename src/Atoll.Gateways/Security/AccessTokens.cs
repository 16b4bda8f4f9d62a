using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Atoll.Services.Native;

namespace Atoll.Gateways.Security;

/// <summary>
/// The access tokens that clients may come with. Only their SHA-256 digests are kept, and compared in constant time. Without any
/// token every client is let in: a node refuses such a configuration unless it listens on loopback only, or is told to be insecure.
/// </summary>
public sealed class AccessTokens
{
    private readonly ImmutableArray<byte[]> _digests;

    private AccessTokens(ImmutableArray<byte[]> digests) => _digests = digests;

    /// <summary>Lets everybody in.</summary>
    public static AccessTokens None { get; } = new([]);

    /// <summary>Whether clients need a token.</summary>
    public bool AreRequired => !_digests.IsEmpty;

    /// <summary>These tokens.</summary>
    /// <exception cref="ArgumentException">A token is empty, too long, or has blanks or control characters.</exception>
    public static AccessTokens Of(IEnumerable<string> tokens)
    {
        var digests = ImmutableArray.CreateBuilder<byte[]>();
        foreach (var token in tokens)
        {
            if (token.Length is 0 or > NativeProtocol.TokenBytesMax || token.Any(c => c is <= ' ' or > '~'))
            {
                throw new ArgumentException(
                    $"a token has 1 to {NativeProtocol.TokenBytesMax} printable ASCII characters without blanks", nameof(tokens));
            }

            digests.Add(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        }

        return new AccessTokens(digests.ToImmutable());
    }

    /// <summary>The tokens of a file: one a line; empty lines and those that begin with '#' are comments.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="ArgumentException">It holds no token, or something that is none.</exception>
    public static AccessTokens FromFile(string path)
    {
        var tokens = File.ReadLines(path).Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').ToArray();
        return tokens.Length > 0 ? Of(tokens) : throw new ArgumentException($"{path} holds no token", nameof(path));
    }

    /// <summary>Whether a client with that token is let in.</summary>
    public bool Allow(ReadOnlySpan<byte> token)
    {
        if (!AreRequired)
        {
            return true;
        }

        if (token.Length > NativeProtocol.TokenBytesMax)
        {
            return false;
        }

        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(token, digest);
        var allowed = false;
        foreach (var known in _digests)
        {
            allowed |= CryptographicOperations.FixedTimeEquals(known, digest);
        }

        return allowed;
    }
}
