using Atoll.Services.Tables;
using Xunit;

namespace Atoll.Services.Tests.Tables;

public sealed class ConditionalWriteTests
{
    private static Task<Cql> Users() => Cql.WithKeyspace(
        null,
        "CREATE TABLE u (k int PRIMARY KEY, v int, t text, d decimal, l list<int>, m map<text, int>)",
        "INSERT INTO u (k, v, t, d, l, m) VALUES (1, 5, 'a', 1.50, [1, 2], {'x': 1})");

    [Fact]
    public async Task A_row_is_inserted_once()
    {
        using var cql = await Users();
        Assert.Equal("true", await cql.Run("INSERT INTO u (k, v) VALUES (2, 1) IF NOT EXISTS"));
        var result = (RowsResult)await cql.Session.ExecuteAsync(
            "INSERT INTO u (k, v) VALUES (2, 9) IF NOT EXISTS", StatementOptions.Default);
        Assert.Equal(["[applied]", "k", "d", "l", "m", "t", "v"], result.Columns.Select(column => column.Name));
        Assert.Equal("false, 2, null, null, null, null, 1", Cql.Text(result));
    }

    [Theory]
    [InlineData("v = 5", "true")]
    [InlineData("v = 6", "false, 5")]
    [InlineData("v != 6", "true")]
    [InlineData("v > 4 AND t = 'a'", "true")]
    [InlineData("v >= 6", "false, 5")]
    [InlineData("v IN (1, 5)", "true")]
    [InlineData("v IN (1, 2)", "false, 5")]
    [InlineData("t < 'b'", "true")]
    [InlineData("d = 1.5", "true")]
    [InlineData("d > 2", "false, 1.50")]
    [InlineData("l = [1, 2]", "true")]
    [InlineData("l[1] = 2", "true")]
    [InlineData("l[1] = 3", "false, [1, 2]")]
    [InlineData("l[5] = null", "true")]
    [InlineData("m['x'] = 1", "true")]
    [InlineData("m['y'] = null", "true")]
    [InlineData("m = {'x': 1}", "true")]
    [InlineData("m = {'x': 2}", "false, {'x': 1}")]
    [InlineData("l CONTAINS 2", "true")]
    [InlineData("m CONTAINS KEY 'z'", "false, {'x': 1}")]
    [InlineData("v = 5 AND d = 7", "false, 1.50, 5")]
    public async Task A_condition_on_columns_decides(string condition, string outcome)
    {
        using var cql = await Users();
        Assert.Equal(outcome, await cql.Run($"UPDATE u SET t = 'new' WHERE k = 1 IF {condition}"));
        Assert.Equal(outcome == "true" ? "'new'" : "'a'", await cql.Run("SELECT t FROM u WHERE k = 1"));
    }

    [Fact]
    public async Task What_does_not_exist_is_not_changed()
    {
        using var cql = await Users();
        Assert.Equal("false", await cql.Run("UPDATE u SET v = 1 WHERE k = 9 IF EXISTS"));
        Assert.Equal("false", await cql.Run("UPDATE u SET v = 1 WHERE k = 9 IF v = 1"));
        Assert.Equal("false", await cql.Run("DELETE FROM u WHERE k = 9 IF EXISTS"));
        Assert.Equal("true", await cql.Run("UPDATE u SET v = 1 WHERE k = 9 IF v = null"));
        Assert.Equal("true", await cql.Run("DELETE FROM u WHERE k = 9 IF EXISTS"));
        Assert.Equal("", await cql.Run("SELECT v FROM u WHERE k = 9"));
    }

    [Fact]
    public async Task A_batch_of_one_partition_happens_when_all_its_conditions_hold()
    {
        using var cql = await Cql.WithKeyspace(
            null, "CREATE TABLE b (p int, c int, v int, s int static, PRIMARY KEY (p, c))",
            "INSERT INTO b (p, c, v, s) VALUES (1, 1, 1, 7)");
        Assert.Equal("true", await cql.Run(
            "BEGIN BATCH UPDATE b SET v = 2 WHERE p = 1 AND c = 1 IF v = 1; INSERT INTO b (p, c, v) VALUES (1, 2, 2) IF NOT EXISTS; "
            + "UPDATE b SET s = 8 WHERE p = 1 IF s = 7; APPLY BATCH"));
        Assert.Equal("1, 2, 8; 2, 2, 8", await cql.Run("SELECT c, v, s FROM b"));
        Assert.Equal("false, 1, 1, 2", await cql.Run(
            "BEGIN BATCH UPDATE b SET v = 3 WHERE p = 1 AND c = 1 IF v = 1; UPDATE b SET v = 3 WHERE p = 1 AND c = 2; APPLY BATCH"));
        Assert.Equal("1, 2; 2, 2", await cql.Run("SELECT c, v FROM b"));
        Assert.Equal("Batch with conditions cannot span multiple partitions", await cql.Invalid(
            "BEGIN BATCH UPDATE b SET v = 3 WHERE p = 1 AND c = 1 IF v = 1; UPDATE b SET v = 3 WHERE p = 2 AND c = 2; APPLY BATCH"));
    }

    [Fact]
    public async Task Static_columns_have_conditions_of_their_own()
    {
        using var cql = await Cql.WithKeyspace(
            null, "CREATE TABLE b (p int, c int, v int, s int static, PRIMARY KEY (p, c))");
        Assert.Equal("false", await cql.Run("UPDATE b SET s = 1 WHERE p = 1 IF EXISTS"));
        Assert.Equal("true", await cql.Run("INSERT INTO b (p, s) VALUES (1, 5) IF NOT EXISTS"));
        Assert.Equal("false, 1, null, 5, null", await cql.Run("INSERT INTO b (p, s) VALUES (1, 6) IF NOT EXISTS"));
        Assert.Equal("false, 5", await cql.Run("UPDATE b SET s = 7 WHERE p = 1 IF s = 6"));
        Assert.Equal("true", await cql.Run("UPDATE b SET s = 7 WHERE p = 1 IF s = 5"));
        Assert.Equal("true", await cql.Run("UPDATE b SET v = 1 WHERE p = 1 AND c = 1 IF s = 7"));
        await cql.Run("ALTER TABLE b ADD d decimal static");
        Assert.Equal("true", await cql.Run("UPDATE b SET d = 1.5 WHERE p = 1 IF d = null"));
        Assert.Equal("true", await cql.Run("UPDATE b SET d = null WHERE p = 1 IF d = 1.50"));
        await cql.Run("ALTER TABLE b DROP d");
        Assert.Equal("1, 1, 7, 1", await cql.Run("SELECT * FROM b"));
    }

    [Fact]
    public async Task Many_conditional_increments_lose_none()
    {
        using var cql = await Users();
        await cql.Run("UPDATE u SET d = 0 WHERE k = 1");
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            for (var done = 0; done < 25;)
            {
                var now = await cql.Run("SELECT d FROM u WHERE k = 1");
                var next = int.Parse(now, System.Globalization.CultureInfo.InvariantCulture) + 1;
                done += await cql.Run($"UPDATE u SET d = {next} WHERE k = 1 IF d = {now}") == "true" ? 1 : 0;
            }
        }));
        Assert.Equal("100", await cql.Run("SELECT d FROM u WHERE k = 1"));
    }

    [Theory]
    [InlineData("UPDATE u USING TIMESTAMP 5 SET v = 1 WHERE k = 1 IF v = 5",
        "Cannot provide custom timestamp for conditional updates")]
    [InlineData("UPDATE u SET v = 1 WHERE k IN (1, 2) IF v = 5", "IN on the partition key is not supported with conditional updates")]
    [InlineData("UPDATE u SET v = 1 WHERE k = 1 IF k = 5", "PRIMARY KEY column 'k' cannot have IF conditions")]
    [InlineData("UPDATE u SET v = 1 WHERE k = 1 IF v > null", "Invalid comparison with null for operator \">\"")]
    public async Task A_wrong_condition_is_refused_in_Cassandras_words(string query, string message)
    {
        using var cql = await Users();
        Assert.Equal(message, await cql.Invalid(query));
    }
}
