using System.Runtime.CompilerServices;
using Atoll.Foundation.Bytes;
using Atoll.Services.Errors;
using Atoll.Services.Tables.Schema;
using Atoll.Services.Tables.Storage;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Execution;

/// <summary>Executes modifications, alone or as a batch.</summary>
/// <param name="context">What they are executed with.</param>
/// <param name="kind">What a batch promises.</param>
/// <param name="batchTimestampMicros">A batch's own timestamp.</param>
internal sealed class Modifications(StatementContext context, BatchKind kind, long? batchTimestampMicros)
{
    private const int AttemptsMax = 20;

    private readonly ListOrdinals _ordinals = new(context.Functions.Ids);

    private CqlConsistency Reads => context.Options.Consistency;

    // What a condition is judged by, and what is told when it does not hold, is what was decided last.
    private CqlConsistency SerialReads => StatementConsistency.SerialOf(context.Options);

    private RowCallOptions Writes => StatementConsistency.Write(context.Options.Consistency);

    /// <summary>Executes them.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<StatementResult> ExecuteAsync(
        IReadOnlyList<(ModificationPlan Plan, BoundValues Values)> statements, bool isBatch, CancellationToken cancellationToken)
    {
        var isConditional = statements.Any(statement => statement.Plan.IsConditional);
        foreach (var (plan, _) in statements)
        {
            StatementConsistency.CheckWrite(plan, context.Options, isConditional);
        }

        if (isBatch)
        {
            BatchRules.Check(kind, [.. statements.Select(statement => statement.Plan)], batchTimestampMicros);
        }

        if (statements.Count == 0)
        {
            return VoidResult.Instance;
        }

        try
        {
            return isConditional
                ? await ConditionallyAsync(statements, isBatch, cancellationToken).ConfigureAwait(false)
                : await UnconditionallyAsync(statements, cancellationToken).ConfigureAwait(false);
        }
        catch (AtollException error) when (error is not UnknownSpaceException)
        {
            var plan = statements[0].Plan;
            throw ClusterErrors.OfWrite(error, context.Options, plan.Keyspace, WriteTypeOf(plan, isBatch, isConditional));
        }
    }

    private CqlWriteType WriteTypeOf(ModificationPlan plan, bool isBatch, bool isConditional) => isConditional ? CqlWriteType.Cas
        : plan.IsCounter ? CqlWriteType.Counter
        : !isBatch ? CqlWriteType.Simple
        : kind == BatchKind.Logged ? CqlWriteType.Batch : CqlWriteType.UnloggedBatch;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<StatementResult> UnconditionallyAsync(
        IReadOnlyList<(ModificationPlan Plan, BoundValues Values)> statements, CancellationToken cancellationToken)
    {
        // Mostly it is one partition of one table.
        if (statements is [var (only, bound)] && KeyValues.TryEvaluateOne(only.PartitionKey, bound) is { } one)
        {
            var operations = await OperationsAsync(only, one, bound, Reads, cancellationToken).ConfigureAwait(false);
            if (operations.Count > 0)
            {
                var mutation = new RowsMutation(
                    [new PartitionMutation(Murmur3Token.Of(one), one, operations)], [], only.Table.Options.GcGraceSeconds);
                Check(await context.Shards.MutateAsync(only.Table.SpaceName, mutation, Writes, cancellationToken).ConfigureAwait(false));
            }

            return VoidResult.Instance;
        }

        var tables = new SortedDictionary<string, (ModificationPlan Plan, SortedDictionary<byte[], List<RowOperation>> Partitions)>(
            StringComparer.Ordinal);
        foreach (var (plan, values) in statements)
        {
            if (!tables.TryGetValue(plan.Table.SpaceName, out var table))
            {
                table = (plan, new SortedDictionary<byte[], List<RowOperation>>(KeyOrder.Instance));
                tables[plan.Table.SpaceName] = table;
            }

            foreach (var key in SelectPlan.Keys(plan.PartitionKey, values))
            {
                var operations = await OperationsAsync(plan, key, values, Reads, cancellationToken).ConfigureAwait(false);
                if (operations.Count == 0)
                {
                    continue;
                }

                if (!table.Partitions.TryGetValue(key, out var all))
                {
                    table.Partitions[key] = all = [];
                }

                all.AddRange(operations);
            }
        }

        var parts = tables.Where(pair => pair.Value.Partitions.Count > 0).Select(pair => new BatchPart(
            pair.Key,
            new RowsMutation(
                [.. pair.Value.Partitions.Select(partition =>
                    new PartitionMutation(Murmur3Token.Of(partition.Key), partition.Key, partition.Value))],
                [], pair.Value.Plan.Table.Options.GcGraceSeconds))
        {
            AllowedRegions = pair.Value.Plan.Keyspace.AllowedRegions,
        }).ToArray();
        if (kind == BatchKind.Logged && parts.Sum(part => part.Mutation.Partitions.Count) > 1)
        {
            await LoggedAsync(parts, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await ApplyAsync(parts, cancellationToken).ConfigureAwait(false);
        }

        return VoidResult.Instance;
    }

    private async ValueTask ApplyAsync(IReadOnlyList<BatchPart> parts, CancellationToken cancellationToken)
    {
        if (parts is [var only])
        {
            Check(await context.Shards.MutateAsync(only.Space, only.Mutation, Writes, cancellationToken).ConfigureAwait(false));
            return;
        }

        var results = await Task.WhenAll(
            parts.Select(part => context.Shards.MutateAsync(part.Space, part.Mutation, Writes, cancellationToken).AsTask()))
            .ConfigureAwait(false);
        foreach (var result in results)
        {
            Check(result);
        }
    }

    private async ValueTask LoggedAsync(IReadOnlyList<BatchPart> parts, CancellationToken cancellationToken)
    {
        // Whoever does the rest of it does it with timestamps that are fixed now, so that doing it twice is doing it once.
        var timestampMicros = context.Batches.NowMicros;
        var logged = parts.Select(part => part with { Mutation = WithTimestamps(part.Mutation, timestampMicros) }).ToArray();
        var batch = await WriteDownAsync(logged, cancellationToken).ConfigureAwait(false);
        try
        {
            // Each shard's own timestamps lose against nothing that was there before. Only elements that are appended to lists must be
            // found again in their places.
            await ApplyAsync(parts.Any(part => Appends(part.Mutation)) ? logged : parts, cancellationToken).ConfigureAwait(false);
        }
        catch (AtollException error) when (error is not UnknownSpaceException)
        {
            throw ClusterErrors.OfWrittenDown(error, context.Options.Consistency);
        }

        await context.Batches.RemoveAsync(batch, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<LoggedBatch> WriteDownAsync(BatchPart[] parts, CancellationToken cancellationToken)
    {
        try
        {
            return await context.Batches.WriteAsync(parts, cancellationToken).ConfigureAwait(false);
        }
        catch (AtollException error) when (error is not UnknownSpaceException)
        {
            throw ClusterErrors.Translate(error, CqlConsistency.One, ClusterErrors.ReplicasDefault, CqlWriteType.BatchLog);
        }
    }

    private static RowsMutation WithTimestamps(RowsMutation mutation, long timestampMicros) => mutation with
    {
        Partitions = [.. mutation.Partitions.Select(partition => partition with
        {
            Operations = [.. partition.Operations.Select(operation =>
                operation with { TimestampMicros = operation.TimestampMicros ?? timestampMicros })],
        })],
    };

    private static bool Appends(RowsMutation mutation) => mutation.Partitions.Any(partition => partition.Operations.Any(operation =>
        operation.Cells.Any(cell => cell.Kind is CellWriteKind.Append or CellWriteKind.Prepend)));

    private async ValueTask<StatementResult> ConditionallyAsync(
        IReadOnlyList<(ModificationPlan Plan, BoundValues Values)> statements, bool isBatch, CancellationToken cancellationToken)
    {
        var first = statements[0].Plan;
        byte[]? key = null;
        foreach (var (plan, values) in statements)
        {
            if (!ReferenceEquals(plan.Table, first.Table))
            {
                throw CqlException.Invalid("Batch with conditions cannot span multiple tables");
            }

            foreach (var other in SelectPlan.Keys(plan.PartitionKey, values))
            {
                key = key is null || key.AsSpan().SequenceEqual(other)
                    ? other : throw CqlException.Invalid("Batch with conditions cannot span multiple partitions");
            }
        }

        if (key is null)
        {
            throw CqlException.Invalid("IN on the partition key is not supported with conditional updates");
        }

        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            var conditions = await ConditionsAsync(statements, key, cancellationToken).ConfigureAwait(false);
            if (conditions.Refused is { } refused)
            {
                return ConditionalResults.Refused(statements, isBatch, refused);
            }

            var operations = new List<RowOperation>();
            foreach (var (plan, values) in statements)
            {
                operations.AddRange(await OperationsAsync(plan, key, values, SerialReads, cancellationToken).ConfigureAwait(false));
            }

            // Conditions alone are judged, too: a write of nothing still says whether they hold.
            var mutation = new RowsMutation(
                [new PartitionMutation(Murmur3Token.Of(key), key, operations)], conditions.All, first.Table.Options.GcGraceSeconds);
            var result = await context.Shards.MutateAsync(
                first.Table.SpaceName, mutation, StatementConsistency.Conditional(context.Options), cancellationToken)
                .ConfigureAwait(false);
            if (result.IsApplied)
            {
                return ConditionalResults.Applied(first.Table);
            }

            if (result.Status != RowsStatus.NotApplied)
            {
                Check(result);
            }

            if (!conditions.IsGuarded)
            {
                return ConditionalResults.Refused(statements, isBatch, Views(first, key, result.Current));
            }

            // What was judged here is no longer so: judge again.
        }

        throw new CqlException(
            CqlErrorCode.WriteTimeout, "Operation timed out: too many conditional writes of the partition at once",
            new WriteTimeoutDetails(context.Options.Consistency, 0, 1, CqlWriteType.Cas, AttemptsMax));
    }

    private async ValueTask<(List<RowCondition> All, bool IsGuarded, Dictionary<string, RowView>? Refused)> ConditionsAsync(
        IReadOnlyList<(ModificationPlan Plan, BoundValues Values)> statements, byte[] key, CancellationToken cancellationToken)
    {
        var conditions = new List<RowCondition>();
        var isGuarded = false;
        var rows = new Dictionary<string, RowView>(StringComparer.Ordinal);
        var holds = true;
        foreach (var (plan, values) in statements.Where(statement => statement.Plan.IsConditional))
        {
            var clustering = ClusteringOf(plan, values);
            if (plan.Existence != ExistenceCondition.None)
            {
                var existence = plan.Existence == ExistenceCondition.Exists
                    ? RowCondition.Exists(clustering) : RowCondition.NotExists(clustering);
                conditions.Add(existence with { IsStatic = plan.IsStaticOnly });
            }

            foreach (var condition in plan.Conditions)
            {
                if (condition.Direct(clustering, values) is { } direct)
                {
                    conditions.Add(direct);
                    continue;
                }

                var place = Convert.ToHexString(clustering.Span);
                if (!rows.TryGetValue(place, out var row))
                {
                    row = await plan.ReadAsync(context.Shards, key, clustering, SerialReads, cancellationToken).ConfigureAwait(false);
                    rows[place] = row;
                }

                holds &= condition.Holds(row, values);
                conditions.Add(condition.Unchanged(clustering, row));
                isGuarded = true;
            }
        }

        if (!holds)
        {
            // The answer shows all rows that were asked about, also those that the storage would have judged.
            foreach (var (plan, values) in statements.Where(statement => statement.Plan.IsConditional))
            {
                var clustering = ClusteringOf(plan, values);
                rows.TryAdd(
                    Convert.ToHexString(clustering.Span),
                    await plan.ReadAsync(context.Shards, key, clustering, SerialReads, cancellationToken).ConfigureAwait(false));
            }
        }

        return (conditions, isGuarded, holds ? null : rows);
    }

    /// <summary>The clustering key of a conditional statement; empty for one about static columns only.</summary>
    public static ReadOnlyMemory<byte> ClusteringOf(ModificationPlan plan, BoundValues values) =>
        plan.IsStaticOnly || !plan.Clustering.IsWhole || plan.Clustering.Evaluate(values) is not [var range, ..] ? default : range.From;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<List<RowOperation>> OperationsAsync(
        ModificationPlan plan, byte[] key, BoundValues values, CqlConsistency reads, CancellationToken cancellationToken)
    {
        var timestamp = plan.TimestampMicros(values) ?? batchTimestampMicros;
        var operations = await plan.OperationsAsync(context.Shards, key, values, _ordinals, reads, cancellationToken)
            .ConfigureAwait(false);
        return timestamp is null
            ? operations : [.. operations.Select(operation => operation with { TimestampMicros = timestamp })];
    }

    private static Dictionary<string, RowView> Views(ModificationPlan plan, byte[] key, IReadOnlyList<CurrentRow> current)
    {
        var values = new ReadOnlyMemory<byte>[plan.PartitionKey.Count];
        Murmur3Token.TryParseKey(key, values);
        var statics = current.FirstOrDefault(row => row.IsStatic)?.Row ?? RowData.Empty;
        var views = new Dictionary<string, RowView>(StringComparer.Ordinal);
        foreach (var row in current.Where(row => !row.IsStatic))
        {
            views[Convert.ToHexString(row.Clustering.Span)] = RowView.OfCells(
                plan.Table, key, values, row.Clustering, statics, row.Row);
        }

        views.TryAdd("", RowView.OfCells(plan.Table, key, values, default, statics, RowData.Empty));
        return views;
    }

    private static void Check(MutationResult result)
    {
        if (!result.IsApplied)
        {
            throw result.Status is RowsStatus.TooLarge or RowsStatus.Invalid
                ? CqlException.Invalid(result.Detail.Length > 0 ? result.Detail : $"the write was refused: {result.Status}")
                : new CqlException(CqlErrorCode.ServerError, $"the write ended as {result.Status}: {result.Detail}");
        }
    }
}
