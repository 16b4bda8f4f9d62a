using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Services.Errors;

namespace Atoll.Services.Streams.Feeds;

/// <summary>What a feed does with a shard.</summary>
public enum FeedState
{
    /// <summary>It copies what is there: changes come behind it.</summary>
    Snapshot = 0,

    /// <summary>It copies changes.</summary>
    Following = 1,

    /// <summary>Changes that it has not copied are not kept any more: it takes a snapshot next.</summary>
    Behind = 2,
}

/// <summary>How far a feed has come in a shard.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="State">What it does there.</param>
/// <param name="Snapshot">The snapshot that it takes, or took last, counted from 1.</param>
/// <param name="Through">Following: changes up to this version are in the topic.</param>
/// <param name="Lag">Following: how long the oldest change that is not in the topic has been there; zero without any. Else null.</param>
public sealed record FeedProgress(ShardId Shard, FeedState State, int Snapshot, HybridTime Through, TimeSpan? Lag);

/// <summary>Feeds of a cluster. Every call may throw an <see cref="AtollException"/>. Thread-safe.</summary>
public interface IFeeds
{
    /// <summary>All feeds as they are now, by name.</summary>
    ValueTask<IReadOnlyList<Feed>> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>Creates a feed: what is in the space is copied, and then what changes.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="space">A strong space of records, or a table of a strong keyspace: "keyspace.table".</param>
    /// <param name="topic">The topic.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidRequestException">It is none that can be; the message says why.</exception>
    /// <exception cref="UnknownSpaceException">There is no such space, or no such topic.</exception>
    /// <exception cref="AtollException"><see cref="ErrorCode.SpaceExists"/>: the name is taken.</exception>
    ValueTask<Feed> CreateAsync(string name, string space, string topic, CancellationToken cancellationToken = default);

    /// <summary>
    /// Deletes a feed, and forgets how far it has come; what is in the topic stays. False when there is none of that name.
    /// </summary>
    ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>How far a feed has come in each shard of its space; nothing of a space that is not there any more.</summary>
    ValueTask<IReadOnlyList<FeedProgress>> ProgressAsync(Feed feed, CancellationToken cancellationToken = default);

    /// <summary>Calls back whenever feeds may have changed, until disposed. The callback must be quick.</summary>
    IDisposable Subscribe(Action changed);
}
