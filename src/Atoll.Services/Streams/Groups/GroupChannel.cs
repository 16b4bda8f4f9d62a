using System.Threading.Channels;
using Atoll.StateMachines.Groups;

namespace Atoll.Services.Streams.Groups;

/// <summary>Puts the records of all partitions into a channel. What a generation left there is passed over in the next one.</summary>
/// <param name="groups">The groups.</param>
/// <param name="topic">The topic's name.</param>
/// <param name="channel">Receives the records.</param>
internal sealed class GroupChannel(IGroups groups, string topic, ChannelWriter<GroupRecord> channel) : IGroupReading
{
    private readonly Lock _lock = new();
    private GroupGeneration? _generation;
    private IReadOnlyCollection<GroupPartition> _places = [];
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Reads until it is cancelled, and says through the channel what ended it.</summary>
    public async Task RunAsync(GroupReader reader, CancellationToken cancellation)
    {
        try
        {
            await reader.RunAsync(this, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            Begin(null, []);
            channel.TryComplete(failure);
        }
    }

    /// <summary>
    /// Whether a record is still to be given; if so, its partition goes on behind it, not behind the last that was read, when the member
    /// keeps it.
    /// </summary>
    public bool TryGive(GroupRecord given)
    {
        lock (_lock)
        {
            if (!ReferenceEquals(given.Generation, _generation))
            {
                return false;
            }

            given.Place.Next = given.Record.Offset + 1;
            return true;
        }
    }

    /// <summary>Acknowledges a record in the generation that there is now, if its partition was the member's all the time.</summary>
    public async ValueTask<bool> CommitAsync(GroupRecord given, CancellationToken cancellation)
    {
        var offset = new OffsetToCommit(
            new TopicPartition(topic, given.Record.Partition), new CommittedOffset(given.Record.Offset + 1, -1, null));
        while (true)
        {
            GroupGeneration generation;
            Task next;
            lock (_lock)
            {
                if (_generation is null || !_places.Contains(given.Place))
                {
                    return false;
                }

                (generation, next) = (_generation, _next.Task);
            }

            var status = await groups.CommitAsync(
                new CommitOffsets(generation.Group, generation.Member, generation.Number, [offset]), cancellation).ConfigureAwait(false);
            if (!GroupStatuses.IsOver(status))
            {
                GroupStatuses.ThrowUnlessOk(generation.Group, status);
                return true;
            }

            // Should the member keep the partition, the record is not read again: it must not be given up.
            await next.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <inheritdoc />
    public ValueTask AssignedAsync(
        GroupGeneration generation, IReadOnlyCollection<GroupPartition> places, CancellationToken cancellationToken)
    {
        Begin(generation, places);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public async Task ReadAsync(
        GroupGeneration generation, GroupPartition partition, TopicReader reader, CancellationToken cancellationToken)
    {
        await foreach (var record in reader.ReadAsync(partition.Next, long.MaxValue, cancellationToken).ConfigureAwait(false))
        {
            await channel.WriteAsync(new GroupRecord(this, generation, partition, record), cancellationToken).ConfigureAwait(false);
        }
    }

    private void Begin(GroupGeneration? generation, IReadOnlyCollection<GroupPartition> places)
    {
        lock (_lock)
        {
            (_generation, _places) = (generation, places);
            _next.TrySetResult();
            _next = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
