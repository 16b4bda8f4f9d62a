using System.Buffers.Binary;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Rows;

/// <summary>
/// Where a read begins and ends in a shard's tree.
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
    /// <summary>
    /// The keys of all records that the read may meet, in order, when it is about one row of a known partition: what is known of that as a
    /// whole, its static row if that is wanted, and the row. Empty when they are not known.
    /// </summary>
    internal ReadOnlyMemory<byte>[] PointKeys()
    {
        if (!IsOnePartition || !Resumed.IsEmpty || !Selection.Range.IsOneKey)
        {
            return [];
        }

        var prefix = From.Span[..^1];
        byte[] row = [.. prefix, (byte)RowKeyKind.Row, .. Selection.Range.From.Span];
        return Selection.WithStatic ? [From, (byte[])[.. prefix, (byte)RowKeyKind.Static], row] : [From, row];
    }

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

    private bool TryResume(out RowsPlace resumed)
    {
        resumed = this;
        if (!RowsResume.TryRead(Selection.ResumeAfter, out var resume))
        {
            return false;
        }

        var first = BinaryPrimitives.ReadUInt64BigEndian(From.Span);

        // What is resumed may have been cut at a shard's end: what lies before the range's own begin is still not in it.
        if (resume.Key.IsEmpty)
        {
            resumed = resume.Hash > first ? this with { From = RowKey.OfHash(resume.Hash) } : this;
            return !IsOnePartition;
        }

        var partition = RowKey.PartitionOf(resume.Key.Span);
        var isInside = IsOnePartition
            ? From.Span.SequenceEqual(partition)
            : resume.Hash >= first;
        resumed = this with
        {
            From = partition,
            Resumed = partition,
            After = RowKey.KindOf(resume.Key.Span) == RowKeyKind.Row ? resume.Key : default,
            RowsBefore = resume.Rows,
        };
        return isInside;
    }
}
