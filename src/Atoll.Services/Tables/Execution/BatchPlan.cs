namespace Atoll.Services.Tables.Execution;

/// <summary>BEGIN BATCH ... APPLY BATCH.</summary>
internal sealed class BatchPlan(Markers markers, BatchKind kind, BoundTerm? timestamp, IReadOnlyList<ModificationPlan> statements)
    : StatementPlan(markers)
{
    public override async ValueTask<StatementResult> ExecuteAsync(
        StatementContext context, BoundValues values, CancellationToken cancellationToken)
    {
        var timestampMicros = ModificationPlan.TimestampMicros(timestamp, values);
        return await new Modifications(context, kind, timestampMicros)
            .ExecuteAsync([.. statements.Select(statement => (statement, values))], isBatch: true, cancellationToken).ConfigureAwait(false);
    }
}

/// <summary>What may be in one batch.</summary>
internal static class BatchRules
{
    /// <summary>Refuses what may not be together.</summary>
    public static void Check(BatchKind kind, IReadOnlyList<ModificationPlan> statements, long? timestampMicros)
    {
        var counters = statements.Count(statement => statement.IsCounter);
        if (kind == BatchKind.Counter && counters < statements.Count)
        {
            throw CqlException.Invalid("Cannot include non-counter statement in a counter batch");
        }

        if (kind == BatchKind.Logged && counters > 0)
        {
            throw CqlException.Invalid("Cannot include a counter statement in a logged batch");
        }

        if (counters > 0 && counters < statements.Count)
        {
            throw CqlException.Invalid("Counter and non-counter mutations cannot exist in the same batch");
        }

        var isConditional = statements.Any(statement => statement.IsConditional);
        if (timestampMicros is not null && statements.Any(statement => statement.Timestamp is not null))
        {
            throw CqlException.Invalid("Timestamp must be set either on BATCH or individual statements");
        }

        if (timestampMicros is not null && isConditional)
        {
            throw CqlException.Invalid("Cannot provide custom timestamp for conditional BATCH");
        }

        if (timestampMicros is not null && counters > 0)
        {
            throw CqlException.Invalid("Cannot provide custom timestamp for counter BATCH");
        }
    }
}
