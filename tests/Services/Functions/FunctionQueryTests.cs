using Atoll.Services.Tables.Types;
using Atoll.Services.Tests.Tables;
using Xunit;

namespace Atoll.Services.Tests.Functions;

/// <summary>Functions as statements call them: types are found by where the calls stand.</summary>
public sealed class FunctionQueryTests
{
    private static Task<Cql> Numbers() => Cql.WithKeyspace(
        null,
        "CREATE TYPE address (street text, \"No\" int)",
        """
        CREATE TABLE t (
            k int PRIMARY KEY, i int, b bigint, f float, d decimal, v text, at timestamp, day date, u timeuuid, m map<text, int>,
            a frozen<address>)
        """,
        """
        INSERT INTO t (k, i, b, f, d, v, at, day, u, m, a) VALUES (
            1, 7, 20, 0.5, 1.25, 'x', '2026-02-03 04:05:06Z', '2026-02-03', a4a70900-24e1-11df-8924-001ff3591711, {'p': 1, 'q': 2},
            {street: 's', "No": 3})
        """,
        "INSERT INTO t (k, i, b) VALUES (2, 9, 22)",
        "INSERT INTO t (k) VALUES (3)");

    [Theory]
    [InlineData("SELECT i + 1, i - 2, i * 2, i / 2, i % 2 FROM t WHERE k = 1", "8, 5, 14, 3, 1")]
    [InlineData("SELECT i + 1.5, i + b, b + f, d * 2, -i, i - -1 FROM t WHERE k = 1", "8.5, 27, 20.5, 2.50, -7, 8")]
    [InlineData("SELECT (i + 1) * 2, i + 1 * 2, i-1, i -1 FROM t WHERE k = 1", "16, 9, 6, 6")]
    [InlineData("SELECT i + b FROM t WHERE k = 3", "null")]
    [InlineData("SELECT 1 + 2, 3 * 1.5 FROM t WHERE k = 1", "3, 4.5")]
    [InlineData("SELECT at + 1d, day - 1mo, v + 'y' FROM t WHERE k = 1", "'2026-02-04T04:05:06.000Z', '2026-01-03', 'xy'")]
    [InlineData("SELECT CAST(i AS text), CAST(f AS int), CAST(at AS date), CAST(u AS timestamp) FROM t WHERE k = 1",
        "'7', 0, '2026-02-03', '2010-03-01T03:22:19.305Z'")]
    [InlineData("SELECT toDate(u), toTimestamp(day), toUnixTimestamp(at), to_date(at), dateOf(u) FROM t WHERE k = 1",
        "'2010-03-01', '2026-02-03T00:00:00.000Z', 1770091506000, '2026-02-03', '2010-03-01T03:22:19.305Z'")]
    [InlineData("SELECT intAsBlob(i), blobAsInt(intAsBlob(i)), text_as_blob(v) FROM t WHERE k = 1", "0x00000007, 7, 0x78")]
    [InlineData("SELECT count(i), min(i), max(i), sum(i), avg(b), max(v) FROM t", "2, 7, 9, 16, 21, 'x'")]
    [InlineData("SELECT sum(i + 1), max(CAST(i AS text)) FROM t", "18, '9'")]
    [InlineData("SELECT toJson(m), toJson(a), toJson(d), toJson(v) FROM t WHERE k = 1",
        "'{\"p\": 1, \"q\": 2}', '{\"street\": \"s\", \"\\\"No\\\"\": 3}', '1.25', '\"x\"'")]
    [InlineData("SELECT JSON k, m, d AS \"D\" FROM t WHERE k = 1", "'{\"k\": 1, \"m\": {\"p\": 1, \"q\": 2}, \"\\\"D\\\"\": 1.25}'")]
    [InlineData("SELECT (k, v, 1), [i, 5], {i, k, i}, {v: 1, 'y': 2} FROM t WHERE k = 1", "(1, 'x', 1), [7, 5], {1, 7}, {'x': 1, 'y': 2}")]
    [InlineData("SELECT (map<text, int>) {v: k}, (address) {street: v, \"No\": k}, (varint) i FROM t WHERE k = 1",
        "{'x': 1}, {street: 'x', \"No\": 1}, 7")]
    [InlineData("SELECT ((i)), (i), -(i) FROM t WHERE k = 1", "7, 7, -7")]
    [InlineData("SELECT k FROM t WHERE k = blobAsInt(0x00000002)", "2")]
    [InlineData("SELECT k FROM t WHERE k = 4 - 2", "2")]
    [InlineData("SELECT k FROM t WHERE u = minTimeuuid('2026-01-01') ALLOW FILTERING", "")]
    [InlineData("SELECT k FROM t WHERE u < maxTimeuuid('2010-03-02') ALLOW FILTERING", "1")]
    public async Task A_selector_or_a_relation_calls_functions(string query, string expected)
    {
        using var cql = await Numbers();
        Assert.Equal(expected, await cql.Run(query));
    }

    [Fact]
    public async Task Values_are_made_by_functions()
    {
        using var cql = await Numbers();
        await cql.Run("INSERT INTO t (k, i, m, a, at) VALUES (4, (int) 2 * 3, fromJson('{\"z\": 5}'), fromJson(?), toTimestamp(now()))",
            CqlBytes.Of("{\"STREET\": \"x\"}"));
        Assert.Equal("6, {'z': 5}, {street: 'x', \"No\": null}", await cql.Run("SELECT i, m, a FROM t WHERE k = 4"));
        await cql.Run("UPDATE t SET i = ? + 1, b = CAST(3.9 AS bigint) WHERE k = 4", CqlBytes.Of(8));
        Assert.Equal("9, 3", await cql.Run("SELECT i, b FROM t WHERE k = 4"));
        await cql.Run("INSERT INTO t JSON ?", CqlBytes.Of("{\"k\": 5, \"i\": \"12\", \"a\": {\"street\": \"j\", \"\\\"No\\\"\": 1}}"));
        Assert.Equal("12, {street: 'j', \"No\": 1}", await cql.Run("SELECT i, a FROM t WHERE k = 5"));
    }

    [Theory]
    [InlineData("SELECT i / 0 FROM t WHERE k = 1", "the operation 'int / int' failed: / by zero")]
    [InlineData("SELECT nothing(i) FROM t", "Unknown function 'nothing'")]
    [InlineData("SELECT {v: 1} FROM t", "Cannot infer type for term {v: 1} (try using a cast to force a type)")]
    [InlineData("SELECT (text) i FROM t", "i is of type int, and no value of type text")]
    [InlineData("SELECT sum(v) FROM t", "Invalid call to function sum: values of type text are no numbers")]
    [InlineData("SELECT CAST(m AS text) FROM t", "map<text, int> cannot be cast to text")]
    [InlineData("INSERT INTO t JSON '{\"k\": 1, \"x\": 1}'", "JSON values map contains unrecognized column: x")]
    public async Task What_cannot_be_called_says_why(string query, string expected)
    {
        using var cql = await Numbers();
        Assert.Equal(expected, (await cql.Fail(query)).Message);
    }
}
