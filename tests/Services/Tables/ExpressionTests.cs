using Xunit;

namespace Atoll.Services.Tests.Tables;

/// <summary>Functions, casts and arithmetic, where statements have them.</summary>
public sealed class ExpressionTests
{
    [Theory]
    [InlineData("SELECT max(v), min(v), sum(v), avg(v), count(v) FROM t", "5, 1, 9, 3, 3")]
    [InlineData("SELECT v + 1, v * 2 - 1, -v FROM t WHERE p = 1 AND c = 1", "2, 1, -1")]
    [InlineData("SELECT cast(v AS text), cast(d AS int) FROM t WHERE p = 1 AND c = 2", "'3', 2")]
    [InlineData("SELECT p, sum(v) AS total FROM t GROUP BY p", "1, 4; 2, 5")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND c = 1 + 1", "3")]
    [InlineData("SELECT blobasint(intasblob(v)) FROM t WHERE p = 2", "5")]
    [InlineData("SELECT tojson(m) FROM t WHERE p = 2", "'{\"a\": 1}'")]
    [InlineData("SELECT m['a'] + 1 FROM t WHERE p = 2", "2")]
    [InlineData("SELECT token(p) = 1 FROM t", "")]
    public async Task A_selector_has_this_value(string query, string rows)
    {
        using var cql = await Cql.WithKeyspace(
            null, "CREATE TABLE t (p int, c int, v int, d double, m map<text, int>, PRIMARY KEY (p, c))",
            "INSERT INTO t (p, c, v, d) VALUES (1, 1, 1, 1.5)", "INSERT INTO t (p, c, v, d) VALUES (1, 1 + 1, 3, 2.5)",
            "INSERT INTO t (p, c, v, d, m) VALUES (2, 1, 5, 3.5, {'a': 1})");
        if (rows.Length == 0)
        {
            await cql.Fail(query);
        }
        else
        {
            Assert.Equal(rows, await cql.Run(query));
        }
    }

    [Fact]
    public async Task Functions_give_keys_and_bounds()
    {
        using var cql = await Cql.WithKeyspace(
            null, "CREATE TABLE e (p int, at timeuuid, PRIMARY KEY (p, at))", "INSERT INTO e (p, at) VALUES (1, now())",
            "INSERT INTO e (p, at) VALUES (1, now())");
        Assert.Equal("2", await cql.Run("SELECT count(*) FROM e WHERE p = 1 AND at > maxTimeuuid('2020-01-01')"));
        Assert.Equal("0", await cql.Run("SELECT count(*) FROM e WHERE p = 1 AND at < minTimeuuid('2020-01-01')"));
        Assert.Equal("Unknown function 'nope'", await cql.Invalid("SELECT nope(p) FROM e"));
        Assert.Contains("now", await cql.Invalid("INSERT INTO e (p, at) VALUES (now(), now())"), StringComparison.Ordinal);
    }
}
