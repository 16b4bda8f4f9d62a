using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.StateMachines.Rows;

namespace Atoll.Node.Eventual;

/// <summary>What Paxos calls a partition: the shard, the token (8 bytes each, big-endian), then the partition's key.</summary>
internal static class PaxosPartition
{
    /// <summary>The bytes of a partition.</summary>
    public static byte[] Of(ShardId shard, long token, ReadOnlySpan<byte> key)
    {
        var bytes = new byte[sizeof(ulong) + sizeof(long) + key.Length];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, shard.Value);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(sizeof(ulong)), token);
        key.CopyTo(bytes.AsSpan(sizeof(ulong) + sizeof(long)));
        return bytes;
    }

    /// <summary>A record, which is a partition of its own.</summary>
    public static byte[] OfRecord(ShardId shard, ReadOnlySpan<byte> key) => Of(shard, RowTokens.TokenOf(StableHash.Compute(key)), key);

    /// <summary>The name of a partition of which only the part within the shard is known.</summary>
    public static byte[] Of(ShardId shard, ReadOnlySpan<byte> withinShard)
    {
        var bytes = new byte[sizeof(ulong) + withinShard.Length];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, shard.Value);
        withinShard.CopyTo(bytes.AsSpan(sizeof(ulong)));
        return bytes;
    }

    /// <summary>The shard of a partition; none when the bytes are none.</summary>
    public static ShardId ShardOf(ReadOnlyMemory<byte> partition) =>
        partition.Length >= sizeof(ulong) + sizeof(long)
            ? new ShardId(BinaryPrimitives.ReadUInt64BigEndian(partition.Span)) : ShardId.None;

    /// <summary>The partition within its shard.</summary>
    public static ReadOnlyMemory<byte> WithinShard(ReadOnlyMemory<byte> partition) => partition[sizeof(ulong)..];
}
