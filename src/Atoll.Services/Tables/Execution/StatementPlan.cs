using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Storage;

namespace Atoll.Services.Tables.Execution;

/// <summary>What a statement is executed with, beside its values.</summary>
/// <param name="Shards">The rows.</param>
/// <param name="Options">What came with the statement.</param>
/// <param name="Functions">What functions may know.</param>
/// <param name="Batches">The log of batches.</param>
internal sealed record StatementContext(IRowShards Shards, StatementOptions Options, FunctionContext Functions, BatchLog Batches)
{
    /// <summary>The time that expiry is judged by, in Unix milliseconds.</summary>
    public long NowMilliseconds => Functions.NowMilliseconds;
}

/// <summary>A statement that was checked against a schema, ready to be executed any number of times.</summary>
/// <param name="markers">Its markers.</param>
internal abstract class StatementPlan(Markers markers)
{
    /// <summary>The bind markers.</summary>
    public Markers Markers { get; } = markers;

    /// <summary>See <see cref="PreparedStatement.PartitionKeyIndexes"/>.</summary>
    public virtual IReadOnlyList<int> PartitionKeyIndexes => [];

    /// <summary>See <see cref="PreparedStatement.Result"/>.</summary>
    public virtual IReadOnlyList<ColumnSpec>? Result => null;

    /// <summary>Executes it.</summary>
    public abstract ValueTask<StatementResult> ExecuteAsync(
        StatementContext context, BoundValues values, CancellationToken cancellationToken);
}
