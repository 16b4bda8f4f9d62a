namespace Atoll.StateMachines.Groups.Assigned;

/// <summary>A partition of a topic, which is not mistaken for one of a later topic with the same name.</summary>
/// <param name="Topic">The topic's identity.</param>
/// <param name="Partition">Which of its partitions.</param>
public readonly record struct PartitionId(Guid Topic, int Partition) : IComparable<PartitionId>
{
    /// <inheritdoc />
    public int CompareTo(PartitionId other)
    {
        var order = Topic.CompareTo(other.Topic);
        return order != 0 ? order : Partition.CompareTo(other.Partition);
    }

    /// <summary>Earlier.</summary>
    public static bool operator <(PartitionId a, PartitionId b) => a.CompareTo(b) < 0;

    /// <summary>Later.</summary>
    public static bool operator >(PartitionId a, PartitionId b) => a.CompareTo(b) > 0;

    /// <summary>Earlier or the same.</summary>
    public static bool operator <=(PartitionId a, PartitionId b) => a.CompareTo(b) <= 0;

    /// <summary>Later or the same.</summary>
    public static bool operator >=(PartitionId a, PartitionId b) => a.CompareTo(b) >= 0;
}

/// <summary>What a topic is like, as far as it is shared out.</summary>
/// <param name="Id">Its identity.</param>
/// <param name="Partitions">How many partitions it has.</param>
public readonly record struct TopicShape(Guid Id, int Partitions);
