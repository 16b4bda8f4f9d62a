using Atoll.Services.Errors;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Spaces;

/// <summary>
/// The spaces of a cluster. Every call may throw an <see cref="AtollException"/>. Creating and dropping may be repeated without harm.
/// </summary>
public interface ISpaces
{
    /// <summary>
    /// Creates a space; the one that exists, when it has the same options.
    /// </summary>
    /// <exception cref="AtollException"><see cref="ErrorCode.SpaceExists"/>: the name is taken by a space with other options.</exception>
    ValueTask<SpaceInfo> CreateAsync(SpaceOptions options, CancellationToken cancellationToken = default);

    /// <summary>All spaces, by name.</summary>
    ValueTask<IReadOnlyList<SpaceInfo>> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>One space, its shards and where they are.</summary>
    /// <exception cref="UnknownSpaceException">There is none of that name.</exception>
    ValueTask<SpaceDescription> DescribeAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Drops a space with all its data; false when there is none of that name.</summary>
    ValueTask<bool> DropAsync(string name, CancellationToken cancellationToken = default);
}

/// <summary>A space and where it is.</summary>
/// <param name="Space">The space.</param>
/// <param name="Shards">Its shards, by hash.</param>
public sealed record SpaceDescription(SpaceInfo Space, IReadOnlyList<ShardInfo> Shards);
