using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Services.Calls;

namespace Atoll.Fuzz.Targets;

/// <summary>Tokens of sessions, which come back from clients.</summary>
public sealed class SessionTokenTarget : IFuzzTarget
{
    /// <inheritdoc />
    public string Name => "session-token";

    /// <inheritdoc />
    public string About => "Session.TryParse: refused, or a session whose token says the same";

    /// <inheritdoc />
    public AllocationBound Allocation => AllocationBound.OfDecoder;

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } = [Token(), Token((1, 5)), Token((1, ulong.MaxValue), (3, 7), (ulong.MaxValue, 1))];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        if (!Session.TryParse(Encoding.UTF8.GetString(input.Span), out var session))
        {
            return Verdict.Refused();
        }

        var token = session.ToToken();
        BrokenPromiseException.Unless(
            Session.TryParse(token, out var again) && again.ToToken() == token, "a session's token says what the session knows");
        return Verdict.Accepted($"{Math.Min(8, token.Length / 12)}");
    }

    private static byte[] Token(params (ulong Shard, ulong Version)[] seen)
    {
        var session = new Session();
        foreach (var (shard, version) in seen)
        {
            session.Observe(new ShardId(shard), new HybridTime(version));
        }

        return Encoding.UTF8.GetBytes(session.ToToken());
    }
}
