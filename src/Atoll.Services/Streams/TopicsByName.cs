using Atoll.Services.Errors;

namespace Atoll.Services.Streams;

/// <summary>Finds topics by their names, and makes what appends to them.</summary>
public static class TopicsByName
{
    /// <summary>The topic of that name, as it is now.</summary>
    /// <exception cref="UnknownSpaceException">There is none.</exception>
    /// <exception cref="AtollException">The directory cannot be asked.</exception>
    public static async ValueTask<Topic> TopicAsync(this IStreams streams, string name, CancellationToken cancellationToken = default) =>
        (await streams.RefreshAsync(cancellationToken).ConfigureAwait(false)).Find(name)
        ?? throw new UnknownSpaceException($"there is no topic \"{name}\"");

    /// <summary>The topic of that name as it is known here; the directory is only asked for one that is not known.</summary>
    /// <exception cref="UnknownSpaceException">There is none.</exception>
    /// <exception cref="AtollException">The directory cannot be asked.</exception>
    public static async ValueTask<Topic> KnownTopicAsync(
        this IStreams streams, string name, CancellationToken cancellationToken = default) =>
        (await streams.TopicsAsync(cancellationToken).ConfigureAwait(false)).Find(name)
        ?? await streams.TopicAsync(name, cancellationToken).ConfigureAwait(false);

    /// <summary>
    /// A producer of a topic, for the partitions that it has now. Nothing is asked of the cluster before the first record is there.
    /// </summary>
    public static TopicProducer Producer(this IStreams streams, Topic topic, TopicProducerOptions? options = null) =>
        new(streams, topic, options ?? new TopicProducerOptions());
}
