using Atoll.Services.Errors;

namespace Atoll.Services.Streams.Groups;

/// <summary>A record that a member of a group was given.</summary>
public sealed class GroupRecord
{
    private readonly GroupChannel _channel;

    internal GroupRecord(GroupChannel channel, GroupGeneration generation, GroupPartition place, TopicRecord record)
    {
        _channel = channel;
        Generation = generation;
        Place = place;
        Record = record;
    }

    /// <summary>The record.</summary>
    public TopicRecord Record { get; }

    /// <summary>The generation in which the member was given it.</summary>
    public GroupGeneration Generation { get; }

    internal GroupPartition Place { get; }

    /// <summary>
    /// Acknowledges it, and all that come before it in its partition: durably, and for the whole group. While the members share the
    /// partitions out anew it waits until it is known whose the partition is.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait; whether it was acknowledged is not known then.</param>
    /// <returns>
    /// False when the partition is another member's by now, or the reading has ended: nothing was acknowledged, and whoever has the
    /// partition next is given the record again.
    /// </returns>
    /// <exception cref="AtollException">It cannot be acknowledged now.</exception>
    public ValueTask<bool> CommitAsync(CancellationToken cancellationToken = default) => _channel.CommitAsync(this, cancellationToken);
}
