using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.StateMachines.Streams;

namespace Atoll.Services.Streams;

#pragma warning disable CA1032 // an Atoll error always has a code: the standard constructors would make ones without

/// <summary>The partition knows nothing of the producer any more, and has not taken its batch: it is to begin anew.</summary>
internal sealed class ProducerForgottenException() : AtollException(
    ErrorCode.Invalid, "the partition has forgotten the producer, which was silent for long");

#pragma warning restore CA1032

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
    /// <exception cref="AtollException">
    /// It was not appended; or it is not known whether it was (<see cref="OutcomeUnknownException"/>), and be it of an earlier try only.
    /// </exception>
    internal static async ValueTask<PartitionResult> SendAsync(
        IStreams streams, Topic topic, int partition, ReadOnlyMemory<byte> batch, bool isNumbered, TimeSpan timeout, TimeProvider time,
        CancellationToken cancellation)
    {
        CheckSize(topic, batch.Length);
        var started = time.GetTimestamp();
        var mayBeThere = false;
        while (true)
        {
            var left = timeout - time.GetElapsedTime(started);
            var response = await streams.AppendAsync(topic, partition, batch, left > RetryDelay ? left : RetryDelay).ConfigureAwait(false);
            if (response.Status == ResponseStatus.Ok)
            {
                return Checked(response, mayBeThere);
            }

            mayBeThere |= response.Status == ResponseStatus.OutcomeUnknown;
            var mayBeSentAgain = response.Status.IsRetryable() || (isNumbered && response.Status == ResponseStatus.OutcomeUnknown);
            if (!mayBeSentAgain || time.GetElapsedTime(started) > timeout)
            {
                throw mayBeThere ? Unknown($"{response.Status}: {response.Detail}") : AtollException.From(response);
            }

            await Task.Delay(RetryDelay, time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Throws when a batch has more bytes than the topic takes.</summary>
    /// <exception cref="TooLargeException">It has.</exception>
    internal static void CheckSize(Topic topic, int batchBytes)
    {
        if (batchBytes > topic.Settings.BatchBytesMax)
        {
            throw new TooLargeException(
                $"a batch of {batchBytes} bytes; max.message.bytes of topic \"{topic.Name}\" is {topic.Settings.BatchBytesMax}");
        }
    }

    private static PartitionResult Checked(in Response response, bool mayBeThere) =>
        !PartitionResult.TryRead(response.Body, out var result)
            ? throw new AtollException(ErrorCode.Protocol, "the partition's answer cannot be decoded")
        : result.Status is PartitionStatus.Ok or PartitionStatus.DuplicateSequence ? result
        : mayBeThere ? throw Unknown($"{result.Status}")
        : result.Status == PartitionStatus.UnknownProducer ? throw new ProducerForgottenException()
        : throw new AtollException(ErrorCode.Invalid, $"the partition did not take the batch: {result.Status}");

    private static OutcomeUnknownException Unknown(string last) =>
        new($"of an earlier try it is not known whether it appended the batch, and the last one ended with {last}");
}
