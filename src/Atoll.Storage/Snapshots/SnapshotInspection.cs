using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.World;

namespace Atoll.Storage.Snapshots;

/// <summary>What a snapshot's file turned out to be.</summary>
internal readonly record struct InspectedSnapshot(
    SnapshotStatus Status,
    SnapshotInfo? Snapshot,
    StorageCorruption? Corruption = null,
    DiskResult DiskResult = default,
    string? Detail = null);

/// <summary>Reads the header and the trailer of one snapshot; once more when they do not fit, because a read may go astray.</summary>
internal sealed class SnapshotInspection
{
    private readonly IDiskFile _file;
    private readonly ShardId _shard;
    private readonly LogIndex _index;
    private Action<InspectedSnapshot> _done = static _ => { };
    private bool _wasReread;

    /// <summary>An inspection of an open file whose name says shard and index.</summary>
    public SnapshotInspection(IDiskFile file, ShardId shard, LogIndex index)
    {
        _file = file;
        _shard = shard;
        _index = index;
    }

    /// <summary>Begins.</summary>
    public void Start(Action<InspectedSnapshot> done)
    {
        _done = done;
        ReadHeader();
    }

    private void ReadHeader()
    {
        var header = new byte[SnapshotFormat.HeaderBytes];
        _file.Read(0, header, result =>
        {
            if (!result.IsOk)
            {
                Again(new InspectedSnapshot(SnapshotStatus.Failed, null, null, result));
            }
            else if (SnapshotFormat.TryReadHeader(header.AsSpan(0, (int)result.Bytes), out var meta, out var version)
                && meta!.Shard == _shard && meta.Index == _index)
            {
                ReadTrailer(meta);
            }
            else if (version > SnapshotFormat.Version)
            {
                var detail = $"{_file.Name} has version {version}, this program knows {SnapshotFormat.Version}";
                _done(new InspectedSnapshot(SnapshotStatus.NewerVersion, null, Detail: detail));
            }
            else
            {
                Again(Corrupt(0, "the snapshot's header is damaged"));
            }
        });
    }

    private void ReadTrailer(SnapshotMeta meta)
    {
        var trailer = new byte[SnapshotFormat.TrailerBytes];
        var offset = Math.Max(0, _file.LengthBytes - SnapshotFormat.TrailerBytes);
        _file.Read(offset, trailer, result =>
        {
            var mask = SnapshotFormat.Mask(meta.Shard, meta.Index, meta.Term);
            if (!result.IsOk)
            {
                Again(new InspectedSnapshot(SnapshotStatus.Failed, null, null, result));
            }
            else if (SnapshotFormat.TryReadTrailer(trailer.AsSpan(0, (int)result.Bytes), _file.LengthBytes, mask, out var contentBytes))
            {
                _done(new InspectedSnapshot(SnapshotStatus.Ok, new SnapshotInfo(meta, contentBytes, _file.Name)));
            }
            else
            {
                Again(Corrupt(offset, "the snapshot's trailer is damaged, or its length is not what the trailer says"));
            }
        });
    }

    private void Again(InspectedSnapshot otherwise)
    {
        if (_wasReread)
        {
            _done(otherwise);
            return;
        }

        _wasReread = true;
        ReadHeader();
    }

    private InspectedSnapshot Corrupt(long offset, string why) =>
        new(SnapshotStatus.Corrupt, null, new StorageCorruption(_file.Name, offset, why));
}
