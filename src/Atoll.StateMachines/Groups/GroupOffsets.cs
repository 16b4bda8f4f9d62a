namespace Atoll.StateMachines.Groups;

/// <summary>A partition of a topic. In the order of topics (ordinal), then numbers.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="Partition">The partition's number.</param>
public readonly record struct TopicPartition(string Topic, int Partition) : IComparable<TopicPartition>
{
    /// <inheritdoc />
    public int CompareTo(TopicPartition other)
    {
        var order = string.CompareOrdinal(Topic, other.Topic);
        return order != 0 ? order : Partition.CompareTo(other.Partition);
    }

    /// <summary>Earlier.</summary>
    public static bool operator <(TopicPartition a, TopicPartition b) => a.CompareTo(b) < 0;

    /// <summary>Later.</summary>
    public static bool operator >(TopicPartition a, TopicPartition b) => a.CompareTo(b) > 0;

    /// <summary>Earlier or the same.</summary>
    public static bool operator <=(TopicPartition a, TopicPartition b) => a.CompareTo(b) <= 0;

    /// <summary>Later or the same.</summary>
    public static bool operator >=(TopicPartition a, TopicPartition b) => a.CompareTo(b) >= 0;
}

/// <summary>How far a group has come in a partition.</summary>
/// <param name="Offset">The offset of the next record to be read.</param>
/// <param name="LeaderEpoch">The leader epoch of the last record that was read; -1 when not known.</param>
/// <param name="Metadata">Words of the one who committed; null for none.</param>
public readonly record struct CommittedOffset(long Offset, int LeaderEpoch, string? Metadata)
{
    /// <summary>Nothing was committed.</summary>
    public static readonly CommittedOffset None = new(-1, -1, "");
}
