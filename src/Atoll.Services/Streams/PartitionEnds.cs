using Atoll.Services.Errors;
using Atoll.StateMachines.Streams;

namespace Atoll.Services.Streams;

/// <summary>How far a partition goes.</summary>
/// <param name="First">The first offset that there is.</param>
/// <param name="Next">The offset behind the last record.</param>
public readonly record struct PartitionEnds(long First, long Next)
{
    /// <summary>The ends of all partitions of a topic, by number.</summary>
    /// <exception cref="AtollException">A partition cannot be reached.</exception>
    public static Task<PartitionEnds[]> OfAsync(IStreams streams, Topic topic, CancellationToken cancellationToken = default) =>
        Task.WhenAll(Enumerable.Range(0, topic.Partitions.Length).Select(async partition =>
        {
            var first = await streams.FindAsync(
                topic, partition, new PartitionFind(PartitionFind.Earliest, false), cancellationToken).ConfigureAwait(false);
            var last = await streams.FindAsync(
                topic, partition, new PartitionFind(PartitionFind.Latest, false), cancellationToken).ConfigureAwait(false);
            return new PartitionEnds(first.Offset, last.Offset);
        }));
}
