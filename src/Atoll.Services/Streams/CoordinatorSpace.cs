using Atoll.Services.Directory;
using Atoll.Services.Errors;
using Atoll.Services.Spaces;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Streams;

/// <summary>A space of a cluster's own, whose shards' leaders coordinate something. It is made when it is needed first.</summary>
/// <param name="name">Its name.</param>
/// <param name="kind">What it holds.</param>
/// <param name="directory">Where it is found.</param>
/// <param name="spaces">Makes it.</param>
internal sealed class CoordinatorSpace(string name, SpaceKind kind, DirectoryCache directory, ISpaces spaces)
{
    // So many coordinators; what they coordinate is small, and spread over them by its names.
    private const int ShardCount = 8;

    /// <summary>The space.</summary>
    public async ValueTask<SpaceInfo> GetAsync(CancellationToken cancellation)
    {
        var view = await directory.GetAsync(cancellation).ConfigureAwait(false);
        if (view.TryGetSpace(name, out var space))
        {
            return space;
        }

        view = await directory.RefreshAsync(cancellation).ConfigureAwait(false);
        if (view.TryGetSpace(name, out space))
        {
            return space;
        }

        var replicas = CoordinatorGrowth.ReplicasIn(view);
        try
        {
            return await spaces.CreateAsync(
                new SpaceOptions(name, FaultModel.Strong, replicas, ShardCount: ShardCount, Kind: kind), cancellation)
                .ConfigureAwait(false);
        }
        catch (AtollException error) when (error.Code == ErrorCode.SpaceExists)
        {
            // Another node was faster, and saw another number of nodes.
            return await directory.ResolveAsync(name, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The shard of a hash; makes the space when there is none.</summary>
    public async ValueTask<ShardInfo> ShardOfAsync(ulong hash, CancellationToken cancellation)
    {
        var space = await GetAsync(cancellation).ConfigureAwait(false);
        var view = await directory.GetAsync(cancellation).ConfigureAwait(false);
        return view.TryGetShard(space.Id, hash, out var shard) ? shard
            : throw new UnavailableException($"the space \"{name}\" has been dropped at this moment");
    }

    /// <summary>All shards, as far as they are known here; none while there is no such space.</summary>
    public async ValueTask<IReadOnlyList<ShardInfo>> ShardsAsync(CancellationToken cancellation)
    {
        var view = await directory.GetAsync(cancellation).ConfigureAwait(false);
        return view.TryGetSpace(name, out var space) ? view.ShardsOf(space.Id).ToArray() : [];
    }
}
