using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// A row as a record of the tree: format (byte), grace in seconds (varint; the one of the last write), the row as <see
/// cref="RowDataCodec"/> has it.
/// </summary>
/// <param name="GraceSeconds">How long its tombstones are kept.</param>
/// <param name="Row">The row.</param>
internal readonly record struct StoredRow(int GraceSeconds, RowData Row)
{
    private const byte FormatVersion = 1;

    /// <summary>When something in it is to be purged; zero for never.</summary>
    internal HybridTime ExpiresAt => StoredTime.Of(Row.NextPurgeMilliseconds(GraceSeconds * 1000L));

    internal static StoredRow Read(ReadOnlyMemory<byte> value)
    {
        var isRow = TryRead(value, out var row);
        Check.That(isRow);
        return row;
    }

    internal static bool TryRead(ReadOnlyMemory<byte> value, out StoredRow row)
    {
        var reader = new WireReader(value);
        var version = reader.ReadByte();
        row = new StoredRow(reader.ReadCount(int.MaxValue), RowDataCodec.Read(ref reader));
        return reader.OkAtEnd && version == FormatVersion;
    }

    internal byte[] Encode(WireWriter scratch)
    {
        scratch.Reset();
        scratch.WriteByte(FormatVersion);
        scratch.WriteVarint((ulong)GraceSeconds);
        RowDataCodec.Write(scratch, Row);
        return scratch.ToArray();
    }
}

/// <summary>
/// What is known of a partition as a whole, as a record of the tree: format (byte), whether it is swept (byte), grace in seconds (varint),
/// the timestamp that is ahead (zigzag varint), the deletions.
/// </summary>
/// <param name="Deletions">What was deleted of it.</param>
/// <param name="AheadMicros">
/// The highest timestamp of anything in the partition that was above the shard's own when it came; none when there is no such thing. As
/// long as the shard's is below it, a write without a timestamp looks for what it has to win over.
/// </param>
/// <param name="IsSwept">
/// True when no row has anything in it that the deletions cover: only then may these be forgotten, or deleted rows would be seen again.
/// </param>
/// <param name="GraceSeconds">How long the deletions are kept.</param>
internal sealed record StoredPartition(PartitionDeletions Deletions, long AheadMicros, bool IsSwept, int GraceSeconds)
{
    internal static readonly StoredPartition None = new(PartitionDeletions.None, RowTimestamp.None, true, 0);

    private const byte FormatVersion = 1;

    internal bool IsNone => Deletions.IsNone && AheadMicros == RowTimestamp.None;

    internal static StoredPartition Read(ReadOnlyMemory<byte> value)
    {
        var isPartition = TryRead(value, out var partition);
        Check.That(isPartition);
        return partition;
    }

    internal static bool TryRead(ReadOnlyMemory<byte> value, out StoredPartition partition)
    {
        var reader = new WireReader(value);
        var version = reader.ReadByte();
        var isSwept = reader.ReadBool();
        var grace = reader.ReadCount(int.MaxValue);
        var ahead = ZigZag.Decode(reader.ReadVarint());
        partition = new StoredPartition(PartitionDeletions.Read(ref reader), ahead, isSwept, grace);
        return reader.OkAtEnd && version == FormatVersion;
    }

    internal byte[] Encode(WireWriter scratch)
    {
        scratch.Reset();
        scratch.WriteByte(FormatVersion);
        scratch.WriteBool(IsSwept);
        scratch.WriteVarint((ulong)GraceSeconds);
        scratch.WriteVarint(ZigZag.Encode(AheadMicros));
        Deletions.Write(scratch);
        return scratch.ToArray();
    }

    /// <summary>What is left of it at a time.</summary>
    internal StoredPartition Purge(long nowMilliseconds) => new(
        IsSwept ? Deletions.Purge(nowMilliseconds - (GraceSeconds * 1000L)) : Deletions,
        AheadMicros < nowMilliseconds * 1000 ? RowTimestamp.None : AheadMicros,
        IsSwept,
        GraceSeconds);

    /// <summary>When it is to be swept, or something in it purged; zero for never.</summary>
    internal HybridTime ExpiresAt(HybridTime now)
    {
        if (!IsSwept)
        {
            return now;
        }

        long? next = AheadMicros == RowTimestamp.None ? null : (AheadMicros / 1000) + 1;
        var gone = Deletions.FirstDeletedAtMilliseconds + (GraceSeconds * 1000L);
        return StoredTime.Of(next is null || gone < next ? gone : next);
    }
}

/// <summary>Times at which something is to be done.</summary>
internal static class StoredTime
{
    // Thousands of years: whatever lies behind it never comes, and cannot be expressed as a hybrid time.
    private const long NeverMilliseconds = 1L << 47;

    internal static HybridTime Of(long? milliseconds) => milliseconds switch
    {
        null or >= NeverMilliseconds => HybridTime.Zero,
        <= 0 => HybridTime.FromUnixMilliseconds(1),
        { } at => HybridTime.FromUnixMilliseconds(at),
    };
}
