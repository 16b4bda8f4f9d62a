using Atoll.Services.Tables;
using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Types;
using Xunit;

namespace Atoll.Services.Tests.Functions;

public sealed class JsonTests
{
    /// <summary>JSON as it is written, for every type; what is read is the same value.</summary>
    public static TheoryData<string, string> Written => new()
    {
        { "int", "-5" },
        { "bigint", "9223372036854775807" },
        { "smallint", "7" },
        { "tinyint", "-128" },
        { "varint", "170141183460469231731687303715884105728" },
        { "counter", "3" },
        { "decimal", "1.50" },
        { "decimal", "1E+3" },
        { "double", "1.0E10" },
        { "float", "-0.5" },
        { "boolean", "true" },
        { "text", "\"a\\\"\\\\\\n\\u0001\u00e4\ud83d\ude00\"" },
        { "text", "\"\"" },
        { "ascii", "\"a\"" },
        { "blob", "\"0x00ff\"" },
        { "blob", "\"0x\"" },
        { "inet", "\"127.0.0.1\"" },
        { "uuid", "\"00112233-4455-4677-8899-aabbccddeeff\"" },
        { "timeuuid", "\"a4a70900-24e1-11df-8924-001ff3591711\"" },
        { "timestamp", "\"2010-03-01 12:00:00.000Z\"" },
        { "date", "\"2010-03-01\"" },
        { "time", "\"12:00:00.000000001\"" },
        { "duration", "\"1mo2d3h\"" },
        { "int", "null" },
        { "list<int>", "[3, 1, 2]" },
        { "list<int>", "[]" },
        { "set<text>", "[\"a\", \"b\"]" },
        { "map<text, int>", "{\"a\": 1, \"b\": 2}" },
        { "map<int, boolean>", "{\"-1\": true, \"5\": false}" },
        { "map<list<int>, int>", "{\"[1, 2]\": 3}" },
        { "tuple<int, text>", "[1, null]" },
        { "address", "{\"street\": \"s\", \"\\\"No\\\"\": 5}" },
        { "list<address>", "[{\"street\": null, \"\\\"No\\\"\": null}]" },
        { "map<text, list<map<int, text>>>", "{\"a\": [{\"1\": \"x\"}]}" },
    };

    [Theory]
    [MemberData(nameof(Written))]
    public void What_is_written_is_read_as_the_same_value(string type, string json)
    {
        var known = FunctionCalls.Type(type);
        var value = CqlJsonReader.Decode(known, json);
        Assert.True(value is not { } some || CqlValidation.Error(known, some) is null);
        Assert.Equal(json, CqlJsonWriter.Encode(known, value));
    }

    [Theory]
    [InlineData("int", "\"7\"", "7")]
    [InlineData("double", "1", "1.0")]
    [InlineData("double", "\"NaN\"", "null")]
    [InlineData("boolean", "\"false\"", "false")]
    [InlineData("timestamp", "5", "\"1970-01-01 00:00:00.005Z\"")]
    [InlineData("timestamp", "\"2010-03-01\"", "\"2010-03-01 00:00:00.000Z\"")]
    [InlineData("set<int>", "[3, 1, 3, 2]", "[1, 2, 3]")]
    [InlineData("map<int, int>", "{\"2\": 1, \"1\": 1, \"2\": 3}", "{\"1\": 1, \"2\": 3}")]
    [InlineData("list<int>", "\"[1, \\\"2\\\"]\"", "[1, 2]")]
    [InlineData("address", "{\"STREET\": \"s\"}", "{\"street\": \"s\", \"\\\"No\\\"\": null}")]
    [InlineData("text", " \"a\" ", "\"a\"")]
    public void Other_forms_are_read_too(string type, string json, string expected)
    {
        var known = FunctionCalls.Type(type);
        Assert.Equal(expected, CqlJsonWriter.Encode(known, CqlJsonReader.Decode(known, json)));
    }

    [Theory]
    [InlineData("int", "true", "Expected an int value, but got a Boolean: true")]
    [InlineData("int", "1.5", "Unable to make int from '1.5'")]
    [InlineData("int", "2147483648", "Unable to make int from '2147483648'")]
    [InlineData("text", "5", "Expected a UTF-8 string, but got a Number: 5")]
    [InlineData("uuid", "5", "Expected a string representation of a uuid value, but got a Number: 5")]
    [InlineData("blob", "\"00\"", "String representation of blob is missing 0x prefix: 00")]
    [InlineData("list<int>", "{}", "Expected a list representing a list, but got a Map: {}")]
    [InlineData("list<int>", "[null]", "Invalid null element in list")]
    [InlineData("set<int>", "[null]", "Invalid null element in set")]
    [InlineData("map<text, int>", "[]", "Expected a map, but got a List: []")]
    [InlineData("map<text, int>", "{\"a\": null}", "Invalid null value in map")]
    [InlineData("tuple<int>", "[1, 2]", "Tuple contains extra items (expected 1): [1, 2]")]
    [InlineData("address", "{\"x\": 1}", "Unknown fields [x] in value of user defined type address")]
    [InlineData("list<int>", "\"\\\"[]\\\"\"", "Expected a list representing a list, but got a String: \"[]\"")]
    [InlineData("text", "\"\\ud800\"", "\"\\ud800\" is no Unicode text")]
    public void What_is_no_value_is_refused(string type, string json, string expected)
    {
        var error = Assert.Throws<CqlException>(() => CqlJsonReader.Decode(FunctionCalls.Type(type), json));
        Assert.Equal((CqlErrorCode.Invalid, expected), (error.Code, error.Message));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[1,]")]
    [InlineData("'a'")]
    [InlineData("1 2")]
    public void What_is_no_json_is_refused(string json) =>
        Assert.Contains("Could not decode JSON string", Assert.Throws<CqlException>(() =>
            CqlJsonReader.Decode(CqlTypes.Int, json)).Message, StringComparison.Ordinal);

    [Fact]
    public void Json_nested_without_end_is_refused() =>
        Assert.Throws<CqlException>(() => CqlJsonReader.Decode(FunctionCalls.Type("list<int>"), new string('[', 1_000_000)));

    [Fact]
    public void A_row_is_an_object_whose_names_with_capitals_have_quotes_of_their_own()
    {
        (string Name, CqlType Type)[] columns = [("a", CqlTypes.Int), ("B", CqlTypes.Text)];
        Assert.Equal("{\"a\": 1, \"\\\"B\\\"\": null}", CqlJsonWriter.EncodeRow(columns, [CqlBytes.Of(1), null]));

        var row = CqlJsonReader.DecodeRow("{\"A\": 1, \"\\\"B\\\"\": null}", TypeOf);
        Assert.Equal(["B", "a"], row.Keys);
        Assert.Null(row["B"]);
        Assert.Equal(1, CqlBytes.ToInt(row["a"]!.Value.Span));

        Assert.Contains("unrecognized column: c", Refused("{\"c\": 1}"), StringComparison.Ordinal);
        Assert.StartsWith("Error decoding JSON value for a: Expected an int value", Refused("{\"a\": []}"), StringComparison.Ordinal);
        Assert.StartsWith("Could not decode JSON string as a map", Refused("[1]"), StringComparison.Ordinal);

        string Refused(string json) => Assert.Throws<CqlException>(() => CqlJsonReader.DecodeRow(json, TypeOf)).Message;

        CqlType? TypeOf(string name) => columns.FirstOrDefault(column => column.Name == name).Type;
    }

    [Fact]
    public void From_json_has_the_type_that_is_wanted() =>
        Assert.Equal("list<int>:[1, 2]", FunctionCalls.Call("fromjson", FunctionCalls.Type("list<int>"), "text:[1, 2]")
            .Replace("frozen<list<int>>", "list<int>", StringComparison.Ordinal));
}
