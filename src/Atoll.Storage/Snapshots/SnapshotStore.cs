using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.World;

namespace Atoll.Storage.Snapshots;

/// <summary>
/// The snapshots of one loop's shards: each a file of checksummed chunks, written beside and renamed into place when it is whole and
/// durable.
/// See docs/log.md.
/// </summary>
public sealed class SnapshotStore
{
    private readonly IDisk _disk;
    private readonly string _folder;
    private readonly SortedDictionary<ShardId, List<SnapshotInfo>> _snapshots;
    private readonly SortedDictionary<string, int> _readers = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _unwanted = new(StringComparer.Ordinal);
    private long _attempts;

    /// <summary>A store over what was found.</summary>
    internal SnapshotStore(IDisk disk, string folder, SortedDictionary<ShardId, List<SnapshotInfo>> snapshots)
    {
        _disk = disk;
        _folder = folder;
        _snapshots = snapshots;
        foreach (var list in _snapshots.Values)
        {
            list.Sort(static (a, b) => b.Meta.Index.CompareTo(a.Meta.Index));
        }
    }

    /// <summary>The shards that have usable snapshots, by id.</summary>
    public IReadOnlyList<ShardId> Shards => [.. _snapshots.Keys];

    /// <summary>
    /// Opens a folder of snapshots: deletes unfinished ones, and checks the frame (header, length, trailer) of the finished ones.
    /// </summary>
    /// <param name="disk">The loop's files.</param>
    /// <param name="folder">Where the snapshots are, a folder a shard.</param>
    /// <param name="done">The end.</param>
    public static void Open(IDisk disk, string folder, Action<SnapshotStoreOpening> done) =>
        new SnapshotListing(disk, folder, done).Start();

    /// <summary>The usable snapshots of a shard, the newest first.</summary>
    public IReadOnlyList<SnapshotInfo> List(ShardId shard) => _snapshots.TryGetValue(shard, out var list) ? [.. list] : [];

    /// <summary>The newest usable snapshot of a shard; null when there is none.</summary>
    public SnapshotInfo? Latest(ShardId shard) => _snapshots.TryGetValue(shard, out var list) ? list[0] : null;

    /// <summary>Begins to write a snapshot. It becomes visible when it is finished; several may be under way.</summary>
    public SnapshotWriter Begin(SnapshotMeta meta)
    {
        _attempts++;
        return new SnapshotWriter(this, _disk, meta, SnapshotFormat.UnfinishedName(_folder, meta.Shard, meta.Index, _attempts));
    }

    /// <summary>Opens a snapshot for reading; it stays readable until the reader is closed, even when it is deleted meanwhile.</summary>
    /// <param name="snapshot">One of <see cref="List"/>.</param>
    /// <param name="done">The end: the reader is null unless Ok.</param>
    public void OpenRead(SnapshotInfo snapshot, Action<SnapshotStatus, SnapshotReader?> done)
    {
        if (!List(snapshot.Meta.Shard).Contains(snapshot))
        {
            done(SnapshotStatus.NotFound, null);
            return;
        }

        _readers[snapshot.File] = _readers.GetValueOrDefault(snapshot.File) + 1;
        _disk.Open(snapshot.File, (result, file) =>
        {
            if (result.IsOk)
            {
                done(SnapshotStatus.Ok, new SnapshotReader(this, snapshot, file!));
                return;
            }

            ReaderClosed(snapshot.File);
            done(result.Status == DiskStatus.NotFound ? SnapshotStatus.NotFound : SnapshotStatus.Failed, null);
        });
    }

    /// <summary>Deletes the snapshots of a shard that end before an index.</summary>
    public void DeleteOlder(ShardId shard, LogIndex index) => Remove(shard, snapshot => snapshot.Meta.Index < index);

    /// <summary>Deletes all snapshots of a shard.</summary>
    public void DropShard(ShardId shard) => Remove(shard, static _ => true);

    /// <summary>Where a snapshot goes when it is finished.</summary>
    internal string FinalName(SnapshotMeta meta) => SnapshotFormat.FileName(_folder, meta.Shard, meta.Index);

    /// <summary>True while somebody reads that file, or it is about to be deleted: its name is not free.</summary>
    internal bool IsTaken(string file) => _readers.ContainsKey(file) || _unwanted.Contains(file);

    /// <summary>A snapshot is durable under its name.</summary>
    internal void Finished(SnapshotInfo snapshot)
    {
        if (!_snapshots.TryGetValue(snapshot.Meta.Shard, out var list))
        {
            _snapshots.Add(snapshot.Meta.Shard, list = []);
        }

        list.RemoveAll(other => other.Meta.Index == snapshot.Meta.Index);
        var place = list.FindIndex(other => other.Meta.Index < snapshot.Meta.Index);
        list.Insert(place < 0 ? list.Count : place, snapshot);
    }

    /// <summary>A reader lets go of a file.</summary>
    internal void ReaderClosed(string file)
    {
        Check.That(_readers.ContainsKey(file));
        if (--_readers[file] == 0)
        {
            _readers.Remove(file);
            if (_unwanted.Contains(file))
            {
                Delete(file);
            }
        }
    }

    private void Remove(ShardId shard, Predicate<SnapshotInfo> isUnwanted)
    {
        if (!_snapshots.TryGetValue(shard, out var list))
        {
            return;
        }

        foreach (var snapshot in list.FindAll(isUnwanted))
        {
            list.Remove(snapshot);
            _unwanted.Add(snapshot.File);
            if (!_readers.ContainsKey(snapshot.File))
            {
                Delete(snapshot.File);
            }
        }

        if (list.Count == 0)
        {
            _snapshots.Remove(shard);
        }
    }

    // A file that could not be deleted is found, and deleted as an older one, after the next start.
    private void Delete(string file) => _disk.Delete(file, _ => _unwanted.Remove(file));
}
