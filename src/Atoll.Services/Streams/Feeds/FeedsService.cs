using Atoll.Foundation;
using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Atoll.Services.Spaces;
using Atoll.Services.Streams.Groups;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Records;

namespace Atoll.Services.Streams.Feeds;

/// <summary>Feeds as documents of the directory.</summary>
internal sealed class FeedsService(
    IDocumentStore documents, ISpaces spaces, IStreams streams, IGroups groups, Func<string, IRecords> recordsOf, FeedTables tables,
    TimeProvider time) : IFeeds
{
    /// <summary>What the names of the directory's documents about feeds begin with.</summary>
    internal const string DocumentPrefix = "feed:";

    // Of each, a node has a page of changes in memory for every shard that it leads.
    private const int CountMax = 64;

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<Feed>> ListAsync(CancellationToken cancellationToken) =>
    [
        .. (await documents.ReadAsync(cancellationToken).ConfigureAwait(false))
            .Select(static document => Feed.OfDocument(document.Bytes.Span)).OfType<Feed>()
            .OrderBy(static feed => feed.Name, StringComparer.Ordinal),
    ];

    /// <inheritdoc />
    public async ValueTask<Feed> CreateAsync(string name, string space, string topic, CancellationToken cancellationToken)
    {
        var target = await streams.TopicAsync(topic, cancellationToken).ConfigureAwait(false);
        var table = await tables.FindAsync(space, cancellationToken).ConfigureAwait(false);
        var source = await spaces.DescribeAsync(table?.SpaceName ?? space, cancellationToken).ConfigureAwait(false);
        var created = new Feed
        {
            Name = name, Id = Guid.NewGuid(), Space = source.Space.Name, SpaceNumber = source.Space.Id.Value, IsTable = table is not null,
            Topic = topic, TopicId = target.Id, Partitions = target.Partitions.Length,
        };
        if ((created.Fault() ?? Refuse(source.Space, table is not null)) is { } fault)
        {
            throw new InvalidRequestException(fault);
        }

        if ((await documents.ReadAsync(cancellationToken).ConfigureAwait(false)).Count >= CountMax)
        {
            throw new InvalidRequestException($"a cluster has at most {CountMax} feeds");
        }

        // From here on a position that is missing was lost, and means that changes may have been missed.
        var begin = source.Shards.SelectMany(static shard => FeedPosition.Start.ToOffsets(shard.Id)).ToArray();
        GroupStatuses.ThrowUnlessOk(
            created.Group,
            await groups.CommitAsync(new CommitOffsets(created.Group, new MemberIdentity("", null), -1, begin), cancellationToken)
                .ConfigureAwait(false));
        if (!await documents.TryWriteAsync(name, 0, created.ToDocument(), cancellationToken).ConfigureAwait(false))
        {
            _ = await groups.DeleteAsync(created.Group, cancellationToken).ConfigureAwait(false);
            throw new AtollException(ErrorCode.SpaceExists, $"there is a feed with the name \"{name}\"");
        }

        return created;
    }

    /// <inheritdoc />
    public async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        while (true)
        {
            var known = (await documents.ReadAsync(cancellationToken).ConfigureAwait(false))
                .FirstOrDefault(stored => string.Equals(stored.Name, name, StringComparison.Ordinal));
            if (known is null)
            {
                return false;
            }

            if (!await documents.TryWriteAsync(name, known.Version, null, cancellationToken).ConfigureAwait(false))
            {
                continue;
            }

            if (Feed.OfDocument(known.Bytes.Span) is { } deleted)
            {
                // Should a step be under way, it stays, and is forgotten when nobody has used it for a while.
                _ = await groups.DeleteAsync(deleted.Group, cancellationToken).ConfigureAwait(false);
            }

            return true;
        }
    }

    /// <inheritdoc />
    public async ValueTask<IReadOnlyList<FeedProgress>> ProgressAsync(Feed feed, CancellationToken cancellationToken)
    {
        var records = recordsOf(feed.Space);
        var shards = await ShardsAsync(records, feed, cancellationToken).ConfigureAwait(false);
        var offsets = (await groups.OffsetsAsync(feed.Group, null, cancellationToken).ConfigureAwait(false)).Offsets
            .ToDictionary(static offset => offset.Place, static offset => offset.Committed);
        return await Task.WhenAll(shards.Select(shard => ProgressAsync(
            records, shard,
            FeedPosition.Of([.. FeedPosition.PlacesOf(shard.Id).Select(place => offsets.GetValueOrDefault(place, CommittedOffset.None))])
                ?? FeedPosition.Unknown,
            cancellationToken))).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public IDisposable Subscribe(Action changed) => documents.Subscribe(changed);

    /// <summary>The shards of a feed's space; none when it is not there any more.</summary>
    internal static async ValueTask<IReadOnlyList<ShardInfo>> ShardsAsync(IRecords records, Feed feed, CancellationToken cancellation)
    {
        try
        {
            return [.. (await records.Shards.ListAsync(cancellation).ConfigureAwait(false))
                .Where(shard => shard.Space.Value == feed.SpaceNumber)];
        }
        catch (UnknownSpaceException)
        {
            return [];
        }
    }

    private static string? Refuse(SpaceInfo space, bool isTable) => space.Options switch
    {
        { Kind: SpaceKind.Rows } when !isTable => $"\"{space.Name}\" holds rows: name the table that they are of, as keyspace.table",
        { Kind: not (SpaceKind.Rows or SpaceKind.Records) } => $"\"{space.Name}\" is no space of records, and no table",
        { FaultModel: not FaultModel.Strong } =>
            $"space \"{space.Name}\" is {space.Options.FaultModel.ToString().ToLowerInvariant()}: its replicas agree on no order of "
            + "changes, and so they cannot be told in order and once. A feed reads a strong space",
        _ => null,
    };

    private async Task<FeedProgress> ProgressAsync(
        IRecords records, ShardInfo shard, FeedPosition position, CancellationToken cancellation)
    {
        if (position.Cursor is not null)
        {
            return new FeedProgress(shard.Id, FeedState.Snapshot, position.Snapshot, position.Through, null);
        }

        var next = await records.Shards.ChangesAsync(
            shard, new ChangesQuery(default, position.Through, ChangesMax: 1), TimeSpan.Zero, cancellation).ConfigureAwait(false);
        if (next.Status == RecordsStatus.Compacted)
        {
            return new FeedProgress(shard.Id, FeedState.Behind, position.Snapshot, position.Through, null);
        }

        var lag = next.Changes.Count == 0 ? TimeSpan.Zero
            : time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(next.Changes[0].Version.UnixMilliseconds);
        return new FeedProgress(
            shard.Id, FeedState.Following, position.Snapshot, position.Through, lag > TimeSpan.Zero ? lag : TimeSpan.Zero);
    }
}
