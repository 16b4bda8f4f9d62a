using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Rows;

/// <summary>Decides whether conditions hold for rows as a reader sees them.</summary>
internal static class RowConditions
{
    /// <summary>Judges all conditions of a mutation.</summary>
    /// <param name="mutation">The mutation.</param>
    /// <param name="visible">What is visible of a row: of a partition, the static one or that of a clustering key.</param>
    /// <param name="now">When.</param>
    /// <param name="result">When one does not hold, receives the result with the rows as they are; else nothing.</param>
    /// <returns>Whether all hold.</returns>
    internal static bool Judge(
        RowsMutation mutation,
        Func<PartitionMutation, bool, ReadOnlyMemory<byte>, RowData> visible,
        HybridTime now,
        WireWriter result)
    {
        for (var position = 0; position < mutation.Conditions.Count; position++)
        {
            var condition = mutation.Conditions[position];
            if (!Holds(condition, visible(mutation.Partitions[condition.Partition], condition.IsStatic, condition.Clustering)))
            {
                RowsResultCodec.WriteNotApplied(result, now, position, CurrentRows(mutation, visible));
                return false;
            }
        }

        return true;
    }

    /// <param name="condition">The condition.</param>
    /// <param name="row">What is visible of the row.</param>
    internal static bool Holds(RowCondition condition, RowData row) => condition.Kind switch
    {
        RowConditionKind.Exists => !row.IsEmpty,
        RowConditionKind.NotExists => row.IsEmpty,
        RowConditionKind.Cell => CellHolds(condition, row),
        _ => HasElements(condition, row.CellsOf(condition.Column)) == (condition.Comparison == CellComparison.Equal),
    };

    private static List<CurrentRow> CurrentRows(
        RowsMutation mutation, Func<PartitionMutation, bool, ReadOnlyMemory<byte>, RowData> visible)
    {
        var current = new List<CurrentRow>();
        foreach (var condition in mutation.Conditions)
        {
            Add(condition.Partition, isStatic: true, default);
            if (!condition.IsStatic)
            {
                Add(condition.Partition, isStatic: false, condition.Clustering);
            }
        }

        return current;

        void Add(int partition, bool isStatic, ReadOnlyMemory<byte> clustering)
        {
            if (!current.Exists(row => row.Partition == partition && row.IsStatic == isStatic
                && row.Clustering.Span.SequenceEqual(clustering.Span)))
            {
                current.Add(new CurrentRow(
                    partition, isStatic, clustering, visible(mutation.Partitions[partition], isStatic, clustering)));
            }
        }
    }

    private static bool CellHolds(RowCondition condition, RowData row)
    {
        var actual = row.TryGetCell(condition.Column, condition.Path.Span, out var cell) ? cell.Value : default(ReadOnlyMemory<byte>?);
        foreach (var expected in condition.Values)
        {
            if (Compares(condition, actual, expected))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Compares(RowCondition condition, ReadOnlyMemory<byte>? actual, ReadOnlyMemory<byte>? expected)
    {
        if (actual is not { } left || expected is not { } right)
        {
            var areBothNull = actual is null && expected is null;
            return condition.Comparison switch
            {
                CellComparison.Equal or CellComparison.In => areBothNull,
                CellComparison.NotEqual => !areBothNull,
                _ => false,
            };
        }

        return condition.Comparison switch
        {
            CellComparison.Equal or CellComparison.In => left.Span.SequenceEqual(right.Span),
            CellComparison.NotEqual => !left.Span.SequenceEqual(right.Span),
            CellComparison.Less => Compare(condition.Order, left.Span, right.Span) < 0,
            CellComparison.LessOrEqual => Compare(condition.Order, left.Span, right.Span) <= 0,
            CellComparison.Greater => Compare(condition.Order, left.Span, right.Span) > 0,
            _ => Compare(condition.Order, left.Span, right.Span) >= 0,
        };
    }

    private static bool HasElements(RowCondition condition, ReadOnlySpan<RowCell> cells)
    {
        if (cells.Length != condition.Elements.Count)
        {
            return false;
        }

        for (var i = 0; i < cells.Length; i++)
        {
            var element = condition.Elements[i];
            if (!cells[i].Value.Span.SequenceEqual(element.Value.Span)
                || (condition.ComparesPaths && !cells[i].Path.Span.SequenceEqual(element.Path.Span)))
            {
                return false;
            }
        }

        return true;
    }

    private static int Compare(ValueOrder order, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) => order switch
    {
        ValueOrder.Integer => CompareIntegers(left, right),
        ValueOrder.Float when left.Length == right.Length && left.Length is 4 or 8 => NumberOf(left).CompareTo(NumberOf(right)),
        ValueOrder.TimeUuid when left.Length == 16 && right.Length == 16 => CompareTimes(left, right),
        _ => left.SequenceCompareTo(right),
    };

    private static int CompareIntegers(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var isLeftNegative = !left.IsEmpty && left[0] >= 0x80;
        var isRightNegative = !right.IsEmpty && right[0] >= 0x80;
        if (isLeftNegative != isRightNegative)
        {
            return isLeftNegative ? -1 : 1;
        }

        // Without the bytes that only repeat the sign, the longer of two is further from zero.
        var sign = isLeftNegative ? (byte)0xFF : (byte)0;
        left = left.TrimStart(sign);
        right = right.TrimStart(sign);
        if (left.Length != right.Length)
        {
            return left.Length > right.Length == isLeftNegative ? -1 : 1;
        }

        return left.SequenceCompareTo(right);
    }

    // A number that orders as the floating-point values do: those below zero turned around.
    private static long NumberOf(ReadOnlySpan<byte> value)
    {
        var number = value.Length == 4 ? BinaryPrimitives.ReadSingleBigEndian(value) : BinaryPrimitives.ReadDoubleBigEndian(value);
        var bits = double.IsNaN(number) ? long.MaxValue : BitConverter.DoubleToInt64Bits(number);
        return bits >= 0 ? bits : bits ^ long.MaxValue;
    }

    private static int CompareTimes(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var byTime = TimeOf(left).CompareTo(TimeOf(right));
        for (var i = 8; byTime == 0 && i < 16; i++)
        {
            byTime = ((sbyte)left[i]).CompareTo((sbyte)right[i]);
        }

        return byTime;
    }

    // RFC 4122, section 4.1.4: the low 32 bits of the time come first, then the middle 16, then version and the high 12.
    private static ulong TimeOf(ReadOnlySpan<byte> uuid) =>
        ((ulong)(BinaryPrimitives.ReadUInt16BigEndian(uuid[6..]) & 0x0FFF) << 48)
        | ((ulong)BinaryPrimitives.ReadUInt16BigEndian(uuid[4..]) << 32)
        | BinaryPrimitives.ReadUInt32BigEndian(uuid);
}
