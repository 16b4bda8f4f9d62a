using Atoll.Services.Tables;
using Xunit;

namespace Atoll.Services.Tests.Tables;

/// <summary>What cqlsh sends by itself, or on behalf of DESCRIBE, COPY, EXPAND and paging.</summary>
public sealed class ShellStatementTests
{
    [Theory]
    [InlineData("DESCRIBE CLUSTER", "cluster", "partitioner", "snitch")]
    [InlineData("DESCRIBE KEYSPACES", "keyspace_name", "type", "name")]
    [InlineData("DESCRIBE TABLES", "keyspace_name", "type", "name")]
    [InlineData("DESCRIBE FULL SCHEMA", "keyspace_name", "type", "name", "create_statement")]
    [InlineData("DESCRIBE KEYSPACE ks", "keyspace_name", "type", "name", "create_statement")]
    [InlineData("DESCRIBE TABLE ks.t", "keyspace_name", "type", "name", "create_statement")]
    [InlineData("DESCRIBE t", "keyspace_name", "type", "name", "create_statement")]
    [InlineData("DESCRIBE TYPE street", "keyspace_name", "type", "name", "create_statement")]
    [InlineData("DESCRIBE INDEX by_v", "keyspace_name", "type", "name", "create_statement")]
    [InlineData("SELECT p, c, v FROM ks.t WHERE token(p) > -9223372036854775808 AND token(p) <= 0", "p", "c", "v")]
    [InlineData("SELECT p, c, v FROM ks.t WHERE token(p) > 0", "p", "c", "v")]
    [InlineData("SELECT * FROM ks.t PER PARTITION LIMIT 1", "p", "c", "v")]
    [InlineData("SELECT JSON * FROM ks.t", "[json]")]
    [InlineData("SELECT keyspace_name, table_name FROM system_schema.tables", "keyspace_name", "table_name")]
    public async Task It_is_answered_with_the_columns_that_the_shell_reads(string statement, params string[] columns)
    {
        using var cql = await NewAsync();
        var result = Assert.IsType<RowsResult>(await cql.Session.ExecuteAsync(statement, StatementOptions.Default));
        Assert.Equal(columns, result.Columns.Take(columns.Length).Select(column => column.Name));
    }

    [Fact]
    public async Task A_copy_reads_each_row_once_by_ranges_of_tokens_and_pages_and_writes_it_back_in_batches()
    {
        using var cql = await NewAsync();
        var rows = new List<string>();
        string[] ranges = ["token(p) <= -3000000000000000000", "token(p) > -3000000000000000000 AND token(p) <= 0", "token(p) > 0"];
        foreach (var range in ranges)
        {
            ReadOnlyMemory<byte> place = default;
            do
            {
                var page = (RowsResult)await cql.Session.ExecuteAsync(
                    $"SELECT p, c, v FROM t WHERE {range}", StatementOptions.Default with { PageSize = 2, PagingState = place });
                rows.AddRange(Cql.Text(page).Split("; ", StringSplitOptions.RemoveEmptyEntries));
                place = page.PagingState;
            }
            while (!place.IsEmpty);
        }

        Assert.Equal(30, rows.Distinct().Count());
        Assert.Equal(30, rows.Count);
        await cql.Run("TRUNCATE t");
        var insert = await cql.Session.PrepareAsync("INSERT INTO t (p, c, v) VALUES (?, ?, ?)", null);
        foreach (var chunk in rows.Chunk(7))
        {
            var entries = chunk.Select(row => new BatchEntry
            {
                Prepared = insert,
                Values = [.. row.Split(", ").Select(Number)],
            });
            await cql.Session.ExecuteBatchAsync(BatchKind.Unlogged, [.. entries], StatementOptions.Default);
        }

        var back = (await cql.Run("SELECT p, c, v FROM t")).Split("; ");
        Assert.Equal(rows.Order(StringComparer.Ordinal), back.Order(StringComparer.Ordinal));
    }

    private static CqlValue Number(string text)
    {
        var bytes = BitConverter.GetBytes(int.Parse(text, System.Globalization.CultureInfo.InvariantCulture));
        return CqlValue.Of(bytes.AsEnumerable().Reverse().ToArray());
    }

    private static async Task<Cql> NewAsync()
    {
        var cql = await Cql.WithKeyspace(
            null, "CREATE TYPE street (name text, number int)", "CREATE TABLE t (p int, c int, v int, PRIMARY KEY (p, c))",
            "CREATE INDEX by_v ON t (v)");
        for (var i = 0; i < 30; i++)
        {
            await cql.Run($"INSERT INTO t (p, c, v) VALUES ({i % 10}, {i}, {i * i})");
        }

        return cql;
    }
}
