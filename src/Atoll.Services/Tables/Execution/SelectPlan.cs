using Atoll.Foundation;
using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Execution;

/// <summary>SELECT.</summary>
internal sealed class SelectPlan(Markers markers) : StatementPlan(markers)
{
    public required TableDefinition Table { get; init; }

    /// <summary>Whether the table's replicas answer without a leader.</summary>
    public required bool IsEventual { get; init; }

    public required Selection Selection { get; init; }

    public required Restrictions Restrictions { get; init; }

    /// <summary>The terms of GROUP BY.</summary>
    public IReadOnlyList<RowTerm> GroupBy { get; init; } = [];

    public BoundTerm? Limit { get; init; }

    public BoundTerm? PerPartitionLimit { get; init; }

    public bool IsDistinct { get; init; }

    /// <summary>Whether there is an ORDER BY.</summary>
    public bool IsOrdered { get; init; }

    /// <summary>Whether rows come against the table's order.</summary>
    public bool IsReverse { get; init; }

    /// <summary>The table's rows, when it is computed.</summary>
    public IVirtualTable? Virtual { get; init; }

    // Of a table with static columns everything is read: whether a partition has any decides whether it has a row.
    private IReadOnlyList<uint> CellColumns { get => field ??= Table.Statics.IsEmpty ? WantedColumns() : []; set; }

    public override IReadOnlyList<int> PartitionKeyIndexes => Restrictions.PartitionKeyMarkers;

    public override IReadOnlyList<ColumnSpec> Result => Selection.Columns;

    public override async ValueTask<StatementResult> ExecuteAsync(
        StatementContext context, BoundValues values, CancellationToken cancellationToken)
    {
        StatementConsistency.CheckRead(context.Options.Consistency);
        var state = context.Options.PagingState.IsEmpty ? null : PagingState.Decode(context.Options.PagingState);
        var limit = state?.LimitLeft ?? LimitOf(Limit, values, "LIMIT");
        var perPartition = IsDistinct ? 1 : LimitOf(PerPartitionLimit, values, "PER PARTITION LIMIT");
        var isGrouped = Selection.Aggregates.Count > 0 || GroupBy.Count > 0;
        var filters = Restrictions.Filters.Select(filter => filter(values)).ToArray();
        var reader = Reader(context, values, state, perPartition, filters.Length > 0 || isGrouped);
        if (isGrouped)
        {
            return await GroupAsync(reader, values, filters, limit, perPartition, cancellationToken).ConfigureAwait(false);
        }

        var pageSize = context.Options.PageSize > 0 ? context.Options.PageSize : int.MaxValue;
        if (IsOrdered && Restrictions.PartitionKey is { } key && !key.All(part => part.IsSingle))
        {
            return await SortAsync(context, reader, values, filters, limit, perPartition, cancellationToken).ConfigureAwait(false);
        }

        var rows = new List<ReadOnlyMemory<byte>?[]>();
        var counter = new PartitionCounter(perPartition, state);
        while (reader.HasMore && rows.Count < pageSize && limit != 0)
        {
            var wanted = Math.Min(pageSize - rows.Count, limit < 0 ? Limits.ScanRowsMax : (int)Math.Min(limit, Limits.ScanRowsMax));
            foreach (var row in await reader.ReadAsync(wanted, cancellationToken).ConfigureAwait(false))
            {
                if (limit != 0 && filters.All(filter => filter(row)) && counter.Take(row))
                {
                    rows.Add(Selection.Evaluate(row, values));
                    limit -= limit > 0 ? 1 : 0;
                }
            }
        }

        ReadOnlyMemory<byte> next = reader.HasMore && limit != 0 ? reader.Position(limit, counter.Rows).Encode() : default;
        return new RowsResult(Selection.Columns, rows, next);
    }

    private List<uint> WantedColumns()
    {
        var wanted = Selection.TableColumns.Select(position => Table.Columns[position]).Concat(Restrictions.Others)
            .Where(column => !column.IsPrimaryKey).Select(column => column.Id).Distinct().Order().ToList();

        // An empty list asks for all: who wants none asks for a column that no row has.
        return wanted.Count == Table.Regulars.Length ? [] : wanted.Count == 0 ? [Table.NextColumnId] : wanted;
    }

    private static long LimitOf(BoundTerm? term, BoundValues values, string name)
    {
        var value = term?.Evaluate(values) ?? CqlValue.Unset;
        if (value.IsUnset)
        {
            return -1;
        }

        if (value.BytesOrNull is not { IsEmpty: false } bytes)
        {
            throw CqlException.Invalid($"Invalid null value of {name.ToLowerInvariant()}");
        }

        var limit = CqlBytes.ToInt(bytes.Span);
        return limit > 0 ? limit : throw CqlException.Invalid($"{name} must be strictly positive");
    }

    private RowReader Reader(StatementContext context, BoundValues values, PagingState? state, long perPartition, bool isFiltered)
    {
        if (Virtual is not null)
        {
            return new VirtualReader(Virtual, [.. Restrictions.All.Select(filter => filter(values))], IsReverse, state);
        }

        var plan = new ReadPlan(
            Table, context.Shards, Restrictions.RestrictsClustering, IsReverse, isFiltered || perPartition < 0 ? 0 : (int)perPartition,
            CellColumns, StatementConsistency.Read(context.Options.Consistency));
        var isDecided = IsEventual && StatementConsistency.IsSerial(context.Options.Consistency);
        if (Restrictions.PartitionKey is { } key)
        {
            var keys = Keys(key, values).ToArray();
            CheckSerial(isDecided, keys.Length);
            var ranges = Restrictions.Clustering.Evaluate(values);
            return new PartitionReader(ranges.Count > 1 ? plan with { RowsPerPartitionMax = 0 } : plan, keys, ranges, state);
        }

        CheckSerial(isDecided, int.MaxValue);

        var (from, to) = (long.MinValue, long.MaxValue);
        if (Restrictions.LowerToken is { } lower)
        {
            from = CqlBytes.ToBigint(KeyValues.Required(lower.Term.Evaluate(values), "partition key token").Span);
            if (!lower.IsInclusive && from == long.MaxValue)
            {
                return new TokenRangeReader(plan, 1, 0, state);
            }

            from += lower.IsInclusive ? 0 : 1;
        }

        if (Restrictions.UpperToken is { } upper)
        {
            to = CqlBytes.ToBigint(KeyValues.Required(upper.Term.Evaluate(values), "partition key token").Span);

            // The lowest token is no partition's: as an upper bound it closes the ring, and means no bound.
            to = to == Murmur3Token.None ? long.MaxValue : upper.IsInclusive ? to : to - 1;
        }

        return new TokenRangeReader(plan, from, to, state);
    }

    // Paxos decides about each partition by itself: there is no moment that two of them could be read at.
    private static void CheckSerial(bool isDecided, int partitions)
    {
        if (isDecided && partitions > 1)
        {
            throw CqlException.Invalid("SERIAL/LOCAL_SERIAL consistency may only be requested for one partition at a time");
        }
    }

    /// <summary>The partition keys that values of the columns make, every one with every other.</summary>
    public static IEnumerable<byte[]> Keys(IReadOnlyList<KeyValues> key, BoundValues values)
    {
        if (KeyValues.TryEvaluateOne(key, values) is { } only)
        {
            yield return only;
            yield break;
        }

        var tuples = new List<ReadOnlyMemory<byte>[]> { Array.Empty<ReadOnlyMemory<byte>>() };
        foreach (var part in key)
        {
            var candidates = part.Evaluate(values);
            KeyValues.CheckCombinations((long)tuples.Count * candidates.Count);
            tuples = [.. tuples.SelectMany(tuple => candidates.Select(value => (ReadOnlyMemory<byte>[])[.. tuple, value]))];
        }

        foreach (var tuple in tuples)
        {
            yield return KeyValues.SerializeKey(tuple);
        }
    }

    // Several partitions in one order: all of their rows are needed before the first is known.
    private async ValueTask<StatementResult> SortAsync(
        StatementContext context, RowReader reader, BoundValues values, Func<RowView, bool>[] filters, long limit, long perPartition,
        CancellationToken cancellationToken)
    {
        if (context.Options.PageSize > 0)
        {
            throw CqlException.Invalid(
                "Cannot page queries with both ORDER BY and a IN restriction on the partition key; you must either remove the ORDER BY or "
                + "the IN and sort client side, or disable paging for this query");
        }

        var found = new List<RowView>();
        var counter = new PartitionCounter(perPartition, null);
        while (reader.HasMore)
        {
            var page = await reader.ReadAsync(Limits.ScanRowsMax, cancellationToken).ConfigureAwait(false);
            found.AddRange(page.Where(row => filters.All(filter => filter(row)) && counter.Take(row)));
        }

        var sorted = IsReverse
            ? found.OrderByDescending(row => row.ClusteringKey, Foundation.Bytes.KeyOrder.Instance)
            : found.OrderBy(row => row.ClusteringKey, Foundation.Bytes.KeyOrder.Instance);
        return new RowsResult(
            Selection.Columns,
            [.. sorted.Take(limit < 0 ? int.MaxValue : (int)limit).Select(row => Selection.Evaluate(row, values))], default);
    }

    private async ValueTask<StatementResult> GroupAsync(
        RowReader reader, BoundValues values, Func<RowView, bool>[] filters, long limit, long perPartition,
        CancellationToken cancellationToken)
    {
        var rows = new List<ReadOnlyMemory<byte>?[]>();
        var counter = new PartitionCounter(perPartition, null);
        RowGroup? group = null;
        while (reader.HasMore)
        {
            foreach (var row in await reader.ReadAsync(Limits.ScanRowsMax, cancellationToken).ConfigureAwait(false))
            {
                if (!filters.All(filter => filter(row)))
                {
                    continue;
                }

                if (group is null || !group.Has(row, GroupBy, values))
                {
                    Close(group);
                    group = new RowGroup(row, Selection, GroupBy, values);
                }

                group.Add(row, Selection, values);
            }
        }

        Close(group ?? (GroupBy.Count == 0 ? new RowGroup(null, Selection, GroupBy, values) : null));
        return new RowsResult(Selection.Columns, rows, default);

        void Close(RowGroup? closed)
        {
            if (closed is not null && (limit < 0 || rows.Count < limit) && (closed.First is null || counter.Take(closed.First)))
            {
                rows.Add(Selection.Evaluate(new RowScope(closed.First, values, closed.Aggregations)));
            }
        }
    }

    /// <summary>Counts the rows of each partition, as they come one partition after the other.</summary>
    private sealed class PartitionCounter(long perPartition, PagingState? state)
    {
        private ReadOnlyMemory<byte> _key = state?.PartitionKey ?? default;
        private bool _hasKey = state is not null;

        public long Rows { get; private set; } = state?.PartitionRows ?? 0;

        public bool Take(RowView row)
        {
            if (!_hasKey || !_key.Span.SequenceEqual(row.PartitionKey.Span))
            {
                (_key, _hasKey, Rows) = (row.PartitionKey, true, 0);
            }

            Rows++;
            return perPartition < 0 || Rows <= perPartition;
        }
    }

    /// <summary>Rows that follow each other with the same values of GROUP BY.</summary>
    private sealed class RowGroup
    {
        private readonly ReadOnlyMemory<byte>?[] _key;

        public RowGroup(RowView? first, Selection selection, IReadOnlyList<RowTerm> groupBy, BoundValues values)
        {
            First = first;
            _key = KeyOf(first, groupBy, values);
            Aggregations = [.. selection.Aggregates.Select(aggregate => aggregate.Aggregate.Start())];
        }

        public RowView? First { get; }

        public IReadOnlyList<ICqlAggregation> Aggregations { get; }

        public bool Has(RowView row, IReadOnlyList<RowTerm> groupBy, BoundValues values)
        {
            var key = KeyOf(row, groupBy, values);
            for (var index = 0; index < key.Length; index++)
            {
                var isSame = key[index] is { } value
                    ? _key[index] is { } own && own.Span.SequenceEqual(value.Span)
                    : _key[index] is null;
                if (!isSame)
                {
                    return false;
                }
            }

            return true;
        }

        public void Add(RowView row, Selection selection, BoundValues values)
        {
            var scope = new RowScope(row, values, []);
            for (var index = 0; index < Aggregations.Count; index++)
            {
                var arguments = selection.Aggregates[index].Arguments;
                var given = new ReadOnlyMemory<byte>?[arguments.Count];
                for (var argument = 0; argument < given.Length; argument++)
                {
                    given[argument] = arguments[argument].Evaluate(scope);
                }

                Aggregations[index].Add(given, values.Functions);
            }
        }

        private static ReadOnlyMemory<byte>?[] KeyOf(RowView? row, IReadOnlyList<RowTerm> groupBy, BoundValues values) =>
            [.. groupBy.Select(term => term.Evaluate(new RowScope(row, values, [])))];
    }
}
