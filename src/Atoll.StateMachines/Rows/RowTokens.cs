namespace Atoll.StateMachines.Rows;

/// <summary>
/// Tokens of partitions as hashes that requests are routed by: the sign bit is flipped, so that unsigned order is the order of tokens.
/// </summary>
public static class RowTokens
{
    /// <summary>The routing hash of a token.</summary>
    public static ulong HashOf(long token) => unchecked((ulong)token) ^ (1UL << 63);

    /// <summary>The token of a routing hash.</summary>
    public static long TokenOf(ulong hash) => unchecked((long)(hash ^ (1UL << 63)));
}
