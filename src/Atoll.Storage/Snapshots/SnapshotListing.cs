using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.World;

namespace Atoll.Storage.Snapshots;

/// <summary>
/// Opens a snapshot store: folder by folder, file by file. Contents are not read here, they are verified chunk by chunk whenever they are.
/// </summary>
internal sealed class SnapshotListing
{
    private static readonly Probe UnfinishedProbe = Probe.Define("snapshots: unfinished one deleted");
    private static readonly Probe DamagedProbe = Probe.Define("snapshots: damaged one found");

    private readonly IDisk _disk;
    private readonly string _folder;
    private readonly Action<SnapshotStoreOpening> _done;
    private readonly SortedDictionary<ShardId, List<SnapshotInfo>> _snapshots = [];
    private readonly List<StorageCorruption> _damaged = [];
    private readonly Queue<ShardId> _shards = new();
    private readonly Queue<(ShardId Shard, string Name)> _files = new();

    /// <summary>An opening that is not begun.</summary>
    public SnapshotListing(IDisk disk, string folder, Action<SnapshotStoreOpening> done)
    {
        _disk = disk;
        _folder = folder;
        _done = done;
    }

    /// <summary>Begins.</summary>
    public void Start() => _disk.ListFolders(_folder, (result, folders) =>
    {
        if (!result.IsOk)
        {
            Fail(result, $"list {_folder}");
            return;
        }

        foreach (var name in folders)
        {
            if (SnapshotFormat.TryParseFolder(name, out var shard))
            {
                _shards.Enqueue(shard);
            }
        }

        NextShard();
    });

    private void NextShard()
    {
        if (!_shards.TryDequeue(out var shard))
        {
            NextFile();
            return;
        }

        var folder = SnapshotFormat.Folder(_folder, shard);
        _disk.List(folder, (result, files) =>
        {
            if (!result.IsOk)
            {
                Fail(result, $"list {folder}");
                return;
            }

            foreach (var file in files)
            {
                _files.Enqueue((shard, file.Name));
            }

            NextShard();
        });
    }

    private void NextFile()
    {
        if (!_files.TryDequeue(out var file))
        {
            _done(new SnapshotStoreOpening(SnapshotStatus.Ok, new SnapshotStore(_disk, _folder, _snapshots), _damaged));
            return;
        }

        var path = $"{SnapshotFormat.Folder(_folder, file.Shard)}/{file.Name}";
        if (SnapshotFormat.IsUnfinished(file.Name))
        {
            UnfinishedProbe.Hit();
            _disk.Delete(path, result => NextUnless(result, $"delete {path}"));
        }
        else if (SnapshotFormat.TryParseFile(file.Name, out var index))
        {
            Inspect(path, file.Shard, index);
        }
        else
        {
            NextFile();
        }
    }

    private void NextUnless(DiskResult result, string operation)
    {
        if (result.IsOk)
        {
            NextFile();
        }
        else
        {
            Fail(result, operation);
        }
    }

    private void Inspect(string path, ShardId shard, LogIndex index) => _disk.Open(path, (opened, file) =>
    {
        if (!opened.IsOk)
        {
            Fail(opened, $"open {path}");
            return;
        }

        new SnapshotInspection(file!, shard, index).Start(inspected =>
        {
            file!.Close();
            switch (inspected.Status)
            {
                case SnapshotStatus.Ok:
                    if (!_snapshots.TryGetValue(shard, out var list))
                    {
                        _snapshots.Add(shard, list = []);
                    }

                    list.Add(inspected.Snapshot!);
                    NextFile();
                    break;
                case SnapshotStatus.Corrupt:
                    DamagedProbe.Hit();
                    _damaged.Add(inspected.Corruption!);
                    NextFile();
                    break;
                case SnapshotStatus.NewerVersion:
                    _done(new SnapshotStoreOpening(SnapshotStatus.NewerVersion, null, [], Detail: inspected.Detail));
                    break;
                default:
                    Fail(inspected.DiskResult, $"read {path}");
                    break;
            }
        });
    });

    private void Fail(DiskResult result, string operation) =>
        _done(new SnapshotStoreOpening(SnapshotStatus.Failed, null, [], result, operation));
}
