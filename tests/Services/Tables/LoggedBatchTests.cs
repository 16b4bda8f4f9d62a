using Atoll.Services.Errors;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Storage;
using Atoll.StateMachines.Rows;
using Xunit;

namespace Atoll.Services.Tests.Tables;

public sealed class LoggedBatchTests
{
    private const string Batch =
        "BEGIN BATCH INSERT INTO ks.a (k, v, l) VALUES (1, 1, [1, 2]); INSERT INTO ks.b (k, v) VALUES (1, 2); APPLY BATCH";

    [Fact]
    public async Task A_logged_batch_that_was_stopped_in_its_middle_is_done_later()
    {
        var (cql, shards, time) = await Tables();
        using var _ = cql;
        shards.RefusedTable = "ks.b";
        var error = await cql.Fail(Batch);
        Assert.Equal(CqlErrorCode.WriteTimeout, error.Code);
        Assert.Equal(CqlWriteType.Batch, ((WriteTimeoutDetails)error.Details!).WriteType);
        Assert.Equal("1, [1, 2]", await cql.Run("SELECT v, l FROM ks.a"));
        Assert.Equal("", await cql.Run("SELECT v FROM ks.b"));

        Assert.Equal(0, await cql.Tables.FinishBatchesAsync(TimeSpan.FromMinutes(1)));
        time.Advance(TimeSpan.FromMinutes(2));
        await Assert.ThrowsAsync<UnavailableException>(async () => await cql.Tables.FinishBatchesAsync(TimeSpan.FromMinutes(1)));
        shards.RefusedTable = "";
        Assert.Equal(1, await cql.Tables.FinishBatchesAsync(TimeSpan.FromMinutes(1)));
        Assert.Equal("1, [1, 2]", await cql.Run("SELECT v, l FROM ks.a"));
        Assert.Equal("2", await cql.Run("SELECT v FROM ks.b"));
        Assert.Equal(0, await cql.Tables.FinishBatchesAsync(TimeSpan.Zero));
    }

    [Fact]
    public async Task A_batch_that_cannot_be_written_down_changes_nothing()
    {
        var (cql, shards, _) = await Tables();
        using var _ = cql;
        shards.RefusedTable = "system.batches";
        Assert.Equal(CqlErrorCode.Unavailable, (await cql.Fail(Batch)).Code);
        Assert.Equal("", await cql.Run("SELECT v FROM ks.a"));
        Assert.Equal("", await cql.Run("SELECT v FROM ks.b"));
    }

    [Fact]
    public async Task A_batch_that_is_done_leaves_nothing_in_the_log()
    {
        var (cql, _, _) = await Tables();
        using var _ = cql;
        Assert.Equal("void", await cql.Run(Batch));
        Assert.Equal(0, await cql.Tables.FinishBatchesAsync(TimeSpan.Zero));
        Assert.Equal("2", await cql.Run("SELECT v FROM ks.b"));
    }

    private static async Task<(Cql Cql, RefusingShards Shards, ManualTime Time)> Tables()
    {
        var time = new ManualTime();
        var shards = new RefusingShards(new InMemoryRowShards(time));
        var cql = new Cql(shards: shards, time: time);
        await cql.Run("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        await cql.Run("CREATE TABLE ks.a (k int PRIMARY KEY, v int, l list<int>)");
        await cql.Run("CREATE TABLE ks.b (k int PRIMARY KEY, v int)");
        return (cql, shards, time);
    }

    /// <summary>Shards of which one table cannot be written to for a while.</summary>
    private sealed class RefusingShards(IRowShards inner) : IRowShards
    {
        public string RefusedTable { get; set; } = "";

        public ValueTask CreateAsync(RowSpaceOptions options, CancellationToken cancellationToken) =>
            inner.CreateAsync(options, cancellationToken);

        public ValueTask<bool> DropAsync(string table, CancellationToken cancellationToken) => inner.DropAsync(table, cancellationToken);

        public ValueTask TruncateAsync(string table, CancellationToken cancellationToken) => inner.TruncateAsync(table, cancellationToken);

        public ValueTask<MutationResult> MutateAsync(
            string table, RowsMutation mutation, RowCallOptions options, CancellationToken cancellationToken) =>
            RefusedTable.Length > 0 && table.StartsWith(RefusedTable, StringComparison.Ordinal)
                ? throw new UnavailableException("no majority")
                : inner.MutateAsync(table, mutation, options, cancellationToken);

        public ValueTask<RowsPage> ReadPartitionAsync(
            string table, PartitionRead read, RowCallOptions options, CancellationToken cancellationToken) =>
            inner.ReadPartitionAsync(table, read, options, cancellationToken);

        public ValueTask<RowsPage> ReadRangeAsync(
            string table, TokenRangeRead read, RowCallOptions options, CancellationToken cancellationToken) =>
            inner.ReadRangeAsync(table, read, options, cancellationToken);

        public ValueTask<RowsStats> CountAsync(string table, CancellationToken cancellationToken) =>
            inner.CountAsync(table, cancellationToken);
    }
}
