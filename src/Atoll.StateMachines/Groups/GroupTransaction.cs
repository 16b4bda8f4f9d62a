using System.Collections.Immutable;

namespace Atoll.StateMachines.Groups;

/// <summary>What a group knows of a producer that commits offsets in transactions. Immutable.</summary>
public sealed record GroupTransaction
{
    /// <summary>The producer's epoch: older ones are fenced off.</summary>
    public short Epoch { get; init; }

    /// <summary>The transaction that offsets may be committed in; -1 when there is none.</summary>
    public int Open { get; init; } = -1;

    /// <summary>The transaction that ended last; -1 before any did.</summary>
    public int Ended { get; init; } = -1;

    /// <summary>When it said something last, in milliseconds since 1970 of the state's time.</summary>
    public long LastActive { get; init; }

    /// <summary>The offsets of the open transaction.</summary>
    public ImmutableSortedDictionary<TopicPartition, CommittedOffset> Offsets { get; init; } =
        ImmutableSortedDictionary<TopicPartition, CommittedOffset>.Empty;

    /// <summary>Whether it is one that the rules can have made.</summary>
    internal bool IsConsistent() =>
        Epoch >= 0 && Open >= -1 && Ended >= -1 && LastActive >= 0 && (Open >= 0 ? Open != Ended : Offsets.IsEmpty);
}
