using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// A range of clustering keys of one partition, in the order-preserving bytes that the service makes of them. The static row is in none.
/// </summary>
/// <param name="From">The lowest key, included; empty for the first.</param>
/// <param name="To">Where the range ends, not included; empty for behind the last.</param>
/// <param name="IsNothing">True for a range that holds no key whatever its ends.</param>
public readonly record struct ClusteringRange(ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> To, bool IsNothing = false)
{
    /// <summary>All rows.</summary>
    public static readonly ClusteringRange All;

    /// <summary>No row.</summary>
    public static readonly ClusteringRange Nothing = new(default, default, true);

    /// <summary>
    /// The range between two bounds, each of which is a clustering key or the beginning of one (the encoded first columns): an inclusive
    /// bound includes all keys that begin with it, an exclusive one excludes them all.
    /// </summary>
    /// <param name="lower">The lower bound; empty for none.</param>
    /// <param name="lowerIsInclusive">Whether keys that begin with it are in the range.</param>
    /// <param name="upper">The upper bound; empty for none.</param>
    /// <param name="upperIsInclusive">Whether keys that begin with it are in the range.</param>
    public static ClusteringRange Between(
        ReadOnlyMemory<byte> lower, bool lowerIsInclusive, ReadOnlyMemory<byte> upper, bool upperIsInclusive)
    {
        ReadOnlyMemory<byte> from = lower.IsEmpty || lowerIsInclusive ? lower : KeyOrder.EndOfPrefix(lower.Span);
        ReadOnlyMemory<byte> to = upper.IsEmpty || !upperIsInclusive ? upper : KeyOrder.EndOfPrefix(upper.Span);

        // Nothing comes behind a prefix of 0xFF only: an exclusive lower bound leaves nothing.
        var isNothing = (!lower.IsEmpty && from.IsEmpty) || (!to.IsEmpty && from.Span.SequenceCompareTo(to.Span) >= 0);
        return isNothing ? Nothing : new ClusteringRange(from, to);
    }

    /// <summary>The one key.</summary>
    public static ClusteringRange Of(ReadOnlyMemory<byte> key) => new(key, KeyOrder.Successor(key.Span));

    /// <summary>All keys that begin with these bytes.</summary>
    public static ClusteringRange OfPrefix(ReadOnlyMemory<byte> prefix) => Between(prefix, true, prefix, true);

    /// <summary>Whether it holds no key but <see cref="From"/>, as <see cref="Of"/> makes it.</summary>
    public bool IsOneKey => !IsNothing && To.Length == From.Length + 1 && To.Span[^1] == 0 && To.Span.StartsWith(From.Span);

    /// <summary>True when the key is in the range.</summary>
    public bool Contains(ReadOnlySpan<byte> key) =>
        !IsNothing && key.SequenceCompareTo(From.Span) >= 0 && (To.IsEmpty || key.SequenceCompareTo(To.Span) < 0);

    /// <summary>Reads a range.</summary>
    internal static ClusteringRange Read(ref WireReader reader)
    {
        var isNothing = reader.ReadBool();
        return new ClusteringRange(reader.ReadBytes(), reader.ReadBytes(), isNothing);
    }

    /// <summary>Writes the range.</summary>
    internal void Write(WireWriter writer)
    {
        writer.WriteBool(IsNothing);
        writer.WriteBytes(From.Span);
        writer.WriteBytes(To.Span);
    }
}
