using Atoll.Services.Tables;
using Atoll.Services.Tables.Types;
using Xunit;

namespace Atoll.Services.Tests.Tables;

public sealed class SelectTests
{
    private static Task<Cql> Events() => Cql.WithKeyspace(
        null,
        "CREATE TABLE t (p int, a int, b int, v text, s int static, PRIMARY KEY (p, a, b)) WITH CLUSTERING ORDER BY (a ASC, b DESC)",
        "INSERT INTO t (p, a, b, v) VALUES (1, 1, 1, '111')",
        "INSERT INTO t (p, a, b, v) VALUES (1, 1, 2, '112')",
        "INSERT INTO t (p, a, b, v) VALUES (1, 2, 1, '121')",
        "INSERT INTO t (p, a, b, v) VALUES (1, 3, 1, '131')",
        "INSERT INTO t (p, s) VALUES (1, 7)",
        "INSERT INTO t (p, s) VALUES (2, 8)");

    [Theory]
    [InlineData("SELECT v FROM t WHERE p = 1", "'112'; '111'; '121'; '131'")]
    [InlineData("SELECT * FROM t WHERE p = 1 AND a = 1 AND b = 2", "1, 1, 2, 7, '112'")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND a = 1", "'112'; '111'")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND a > 1", "'121'; '131'")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND a >= 1 AND a < 3", "'112'; '111'; '121'")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND a = 1 AND b > 1", "'112'")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND a = 1 AND b <= 1", "'111'")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND a IN (3, 1)", "'112'; '111'; '131'")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND a IN (3, 1) AND b = 1", "'111'; '131'")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND (a, b) = (1, 2)", "'112'")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND (a, b) IN ((1, 2), (3, 1), (4, 4))", "'112'; '131'")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND (a, b) > (1, 1)", "'112'; '121'; '131'")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND (a) > (1) AND (a, b) < (3, 1)", "'121'")]
    [InlineData("SELECT v FROM t WHERE p = 1 ORDER BY a DESC", "'131'; '121'; '111'; '112'")]
    [InlineData("SELECT v FROM t WHERE p = 1 ORDER BY a ASC, b DESC LIMIT 2", "'112'; '111'")]
    [InlineData("SELECT v FROM t WHERE p = 1 ORDER BY a DESC, b ASC LIMIT 3", "'131'; '121'; '111'")]
    [InlineData("SELECT p, v FROM t WHERE p IN (2, 1) PER PARTITION LIMIT 1", "1, '112'; 2, null")]
    [InlineData("SELECT DISTINCT p, s FROM t", "1, 7; 2, 8")]
    [InlineData("SELECT p, a, s FROM t WHERE p = 2", "2, null, 8")]
    [InlineData("SELECT v FROM t WHERE p = 2 AND a = 1", "")]
    [InlineData("SELECT v FROM t WHERE v = '121' ALLOW FILTERING", "'121'")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND b = 1 ALLOW FILTERING", "'111'; '121'; '131'")]
    [InlineData("SELECT v FROM t WHERE a >= 2 ALLOW FILTERING", "'121'; '131'")]
    [InlineData("SELECT count(*) FROM t", "5")]
    [InlineData("SELECT count(*) FROM t WHERE p = 9", "0")]
    [InlineData("SELECT p, count(*) FROM t GROUP BY p", "1, 4; 2, 1")]
    [InlineData("SELECT a, count(*) FROM t WHERE p = 1 GROUP BY p, a LIMIT 2", "1, 2; 2, 1")]
    [InlineData("SELECT token(p) FROM t WHERE p = 1 LIMIT 1", "-4069959284402364209")]
    [InlineData("SELECT v FROM t WHERE token(p) = -4069959284402364209 AND a = 3 ALLOW FILTERING", "'131'")]
    [InlineData("SELECT v FROM t WHERE token(p) > token(1)", "null")]
    [InlineData("SELECT JSON p, v FROM t WHERE p = 1 AND a = 3", "'{\"p\": 1, \"v\": \"131\"}'")]
    [InlineData("SELECT a AS x, b FROM t WHERE p = 1 AND a = 3", "3, 1")]
    [InlineData("SELECT ttl(v) FROM t WHERE p = 1 AND a = 3", "null")]
    public async Task A_query_gives_these_rows_in_this_order(string query, string rows)
    {
        using var cql = await Events();
        Assert.Equal(rows, await cql.Run(query));
    }

    [Theory]
    [InlineData("SELECT v FROM t WHERE v = '1'", "Cannot execute this query as it might involve data filtering and thus may have "
        + "unpredictable performance. If you want to execute this query despite the performance unpredictability, use ALLOW FILTERING")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND b = 1",
        "PRIMARY KEY column \"b\" cannot be restricted as preceding column \"a\" is not restricted")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND a > 1 AND b = 1",
        "Clustering column \"b\" cannot be restricted (preceding column \"a\" is restricted by a non-EQ relation)")]
    [InlineData("SELECT v FROM t WHERE p > 1",
        "Only EQ and IN relation are supported on the partition key (unless you use the token() function)")]
    [InlineData("SELECT nope FROM t", "Undefined column name nope in table ks.t")]
    [InlineData("SELECT v FROM nope", "table nope does not exist")]
    [InlineData("SELECT v FROM nope.t", "keyspace nope does not exist")]
    [InlineData("SELECT v FROM t WHERE p = 'a'", "Invalid STRING constant (a) for \"p\" of type int")]
    [InlineData("SELECT v FROM t WHERE p = null", "Invalid null value in condition for column p")]
    [InlineData("SELECT v FROM t LIMIT 0", "LIMIT must be strictly positive")]
    [InlineData("SELECT v FROM t ORDER BY a", "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.")]
    [InlineData("SELECT v FROM t WHERE p = 1 ORDER BY a DESC, b DESC", "Unsupported order by relation")]
    [InlineData("SELECT v FROM t WHERE p = 1 AND p = 2",
        "p cannot be restricted by more than one relation if it includes an Equal")]
    [InlineData("SELECT writetime(p) FROM t", "Cannot use selection function writetime on PRIMARY KEY part p")]
    public async Task A_wrong_query_is_refused_in_Cassandras_words(string query, string message)
    {
        using var cql = await Events();
        Assert.Equal(message, await cql.Invalid(query));
    }

    [Fact]
    public async Task Bad_syntax_says_where_it_is()
    {
        using var cql = await Events();
        var error = await cql.Fail("SELEC v FROM t");
        Assert.Equal(CqlErrorCode.Syntax, error.Code);
        Assert.StartsWith("line 1:", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SELECT v FROM big WHERE p = 1", 100)]
    [InlineData("SELECT v FROM big", 200)]
    [InlineData("SELECT v FROM big WHERE p IN (1, 2)", 200)]
    [InlineData("SELECT v FROM big WHERE p = 1 ORDER BY c DESC", 100)]
    [InlineData("SELECT v FROM big LIMIT 150", 150)]
    [InlineData("SELECT v FROM big PER PARTITION LIMIT 30", 60)]
    [InlineData("SELECT v FROM big WHERE v > 50 ALLOW FILTERING", 98)]
    [InlineData("SELECT v FROM big WHERE v > 50 PER PARTITION LIMIT 20 ALLOW FILTERING", 40)]
    public async Task Pages_together_are_the_whole_answer(string query, int count)
    {
        using var cql = await Cql.WithKeyspace(null, "CREATE TABLE big (p int, c int, v int, PRIMARY KEY (p, c))");
        for (var c = 0; c < 100; c++)
        {
            await cql.Run($"INSERT INTO big (p, c, v) VALUES (1, {c}, {c})");
            await cql.Run($"INSERT INTO big (p, c, v) VALUES (2, {c}, {c})");
        }

        var whole = await cql.Run(query);
        foreach (var pageSize in new[] { 1, 7, 33, 100, 1000 })
        {
            var parts = new List<string>();
            var rows = 0;
            ReadOnlyMemory<byte> state = default;
            do
            {
                var options = StatementOptions.Default with { PageSize = pageSize, PagingState = state };
                var page = (RowsResult)await cql.Session.ExecuteAsync(query, options);
                Assert.True(page.Rows.Count <= pageSize);
                rows += page.Rows.Count;
                state = page.PagingState;
                if (page.Rows.Count > 0)
                {
                    parts.Add(Cql.Text(page));
                }
            }
            while (!state.IsEmpty);

            Assert.Equal(count, rows);
            Assert.Equal(whole, string.Join("; ", parts));
        }
    }

    [Fact]
    public async Task Rows_are_there_whatever_of_them_is_read()
    {
        using var cql = await Cql.WithKeyspace(
            null, "CREATE TABLE w (k int PRIMARY KEY, a int, b int)", "UPDATE w SET a = 1 WHERE k = 1", "UPDATE w SET b = 2 WHERE k = 2");
        Assert.Equal("1; 2", await cql.Run("SELECT k FROM w WHERE k IN (1, 2)"));
        Assert.Equal("1, null; 2, 2", await cql.Run("SELECT k, b FROM w WHERE k IN (1, 2)"));
        Assert.Equal("2", await cql.Run("SELECT count(*) FROM w"));
        Assert.Equal("1", await cql.Run("SELECT k FROM w WHERE a = 1 ALLOW FILTERING"));
    }

    [Fact]
    public async Task A_statement_may_not_ask_for_too_many_keys()
    {
        using var cql = await Events();
        var values = string.Join(", ", Enumerable.Range(0, 300));
        Assert.Equal(
            "The IN relations of the statement make 90000 keys, more than 65536",
            await cql.Invalid($"SELECT v FROM t WHERE p = 1 AND a IN ({values}) AND b IN ({values})"));
    }

    [Fact]
    public async Task A_paging_state_that_is_none_is_a_protocol_error()
    {
        using var cql = await Events();
        var error = await Assert.ThrowsAsync<CqlException>(async () => await cql.Session.ExecuteAsync(
            "SELECT * FROM t", StatementOptions.Default with { PagingState = new byte[] { 9, 9 } }));
        Assert.Equal(CqlErrorCode.ProtocolError, error.Code);
    }

    [Fact]
    public async Task A_prepared_query_knows_its_variables_and_where_its_partition_is()
    {
        using var cql = await Events();
        var prepared = await cql.Session.PrepareAsync("SELECT v FROM t WHERE a = ? AND p = :key LIMIT ?", null);
        Assert.Equal(["a", "key", "[limit]"], prepared.Variables.Select(variable => variable.Name));
        Assert.Equal([1], prepared.PartitionKeyIndexes);
        Assert.Equal("v", Assert.Single(prepared.Result!).Name);
        var named = StatementOptions.Default with
        {
            NamedValues = new Dictionary<string, CqlValue>
            {
                ["a"] = CqlValue.Of(CqlBytes.Of(1)), ["key"] = CqlValue.Of(CqlBytes.Of(1)), ["[limit]"] = CqlValue.Of(CqlBytes.Of(1)),
            },
        };
        Assert.Equal("'112'", Cql.Text(await cql.Session.ExecuteAsync(prepared, named)));
        Assert.Equal(prepared.Id, (await cql.Session.PrepareAsync(prepared.Query, "ks")).Id);
    }

    [Fact]
    public async Task A_prepared_query_survives_a_change_of_its_table()
    {
        using var cql = await Events();
        var prepared = await cql.Session.PrepareAsync("SELECT * FROM t WHERE p = 1 AND a = 3 AND b = 1", null);
        await cql.Run("ALTER TABLE t ADD w int");
        Assert.Equal("1, 3, 1, 7, '131', null", Cql.Text(await cql.Session.ExecuteAsync(prepared, StatementOptions.Default)));
        await cql.Run("DROP TABLE t");
        await Assert.ThrowsAsync<CqlException>(async () => await cql.Session.ExecuteAsync(prepared, StatementOptions.Default));
    }

    [Fact]
    public async Task Markers_may_give_whole_lists_and_tuples()
    {
        using var cql = await Events();
        var list = CqlSequence.WriteList([CqlBytes.Of(1), CqlBytes.Of(3)]);
        Assert.Equal("'112'; '111'; '131'", await cql.RunPrepared("SELECT v FROM t WHERE p = 1 AND a IN ?", list));
        var tuple = CqlSequence.WriteTuple([CqlBytes.Of(1), CqlBytes.Of(2)]);
        Assert.Equal("'112'", await cql.RunPrepared("SELECT v FROM t WHERE p = 1 AND (a, b) = ?", tuple));
        Assert.Equal("'112'", await cql.RunPrepared("SELECT v FROM t WHERE p = 1 AND (a, b) IN ?", CqlSequence.WriteList([tuple])));
    }
}
