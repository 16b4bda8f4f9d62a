using System.Buffers.Binary;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// Where a read begins and ends in a shard's tree. Where to resume is, for the clients opaque: kind (byte); inside a partition
/// (<see cref="InPartition"/>) rows of the partition on pages before (varint), the last key that was looked at; at the beginning of a token
/// (<see cref="AtHash"/>) its routing hash (8 bytes).
/// </summary>
/// <param name="From">The first key, of the beginning of a partition or a token.</param>
/// <param name="To">The first key behind the end; empty for the end of the tree.</param>
/// <param name="IsOnePartition">Whether only one partition is read.</param>
/// <param name="Selection">What of each partition.</param>
/// <param name="Resumed">The key of the record about the partition in which the page before ended; empty when it ended in none.</param>
/// <param name="After">The row of that partition at which it ended; empty when it had none yet.</param>
/// <param name="RowsBefore">Rows of that partition on pages before.</param>
internal sealed record RowsPlace(
    ReadOnlyMemory<byte> From,
    ReadOnlyMemory<byte> To,
    bool IsOnePartition,
    RowsSelection Selection,
    ReadOnlyMemory<byte> Resumed,
    ReadOnlyMemory<byte> After,
    int RowsBefore)
{
    internal const byte InPartition = 1;
    internal const byte AtHash = 2;

    internal static bool TryRead(ReadOnlyMemory<byte> query, out RowsPlace place)
    {
        place = null!;
        if (RowsQuery.TryReadPartition(query, out var partition))
        {
            var key = RowKey.OfPartition(partition.Token, partition.Key.Span);
            place = new RowsPlace(key, KeyOrder.EndOfPrefix(key.AsSpan(0, key.Length - 1)), true, partition.Selection, default, default, 0);
        }
        else if (RowsQuery.TryReadTokenRange(query, out var range))
        {
            var last = RowTokens.HashOf(range.ToToken);
            place = new RowsPlace(
                RowKey.OfHash(RowTokens.HashOf(range.FromToken)),
                last == ulong.MaxValue ? default : RowKey.OfHash(last + 1),
                false,
                range.Selection,
                default,
                default,
                0);
        }
        else
        {
            return false;
        }

        return place.Selection.ResumeAfter.IsEmpty || place.TryResume(out place);
    }

    internal static void WriteInPartition(WireWriter writer, int rows, ReadOnlySpan<byte> key)
    {
        writer.WriteByte(InPartition);
        writer.WriteVarint((ulong)rows);
        writer.WriteRaw(key);
    }

    private bool TryResume(out RowsPlace resumed)
    {
        var reader = new WireReader(Selection.ResumeAfter);
        var kind = reader.ReadByte();
        var rows = kind == InPartition ? reader.ReadCount(int.MaxValue) : 0;
        var key = reader.ReadRaw(reader.Remaining);
        resumed = this;
        if (!reader.Ok)
        {
            return false;
        }

        if (kind == AtHash && key.Length == 8)
        {
            // What is resumed may have been cut at a shard's end: whatever lies before the range's own begin is still not in it.
            resumed = key.Span.SequenceCompareTo(From.Span) > 0 ? this with { From = key } : this;
            return true;
        }

        if (kind != InPartition || key.Length > Limits.KeyBytesMax || !RowKey.IsKey(key.Span))
        {
            return false;
        }

        var partition = RowKey.PartitionOf(key.Span);
        var isInside = IsOnePartition
            ? From.Span.SequenceEqual(partition)
            : BinaryPrimitives.ReadUInt64BigEndian(partition) >= BinaryPrimitives.ReadUInt64BigEndian(From.Span);
        resumed = this with
        {
            From = partition,
            Resumed = partition,
            After = RowKey.KindOf(key.Span) == RowKeyKind.Row ? key : default,
            RowsBefore = rows,
        };
        return isInside;
    }
}
