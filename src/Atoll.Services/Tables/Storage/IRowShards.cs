using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Rows;

namespace Atoll.Services.Tables.Storage;

/// <summary>
/// Rows in the shards of tables: what statements are executed against. A table is a space of rows, of which this knows the name and
/// nothing else: keys and values are bytes here. Every call may throw an <see cref="AtollException"/>. Thread-safe.
/// </summary>
public interface IRowShards
{
    /// <summary>
    /// Creates a table's space; nothing happens when it exists with the same options.
    /// </summary>
    /// <exception cref="AtollException"><see cref="ErrorCode.SpaceExists"/>: it exists with other options.</exception>
    ValueTask CreateAsync(RowSpaceOptions options, CancellationToken cancellationToken = default);

    /// <summary>Drops a table's space with all its rows; false when there is none of that name.</summary>
    ValueTask<bool> DropAsync(string table, CancellationToken cancellationToken = default);

    /// <summary>Removes all rows, shard by shard.</summary>
    /// <exception cref="UnknownSpaceException">There is no such table.</exception>
    ValueTask TruncateAsync(string table, CancellationToken cancellationToken = default);

    /// <summary>
    /// Changes rows. All of it takes effect in one step when all partitions are of one shard, and always when there are conditions (then
    /// they must be of one shard); else shard by shard, and when one of them fails, others may have taken effect. Retried until it is
    /// answered, with one effect.
    /// </summary>
    /// <exception cref="UnknownSpaceException">There is no such table.</exception>
    /// <exception cref="OutcomeUnknownException">No answer came in time; the change may take effect.</exception>
    /// <exception cref="InvalidRequestException">It is malformed, or has conditions and spans shards.</exception>
    /// <exception cref="TooLargeException">A key, a row or the whole is over its limit.</exception>
    ValueTask<MutationResult> MutateAsync(
        string table, RowsMutation mutation, RowCallOptions options = default, CancellationToken cancellationToken = default);

    /// <summary>A page of one partition's rows.</summary>
    /// <exception cref="UnknownSpaceException">There is no such table.</exception>
    ValueTask<RowsPage> ReadPartitionAsync(
        string table, PartitionRead read, RowCallOptions options = default, CancellationToken cancellationToken = default);

    /// <summary>
    /// A page of the rows of many partitions, in the order of tokens, over as many shards as it takes: go on with
    /// <see cref="RowsSelection.ResumeAfter"/> as long as <see cref="RowsPage.HasMore"/>. A page comes from one shard and may be short, or
    /// have no row at all, although there are more.
    /// </summary>
    /// <exception cref="UnknownSpaceException">There is no such table.</exception>
    ValueTask<RowsPage> ReadRangeAsync(
        string table, TokenRangeRead read, RowCallOptions options = default, CancellationToken cancellationToken = default);

    /// <summary>The regions in which the cluster has nodes, in ordinal order; empty where that is not known.</summary>
    ValueTask<IReadOnlyList<string>> RegionsAsync(CancellationToken cancellationToken = default) => new([]);

    /// <summary>Counts over all shards of a table.</summary>
    /// <exception cref="UnknownSpaceException">There is no such table.</exception>
    ValueTask<RowsStats> CountAsync(string table, CancellationToken cancellationToken = default);
}

/// <summary>What is chosen when a table's space is created.</summary>
/// <param name="Table">The space's name: "keyspace.table".</param>
/// <param name="Replicas">Copies of each shard: 1, 3, 5 or 7; 1 to 15 of an eventual space.</param>
/// <param name="ShardCount">Shards; tokens are cut into as many equal ranges.</param>
/// <param name="FaultModel">What it survives: strong or eventual.</param>
/// <param name="Regions">In which regions it lives; null: in any.</param>
public sealed record RowSpaceOptions(
    string Table, int Replicas = 3, int ShardCount = 1, FaultModel FaultModel = FaultModel.Strong, SpaceRegions? Regions = null);

/// <summary>How a call is made.</summary>
public readonly record struct RowCallOptions
{
    /// <summary>How long the whole call may take, retries included; null for the caller's default.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How fresh a read must be; linearizable by default.</summary>
    public ReadLevel Level { get; init; }

    /// <summary>For eventual tables: how many replicas must take part; null for a majority. Strong ones take no notice.</summary>
    public RequestConsistency? Consistency { get; init; }
}
