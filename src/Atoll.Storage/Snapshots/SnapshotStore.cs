using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.World;

namespace Atoll.Storage.Snapshots;

/// <summary>
/// The snapshots of one loop's shards: each a file of checksummed chunks, written beside and renamed into place when it is whole and durable.
/// See docs/log.md.
/// </summary>
public sealed class SnapshotStore
{
    /// <summary>Opens a folder of snapshots: deletes unfinished ones, and checks the frame (header, length, trailer) of the finished ones.</summary>
    /// <param name="disk">The loop's files.</param>
    /// <param name="folder">Where the snapshots are, a folder a shard.</param>
    /// <param name="done">The end.</param>
    public static void Open(IDisk disk, string folder, Action<SnapshotStoreOpening> done) => throw new NotSupportedException();

    /// <summary>The usable snapshots of a shard, the newest first.</summary>
    public IReadOnlyList<SnapshotInfo> List(ShardId shard) => throw new NotSupportedException();

    /// <summary>The newest usable snapshot of a shard; null when there is none.</summary>
    public SnapshotInfo? Latest(ShardId shard) => throw new NotSupportedException();

    /// <summary>Begins to write a snapshot. It becomes visible when it is finished; several may be under way.</summary>
    public SnapshotWriter Begin(SnapshotMeta meta) => throw new NotSupportedException();

    /// <summary>Opens a snapshot for reading; it stays readable until the reader is closed, even when it is deleted meanwhile.</summary>
    /// <param name="snapshot">One of <see cref="List"/>.</param>
    /// <param name="done">The end: the reader is null unless Ok.</param>
    public void OpenRead(SnapshotInfo snapshot, Action<SnapshotStatus, SnapshotReader?> done) => throw new NotSupportedException();

    /// <summary>Deletes the snapshots of a shard that end before an index.</summary>
    public void DeleteOlder(ShardId shard, LogIndex index) => throw new NotSupportedException();

    /// <summary>Deletes all snapshots of a shard.</summary>
    public void DropShard(ShardId shard) => throw new NotSupportedException();
}
