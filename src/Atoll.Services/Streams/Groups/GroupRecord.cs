using Atoll.Services.Errors;
using Atoll.StateMachines.Groups;

namespace Atoll.Services.Streams.Groups;

/// <summary>A record that a member of a group was given.</summary>
public sealed class GroupRecord
{
    private readonly IGroups _groups;
    private readonly string _topic;

    internal GroupRecord(IGroups groups, string topic, GroupGeneration generation, GroupPartition place, TopicRecord record)
    {
        _groups = groups;
        _topic = topic;
        Generation = generation;
        Place = place;
        Record = record;
    }

    /// <summary>The record.</summary>
    public TopicRecord Record { get; }

    /// <summary>The generation in which the member was given it.</summary>
    public GroupGeneration Generation { get; }

    internal GroupPartition Place { get; }

    /// <summary>Acknowledges it, and all that come before it in its partition: durably, and for the whole group.</summary>
    /// <param name="cancellationToken">Ends the wait; whether it was acknowledged is not known then.</param>
    /// <returns>
    /// False when the generation is over: nothing was acknowledged, and whoever has the partition now is given the record again.
    /// </returns>
    /// <exception cref="AtollException">It cannot be acknowledged now.</exception>
    public async ValueTask<bool> CommitAsync(CancellationToken cancellationToken = default)
    {
        var offset = new OffsetToCommit(new TopicPartition(_topic, Record.Partition), new CommittedOffset(Record.Offset + 1, -1, null));
        var status = await _groups.CommitAsync(
            new CommitOffsets(Generation.Group, Generation.Member, Generation.Number, [offset]), cancellationToken).ConfigureAwait(false);
        if (GroupStatuses.IsOver(status))
        {
            return false;
        }

        GroupStatuses.ThrowUnlessOk(Generation.Group, status);
        return true;
    }
}
