using System.Buffers.Binary;

namespace Atoll.Services.Tables.Types;

/// <summary>The order of a type's values. Both must be valid; the empty value comes first.</summary>
public sealed class CqlComparer : IComparer<ReadOnlyMemory<byte>>
{
    private const ulong SignedBytes = 0x8080808080808080;

    private readonly CqlType _type;

    private CqlComparer(CqlType type) => _type = type;

    /// <summary>The order of a type's values.</summary>
    public static CqlComparer Of(CqlType type) => new(type);

    /// <summary>Whether values of the type have an order at all: durations don't, nor what contains them.</summary>
    public static bool IsOrdered(CqlType type) => type switch
    {
        ListType list => IsOrdered(list.Element),
        SetType set => IsOrdered(set.Element),
        MapType map => IsOrdered(map.Key) && IsOrdered(map.Value),
        TupleType tuple => tuple.Elements.All(IsOrdered),
        UserType user => user.Fields.All(field => IsOrdered(field.Type)),
        _ => type.Code != CqlTypeCode.Duration,
    };

    /// <inheritdoc />
    public int Compare(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => Compare(_type, x, y);

    /// <summary>Negative, zero or positive as <paramref name="left"/> comes before, is equal to, or comes after.</summary>
    public static int Compare(CqlType type, ReadOnlyMemory<byte> left, ReadOnlyMemory<byte> right)
    {
        switch (type)
        {
            case ListType list:
                return CompareSequences(list.Element, list.Element, left, right);
            case SetType set:
                return CompareSequences(set.Element, set.Element, left, right);
            case MapType map:
                return CompareSequences(map.Key, map.Value, left, right);
            case TupleType tuple:
                return CompareFields(tuple.Elements.Length, index => tuple.Elements[index], left, right);
            case UserType user:
                return CompareFields(user.Fields.Length, index => user.Fields[index].Type, left, right);
        }

        if (left.IsEmpty || right.IsEmpty)
        {
            return left.Length.CompareTo(right.Length);
        }

        var a = left.Span;
        var b = right.Span;
        return type.Code switch
        {
            CqlTypeCode.Bigint or CqlTypeCode.Counter or CqlTypeCode.Timestamp or CqlTypeCode.Time =>
                CqlBytes.ToBigint(a).CompareTo(CqlBytes.ToBigint(b)),
            CqlTypeCode.Int => CqlBytes.ToInt(a).CompareTo(CqlBytes.ToInt(b)),
            CqlTypeCode.Smallint => CqlBytes.ToSmallint(a).CompareTo(CqlBytes.ToSmallint(b)),
            CqlTypeCode.Tinyint => CqlBytes.ToTinyint(a).CompareTo(CqlBytes.ToTinyint(b)),
            CqlTypeCode.Boolean => CqlBytes.ToBoolean(a).CompareTo(CqlBytes.ToBoolean(b)),
            CqlTypeCode.Varint => CqlBytes.ToVarint(a).CompareTo(CqlBytes.ToVarint(b)),
            CqlTypeCode.Decimal => CqlBytes.ToDecimal(a).CompareTo(CqlBytes.ToDecimal(b)),
            CqlTypeCode.Double => OrderOf(CqlBytes.ToDouble(a)).CompareTo(OrderOf(CqlBytes.ToDouble(b))),
            CqlTypeCode.Float => OrderOf(CqlBytes.ToFloat(a)).CompareTo(OrderOf(CqlBytes.ToFloat(b))),
            CqlTypeCode.Uuid => CompareUuids(a, b),
            CqlTypeCode.Timeuuid => CompareTimeuuids(a, b),
            _ => a.SequenceCompareTo(b),
        };
    }

    /// <summary>A number that orders as the double does: -0 before 0, NaN last, all NaNs alike.</summary>
    internal static ulong OrderOf(double value)
    {
        var bits = BitConverter.DoubleToUInt64Bits(double.IsNaN(value) ? BitConverter.UInt64BitsToDouble(0x7FF8000000000000) : value);
        return (bits >> 63) != 0 ? ~bits : bits | (1UL << 63);
    }

    /// <summary>The same for a float.</summary>
    internal static uint OrderOf(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(float.IsNaN(value) ? BitConverter.UInt32BitsToSingle(0x7FC00000) : value);
        return (bits >> 31) != 0 ? ~bits : bits | (1U << 31);
    }

    /// <summary>The first half of a UUID of version 1 with its time's highest bits first; the version stays on top of them.</summary>
    internal static ulong TimeFirst(ulong high) => (high << 48) | ((high << 16) & 0xFFFF_0000_0000) | (high >> 32);

    /// <summary>What <see cref="TimeFirst"/> was made of.</summary>
    internal static ulong TimeLast(ulong ordered) => (ordered << 32) | ((ordered >> 16) & 0xFFFF_0000) | (ordered >> 48);

    /// <summary>The second half of a timeuuid so that unsigned order is that of its bytes as signed ones, which is Cassandra's.</summary>
    internal static ulong SignedBytesFirst(ulong low) => low ^ SignedBytes;

    private static int CompareUuids(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var byVersion = (left[6] >> 4).CompareTo(right[6] >> 4);
        if (byVersion != 0)
        {
            return byVersion;
        }

        if (left[6] >> 4 == 1)
        {
            var byTime = TimeFirst(BinaryPrimitives.ReadUInt64BigEndian(left))
                .CompareTo(TimeFirst(BinaryPrimitives.ReadUInt64BigEndian(right)));
            if (byTime != 0)
            {
                return byTime;
            }
        }

        return left.SequenceCompareTo(right);
    }

    private static int CompareTimeuuids(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var byTime = TimeFirst(BinaryPrimitives.ReadUInt64BigEndian(left))
            .CompareTo(TimeFirst(BinaryPrimitives.ReadUInt64BigEndian(right)));
        return byTime != 0 ? byTime
            : SignedBytesFirst(BinaryPrimitives.ReadUInt64BigEndian(left[8..]))
                .CompareTo(SignedBytesFirst(BinaryPrimitives.ReadUInt64BigEndian(right[8..])));
    }

    private static int CompareSequences(CqlType even, CqlType odd, ReadOnlyMemory<byte> left, ReadOnlyMemory<byte> right)
    {
        if (!CqlSequence.TryOpenCollection(left, out var leftParts) || !CqlSequence.TryOpenCollection(right, out var rightParts))
        {
            return left.Length.CompareTo(right.Length);
        }

        var isEven = true;
        while (leftParts.TryRead(out var leftPart) && rightParts.TryRead(out var rightPart))
        {
            var byPart = Compare(isEven ? even : odd, leftPart ?? default, rightPart ?? default);
            if (byPart != 0)
            {
                return byPart;
            }

            isEven = !isEven;
        }

        return leftParts.Count.CompareTo(rightParts.Count);
    }

    private static int CompareFields(int count, Func<int, CqlType> typeOf, ReadOnlyMemory<byte> left, ReadOnlyMemory<byte> right)
    {
        var leftFields = CqlSequence.ReadTuple(left, count);
        var rightFields = CqlSequence.ReadTuple(right, count);
        for (var index = 0; index < count; index++)
        {
            var byField = (leftFields[index], rightFields[index]) switch
            {
                (null, null) => 0,
                (null, _) => -1,
                (_, null) => 1,
                ({ } a, { } b) => Compare(typeOf(index), a, b),
            };
            if (byField != 0)
            {
                return byField;
            }
        }

        return 0;
    }
}
