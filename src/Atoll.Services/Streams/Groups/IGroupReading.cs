using Atoll.StateMachines.Groups;

namespace Atoll.Services.Streams.Groups;

/// <summary>What a member was given of a topic, from one assignment to the next.</summary>
/// <param name="Group">The group.</param>
/// <param name="Member">The member, by the id that it was given.</param>
/// <param name="Number">The generation.</param>
/// <param name="Partitions">The partitions, ascending.</param>
public sealed record GroupGeneration(string Group, MemberIdentity Member, int Number, IReadOnlyList<int> Partitions);

/// <summary>Where a member is in a partition that it was given.</summary>
/// <param name="number">The partition.</param>
/// <param name="next">The first offset that it reads.</param>
public sealed class GroupPartition(int number, long next)
{
    /// <summary>The partition.</summary>
    public int Number => number;

    /// <summary>
    /// The offset that it reads next. Set by who reads it; it counts when the next generation leaves the member the partition.
    /// </summary>
    public long Next { get; set; } = next;
}

/// <summary>What a member of a group does with what it is given. Its calls may throw what ends the reading.</summary>
public interface IGroupReading
{
    /// <summary>A generation has begun; its partitions are read when this is done.</summary>
    /// <param name="generation">The generation.</param>
    /// <param name="places">
    /// Where it begins in each of them: of a partition that the member has kept, so that nobody else can have read it meanwhile, the same
    /// object as in the generation before.
    /// </param>
    /// <param name="cancellationToken">Ends the reading.</param>
    ValueTask AssignedAsync(GroupGeneration generation, IReadOnlyCollection<GroupPartition> places, CancellationToken cancellationToken);

    /// <summary>
    /// Reads a partition from <see cref="GroupPartition.Next"/> on until it is cancelled: the generation is over then. Partitions are read
    /// side by side.
    /// </summary>
    Task ReadAsync(GroupGeneration generation, GroupPartition partition, TopicReader reader, CancellationToken cancellationToken);
}
