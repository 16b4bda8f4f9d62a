using System.Buffers.Binary;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.StateMachines.Rows;

/// <summary>What a record of a rows shard holds, as it stands in its key.</summary>
internal enum RowKeyKind : byte
{
    /// <summary>What is known of the partition as a whole; the first of its records.</summary>
    Partition = 0,

    /// <summary>The static row.</summary>
    Static = 1,

    /// <summary>A row.</summary>
    Row = 2,
}

/// <summary>
/// Keys of a rows shard's records: token (8 bytes, big-endian, sign bit flipped), length of the partition's key (2 bytes, big-endian), the
/// partition's key, kind (byte), clustering key (for rows). So a shard is in the order of tokens, and a partition's records are together:
/// what is known of it as a whole first, then the static row, then its rows in their order.
/// In an eventual shard of records a record is a row of one partition, the one of the lowest token and an empty key, which no table has:
/// its clustering key is the record's key, and its routing hash is that of the record's key. So a shard is in the order of keys.
/// </summary>
internal static class RowKey
{
    /// <summary>The token of the partition that records are rows of.</summary>
    internal const long RecordsToken = long.MinValue;

    /// <summary>Bytes of a record's row key before the record's own.</summary>
    internal const int RecordHeadBytes = HeadBytes + 1;

    /// <summary>Bytes of a key before that of its partition.</summary>
    internal const int HeadBytes = 8 + 2;

    internal static byte[] OfPartition(long token, ReadOnlySpan<byte> partitionKey) =>
        Make(RowTokens.HashOf(token), partitionKey, RowKeyKind.Partition, default);

    internal static byte[] OfStatic(long token, ReadOnlySpan<byte> partitionKey) =>
        Make(RowTokens.HashOf(token), partitionKey, RowKeyKind.Static, default);

    internal static byte[] OfRow(long token, ReadOnlySpan<byte> partitionKey, ReadOnlySpan<byte> clustering) =>
        Make(RowTokens.HashOf(token), partitionKey, RowKeyKind.Row, clustering);

    /// <summary>The row that a record is.</summary>
    internal static byte[] OfRecord(ReadOnlySpan<byte> recordKey) => OfRow(RecordsToken, default, recordKey);

    /// <summary>Whether a key is one of a record.</summary>
    internal static bool IsOfRecord(ReadOnlySpan<byte> key) =>
        key.Length > RecordHeadBytes && key[HeadBytes] == (byte)RowKeyKind.Row && key[..HeadBytes].IndexOfAnyExcept((byte)0) < 0;

    /// <summary>The first key of a routing hash.</summary>
    internal static byte[] OfHash(ulong hash)
    {
        var key = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(key, hash);
        return key;
    }

    /// <summary>The key of the record about the partition that a record belongs to.</summary>
    internal static byte[] PartitionOf(ReadOnlySpan<byte> key)
    {
        var prefix = key[..PrefixBytes(key)];
        var partition = new byte[prefix.Length + 1];
        prefix.CopyTo(partition);
        return partition;
    }

    /// <summary>How many bytes at the beginning all keys of the same partition share.</summary>
    internal static int PrefixBytes(ReadOnlySpan<byte> key) => HeadBytes + BinaryPrimitives.ReadUInt16BigEndian(key[8..]);

    /// <summary>Bytes of a row's key.</summary>
    internal static int LengthOf(int partitionKeyBytes, int clusteringBytes) => HeadBytes + partitionKeyBytes + 1 + clusteringBytes;

    /// <summary>True when the bytes are a key of a row, a static row or a partition.</summary>
    internal static bool IsKey(ReadOnlySpan<byte> key) =>
        key.Length > HeadBytes
        && key.Length > PrefixBytes(key)
        && (KindOf(key) == RowKeyKind.Row || (KindOf(key) < RowKeyKind.Row && key.Length == PrefixBytes(key) + 1));

    internal static RowKeyKind KindOf(ReadOnlySpan<byte> key) => (RowKeyKind)key[PrefixBytes(key)];

    internal static ulong HashOf(ReadOnlySpan<byte> key) =>
        BinaryPrimitives.ReadUInt64BigEndian(key) is var hash && hash == 0 && IsOfRecord(key)
            ? StableHash.Compute(key[RecordHeadBytes..]) : hash;

    internal static ReadOnlySpan<byte> PartitionKeyOf(ReadOnlySpan<byte> key) => key[HeadBytes..PrefixBytes(key)];

    internal static ReadOnlySpan<byte> ClusteringOf(ReadOnlySpan<byte> key) => key[(PrefixBytes(key) + 1)..];

    /// <summary>What covers a row, or a static row, from outside.</summary>
    internal static DeletionTime CoveringOf(ReadOnlySpan<byte> key, PartitionDeletions deletions) =>
        KindOf(key) == RowKeyKind.Static ? deletions.Partition : deletions.Covering(ClusteringOf(key));

    private static byte[] Make(ulong hash, ReadOnlySpan<byte> partitionKey, RowKeyKind kind, ReadOnlySpan<byte> clustering)
    {
        Check.That(partitionKey.Length <= Limits.PartitionKeyBytesMax);
        var key = new byte[LengthOf(partitionKey.Length, clustering.Length)];
        BinaryPrimitives.WriteUInt64BigEndian(key, hash);
        BinaryPrimitives.WriteUInt16BigEndian(key.AsSpan(8), (ushort)partitionKey.Length);
        partitionKey.CopyTo(key.AsSpan(HeadBytes));
        key[HeadBytes + partitionKey.Length] = (byte)kind;
        clustering.CopyTo(key.AsSpan(HeadBytes + partitionKey.Length + 1));
        return key;
    }
}
