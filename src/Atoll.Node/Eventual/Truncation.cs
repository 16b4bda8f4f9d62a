namespace Atoll.Node.Eventual;

/// <summary>
/// The payload of a write that removes all rows of a shard. It goes to all replicas and is no version: whoever misses it brings rows back,
/// which is why a truncation is only acknowledged by all of them, and never left as a hint.
/// </summary>
internal static class Truncation
{
    /// <summary>The bytes; no version begins with them.</summary>
    public static readonly byte[] Payload = [0xFF];

    /// <summary>Whether a payload is a truncation.</summary>
    public static bool Is(ReadOnlyMemory<byte> payload) => payload.Length == 1 && payload.Span[0] == Payload[0];
}
