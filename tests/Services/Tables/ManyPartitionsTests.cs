using Atoll.Services.Tables;
using Atoll.Services.Tables.Storage;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Rows;
using Xunit;

namespace Atoll.Services.Tests.Tables;

public sealed class ManyPartitionsTests
{
    private const int Partitions = 40;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(150)]
    [InlineData(5000)]
    public async Task Whatever_the_pages_every_row_comes_once_and_in_order(int pageSize)
    {
        using var cql = await FilledAsync(new GatedShards());
        var whole = (RowsResult)await cql.Session.ExecuteAsync(Query(), StatementOptions.Default, Cancellation);
        Assert.Equal(Rows(), whole.Rows.Count);
        var options = StatementOptions.Default with { PageSize = pageSize };
        var paged = new List<string>();
        do
        {
            var page = (RowsResult)await cql.Session.ExecuteAsync(Query(), options, Cancellation);
            Assert.True(page.Rows.Count <= pageSize);
            paged.AddRange(page.Rows.Select(Text));
            options = options with { PagingState = page.PagingState };
        }
        while (!options.PagingState.IsEmpty);

        Assert.Equal(whole.Rows.Select(Text), paged);
    }

    [Fact]
    public async Task Sixteen_partitions_are_asked_at_the_same_time_and_no_more_than_rows_are_wanted()
    {
        var shards = new GatedShards();
        using var cql = await FilledAsync(shards);
        shards.Close();
        var query = cql.Session.ExecuteAsync(Query(), StatementOptions.Default, Cancellation).AsTask();
        Assert.Equal(16, shards.Waiting);
        shards.Open();
        Assert.Equal(Rows(), ((RowsResult)await query).Rows.Count);

        shards.Close();
        var limited = cql.Session.ExecuteAsync(Query() + " LIMIT 3", StatementOptions.Default, Cancellation).AsTask();
        Assert.Equal(3, shards.Waiting);
        shards.Open();
        Assert.Equal(3, ((RowsResult)await limited).Rows.Count);
    }

    private static string Query() => $"SELECT p, c FROM t WHERE p IN ({string.Join(", ", Enumerable.Range(0, Partitions))})";

    // Some partitions have more rows than are asked for ahead, some none.
    private static int RowsOf(int partition) => partition % 13 == 0 ? 130 : partition % 3;

    private static int Rows() => Enumerable.Range(0, Partitions).Sum(RowsOf);

    private static string Text(ReadOnlyMemory<byte>?[] row) =>
        $"{CqlFormat.Literal(CqlTypes.Int, row[0])}.{CqlFormat.Literal(CqlTypes.Int, row[1])}";

    private static async Task<Cql> FilledAsync(IRowShards shards)
    {
        var cql = new Cql(shards: shards);
        await cql.Run("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        await cql.Run("USE ks");
        await cql.Run("CREATE TABLE t (p int, c int, PRIMARY KEY (p, c))");
        for (var partition = 0; partition < Partitions; partition++)
        {
            for (var row = 0; row < RowsOf(partition); row++)
            {
                await cql.Run($"INSERT INTO t (p, c) VALUES ({partition}, {row})");
            }
        }

        return cql;
    }

    /// <summary>Rows in memory, whose reads of partitions wait while the gate is closed.</summary>
    private sealed class GatedShards : IRowShards
    {
        private readonly InMemoryRowShards _rows = new(TimeProvider.System);
        private TaskCompletionSource? _gate;

        public int Waiting { get; private set; }

        public void Close() => (_gate, Waiting) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), 0);

        public void Open()
        {
            var gate = _gate;
            _gate = null;
            gate?.SetResult();
        }

        public ValueTask CreateAsync(RowSpaceOptions options, CancellationToken cancellationToken) =>
            _rows.CreateAsync(options, cancellationToken);

        public ValueTask<bool> DropAsync(string table, CancellationToken cancellationToken) => _rows.DropAsync(table, cancellationToken);

        public ValueTask TruncateAsync(string table, CancellationToken cancellationToken) => _rows.TruncateAsync(table, cancellationToken);

        public ValueTask<MutationResult> MutateAsync(
            string table, RowsMutation mutation, RowCallOptions options, CancellationToken cancellationToken) =>
            _rows.MutateAsync(table, mutation, options, cancellationToken);

        public async ValueTask<RowsPage> ReadPartitionAsync(
            string table, PartitionRead read, RowCallOptions options, CancellationToken cancellationToken)
        {
            if (_gate is { } gate)
            {
                Waiting++;
                await gate.Task;
            }

            return await _rows.ReadPartitionAsync(table, read, options, cancellationToken);
        }

        public ValueTask<RowsPage> ReadRangeAsync(
            string table, TokenRangeRead read, RowCallOptions options, CancellationToken cancellationToken) =>
            _rows.ReadRangeAsync(table, read, options, cancellationToken);

        public ValueTask<RowsStats> CountAsync(string table, CancellationToken cancellationToken) =>
            _rows.CountAsync(table, cancellationToken);
    }
}
