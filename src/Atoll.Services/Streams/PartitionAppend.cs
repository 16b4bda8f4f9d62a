using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.StateMachines.Streams;

namespace Atoll.Services.Streams;

/// <summary>Appends a batch, again and again until it is known what became of it, or the time is over.</summary>
internal static class PartitionAppend
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(50);

    /// <summary>Appends a batch.</summary>
    /// <param name="streams">The topics.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">One of its partitions.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="isNumbered">Whether the batch has a producer's number: then it is there once, however often it is sent.</param>
    /// <param name="timeout">How long it may take, retries included.</param>
    /// <param name="time">The clock of timeouts and retries.</param>
    /// <param name="cancellation">Ends the wait for the next try.</param>
    /// <returns>The offset that its first record has, if it is still known.</returns>
    /// <exception cref="AtollException">It was not appended, or it is not known whether it was.</exception>
    internal static async ValueTask<PartitionResult> SendAsync(
        IStreams streams, Topic topic, int partition, ReadOnlyMemory<byte> batch, bool isNumbered, TimeSpan timeout, TimeProvider time,
        CancellationToken cancellation)
    {
        if (batch.Length > topic.Settings.BatchBytesMax)
        {
            throw new TooLargeException(
                $"a batch of {batch.Length} bytes; max.message.bytes of topic \"{topic.Name}\" is {topic.Settings.BatchBytesMax}");
        }

        var started = time.GetTimestamp();
        while (true)
        {
            var left = timeout - time.GetElapsedTime(started);
            var response = await streams.AppendAsync(topic, partition, batch, left > RetryDelay ? left : RetryDelay).ConfigureAwait(false);
            if (response.Status == ResponseStatus.Ok)
            {
                return Checked(response);
            }

            var mayBeSentAgain = response.Status.IsRetryable() || (isNumbered && response.Status == ResponseStatus.OutcomeUnknown);
            if (!mayBeSentAgain || time.GetElapsedTime(started) > timeout)
            {
                throw AtollException.From(response);
            }

            await Task.Delay(RetryDelay, time, cancellation).ConfigureAwait(false);
        }
    }

    private static PartitionResult Checked(in Response response) =>
        !PartitionResult.TryRead(response.Body, out var result)
            ? throw new AtollException(ErrorCode.Protocol, "the partition's answer cannot be decoded")
        : result.Status is PartitionStatus.Ok or PartitionStatus.DuplicateSequence ? result
        : throw new AtollException(ErrorCode.Invalid, $"the partition did not take the batch: {result.Status}");
}
