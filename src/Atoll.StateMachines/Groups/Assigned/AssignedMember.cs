using System.Collections.Immutable;

namespace Atoll.StateMachines.Groups.Assigned;

/// <summary>
/// A member whose partitions the coordinator chooses (KIP-848). It comes from what it has to what it is to have step by step, at its own
/// heartbeats: what is taken from it nobody else gets before it has said that it has let go. Immutable.
/// </summary>
public sealed record AssignedMember
{
    /// <summary>The id that it gave itself.</summary>
    public required string Id { get; init; }

    /// <summary>The id that its operator gave it, which it keeps when it starts anew; null for none.</summary>
    public string? InstanceId { get; init; }

    /// <summary>Where it says that it is; null when it does not.</summary>
    public string? RackId { get; init; }

    /// <summary>What its client calls itself.</summary>
    public required string ClientId { get; init; }

    /// <summary>Where its client is.</summary>
    public required string ClientHost { get; init; }

    /// <summary>How long it may take to let go of partitions, in milliseconds.</summary>
    public required int RebalanceMilliseconds { get; init; }

    /// <summary>The topics that it reads, by name, in order.</summary>
    public ImmutableArray<string> Names { get; init; } = [];

    /// <summary>It also reads topics whose names match this expression; empty for none.</summary>
    public string Pattern { get; init; } = "";

    /// <summary>The topics that do, by name, in order.</summary>
    public ImmutableArray<string> Matches { get; init; } = [];

    /// <summary>The way of sharing out that it asks for; empty when it leaves that to the coordinator.</summary>
    public string Assignor { get; init; } = "";

    /// <summary>The epoch of the group that it has come to.</summary>
    public int Epoch { get; init; }

    /// <summary>The epoch that it had before: of a client that did not hear the answer that brought the present one.</summary>
    public int PreviousEpoch { get; init; }

    /// <summary>
    /// Whether it is a static member that said that it will be back: it keeps its partitions for as long as a session lasts.
    /// </summary>
    public bool IsAway { get; init; }

    /// <summary>What it is to have.</summary>
    public ImmutableSortedSet<PartitionId> Target { get; init; } = [];

    /// <summary>What it may read.</summary>
    public ImmutableSortedSet<PartitionId> Assigned { get; init; } = [];

    /// <summary>What it is to let go of.</summary>
    public ImmutableSortedSet<PartitionId> Revoking { get; init; } = [];

    /// <summary>The group's phase in which it was told to.</summary>
    public long RevokingSince { get; init; }

    /// <summary>All topics that it reads, those that there are not included.</summary>
    public IEnumerable<string> Topics => Names.Concat(Matches).Distinct(StringComparer.Ordinal);

    /// <summary>Whether it has a partition, or has not let go of it yet.</summary>
    public bool Holds(in PartitionId partition) => Assigned.Contains(partition) || Revoking.Contains(partition);

    /// <summary>Whether it reads the same, and wants it shared out in the same way.</summary>
    internal bool ReadsAs(AssignedMember other) =>
        Names.AsSpan().SequenceEqual(other.Names.AsSpan()) && Pattern == other.Pattern
        && Matches.AsSpan().SequenceEqual(other.Matches.AsSpan()) && Assignor == other.Assignor;

    /// <summary>Whether it is one that the rules can have made, of a group at this epoch.</summary>
    internal bool IsConsistent(string id, int epoch) =>
        id.Length > 0 && id == Id && InstanceId is not "" && RebalanceMilliseconds > 0 && Epoch >= 0 && Epoch <= epoch
        && PreviousEpoch <= Epoch && !Assigned.Overlaps(Revoking) && IsInOrder(Names) && IsInOrder(Matches);

    private static bool IsInOrder(ImmutableArray<string> names)
    {
        for (var i = 1; i < names.Length; i++)
        {
            if (string.CompareOrdinal(names[i - 1], names[i]) >= 0)
            {
                return false;
            }
        }

        return true;
    }
}
