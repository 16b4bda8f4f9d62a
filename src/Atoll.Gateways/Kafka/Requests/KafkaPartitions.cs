using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Errors;
using Atoll.Services.Streams;

namespace Atoll.Gateways.Kafka.Requests;

/// <summary>
/// The partitions that one request is about. Any node answers for all of them, whoever leads: such requests are few and small, and clients
/// do not all come again when they are refused.
/// </summary>
/// <param name="sources">The topics.</param>
/// <param name="cancellation">Ends the wait.</param>
internal sealed class KafkaPartitions(KafkaSources sources, CancellationToken cancellation)
{
    /// <summary>Asks something of a partition.</summary>
    /// <param name="topic">The name of the topic.</param>
    /// <param name="partition">The number of the partition.</param>
    /// <param name="ask">Asks it.</param>
    /// <returns>What it returns, or why it was not asked, or failed.</returns>
    public async Task<KafkaError> AskAsync(string topic, int partition, Func<Topic, Task<KafkaError>> ask)
    {
        try
        {
            var found = (await sources.Streams.TopicsAsync(cancellation).ConfigureAwait(false)).Find(topic);
            return found?.Partition(partition) is null
                ? KafkaError.UnknownTopicOrPartition
                : await ask(found).ConfigureAwait(false);
        }
        catch (AtollException error)
        {
            return error.Code == ErrorCode.Unavailable ? KafkaError.NotLeaderOrFollower : KafkaErrors.Of(error);
        }
    }
}
