using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;

namespace Atoll.StateMachines.Eventual;

/// <summary>One of the concurrent writes of a record.</summary>
/// <param name="Value">What it wrote; empty for a deletion.</param>
/// <param name="IsDeletion">Whether it deleted what its writer had read.</param>
/// <param name="Version">When it was taken: later ones need not have seen earlier ones.</param>
/// <param name="ExpiresAt">When the value expires; zero for never.</param>
public readonly record struct RecordSibling(ReadOnlyMemory<byte> Value, bool IsDeletion, HybridTime Version, HybridTime ExpiresAt);

/// <summary>
/// A record of a space that keeps siblings, as clients get it where others have a value. Layout: format (byte), context (bytes), number of
/// siblings (varint), each: whether it is a deletion (byte), version, expiry (8 bytes each), value (bytes).
/// </summary>
/// <param name="Context">
/// To be given back with the write that replaces what is here, and nothing else; empty when nothing was ever written. Its bytes mean
/// nothing to anybody but the nodes, and fit only this record.
/// </param>
/// <param name="Siblings">All writes that no other has replaced, the latest first.</param>
public sealed record RecordSiblings(ReadOnlyMemory<byte> Context, IReadOnlyList<RecordSibling> Siblings)
{
    private const byte FormatVersion = 1;
    private const byte ContextFormat = 1;
    private const int ContextHeadBytes = 9;
    private const int SiblingBytesMin = 18;

    /// <summary>Nothing was ever written.</summary>
    public static RecordSiblings None { get; } = new(default, []);

    /// <summary>The values, without the deletions, the latest first.</summary>
    public IEnumerable<RecordSibling> Values => Siblings.Where(static sibling => !sibling.IsDeletion);

    /// <summary>Reads them; everything is a slice of the bytes.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out RecordSiblings siblings)
    {
        var reader = new WireReader(bytes);
        var format = reader.ReadByte();
        var context = reader.ReadBytes();
        var count = reader.ReadCount(reader.Remaining / SiblingBytesMin);
        var read = new List<RecordSibling>(count);
        for (var i = 0; i < count && reader.Ok; i++)
        {
            var isDeletion = reader.ReadBool();
            var version = new HybridTime(reader.ReadUInt64());
            var expires = new HybridTime(reader.ReadUInt64());
            read.Add(new RecordSibling(reader.ReadBytes(), isDeletion, version, expires));
        }

        siblings = new RecordSiblings(context, read);
        return reader.OkAtEnd && format == FormatVersion;
    }

    /// <summary>What a context that a client has kept says; empty bytes say that it has read nothing.</summary>
    /// <param name="context">The bytes as they came back.</param>
    /// <param name="key">The record's key: the context of another would hide writes that nobody has seen.</param>
    /// <param name="seen">What was read.</param>
    public static bool TryReadContext(ReadOnlyMemory<byte> context, ReadOnlySpan<byte> key, out CausalContext seen)
    {
        seen = CausalContext.Empty;
        if (context.IsEmpty)
        {
            return true;
        }

        if (context.Length < ContextHeadBytes)
        {
            return false;
        }

        var reader = new WireReader(context);
        var format = reader.ReadByte();
        var hash = reader.ReadUInt64();
        seen = CausalContext.Read(ref reader);
        return reader.OkAtEnd && format == ContextFormat && seen.Latest.Value < SiblingPut.TimeEnd
            && hash == HashOf(key, context.Span[ContextHeadBytes..]);
    }

    internal void WriteTo(WireWriter writer)
    {
        writer.WriteByte(FormatVersion);
        writer.WriteBytes(Context.Span);
        writer.WriteVarint((ulong)Siblings.Count);
        foreach (var sibling in Siblings)
        {
            writer.WriteBool(sibling.IsDeletion);
            writer.WriteUInt64(sibling.Version.Value);
            writer.WriteUInt64(sibling.ExpiresAt.Value);
            writer.WriteBytes(sibling.Value.Span);
        }
    }

    /// <summary>What a client sees of what replicas have: of a write that two replicas took, one.</summary>
    internal static RecordSiblings Of(SiblingSet set, ReadOnlySpan<byte> key, HybridTime now)
    {
        var seen = new List<Sibling>();
        foreach (var sibling in set.Siblings)
        {
            if (sibling.IsThere(now.UnixMilliseconds) && !seen.Exists(other => IsSameWrite(other, sibling)))
            {
                seen.Add(sibling);
            }
        }

        seen.Sort(static (a, b) => a.Time != b.Time ? b.Time.CompareTo(a.Time) : a.Origin.CompareTo(b.Origin));
        return new RecordSiblings(ContextOf(set.Context, key), [.. seen.Select(static sibling => new RecordSibling(
            sibling.Value, sibling.IsDeletion, sibling.Time,
            HybridTime.FromUnixMilliseconds(Math.Clamp(sibling.ExpiresAtMilliseconds, 0, (1L << 47) - 1))))]);
    }

    private static bool IsSameWrite(in Sibling a, in Sibling b) =>
        a.Id == b.Id && a.IsDeletion == b.IsDeletion && a.Value.Span.SequenceEqual(b.Value.Span);

    private static byte[] ContextOf(CausalContext known, ReadOnlySpan<byte> key)
    {
        var body = new WireWriter(128);
        known.Write(body);
        var writer = new WireWriter(ContextHeadBytes + body.Length);
        writer.WriteByte(ContextFormat);
        writer.WriteUInt64(HashOf(key, body.Written));
        writer.WriteRaw(body.Written);
        return writer.ToArray();
    }

    private static ulong HashOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> body) => StableHash.Compute(body, StableHash.Compute(key));
}
