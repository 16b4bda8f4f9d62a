using Atoll.StateMachines.Groups;

namespace Atoll.StateMachines.Transactions;

/// <summary>A producer takes over a transactional id.</summary>
/// <param name="Id">The transactional id.</param>
/// <param name="TimeoutMilliseconds">How long its transactions may stay open.</param>
/// <param name="NewProducerId">A number that no producer has, for when one is needed.</param>
/// <param name="KnownProducerId">The number that it has already, and wants another epoch of; -1 of one that starts.</param>
/// <param name="KnownEpoch">The epoch that it has; -1 of one that starts.</param>
public sealed record InitProducer(string Id, int TimeoutMilliseconds, long NewProducerId, long KnownProducerId, short KnownEpoch);

/// <summary>Adds partitions, or groups, to the transaction of a producer; the first ones begin it.</summary>
/// <param name="Id">The transactional id.</param>
/// <param name="ProducerId">The producer's number.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="Partitions">The partitions.</param>
/// <param name="Groups">The groups.</param>
public sealed record AddToTransaction(
    string Id, long ProducerId, short Epoch, IReadOnlyList<TopicPartition> Partitions, IReadOnlyList<string> Groups);

/// <summary>Decides how a transaction ends.</summary>
/// <param name="Id">The transactional id.</param>
/// <param name="ProducerId">The producer's number.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="IsCommit">Whether it takes effect.</param>
public sealed record EndTransaction(string Id, long ProducerId, short Epoch, bool IsCommit);

/// <summary>All partitions and groups have heard how a transaction ended.</summary>
/// <param name="Id">The transactional id.</param>
/// <param name="ProducerId">The producer's number.</param>
/// <param name="Epoch">The epoch that they were told.</param>
/// <param name="Number">Which transaction of the id.</param>
public sealed record CompleteTransaction(string Id, long ProducerId, short Epoch, int Number);
