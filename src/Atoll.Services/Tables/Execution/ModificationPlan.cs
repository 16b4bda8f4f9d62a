using System.Runtime.CompilerServices;
using Atoll.Services.Errors;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Storage;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Execution;

/// <summary>What a statement with IF asks of the row as a whole.</summary>
internal enum ExistenceCondition
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>IF NOT EXISTS.</summary>
    NotExists,

    /// <summary>IF EXISTS.</summary>
    Exists,
}

/// <summary>INSERT, UPDATE or DELETE.</summary>
internal sealed class ModificationPlan(Markers markers) : StatementPlan(markers)
{
    // Of two threads that make them at once, one is taken.
    private CellOperation[]? _statics;
    private CellOperation[]? _regulars;

    private const int TimeToLiveSecondsMax = 20 * 365 * 24 * 60 * 60;

    public required KeyspaceDefinition Keyspace { get; init; }

    public required TableDefinition Table { get; init; }

    public required IReadOnlyList<KeyValues> PartitionKey { get; init; }

    public required ClusteringSlices Clustering { get; init; }

    /// <summary>What is done to columns; none for a deletion of rows.</summary>
    public IReadOnlyList<CellOperation> Operations { get; init; } = [];

    /// <summary>Whether the row is there afterwards even without values.</summary>
    public bool WritesMarker { get; init; }

    /// <summary>Whether rows are deleted as a whole.</summary>
    public bool DeletesRows { get; init; }

    public BoundTerm? Timestamp { get; init; }

    public BoundTerm? TimeToLive { get; init; }

    public ExistenceCondition Existence { get; init; }

    public IReadOnlyList<ConditionPlan> Conditions { get; init; } = [];

    /// <summary>Whether it has an IF.</summary>
    public bool IsConditional => Existence != ExistenceCondition.None || Conditions.Count > 0;

    /// <summary>Whether clustering columns are not given, because only static columns are written.</summary>
    public bool IsStaticOnly { get; init; }

    /// <summary>Whether it adds to counters, or deletes some.</summary>
    public bool IsCounter => Table.IsCounter;

    /// <summary>Whether some operation depends on what the row has.</summary>
    public bool NeedsRow => Operations.Any(operation => operation.NeedsRow);

    public override IReadOnlyList<int> PartitionKeyIndexes =>
        PartitionKey.All(part => part.MarkerIndex >= 0) ? [.. PartitionKey.Select(part => part.MarkerIndex)] : [];

    public override ValueTask<StatementResult> ExecuteAsync(
        StatementContext context, BoundValues values, CancellationToken cancellationToken) =>
        new Modifications(context, BatchKind.Unlogged, null).ExecuteAsync([(this, values)], isBatch: false, cancellationToken);

    /// <summary>The client's own timestamp; null for the cluster's.</summary>
    public long? TimestampMicros(BoundValues values) => TimestampMicros(Timestamp, values);

    /// <summary>The timestamp that a term gives; null when there is none.</summary>
    public static long? TimestampMicros(BoundTerm? term, BoundValues values)
    {
        var value = term?.Evaluate(values) ?? CqlValue.Unset;
        if (value.IsUnset)
        {
            return null;
        }

        var bytes = value.BytesOrNull ?? throw CqlException.Invalid("Invalid null value of timestamp");
        var timestamp = CqlBytes.ToBigint(bytes.Span);
        return timestamp is >= RowTimestamp.Min and <= RowTimestamp.Max
            ? timestamp : throw CqlException.Invalid($"Timestamp {timestamp} is out of bounds");
    }

    /// <summary>How long what is written lives, in seconds; 0 for ever.</summary>
    public int TimeToLiveSeconds(BoundValues values)
    {
        var value = TimeToLive?.Evaluate(values) ?? CqlValue.Unset;
        if (value.IsUnset || value.IsNull || DeletesRows)
        {
            return value.IsNull && TimeToLive is not null ? 0 : DeletesRows ? 0 : Table.Options.DefaultTimeToLiveSeconds;
        }

        var seconds = CqlBytes.ToInt(value.Bytes.Span);
        return seconds < 0 ? throw CqlException.Invalid($"A TTL must be greater or equal to 0, but was {seconds}")
            : seconds > TimeToLiveSecondsMax
                ? throw CqlException.Invalid($"ttl is too large. requested ({seconds}) maximum ({TimeToLiveSecondsMax})")
                : seconds;
    }

    /// <summary>What is done to a partition; rows that must be known for it are read at that level.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<List<RowOperation>> OperationsAsync(
        IRowShards shards, byte[] key, BoundValues values, ListOrdinals ordinals, CqlConsistency reads,
        CancellationToken cancellationToken)
    {
        var operations = new List<RowOperation>();
        var ttl = TimeToLiveSeconds(values);
        var ranges = IsStaticOnly ? [] : Clustering.Evaluate(values);
        if (DeletesRows)
        {
            // Nothing at all is left of a partition, its static columns neither.
            operations.AddRange(Clustering.IsEmpty && !Table.Clustering.IsEmpty
                ? [RowOperation.DeletePartition()]
                : ranges.Select(range => Clustering.IsWhole && !Table.Clustering.IsEmpty
                    ? RowOperation.DeleteRow(range.From)
                    : Table.Clustering.IsEmpty ? RowOperation.DeletePartition() : RowOperation.DeleteRange(range)));
            return operations;
        }

        var statics = _statics ??= [.. Operations.Where(static operation => operation.Column.Kind == ColumnKind.Static)];
        var regulars = _regulars ??= [.. Operations.Where(static operation => operation.Column.Kind != ColumnKind.Static)];
        if (statics.Length > 0)
        {
            var current = Needs(statics) ? await ReadAsync(shards, key, default, reads, cancellationToken).ConfigureAwait(false) : null;
            if (Writes(statics, values, ttl, current, ordinals) is { Count: > 0 } cells)
            {
                operations.Add(RowOperation.UpsertStatic(cells));
            }
        }

        foreach (var range in ranges)
        {
            var current = Needs(regulars)
                ? await ReadAsync(shards, key, range.From, reads, cancellationToken).ConfigureAwait(false) : null;
            var cells = Writes(regulars, values, ttl, current, ordinals);
            if (cells.Count > 0 || WritesMarker)
            {
                var upsert = RowOperation.Upsert(range.From, cells, WritesMarker);
                operations.Add(WritesMarker && ttl != 0 ? upsert with { MarkerTimeToLiveSeconds = ttl } : upsert);
            }
        }

        return operations;
    }

    /// <summary>The row of a clustering key with its static columns, as it is now.</summary>
    public async ValueTask<RowView> ReadAsync(
        IRowShards shards, byte[] key, ReadOnlyMemory<byte> clustering, CqlConsistency consistency, CancellationToken cancellationToken)
    {
        var read = new PartitionRead(
            Murmur3Token.Of(key), key, new RowsSelection { Range = ClusteringRange.Of(clustering), WithStatic = true });
        RowsPage page;
        try
        {
            page = await shards.ReadPartitionAsync(Table.SpaceName, read, StatementConsistency.Read(consistency), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (QuorumShortfallException error)
        {
            throw ClusterErrors.Translate(error, consistency, ClusterErrors.Replicas(Keyspace), null);
        }

        RowReader.Check(Table, page);
        var values = new ReadOnlyMemory<byte>[PartitionKey.Count];
        Murmur3Token.TryParseKey(key, values);
        var partition = page.Partitions.Count > 0 ? page.Partitions[0] : null;
        var row = partition is { Rows: [var found, ..] } ? found.Row : RowData.Empty;
        return RowView.OfCells(Table, key, values, clustering, partition?.Static ?? RowData.Empty, row);
    }

    private static bool Needs(CellOperation[] operations) => Array.Exists(operations, static operation => operation.NeedsRow);

    private static List<CellWrite> Writes(
        CellOperation[] operations, BoundValues values, int ttl, RowView? current, ListOrdinals ordinals)
    {
        var scope = new CellScope(values, ttl, current, ordinals);
        foreach (var operation in operations)
        {
            operation.Write(scope);
        }

        return scope.Writes;
    }
}
