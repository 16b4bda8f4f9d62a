using System.Text;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Types;

namespace Atoll.Fuzz.Targets;

/// <summary>JSON that becomes values of CQL's types: what INSERT JSON and fromJson() take. The first byte chooses the type.</summary>
public sealed class CqlJsonTarget : IFuzzTarget
{
    private static readonly CqlType[] Types =
    [
        CqlTypes.Text, CqlTypes.Int, CqlTypes.Varint, CqlTypes.Decimal, CqlTypes.Double, CqlTypes.Float, CqlTypes.Boolean, CqlTypes.Blob,
        CqlTypes.Inet, CqlTypes.Uuid, CqlTypes.Timeuuid, CqlTypes.Timestamp, CqlTypes.Date, CqlTypes.Time, CqlTypes.Duration,
        CqlTypes.Ascii,
        new ListType(CqlTypes.Smallint, true),
        new SetType(new ListType(CqlTypes.Text, true), true),
        new MapType(new TupleType([CqlTypes.Int, CqlTypes.Text]), new SetType(CqlTypes.Bigint, true), true),
        new UserType(
            "ks", "address", [new UserTypeField("street", CqlTypes.Text), new UserTypeField("No", CqlTypes.Tinyint)], true),
    ];

    /// <inheritdoc />
    public string Name => "cql-json";

    /// <inheritdoc />
    public string About => "CqlJsonReader: Invalid, or a valid value whose JSON is read as the same value";

    /// <inheritdoc />
    public AllocationBound Allocation => new(4 * 1024, 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Seed(0, "\"a\\u00e4\\n\""), Seed(1, "-5"), Seed(2, "123456789012345678901234567890"), Seed(3, "1.50E-7"), Seed(4, "\"NaN\""),
        Seed(5, "1e5"), Seed(6, "true"), Seed(7, "\"0x00ff\""), Seed(8, "\"::1\""), Seed(9, "\"00112233-4455-6677-8899-aabbccddeeff\""),
        Seed(10, "\"a4a70900-24e1-11df-8924-001ff3591711\""), Seed(11, "\"2010-03-01 12:00:00.5+0130\""), Seed(12, "\"2010-03-01\""),
        Seed(13, "\"12:00:00.000000001\""), Seed(14, "\"1y2mo3w4d5h6m7s8ms9us10ns\""), Seed(15, "null"), Seed(16, "[3, \"1\", 2]"),
        Seed(17, "[[\"b\"], [\"a\", \"b\"], [\"b\"]]"), Seed(18, "{\"[1, \\\"a\\\"]\": [2, 1], \"[null, null]\": []}"),
        Seed(19, "{\"street\": \"s\", \"\\\"No\\\"\": 5}"),
    ];

    /// <inheritdoc />
    public IReadOnlyList<string> Words { get; } =
    [
        "null", "true", "false", "[", "]", "{", "}", ",", ":", "\"", "\\\"", "\\ud800", "\\u0000", "1e999999999", "1e-999999999", "-0",
        "NaN", "Infinity", "-Infinity", "0x", "P1Y", "PT", "-", "9223372036854775808", "0001-01-01", "-5877641-06-23", "+1400",
    ];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        if (input.IsEmpty)
        {
            return Verdict.Refused("empty");
        }

        var type = Types[input.Span[0] % Types.Length];
        try
        {
            var value = CqlJsonReader.Decode(type, Encoding.UTF8.GetString(input.Span[1..]));
            BrokenPromiseException.Unless(
                value is not { } some || CqlValidation.Error(type, some) is null, "what is read is a valid value");
            var json = CqlJsonWriter.Encode(type, value);
            BrokenPromiseException.Unless(
                CqlJsonWriter.Encode(type, CqlJsonReader.Decode(type, json)) == json, "what is written is read as the same value");
            return Verdict.Accepted($"{type.Code} {(value is null ? "null" : "value")}");
        }
        catch (CqlException refused) when (refused.Code == CqlErrorCode.Invalid)
        {
            return Verdict.RefusedFor(refused.Message);
        }
    }

    private static byte[] Seed(byte type, string json) => [type, .. Encoding.UTF8.GetBytes(json)];
}
