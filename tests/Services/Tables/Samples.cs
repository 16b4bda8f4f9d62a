using System.Numerics;
using Atoll.Foundation.Randomness;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tests.Tables;

/// <summary>Random valid values, drawn so that equal beginnings, edges and empty values are common.</summary>
internal static class Samples
{
    public static ReadOnlyMemory<byte> Value(ref Prng random, CqlType type, int depth = 0)
    {
        switch (type)
        {
            case ListType list:
                return CqlSequence.WriteList(Many(ref random, list.Element, depth));
            case SetType set:
                return CqlSequence.WriteList(
                    [.. Many(ref random, set.Element, depth).Order(CqlComparer.Of(set.Element))]);
            case MapType map:
                var entries = new List<ReadOnlyMemory<byte>>();
                foreach (var key in Many(ref random, map.Key, depth).Order(CqlComparer.Of(map.Key)))
                {
                    entries.Add(key);
                    entries.Add(Value(ref random, map.Value, depth + 1));
                }

                return CqlSequence.WriteMap(entries);
            case TupleType tuple:
                return Fields(ref random, tuple.Elements, depth);
            case UserType user:
                return Fields(ref random, [.. user.Fields.Select(field => field.Type)], depth);
        }

        switch (type.Code)
        {
            case CqlTypeCode.Ascii or CqlTypeCode.Varchar:
                return CqlBytes.Of(Text(ref random));
            case CqlTypeCode.Blob:
                return Bytes(ref random, (int)random.NextBelow(4));
            case CqlTypeCode.Smallint:
                return CqlBytes.Of(unchecked((short)Integer(ref random)));
            case CqlTypeCode.Tinyint:
                return CqlBytes.Of(unchecked((sbyte)Integer(ref random)));
            case CqlTypeCode.Date:
                return CqlBytes.Of(unchecked((int)Integer(ref random)));
            case CqlTypeCode.Time:
                return CqlBytes.Of((long)(unchecked((ulong)Integer(ref random)) % (ulong)CqlTimes.NanosecondsPerDay));
        }

        if (random.NextBelow(20) == 0)
        {
            return ReadOnlyMemory<byte>.Empty;
        }

        return type.Code switch
        {
            CqlTypeCode.Boolean => CqlBytes.Of(random.NextBelow(2) == 0),
            CqlTypeCode.Int => CqlBytes.Of(unchecked((int)Integer(ref random))),
            CqlTypeCode.Bigint or CqlTypeCode.Timestamp or CqlTypeCode.Counter => CqlBytes.Of(Integer(ref random)),
            CqlTypeCode.Varint => CqlBytes.Of(Large(ref random)),
            CqlTypeCode.Decimal => CqlBytes.Of(new CqlDecimal(
                Large(ref random) * BigInteger.Pow(10, (int)random.NextBelow(3)), (int)random.NextBelow(9) - 4)),
            CqlTypeCode.Double => CqlBytes.Of(random.NextBelow(5) switch
            {
                0 => double.NaN,
                1 => -0.0,
                2 => double.NegativeInfinity,
                3 => Integer(ref random) / 7.0,
                _ => Integer(ref random),
            }),
            CqlTypeCode.Float => CqlBytes.Of(random.NextBelow(4) switch
            {
                0 => float.NaN,
                1 => -0.0f,
                _ => Integer(ref random) / 7.0f,
            }),
            CqlTypeCode.Inet => Bytes(ref random, random.NextBelow(2) == 0 ? 4 : 16),
            CqlTypeCode.Uuid => Uuid(ref random, random.NextBelow(2) == 0 ? 1 : 4),
            CqlTypeCode.Timeuuid => Uuid(ref random, 1),
            CqlTypeCode.Duration => CqlBytes.Of(new CqlDuration(
                (int)random.NextBelow(100), (int)random.NextBelow(100), (long)random.NextBelow(1UL << 40))),
            _ => throw new InvalidOperationException($"no samples of {type}"),
        };
    }

    private static List<ReadOnlyMemory<byte>> Many(ref Prng random, CqlType element, int depth)
    {
        var parts = new List<ReadOnlyMemory<byte>>();
        for (var left = depth > 2 ? 0UL : random.NextBelow(4); left > 0; left--)
        {
            parts.Add(Value(ref random, element, depth + 1));
        }

        return parts;
    }

    private static byte[] Fields(ref Prng random, IReadOnlyList<CqlType> types, int depth)
    {
        var fields = new ReadOnlyMemory<byte>?[types.Count];
        for (var index = 0; index < fields.Length; index++)
        {
            if (random.NextBelow(4) != 0)
            {
                fields[index] = Value(ref random, types[index], depth + 1);
            }
        }

        return CqlSequence.WriteTuple(fields);
    }

    private static string Text(ref Prng random)
    {
        var text = "";
        for (var left = random.NextBelow(4); left > 0; left--)
        {
            text += (char)random.NextBelow(3);
        }

        return text;
    }

    private static long Integer(ref Prng random) => random.NextBelow(4) switch
    {
        0 => (long)random.NextBelow(5) - 2,
        1 => unchecked((long)random.NextUInt64()),
        2 => (long)random.NextBelow(70_000) - 35_000,
        _ => random.NextBelow(2) == 0 ? long.MinValue : long.MaxValue,
    };

    private static BigInteger Large(ref Prng random)
    {
        var length = random.NextBelow(30) == 0 ? 300 : (int)random.NextBelow(12);
        return new BigInteger(Bytes(ref random, length));
    }

    private static byte[] Bytes(ref Prng random, int length)
    {
        var bytes = new byte[length];
        for (var index = 0; index < length; index++)
        {
            bytes[index] = random.NextBelow(3) switch { 0 => 0, 1 => 0xFF, _ => (byte)random.NextBelow(256) };
        }

        return bytes;
    }

    private static byte[] Uuid(ref Prng random, int version)
    {
        var bytes = Bytes(ref random, 16);
        bytes[6] = (byte)((bytes[6] & 0x0F) | (version << 4));
        return bytes;
    }
}
