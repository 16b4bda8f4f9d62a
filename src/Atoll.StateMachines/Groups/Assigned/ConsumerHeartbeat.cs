namespace Atoll.StateMachines.Groups.Assigned;

/// <summary>
/// What a member of a group whose coordinator shares out the partitions says of itself, again and again (KIP-848). What is null is as it
/// said before.
/// </summary>
/// <param name="Group">The group.</param>
/// <param name="MemberId">The id that it gave itself; empty of an older client that is to be given one when it joins.</param>
/// <param name="Epoch">The epoch that it has come to; one of <see cref="HeartbeatEpochs"/> when it comes or goes.</param>
public sealed record ConsumerHeartbeat(string Group, string MemberId, int Epoch)
{
    /// <summary>The id that its operator gave it; null for none.</summary>
    public string? InstanceId { get; init; }

    /// <summary>Where it says that it is.</summary>
    public string? RackId { get; init; }

    /// <summary>What its client calls itself.</summary>
    public string ClientId { get; init; } = "";

    /// <summary>Where its client is.</summary>
    public string ClientHost { get; init; } = "";

    /// <summary>How long it may take to let go of partitions, in milliseconds; -1 as before.</summary>
    public int RebalanceMilliseconds { get; init; } = -1;

    /// <summary>The topics that it reads.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>It also reads topics whose names match this expression; empty: none.</summary>
    public string? Pattern { get; init; }

    /// <summary>The way of sharing out that it asks for.</summary>
    public string? Assignor { get; init; }

    /// <summary>What it reads at the moment.</summary>
    public IReadOnlyList<PartitionId>? Owned { get; init; }

    /// <summary>What the cluster's directory says of its topics; null when that was not looked up.</summary>
    public TopicFacts? Facts { get; init; }

    /// <summary>Whether it says everything: after a failure clients do, and are to be told everything.</summary>
    public bool IsFull => RebalanceMilliseconds >= 0 && (Names is not null || Pattern is not null) && Owned is not null;
}

/// <summary>What a version of the cluster's directory says of the topics that a member reads.</summary>
/// <param name="Version">The version.</param>
/// <param name="Matches">The names that match the member's expression, in order.</param>
/// <param name="Topics">The topics that it reads and that there are, by name in order.</param>
public sealed record TopicFacts(ulong Version, IReadOnlyList<string> Matches, IReadOnlyList<KeyValuePair<string, TopicShape>> Topics);

/// <summary>Epochs that say that a member comes or goes.</summary>
public static class HeartbeatEpochs
{
    /// <summary>It joins.</summary>
    public const int Join = 0;

    /// <summary>It leaves.</summary>
    public const int Leave = -1;

    /// <summary>It is a static member, and will be back.</summary>
    public const int LeaveForNow = -2;
}
