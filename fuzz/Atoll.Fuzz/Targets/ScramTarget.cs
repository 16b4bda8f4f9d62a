using System.Security.Cryptography;
using System.Text;
using Atoll.Gateways.Security.Scram;
using Atoll.Services.Tables.Roles;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// What a client of SCRAM says: its first message, a line feed, and its answer to the challenge. The client's key is known here, so that
/// whatever is accepted can be held against RFC 5802 (section 3), and an answer can be given the proof that it needs.
/// </summary>
public sealed class ScramTarget : IFuzzTarget
{
    private const byte LineFeed = (byte)'\n';
    private const int ProofLength = 44; // 32 bytes in Base64
    private const string ServerNonce = "3rfcNHYJY1ZVvWVs7j";

    private static readonly byte[] Salt = "0123456789abcdef"u8.ToArray();
    private static readonly byte[] Salted =
        Rfc2898DeriveBytes.Pbkdf2("pencil"u8, Salt, ScramVerifier.UsualIterations, HashAlgorithmName.SHA256, 32);

    private static readonly byte[] ClientKey = HMACSHA256.HashData(Salted, "Client Key"u8);
    private static readonly ScramVerifier Verifier = ScramVerifier.Of(
        ScramMechanism.Sha256, "pencil", Salt, ScramVerifier.UsualIterations);

    /// <inheritdoc />
    public string Name => "scram";

    /// <inheritdoc />
    public string About => "ScramOpening, ScramChallenge: refused with a reason, or an exchange whose proof is the one of the RFC";

    /// <inheritdoc />
    public AllocationBound Allocation => AllocationBound.OfDecoder;

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Exchange("n,,", "n=user,r=rOprNGfwEbeRWgbNEkqO"),
        Exchange("y,a=a=2Cb=3D,", "n=a=2Cb=3D,r=abc,tokenauth=false,x=y"),
    ];

    /// <inheritdoc />
    public IReadOnlyList<string> Words { get; } =
    [
        "n,,", "y,,", "p=tls-unique,,", "a=user", "m=x,", "n=user", "r=", ",tokenauth=true", "=2C", "=3D", "c=biws", ",p=", "\n", "==", ",",
    ];

    /// <summary>The proof is a checksum of all that was said: it is made right where there is room for one.</summary>
    public void FixChecksums(Span<byte> input)
    {
        var end = input.IndexOf(LineFeed);
        var proofAt = input.LastIndexOf(",p="u8) + 3;
        if (end >= 0 && proofAt > end + 3 && input.Length - proofAt == ProofLength
            && ScramOpening.Read(input[..end], out _) is { } opening)
        {
            var challenge = new ScramChallenge(opening, Verifier, ServerNonce);
            Encoding.ASCII.GetBytes(ProofOf(opening.Bare, challenge.Message, input[(end + 1)..(proofAt - 3)]), input[proofAt..]);
        }
    }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var end = input.Span.IndexOf(LineFeed);
        var first = end < 0 ? input.Span : input.Span[..end];
        if (ScramOpening.Read(first, out var whyNot) is not { } opening)
        {
            return Verdict.RefusedFor(whyNot);
        }

        BrokenPromiseException.Unless(whyNot.Length == 0, "a reason is given only for a refusal");
        BrokenPromiseException.Unless(
            Encoding.UTF8.GetBytes(opening.Head + opening.Bare).AsSpan().SequenceEqual(first), "what is read is all that was said");
        var escaped = opening.UserName.Replace("=", "=3D", StringComparison.Ordinal).Replace(",", "=2C", StringComparison.Ordinal);
        BrokenPromiseException.Unless(
            opening.Bare.StartsWith($"n={escaped},r={opening.Nonce}", StringComparison.Ordinal), "name and nonce are those that were said");
        var challenge = new ScramChallenge(opening, Verifier, ServerNonce);
        var second = end < 0 ? default : input.Span[(end + 1)..];
        if (challenge.Accept(second) is not { } answer)
        {
            return Verdict.Refused("no proof");
        }

        var proofAt = second.LastIndexOf(",p="u8) + 3;
        BrokenPromiseException.Unless(
            Convert.FromBase64String(Encoding.ASCII.GetString(second[proofAt..])).AsSpan().SequenceEqual(
                Convert.FromBase64String(ProofOf(opening.Bare, challenge.Message, second[..(proofAt - 3)]))),
            "only the right proof is accepted");
        BrokenPromiseException.Unless(answer.StartsWith("v=", StringComparison.Ordinal), "the server shows that it knows the password");
        return Verdict.Accepted(
            $"{opening.Head[0]}{(opening.Head.Length > 3 ? " for" : "")}{(escaped == opening.UserName ? "" : " escaped")}");
    }

    private static byte[] Exchange(string head, string bare)
    {
        var opening = ScramOpening.Read(Encoding.UTF8.GetBytes(head + bare), out _)!;
        var challenge = new ScramChallenge(opening, Verifier, ServerNonce);
        var final = $"c={Convert.ToBase64String(Encoding.UTF8.GetBytes(head))},r={opening.Nonce}{ServerNonce}";
        return Encoding.UTF8.GetBytes($"{head}{bare}\n{final},p={ProofOf(bare, challenge.Message, Encoding.UTF8.GetBytes(final))}");
    }

    private static string ProofOf(string bare, string challenge, ReadOnlySpan<byte> final)
    {
        byte[] said = [.. Encoding.UTF8.GetBytes($"{bare},{challenge},"), .. final];
        var signature = HMACSHA256.HashData(SHA256.HashData(ClientKey), said);
        return Convert.ToBase64String([.. ClientKey.Zip(signature, static (a, b) => (byte)(a ^ b))]);
    }
}
