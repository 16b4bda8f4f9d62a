using System.Buffers.Binary;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// Where the next page of a read begins. As bytes: kind (byte); inside a partition the number of its rows on pages before (varint) and the
/// last key that was looked at; at the beginning of a token its routing hash (8 bytes, big-endian).
/// </summary>
/// <param name="Hash">The routing hash of the token that it goes on in.</param>
/// <param name="Key">The last key; empty for the beginning of the token.</param>
/// <param name="Rows">Rows of the partition on pages before.</param>
public readonly record struct RowsResume(ulong Hash, ReadOnlyMemory<byte> Key, int Rows)
{
    private const byte InPartition = 1;
    private const byte AtHash = 2;

    /// <summary>The beginning of a token: for who goes on in another shard.</summary>
    /// <param name="hash">The token's routing hash.</param>
    public static byte[] At(ulong hash) => [AtHash, .. RowKey.OfHash(hash)];

    /// <summary>The row behind which the page begins.</summary>
    /// <param name="clustering">Its clustering key.</param>
    /// <returns>False when it begins before the rows of a partition.</returns>
    public bool TryGetRow(out ReadOnlyMemory<byte> clustering)
    {
        var isRow = !Key.IsEmpty && RowKey.KindOf(Key.Span) == RowKeyKind.Row;
        clustering = isRow ? Key[^RowKey.ClusteringOf(Key.Span).Length..] : default;
        return isRow;
    }

    /// <summary>
    /// Whether a row lies before this place, so that the pages up to here have shown it if it was there. A static row is shown with the
    /// first row of its partition.
    /// </summary>
    /// <param name="row">The key of a row, as <see cref="RowImage.Key"/> has it.</param>
    public bool IsBehind(ReadOnlySpan<byte> row) =>
        Key.IsEmpty ? BinaryPrimitives.ReadUInt64BigEndian(row) < Hash
        : RowKey.KindOf(row) == RowKeyKind.Static && row[..^1].SequenceEqual(Key.Span[..RowKey.PrefixBytes(Key.Span)]) ? Rows > 0
        : row.SequenceCompareTo(Key.Span) <= 0;

    /// <summary>Reads what <see cref="RowsPage.ResumeAfter"/> says.</summary>
    /// <returns>False when the bytes are no such place.</returns>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out RowsResume resume)
    {
        var reader = new WireReader(bytes);
        var kind = reader.ReadByte();
        var rows = kind == InPartition ? reader.ReadCount(int.MaxValue) : 0;
        var key = reader.ReadRaw(reader.Remaining);
        resume = default;
        var isGood = reader.Ok && kind switch
        {
            InPartition => key.Length <= Limits.KeyBytesMax && RowKey.IsKey(key.Span),
            AtHash => key.Length == 8,
            _ => false,
        };
        if (isGood)
        {
            resume = new RowsResume(BinaryPrimitives.ReadUInt64BigEndian(key.Span), kind == AtHash ? default : key, rows);
        }

        return isGood;
    }

    /// <summary>Writes a place inside a partition.</summary>
    internal static void Write(WireWriter writer, int rows, ReadOnlySpan<byte> key)
    {
        writer.WriteByte(InPartition);
        writer.WriteVarint((ulong)rows);
        writer.WriteRaw(key);
    }
}
