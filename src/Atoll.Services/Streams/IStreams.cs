using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;

namespace Atoll.Services.Streams;

/// <summary>What is chosen when a topic is created.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Partitions">How many partitions; null for 1.</param>
/// <param name="Replicas">
/// Copies of each: 1, 3, 5 or 7; null for those of the regions together, or else 3, or 1 where the cluster has fewer than three nodes.
/// </param>
/// <param name="Settings">Its settings.</param>
/// <param name="Regions">In which regions it lives; null for all of them.</param>
/// <param name="FaultModel">What it survives; others than strong are refused.</param>
public sealed record TopicCreation(
    string Name, int? Partitions, int? Replicas, TopicSettings Settings, SpaceRegions? Regions = null,
    FaultModel FaultModel = FaultModel.Strong);

/// <summary>
/// Topics and their partitions. Calls about topics may throw an <see cref="AtollException"/>; those to partitions end with what the
/// partition said, and throw for the rest. Thread-safe.
/// </summary>
public interface IStreams
{
    /// <summary>The topics, as far as they are known here.</summary>
    ValueTask<TopicCatalog> TopicsAsync(CancellationToken cancellationToken = default);

    /// <summary>The topics as they are now: every change that was acknowledged before is there.</summary>
    ValueTask<TopicCatalog> RefreshAsync(CancellationToken cancellationToken = default);

    /// <summary>Creates a topic.</summary>
    /// <exception cref="AtollException"><see cref="ErrorCode.SpaceExists"/>: the name is taken.</exception>
    ValueTask<Topic> CreateAsync(TopicCreation creation, CancellationToken cancellationToken = default);

    /// <summary>Says why a topic could not be created; throws what creating it would throw, and creates nothing.</summary>
    ValueTask ValidateAsync(TopicCreation creation, CancellationToken cancellationToken = default);

    /// <summary>Gives a topic more partitions, behind those that it has: what is in these stays.</summary>
    /// <param name="name">The topic.</param>
    /// <param name="partitions">How many it shall have.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="UnknownSpaceException">There is no such topic.</exception>
    /// <exception cref="InvalidPartitionsException">It has as many already, or more; or nobody may have so many.</exception>
    ValueTask GrowAsync(string name, int partitions, CancellationToken cancellationToken = default);

    /// <summary>Says why a topic could not get more partitions; throws what growing it would throw, and changes nothing.</summary>
    ValueTask ValidateGrowthAsync(string name, int partitions, CancellationToken cancellationToken = default);

    /// <summary>Deletes a topic with all that is in it; false when there is none of that name.</summary>
    ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Changes settings of a topic, of the directory and of all partitions.</summary>
    /// <param name="name">The topic.</param>
    /// <param name="change">Makes the new settings of the present ones; may be called several times.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="UnknownSpaceException">There is no such topic.</exception>
    ValueTask AlterAsync(string name, Func<TopicSettings, TopicSettings> change, CancellationToken cancellationToken = default);

    /// <summary>
    /// Appends a batch. It is sent once and in the order of the calls: who retries it must know whether it numbers its batches.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">One of its partitions.</param>
    /// <param name="batch">The batch, as its producer made it; copied before this returns.</param>
    /// <param name="timeout">How long to wait for it to be committed.</param>
    /// <returns>How the request ended; of an Ok answer the body is a <see cref="PartitionResult"/>.</returns>
    ValueTask<Response> AppendAsync(Topic topic, int partition, ReadOnlyMemory<byte> batch, TimeSpan timeout);

    /// <summary>
    /// Reads batches, of the replica here or of the nearest one. An answer may be of a moment ago, and is never taken back.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">One of its partitions.</param>
    /// <param name="fetch">What is wanted.</param>
    /// <param name="linger">How long to wait for something to be there when nothing is.</param>
    /// <param name="level">How fresh the answer must be.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<FetchedBatches> FetchAsync(
        Topic topic, int partition, PartitionFetch fetch, TimeSpan linger, ReadLevel level, CancellationToken cancellationToken = default);

    /// <summary>Finds an offset by its timestamp, or one of the ends.</summary>
    ValueTask<FoundOffset> FindAsync(Topic topic, int partition, PartitionFind find, CancellationToken cancellationToken = default);

    /// <summary>Finds where a leader's epoch ended.</summary>
    ValueTask<FoundOffset> FindEpochEndAsync(Topic topic, int partition, int epoch, CancellationToken cancellationToken = default);

    /// <summary>The producers that a partition remembers, as those who write to it now.</summary>
    ValueTask<KnownProducers> ProducersAsync(Topic topic, int partition, CancellationToken cancellationToken = default);

    /// <summary>Deletes the records before an offset; <see cref="PartitionCommand.EndOffset"/> for all.</summary>
    ValueTask<PartitionResult> DeleteBeforeAsync(Topic topic, int partition, long offset, CancellationToken cancellationToken = default);

    /// <summary>Lets a producer write in a transaction.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">One of its partitions.</param>
    /// <param name="transaction">The transaction.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<PartitionResult> BeginTransactionAsync(
        Topic topic, int partition, ProducerTransaction transaction, CancellationToken cancellationToken = default);

    /// <summary>Ends a transaction of a producer.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">One of its partitions.</param>
    /// <param name="marker">Which one, and how.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<PartitionResult> EndTransactionAsync(
        Topic topic, int partition, TransactionMarker marker, CancellationToken cancellationToken = default);

    /// <summary>How far compaction of a partition has come.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">One of its partitions.</param>
    /// <param name="level">How fresh the answer must be.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<CompactionStatus> CompactionAsync(
        Topic topic, int partition, ReadLevel level = ReadLevel.Linearizable, CancellationToken cancellationToken = default);

    /// <summary>A step of compaction: what a run of it wants to be applied. It may be repeated; the second time it is refused.</summary>
    ValueTask<PartitionResult> CompactAsync(
        Topic topic, int partition, ReadOnlyMemory<byte> command, CancellationToken cancellationToken = default);

    /// <summary>A number for a producer: never given before in this cluster, and never again.</summary>
    ValueTask<long> NewProducerIdAsync(CancellationToken cancellationToken = default);
}
