using Atoll.Services.Tables;
using Atoll.Services.Tables.Types;
using Xunit;

namespace Atoll.Services.Tests.Tables;

public sealed class CqlValueTests
{
    [Theory]
    [InlineData("int", "2147483647", "7fffffff")]
    [InlineData("bigint", "-1", "ffffffffffffffff")]
    [InlineData("smallint", "-2", "fffe")]
    [InlineData("tinyint", "127", "7f")]
    [InlineData("varint", "-129", "ff7f")]
    [InlineData("decimal", "-12.5", "0000000183")]
    [InlineData("decimal", "1E+3", "fffffffd01")]
    [InlineData("double", "1.5", "3ff8000000000000")]
    [InlineData("float", "-2.0", "c0000000")]
    [InlineData("boolean", "true", "01")]
    [InlineData("blob", "0x00ff", "00ff")]
    [InlineData("inet", "127.0.0.1", "7f000001")]
    [InlineData("inet", "::1", "00000000000000000000000000000001")]
    [InlineData("date", "1970-01-02", "80000001")]
    [InlineData("date", "-0001-12-31", "7ff50557")]
    [InlineData("time", "00:00:01.000000002", "000000003b9aca02")]
    [InlineData("timestamp", "1969-12-31 23:59:59.999Z", "ffffffffffffffff")]
    [InlineData("uuid", "00112233-4455-6677-8899-aabbccddeeff", "00112233445566778899aabbccddeeff")]
    [InlineData("duration", "1y2mo3d4h5m6s7ms8us9ns", "")]
    [InlineData("duration", "-3d", "000500")]
    [InlineData("text", "grüße", "6772c3bcc39f65")]
    public void Text_becomes_bytes_and_comes_back(string type, string text, string bytes)
    {
        Assert.True(CqlTypes.TryGet(type, out var native));
        var value = CqlLiterals.Parse(native, text);
        if (bytes.Length > 0)
        {
            Assert.Equal(bytes, Convert.ToHexStringLower(value.Span));
        }

        Assert.Null(CqlValidation.Error(native, value));
        Assert.Equal(text, CqlFormat.Text(native, value));
    }

    [Theory]
    [InlineData("2011-02-03", 1296691200000)]
    [InlineData("2011-02-03 04:05", 1296705900000)]
    [InlineData("2011-02-03T04:05:06", 1296705906000)]
    [InlineData("2011-02-03 04:05:06.789+0000", 1296705906789)]
    [InlineData("2011-02-03 04:05+01:00", 1296702300000)]
    [InlineData("2011-02-03T04:05Z", 1296705900000)]
    [InlineData("1296705900000", 1296705900000)]
    public void Timestamps_are_read_in_all_of_their_forms(string text, long milliseconds) =>
        Assert.Equal(milliseconds, CqlBytes.ToBigint(CqlLiterals.Parse(CqlTypes.Timestamp, text).Span));

    [Theory]
    [InlineData("int", "2147483648", "Unable to make int from '2147483648'")]
    [InlineData("uuid", "1234", "Unable to make UUID from '1234'")]
    [InlineData("timestamp", "yesterday", "Unable to parse a date/time from 'yesterday'")]
    [InlineData("timestamp", "2011-02-30", "Unable to parse a date/time from '2011-02-30'")]
    [InlineData("inet", "1", "Unable to make inet address from '1'")]
    [InlineData("timeuuid", "00112233-4455-4677-8899-aabbccddeeff", "TimeUUID supports only version 1 UUIDs")]
    public void Text_that_is_no_value_is_refused_in_words(string type, string text, string message)
    {
        Assert.True(CqlTypes.TryGet(type, out var native));
        var error = Assert.Throws<CqlException>(() => CqlLiterals.Parse(native, text));
        Assert.Equal((CqlErrorCode.Invalid, message), (error.Code, error.Message));
    }

    [Theory]
    [InlineData(1.0, "1.0")]
    [InlineData(0.1, "0.1")]
    [InlineData(0.001, "0.001")]
    [InlineData(0.0001, "1.0E-4")]
    [InlineData(1234567.0, "1234567.0")]
    [InlineData(12345678.0, "1.2345678E7")]
    [InlineData(-1e100, "-1.0E100")]
    [InlineData(100.0, "100.0")]
    [InlineData(-0.0, "-0.0")]
    [InlineData(double.NaN, "NaN")]
    [InlineData(double.NegativeInfinity, "-Infinity")]
    public void Doubles_are_written_as_Java_writes_them(double value, string text) => Assert.Equal(text, CqlNumbers.Format(value));

    [Fact]
    public void Values_are_literals_of_CQL()
    {
        var map = new MapType(CqlTypes.Text, new SetType(CqlTypes.Int, true), false);
        var value = CqlSequence.WriteMap([CqlBytes.Of("it's"), CqlSequence.WriteList([CqlBytes.Of(1), CqlBytes.Of(2)])]);
        Assert.Equal("{'it''s': {1, 2}}", CqlFormat.Literal(map, value));
        var tuple = new TupleType([CqlTypes.Int, CqlTypes.Text]);
        Assert.Equal("(null, 'a')", CqlFormat.Literal(tuple, CqlSequence.WriteTuple([null, CqlBytes.Of("a")])));
        Assert.Equal("(7, null)", CqlFormat.Literal(tuple, CqlSequence.WriteTuple([CqlBytes.Of(7)])));
        Assert.Equal("null", CqlFormat.Literal(CqlTypes.Int, null));
    }

    [Theory]
    [InlineData("int", "000000", "Expected 4 or 0 byte int (3)")]
    [InlineData("text", "ff", "String didn't validate.")]
    [InlineData("timeuuid", "00112233445546778899aabbccddeeff", "Invalid version for TimeUUID type.")]
    [InlineData("time", "7fffffffffffffff", "Input long out of bounds: 9223372036854775807")]
    [InlineData("duration", "000601", "The duration months, days and nanoseconds must be all of the same sign")]
    public void Bytes_that_are_no_value_are_refused_in_words(string type, string bytes, string message)
    {
        Assert.True(CqlTypes.TryGet(type, out var native));
        Assert.Equal(message, CqlValidation.Error(native, Convert.FromHexString(bytes)));
    }

    [Fact]
    public void A_collection_is_read_no_further_than_its_bytes()
    {
        var list = new ListType(CqlTypes.Int, true);
        Assert.Equal("Not enough bytes to read a list", CqlValidation.Error(list, Convert.FromHexString("7fffffff")));
        Assert.Equal("Not enough bytes to read a list", CqlValidation.Error(list, Convert.FromHexString("0000000100000004aabb")));
        Assert.Equal("null is not supported inside collections", CqlValidation.Error(list, Convert.FromHexString("00000001ffffffff")));
        Assert.Equal(
            "Unexpected extraneous bytes after list value", CqlValidation.Error(list, Convert.FromHexString("000000000102")));
        Assert.Equal(
            "Invalid remaining data after end of tuple value",
            CqlValidation.Error(new TupleType([CqlTypes.Int]), Convert.FromHexString("ffffffffff")));
    }
}
