using System.Numerics;
using Atoll.Foundation.Randomness;
using Atoll.Services.Tables.Types;
using Xunit;

namespace Atoll.Services.Tests.Tables;

public sealed class OrderedKeyTests
{
    private static readonly UserType Point = new(
        "ks", "point", [new UserTypeField("x", CqlTypes.Int), new UserTypeField("label", CqlTypes.Text)], true);

    public static TheoryData<string> Types() =>
        [.. AllTypes.Keys.Order(StringComparer.Ordinal)];

    private static readonly Dictionary<string, CqlType> AllTypes = new CqlType[]
    {
        CqlTypes.Ascii, CqlTypes.Bigint, CqlTypes.Blob, CqlTypes.Boolean, CqlTypes.Decimal, CqlTypes.Double, CqlTypes.Float, CqlTypes.Int,
        CqlTypes.Timestamp, CqlTypes.Uuid, CqlTypes.Text, CqlTypes.Varint, CqlTypes.Timeuuid, CqlTypes.Inet, CqlTypes.Date, CqlTypes.Time,
        CqlTypes.Smallint, CqlTypes.Tinyint, new ListType(CqlTypes.Text, true), new SetType(CqlTypes.Int, true),
        new MapType(CqlTypes.Text, CqlTypes.Varint, true), new TupleType([CqlTypes.Int, CqlTypes.Text]), Point,
        new ListType(new TupleType([CqlTypes.Timeuuid, CqlTypes.Decimal]), true),
    }.ToDictionary(type => type.ToString(), StringComparer.Ordinal);

    [Theory]
    [MemberData(nameof(Types))]
    public void Keys_order_as_values_do_and_come_back(string name)
    {
        var type = AllTypes[name];
        var random = new Prng(17);
        var values = Enumerable.Range(0, 300).Select(_ => Samples.Value(ref random, type)).ToArray();
        foreach (var value in values)
        {
            Assert.Null(CqlValidation.Error(type, value));
        }

        foreach (var isDescending in new[] { false, true })
        {
            var keys = values.Select(value => OrderedKeyWriter.Encode(type, value, isDescending)).ToArray();
            for (var i = 0; i < values.Length; i++)
            {
                Assert.True(OrderedKeyReader.TryDecode(type, keys[i], isDescending, out var back), CqlFormat.Literal(type, values[i]));
                Assert.Equal(0, CqlComparer.Compare(type, values[i], back));
                for (var j = 0; j < i; j++)
                {
                    var byValue = Math.Sign(CqlComparer.Compare(type, values[i], values[j]));
                    var byKey = Math.Sign(keys[i].AsSpan().SequenceCompareTo(keys[j]));
                    Assert.True(
                        byValue == (isDescending ? -byKey : byKey),
                        $"{CqlFormat.Literal(type, values[i])} and {CqlFormat.Literal(type, values[j])} of {type}");
                    Assert.True(byKey == 0 || !keys[i].AsSpan().StartsWith(keys[j]), "no key begins another");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Bytes_that_are_no_key_are_refused_and_never_crash(string name)
    {
        var random = new Prng(23);
        for (var round = 0; round < 300; round++)
        {
            var bytes = OrderedKeyWriter.Encode(AllTypes[name], Samples.Value(ref random, AllTypes[name]));
            if (bytes.Length > 0)
            {
                Assert.False(OrderedKeyReader.TryDecode(AllTypes[name], bytes.AsSpan(0, bytes.Length - 1), false, out _));
                bytes[(int)random.NextBelow((ulong)bytes.Length)] ^= (byte)(1 + random.NextBelow(255));
                OrderedKeyReader.TryDecode(AllTypes[name], bytes, false, out _);
            }
        }
    }

    [Fact]
    public void A_field_that_is_null_is_not_one_that_is_empty()
    {
        var type = new TupleType([CqlTypes.Text, CqlTypes.Text]);
        foreach (ReadOnlyMemory<byte>? first in new ReadOnlyMemory<byte>?[] { null, ReadOnlyMemory<byte>.Empty })
        {
            var key = OrderedKeyWriter.Encode(type, CqlSequence.WriteTuple([first, CqlBytes.Of("a")]));
            Assert.True(OrderedKeyReader.TryDecode(type, key, false, out var back));
            Assert.Equal(first.HasValue, CqlSequence.ReadTuple(back, 2)[0].HasValue);
        }
    }

    [Fact]
    public void Decimals_and_varints_of_one_number_have_one_key()
    {
        Assert.Equal(
            OrderedKeyWriter.Encode(CqlTypes.Decimal, CqlBytes.Of(new CqlDecimal(150, 2))),
            OrderedKeyWriter.Encode(CqlTypes.Decimal, CqlBytes.Of(new CqlDecimal(15, 1))));
        Assert.Equal(
            OrderedKeyWriter.Encode(CqlTypes.Varint, new byte[] { 0, 0, 5 }),
            OrderedKeyWriter.Encode(CqlTypes.Varint, new byte[] { 5 }));
        var small = new CqlDecimal(BigInteger.One, int.MaxValue);
        var large = new CqlDecimal(new BigInteger(100), int.MinValue);
        Assert.True(small < large);
        Assert.True(OrderedKeyReader.TryDecode(
            CqlTypes.Decimal, OrderedKeyWriter.Encode(CqlTypes.Decimal, CqlBytes.Of(large)), false, out var back));
        Assert.Equal(large, CqlBytes.ToDecimal(back.Span));
    }
}
