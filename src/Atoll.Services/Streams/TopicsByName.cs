using Atoll.Services.Errors;

namespace Atoll.Services.Streams;

/// <summary>Finds topics by their names.</summary>
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
}
