using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Records;

/// <summary>
/// Sums over records, whatever their order: equal for equal sets of records, and as good as never for others. Sums over parts add up to
/// that over the whole. The hashes are stored with backups: they never change.
/// </summary>
/// <param name="Records">How many.</param>
/// <param name="Bytes">Bytes of their keys and values.</param>
/// <param name="Expiring">How many have a time to live.</param>
/// <param name="Versions">
/// The sum over a hash of key, version, expiry and the value's length of each. In one shard a key and a version stand for one value, so
/// that this tells whether anything was written.
/// </param>
/// <param name="Contents">
/// The sum over a hash of key and value of each that has no time to live: the same for a copy elsewhere, where the versions are others.
/// Zero when it was not asked for.
/// </param>
public readonly record struct RecordsDigest(long Records, long Bytes, long Expiring, ulong Versions, ulong Contents)
{
    /// <summary>The sums with one record more, contents included.</summary>
    public RecordsDigest With(ReadOnlySpan<byte> key, HybridTime version, HybridTime expiresAt, ReadOnlyMemory<byte> value) =>
        With(key, new StoredRecord(version, expiresAt, value), value.Span, hasContents: true);

    /// <summary>The sums over both sets, which have no key in common.</summary>
    public RecordsDigest With(in RecordsDigest other) => new(
        Records + other.Records,
        Bytes + other.Bytes,
        Expiring + other.Expiring,
        unchecked(Versions + other.Versions),
        unchecked(Contents + other.Contents));

    /// <summary>The sums with one record more; without contents the value is not looked at.</summary>
    internal RecordsDigest With(ReadOnlySpan<byte> key, in StoredRecord head, ReadOnlySpan<byte> value, bool hasContents)
    {
        var keyHash = StableHash.Compute(key);
        var isLasting = head.ExpiresAt == HybridTime.Zero;
        var bytes = (ulong)head.ValueBytes;
        return new RecordsDigest(
            Records + 1,
            Bytes + key.Length + head.ValueBytes,
            Expiring + (isLasting ? 0 : 1),
            unchecked(Versions + Hash(keyHash, head.Version.Value, head.ExpiresAt.Value, bytes)),
            hasContents && isLasting
                ? unchecked(Contents + Hash(keyHash, StableHash.Compute(value), (ulong)key.Length, bytes))
                : Contents);
    }

    private static ulong Hash(ulong a, ulong b, ulong c, ulong d)
    {
        Span<byte> bytes = stackalloc byte[32];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, a);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], b);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], c);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], d);
        return StableHash.Compute(bytes);
    }
}
