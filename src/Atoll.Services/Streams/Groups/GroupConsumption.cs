using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Atoll.Services.Errors;

namespace Atoll.Services.Streams.Groups;

/// <summary>Reading topics as a member of a group, record by record.</summary>
public static class GroupConsumption
{
    // Whoever handles records one after the other need not wait for the next one; more than that would only be read again elsewhere.
    private const int ReadAheadRecords = 256;

    /// <summary>
    /// Reads a topic as a member of a group until it is cancelled, or the loop is left; then it leaves the group. Each record is given to
    /// one member; again, to whoever has its partition then, when it was not acknowledged (<see cref="GroupRecord.CommitAsync"/>).
    /// </summary>
    /// <param name="client">The cluster.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="group">The group: 1 to 249 bytes of UTF-8.</param>
    /// <param name="options">How it reads; null: as usual.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="AtollException">The group cannot be joined, or a partition not be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static async IAsyncEnumerable<GroupRecord> ConsumeAsync(
        this IAtollClient client, Topic topic, string group, GroupReaderOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var channel = Channel.CreateBounded<GroupRecord>(new BoundedChannelOptions(ReadAheadRecords) { SingleReader = true });
        var reading = new GroupChannel(client.Groups, topic.Name, channel.Writer);
        var reader = new GroupReader(client.Streams, client.Groups, topic, group, options ?? new GroupReaderOptions());
        var running = reading.RunAsync(reader, ending.Token);
        try
        {
            await foreach (var given in channel.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                if (reading.TryGive(given))
                {
                    yield return given;
                }
            }
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await running.ConfigureAwait(false); // it says nothing itself: what ended it has come through the channel
        }
    }
}
