using Atoll.Foundation.Bytes;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Storage;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Execution;

/// <summary>Rows in the order of a query, a page of the storage at a time.</summary>
internal abstract class RowReader
{
    /// <summary>Whether there may be more.</summary>
    public abstract bool HasMore { get; }

    /// <summary>The next page; it may be empty though there is more.</summary>
    public abstract ValueTask<IReadOnlyList<RowView>> ReadAsync(int rowsMax, CancellationToken cancellationToken);

    /// <summary>Where the next page begins.</summary>
    public abstract PagingState Position(long limitLeft, long partitionRows);

    /// <summary>Refuses a page that is none.</summary>
    public static void Check(TableDefinition table, RowsPage page)
    {
        if (page.Status != RowsStatus.Ok)
        {
            throw new CqlException(
                CqlErrorCode.ServerError, $"a read of {table.Keyspace}.{table.Name} ended as {page.Status}: {page.Detail}");
        }
    }

    private protected static IReadOnlyList<RowView> Views(TableDefinition table, RowsPage page, bool restrictsClustering)
    {
        Check(table, page);
        var rows = new List<RowView>();
        var key = new ReadOnlyMemory<byte>[table.PartitionKey.Length];
        foreach (var partition in page.Partitions)
        {
            if (!Murmur3Token.TryParseKey(partition.Key, key))
            {
                throw new CqlException(CqlErrorCode.ServerError, $"a stored key is no partition key of {table.Keyspace}.{table.Name}");
            }

            foreach (var row in partition.Rows)
            {
                rows.Add(RowView.OfCells(table, partition.Key, key, row.Clustering, partition.Static, row.Row));
            }

            // A partition that has nothing but static columns is a row without clustering columns, unless these are asked for.
            if (partition.Rows.Count == 0 && !partition.IsContinued && !partition.Static.IsEmpty && !restrictsClustering)
            {
                rows.Add(RowView.OfCells(table, partition.Key, key, default, partition.Static, RowData.Empty));
            }
        }

        return rows;
    }
}

/// <summary>What all reads of a query have in common.</summary>
/// <param name="Table">The table.</param>
/// <param name="Shards">Its rows.</param>
/// <param name="RestrictsClustering">Whether clustering columns are restricted.</param>
/// <param name="Reverse">Whether rows come in reverse.</param>
/// <param name="RowsPerPartitionMax">Rows of a partition; 0 for all.</param>
/// <param name="Columns">The columns whose cells are read, in order; empty for all.</param>
/// <param name="Options">How shards are asked.</param>
internal sealed record ReadPlan(
    TableDefinition Table, IRowShards Shards, bool RestrictsClustering, bool Reverse, int RowsPerPartitionMax,
    IReadOnlyList<uint> Columns, RowCallOptions Options)
{
    public RowsSelection Selection(ClusteringRange range, int rowsMax, ReadOnlyMemory<byte> resumeAfter) => new()
    {
        Range = range,
        Reverse = Reverse,
        WithStatic = !Table.Statics.IsEmpty,
        Columns = Columns,
        RowsMax = rowsMax,
        RowsPerPartitionMax = RowsPerPartitionMax,
        ResumeAfter = resumeAfter,
    };
}

/// <summary>
/// Partitions by their keys, in the order of tokens, and of each the ranges of clustering keys. While one is read, those behind it are
/// asked for their first rows already: a query for many partitions takes as long as the slowest few of them, not as all together.
/// </summary>
internal sealed class PartitionReader : RowReader
{
    // Partitions that are asked at the same time, and the rows that each may answer ahead of its turn: what a query may hold in memory.
    private const int PartitionsAheadMax = 16;
    private const int RowsAheadMax = 100;

    private readonly ReadPlan _plan;
    private readonly (long Token, byte[] Key)[] _keys;
    private readonly List<ClusteringRange> _ranges;
    private int _key;
    private int _range;
    private readonly Queue<Task<RowsPage>> _ahead = new(); // of the keys from _key on, when it is at its beginning
    private int _rowsAhead;
    private ReadOnlyMemory<byte> _resumeAfter;

    public PartitionReader(ReadPlan plan, IEnumerable<byte[]> keys, List<ClusteringRange> ranges, PagingState? state)
    {
        _plan = plan;
        _ranges = ranges;
        if (plan.Reverse)
        {
            _ranges.Reverse();
        }

        _keys = [.. keys.Select(key => (Token: Murmur3Token.Of(key), Key: key)).OrderBy(key => key.Token)
            .ThenBy(key => key.Key, KeyOrder.Instance)];
        if (state is null)
        {
            return;
        }

        var token = Murmur3Token.Of(state.PartitionKey.Span);
        while (_key < _keys.Length && (_keys[_key].Token < token
            || (_keys[_key].Token == token && _keys[_key].Key.AsSpan().SequenceCompareTo(state.PartitionKey.Span) < 0)))
        {
            _key++;
        }

        if (_key < _keys.Length && state.PartitionKey.Span.SequenceEqual(_keys[_key].Key))
        {
            (_range, _resumeAfter) = (state.Range, state.ResumeAfter);
            if (_range >= _ranges.Count)
            {
                (_key, _range, _resumeAfter) = (_key + 1, 0, default);
            }
        }
    }

    public override bool HasMore => _key < _keys.Length && _ranges.Count > 0;

    public override async ValueTask<IReadOnlyList<RowView>> ReadAsync(int rowsMax, CancellationToken cancellationToken)
    {
        var page = await NextPageAsync(rowsMax, cancellationToken).ConfigureAwait(false);
        var rows = Views(_plan.Table, page, _plan.RestrictsClustering);
        _resumeAfter = page.ResumeAfter;
        if (!page.HasMore)
        {
            _range++;
            if (_range == _ranges.Count)
            {
                (_key, _range) = (_key + 1, 0);
            }
        }

        return rows;
    }

    public override PagingState Position(long limitLeft, long partitionRows) =>
        new(limitLeft, partitionRows, _key < _keys.Length ? _keys[_key].Key : default, _range, _resumeAfter);

    private async ValueTask<RowsPage> NextPageAsync(int rowsMax, CancellationToken cancellationToken)
    {
        if (_range > 0 || !_resumeAfter.IsEmpty)
        {
            return await AskAsync(_key, rowsMax, cancellationToken).ConfigureAwait(false);
        }

        // The last page of a query may want fewer rows than were asked for ahead.
        if (_rowsAhead > rowsMax || _ahead.Count == 0)
        {
            _ahead.Clear();
            _rowsAhead = Math.Min(rowsMax, RowsAheadMax);
        }

        if (_ahead.Count == 0 && _key == _keys.Length - 1)
        {
            return await AskAsync(_key, rowsMax, cancellationToken).ConfigureAwait(false);
        }

        // Not more partitions than rows are wanted: whoever wants one row does not read sixteen partitions.
        var aheadMax = Math.Min(PartitionsAheadMax, rowsMax);
        while (_ahead.Count < aheadMax && _key + _ahead.Count < _keys.Length)
        {
            _ahead.Enqueue(Observed(AskAsync(_key + _ahead.Count, _rowsAhead, cancellationToken).AsTask()));
        }

        return await _ahead.Dequeue().ConfigureAwait(false);
    }

    private ValueTask<RowsPage> AskAsync(int index, int rowsMax, CancellationToken cancellationToken)
    {
        var (token, key) = _keys[index];
        var (range, resumeAfter) = index == _key ? (_range, _resumeAfter) : (0, default);
        return _plan.Shards.ReadPartitionAsync(
            _plan.Table.SpaceName, new PartitionRead(token, key, _plan.Selection(_ranges[range], rowsMax, resumeAfter)),
            _plan.Options, cancellationToken);
    }

    // When the query ends before its turn comes, its failure is nobody's.
    private static Task<RowsPage> Observed(Task<RowsPage> read)
    {
        _ = read.ContinueWith(
            static failed => _ = failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return read;
    }
}

/// <summary>All partitions with tokens of a range.</summary>
internal sealed class TokenRangeReader(ReadPlan plan, long fromToken, long toToken, PagingState? state) : RowReader
{
    private ReadOnlyMemory<byte> _resumeAfter = state?.ResumeAfter ?? default;
    private ReadOnlyMemory<byte> _partitionKey = state?.PartitionKey ?? default;
    private bool _isAtEnd = fromToken > toToken;

    public override bool HasMore => !_isAtEnd;

    public override async ValueTask<IReadOnlyList<RowView>> ReadAsync(int rowsMax, CancellationToken cancellationToken)
    {
        var page = await plan.Shards.ReadRangeAsync(
            plan.Table.SpaceName,
            new TokenRangeRead(fromToken, toToken, plan.Selection(ClusteringRange.All, rowsMax, _resumeAfter)), plan.Options,
            cancellationToken).ConfigureAwait(false);
        var rows = Views(plan.Table, page, plan.RestrictsClustering);
        _resumeAfter = page.ResumeAfter;
        _partitionKey = page.Partitions.Count > 0 ? page.Partitions[^1].Key : _partitionKey;
        _isAtEnd = !page.HasMore;
        return rows;
    }

    public override PagingState Position(long limitLeft, long partitionRows) =>
        new(limitLeft, partitionRows, _partitionKey, 0, _resumeAfter);
}

/// <summary>The rows of a table that is computed: sorted like others, and paged by the last row's place in that order.</summary>
internal sealed class VirtualReader : RowReader
{
    private readonly List<(byte[] Place, RowView Row)> _rows;
    private int _next;

    public VirtualReader(IVirtualTable table, IReadOnlyList<Func<RowView, bool>> filters, bool reverse, PagingState? state)
    {
        // The definition's columns may have been given in another order than the table's: rows come in the table's.
        _rows = [.. table.Rows().Select(values => RowView.OfValues(table.Definition, values))
            .Where(row => filters.All(filter => filter(row)))
            .Select(row => (Place: PlaceOf(row, reverse), Row: row))
            .OrderBy(row => row.Place, KeyOrder.Instance)];
        while (state is not null && _next < _rows.Count
            && _rows[_next].Place.AsSpan().SequenceCompareTo(state.ResumeAfter.Span) <= 0)
        {
            _next++;
        }
    }

    public override bool HasMore => _next < _rows.Count;

    public override ValueTask<IReadOnlyList<RowView>> ReadAsync(int rowsMax, CancellationToken cancellationToken)
    {
        var count = Math.Min(rowsMax, _rows.Count - _next);
        _next += count;
        return new ValueTask<IReadOnlyList<RowView>>([.. _rows.GetRange(_next - count, count).Select(row => row.Row)]);
    }

    public override PagingState Position(long limitLeft, long partitionRows) => new(
        limitLeft, partitionRows, _next > 0 ? _rows[_next - 1].Row.PartitionKey : default, 0, _next > 0 ? _rows[_next - 1].Place : default);

    private static byte[] PlaceOf(RowView row, bool reverse)
    {
        var writer = new WireWriter(64);
        var keys = new OrderedKeyWriter(writer);
        keys.Write(CqlTypes.Bigint, CqlBytes.Of(Murmur3Token.Of(row.PartitionKey.Span)), false);
        keys.Write(CqlTypes.Blob, row.PartitionKey, false);
        keys.Write(CqlTypes.Blob, row.ClusteringKey, reverse);
        return writer.ToArray();
    }
}
