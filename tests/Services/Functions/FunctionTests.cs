using Atoll.Services.Tables;
using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;
using Xunit;

namespace Atoll.Services.Tests.Functions;

public sealed class FunctionTests
{
    private const string Timeuuid = "timeuuid:a4a70900-24e1-11df-8924-001ff3591711"; // 2010-03-01 03:22:19.305 UTC

    [Theory]
    [InlineData("todate", Timeuuid, "date:2010-03-01")]
    [InlineData("to_date", "timestamp:1969-12-31 23:59:59.999Z", "date:1969-12-31")]
    [InlineData("totimestamp", "date:2010-03-01", "timestamp:2010-03-01 00:00:00.000Z")]
    [InlineData("tounixtimestamp", "date:1970-01-02", "bigint:86400000")]
    [InlineData("tounixtimestamp", "timestamp:5", "bigint:5")]
    [InlineData("to_unix_timestamp", "timestamp:null", "bigint:null")]
    [InlineData("mintimeuuid", "timestamp:0", "timeuuid:13814000-1dd2-11b2-8080-808080808080")]
    [InlineData("maxtimeuuid", "timestamp:0", "timeuuid:1381670f-1dd2-11b2-7f7f-7f7f7f7f7f7f")]
    [InlineData("intasblob", "int:258", "blob:0x00000102")]
    [InlineData("int_as_blob", "int:258", "blob:0x00000102")]
    [InlineData("textasblob", "text:a", "blob:0x61")]
    [InlineData("varcharasblob", "ascii:a", "blob:0x61")]
    [InlineData("blobastext", "blob:0x6162", "text:ab")]
    [InlineData("blob_as_bigint", "blob:0x0000000000000005", "bigint:5")]
    [InlineData("blobasint", "blob:null", "int:null")]
    [InlineData("tojson", "text:a\"b", "text:\"a\\\"b\"")]
    [InlineData("to_json", "int:null", "text:null")]
    public void A_function_has_a_value(string name, string argument, string expected) =>
        Assert.Equal(expected, FunctionCalls.Call(name, argument));

    [Fact]
    public void The_present_is_the_statements()
    {
        Assert.Equal("timestamp:2026-02-03 04:05:06.789Z", FunctionCalls.Call("currenttimestamp"));
        Assert.Equal("date:2026-02-03", FunctionCalls.Call("current_date"));
        Assert.Equal("time:04:05:06.789000000", FunctionCalls.Call("currenttime"));
        Assert.Equal("uuid:00112233-4455-4677-8899-aabbccddeeff", FunctionCalls.Call("uuid"));
        var now = FunctionCalls.Call("now");
        Assert.Equal("timestamp:2026-02-03 04:05:06.789Z", FunctionCalls.Call("dateof", now));
        Assert.Equal("timestamp:2026-02-03 04:05:06.789Z", FunctionCalls.Call("totimestamp", now));
        Assert.Equal($"bigint:{FunctionCalls.NowMilliseconds}", FunctionCalls.Call("unixtimestampof", now));
    }

    [Fact]
    public void A_name_has_a_function_only_where_it_is_built_in()
    {
        Assert.Null(FunctionCalls.Registry.FindFunction(new QualifiedName(null, "nothing"), [], null, null));
        Assert.Null(FunctionCalls.Registry.FindFunction(new QualifiedName("ks", "now"), [], null, null));
        Assert.Equal("system.now", FunctionCalls.Registry.FindFunction(new QualifiedName("system", "now"), [], null, null)?.Name);
        Assert.Null(FunctionCalls.Registry.FindAggregate(new QualifiedName(null, "now"), []));
    }

    [Theory]
    [InlineData("blobasint", "blob:0x00",
        "In call to function system.blobasint, value 0x00 is not a valid binary representation for type int")]
    [InlineData("now", "int:1", "Invalid number of arguments in call to function system.now: 0 required but 1 provided")]
    [InlineData("dateof", "int:1",
        "Type error: an argument of type int cannot be passed as argument 0 of function dateof of type timeuuid")]
    [InlineData("todate", "int:1", "Invalid call to function todate, none of its type signatures match (known type signatures: "
        + "system.todate : (timeuuid) -> date, system.todate : (timestamp) -> date)")]
    [InlineData("fromjson", "text:1", "fromJson() cannot be used in the selection clause of a SELECT statement")]
    public void A_call_that_fits_nothing_says_why(string name, string argument, string expected)
    {
        var error = Assert.Throws<CqlException>(() => FunctionCalls.Call(name, argument));
        Assert.Equal((CqlErrorCode.Invalid, expected), (error.Code, error.Message));
    }

    [Fact]
    public void An_argument_without_a_type_takes_what_fits_and_is_ambiguous_otherwise()
    {
        var name = new QualifiedName(null, "dateof");
        Assert.Equal(CqlTypes.Timeuuid, FunctionCalls.Registry.FindFunction(name, [null], null, null)?.ArgumentTypes[0]);
        var error = Assert.Throws<CqlException>(() =>
            FunctionCalls.Registry.FindFunction(new QualifiedName(null, "todate"), [null], null, null));
        Assert.Contains("Ambiguous call to function todate", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("int:300", "tinyint", "44")]
    [InlineData("bigint:-1", "int", "-1")]
    [InlineData("double:1e30", "int", "2147483647")]
    [InlineData("double:-1.9", "bigint", "-1")]
    [InlineData("double:NaN", "int", "0")]
    [InlineData("float:0.1", "decimal", "0.1")]
    [InlineData("float:0.1", "double", "0.10000000149011612")]
    [InlineData("decimal:12.99", "varint", "12")]
    [InlineData("decimal:-1e3", "int", "-1000")]
    [InlineData("decimal:1e400", "double", "Infinity")]
    [InlineData("decimal:-12.5", "float", "-12.5")]
    [InlineData("varint:18446744073709551617", "bigint", "1")]
    [InlineData("smallint:7", "text", "7")]
    [InlineData("double:1", "ascii", "1.0")]
    [InlineData("boolean:true", "text", "true")]
    [InlineData("timestamp:0", "text", "1970-01-01T00:00:00.000Z")]
    [InlineData("timestamp:0", "date", "1970-01-01")]
    [InlineData("date:1970-01-02", "timestamp", "1970-01-02 00:00:00.000Z")]
    [InlineData("date:1970-01-02", "text", "1970-01-02")]
    [InlineData("time:00:00:01", "text", "00:00:01.000000000")]
    [InlineData(Timeuuid, "timestamp", "2010-03-01 03:22:19.305Z")]
    [InlineData(Timeuuid, "date", "2010-03-01")]
    [InlineData(Timeuuid, "text", "a4a70900-24e1-11df-8924-001ff3591711")]
    [InlineData("inet:127.0.0.1", "text", "127.0.0.1")]
    [InlineData("ascii:a", "text", "a")]
    [InlineData("blob:0x01", "blob", "0x01")]
    [InlineData("int:null", "text", "null")]
    [InlineData("counter:5", "int", "5")]
    public void A_cast_converts(string value, string to, string expected)
    {
        var typed = FunctionCalls.Value(value);
        var cast = FunctionCalls.Registry.FindCast(typed.Type, FunctionCalls.Type(to));
        Assert.Equal($"{to}:{expected}", FunctionCalls.Invoke(cast, typed));
    }

    [Theory]
    [InlineData("blob", "text")]
    [InlineData("text", "int")]
    [InlineData("int", "counter")]
    [InlineData("uuid", "timestamp")]
    [InlineData("list<int>", "text")]
    [InlineData("duration", "text")]
    public void A_cast_that_means_nothing_is_refused(string from, string to)
    {
        var error = Assert.Throws<CqlException>(() => FunctionCalls.Registry.FindCast(FunctionCalls.Type(from), FunctionCalls.Type(to)));
        Assert.EndsWith($"cannot be cast to {to}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("decimal:1e999999999", "varint")]
    [InlineData("double:NaN", "decimal")]
    [InlineData("double:Infinity", "decimal")]
    public void A_cast_without_a_result_fails_at_once(string value, string to)
    {
        var typed = FunctionCalls.Value(value);
        var cast = FunctionCalls.Registry.FindCast(typed.Type, FunctionCalls.Type(to));
        Assert.Equal(CqlErrorCode.FunctionFailure, Assert.Throws<CqlException>(() => FunctionCalls.Invoke(cast, typed)).Code);
    }
}
