using System.Collections.Immutable;
using Atoll.Foundation.Checks;
using Atoll.StateMachines.Groups;

namespace Atoll.StateMachines.Transactions;

/// <summary>
/// A transactional id: which producer has it, and where its transaction is. Immutable; a step makes a new one.
/// </summary>
/// <param name="Id">The transactional id.</param>
public sealed record TransactionalProducer(string Id) : INamedState
{
    /// <summary>No epoch.</summary>
    public const short NoEpoch = -1;

    /// <summary>The producer's number.</summary>
    public long ProducerId { get; init; }

    /// <summary>Its epoch: older producers are fenced off.</summary>
    public short Epoch { get; init; }

    /// <summary>The epoch before, whose producer may ask for this one (again); <see cref="NoEpoch"/> when there is none.</summary>
    public short LastEpoch { get; init; } = NoEpoch;

    /// <summary>Where its transaction is.</summary>
    public TransactionState State { get; init; }

    /// <summary>Counts the transactions of the id; of the last one; -1 before the first.</summary>
    public int Number { get; init; } = -1;

    /// <summary>How long a transaction may stay open, in milliseconds.</summary>
    public int TimeoutMilliseconds { get; init; }

    /// <summary>When the open transaction began, in milliseconds since 1970 of the state's time; -1 when none is open.</summary>
    public long BeganAt { get; init; } = -1;

    /// <summary>When something changed last, in milliseconds since 1970 of the state's time.</summary>
    public long LastChange { get; init; }

    /// <summary>The partitions that have still to hear how the transaction ends.</summary>
    public ImmutableSortedSet<TopicPartition> Partitions { get; init; } = ImmutableSortedSet<TopicPartition>.Empty;

    /// <summary>The groups that have still to hear how the transaction ends.</summary>
    public ImmutableSortedSet<string> Groups { get; init; } = ImmutableSortedSet.Create<string>(StringComparer.Ordinal);

    /// <summary>Whether it is decided how the transaction ends, and not yet known everywhere.</summary>
    public bool IsEnding => State is TransactionState.PrepareCommit or TransactionState.PrepareAbort;

    /// <summary>When it is to be aborted, or forgotten, in milliseconds since 1970; null while it is ending.</summary>
    public long? DueAt => State == TransactionState.Ongoing ? BeganAt + TimeoutMilliseconds
        : IsEnding ? null : LastChange + TransactionLimits.RetentionMilliseconds;

    /// <summary>Whether it is one that the rules can have made.</summary>
    internal bool IsConsistent() =>
        Id.Length > 0 && ProducerId >= 0 && Epoch >= 0 && LastEpoch >= -1 && LastEpoch < Epoch && Number >= -1 && LastChange >= 0
        && TimeoutMilliseconds is > 0 and <= TransactionLimits.TimeoutMillisecondsMax
        && State <= TransactionState.CompleteAbort
        && (State == TransactionState.Ongoing) == (BeganAt >= 0)
        && (State == TransactionState.Empty || Number >= 0)
        && (State == TransactionState.Ongoing || IsEnding || (Partitions.IsEmpty && Groups.IsEmpty));

    /// <summary>Asserts <see cref="IsConsistent()"/>.</summary>
    internal void CheckInvariants() => Check.That(IsConsistent());
}
