using Atoll.Services.Tables.Types;

namespace Atoll.Fuzz.Targets;

/// <summary>
/// Bytes that clients bind as values of CQL's types. The first byte chooses the type, and whether its order is descending in keys.
/// </summary>
public sealed class CqlValueTarget : IFuzzTarget
{
    private static readonly CqlType[] Types =
    [
        CqlTypes.Ascii, CqlTypes.Bigint, CqlTypes.Blob, CqlTypes.Boolean, CqlTypes.Decimal, CqlTypes.Double, CqlTypes.Float, CqlTypes.Int,
        CqlTypes.Timestamp, CqlTypes.Uuid, CqlTypes.Text, CqlTypes.Varint, CqlTypes.Timeuuid, CqlTypes.Inet, CqlTypes.Date, CqlTypes.Time,
        CqlTypes.Smallint, CqlTypes.Tinyint, CqlTypes.Duration,
        new ListType(CqlTypes.Text, true),
        new SetType(CqlTypes.Varint, true),
        new MapType(CqlTypes.Int, new ListType(CqlTypes.Decimal, true), true),
        new TupleType([CqlTypes.Text, CqlTypes.Timeuuid, CqlTypes.Int]),
        new UserType("ks", "point", [new UserTypeField("x", CqlTypes.Double), new UserTypeField("at", CqlTypes.Date)], true),
    ];

    /// <inheritdoc />
    public string Name => "cql-value";

    /// <inheritdoc />
    public string About => "CqlValidation: refused, or a value that has text, equals itself, and comes back from its key";

    /// <inheritdoc />
    public AllocationBound Allocation => new(8 * 1024, 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Seed(0, CqlBytes.Of("a")), Seed(1, CqlBytes.Of(-1L)), Seed(2, [0, 255, 0]), Seed(3, [1]),
        Seed(4, CqlBytes.Of(new CqlDecimal(-1250, 3))),
        Seed(5, CqlBytes.Of(double.NaN)), Seed(6, CqlBytes.Of(-0.5f)), Seed(7, CqlBytes.Of(7)), Seed(8, CqlBytes.Of(0L)),
        Seed(9, CqlBytes.Of(new Guid("00112233-4455-4677-8899-aabbccddeeff"))), Seed(10, CqlBytes.Of("gr\u00fc\u00dfe")),
        Seed(11, [0x80, 0, 0]), Seed(12, CqlBytes.Of(new Guid("a4a70900-24e1-11df-8924-001ff3591711"))), Seed(13, [127, 0, 0, 1]),
        Seed(14, CqlBytes.OfDate(19000)), Seed(15, CqlBytes.Of(1L)), Seed(16, CqlBytes.Of((short)-2)), Seed(17, [5]),
        Seed(18, CqlBytes.Of(new CqlDuration(1, 2, 3))), Seed(19, CqlSequence.WriteList([CqlBytes.Of("x"), CqlBytes.Of("")])),
        Seed(20, CqlSequence.WriteList([CqlBytes.Of(new System.Numerics.BigInteger(300))])),
        Seed(21, CqlSequence.WriteMap([CqlBytes.Of(1), CqlSequence.WriteList([CqlBytes.Of(new CqlDecimal(1, 1))])])),
        Seed(22, CqlSequence.WriteTuple([CqlBytes.Of("t"), null, CqlBytes.Of(3)])),
        Seed(23, CqlSequence.WriteTuple([CqlBytes.Of(1.5)])),
    ];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        if (input.IsEmpty)
        {
            return Verdict.Refused("empty");
        }

        var type = Types[(input.Span[0] >> 1) % Types.Length];
        var isDescending = (input.Span[0] & 1) != 0;
        var value = input[1..];
        if (CqlValidation.Error(type, value) is { } error)
        {
            // Keys are read from disk: they may be anything, too.
            OrderedKeyReader.TryDecode(type, value.Span, isDescending, out _);
            return Verdict.RefusedFor(error);
        }

        BrokenPromiseException.Unless(CqlFormat.Literal(type, value).Length > 0, "every value has a literal");
        if (!CqlComparer.IsOrdered(type))
        {
            return Verdict.Accepted($"{type.Code}, without an order");
        }

        BrokenPromiseException.Unless(CqlComparer.Compare(type, value, value) == 0, "a value is equal to itself");
        var key = OrderedKeyWriter.Encode(type, value, isDescending);
        BrokenPromiseException.Unless(
            OrderedKeyReader.TryDecode(type, key, isDescending, out var back) && CqlComparer.Compare(type, value, back) == 0,
            "a key is read as the value that it was made of");
        BrokenPromiseException.Unless(
            OrderedKeyWriter.Encode(type, back, isDescending).AsSpan().SequenceEqual(key), "equal values have equal keys");
        return Verdict.Accepted($"{type.Code}{(value.IsEmpty ? ", empty" : "")}");
    }

    private static byte[] Seed(byte type, ReadOnlySpan<byte> value) => [(byte)(type << 1), .. value];
}
