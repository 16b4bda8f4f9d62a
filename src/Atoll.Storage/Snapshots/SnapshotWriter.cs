using System.Buffers.Binary;
using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Snapshots;

/// <summary>A snapshot that is being written: one write at a time, what comes meanwhile is gathered into chunks.</summary>
public sealed class SnapshotWriter
{
    private const int WriteBytesMax = 4 * SnapshotFormat.ChunkBytes;

    private static readonly Probe AbandonedProbe = Probe.Define("snapshots: one given up");

    private readonly SnapshotStore _store;
    private readonly IDisk _disk;
    private readonly string _name;
    private readonly uint _mask;
    private readonly Queue<byte[]> _waiting = new();
    private byte[] _filling = [];
    private int _filledBytes;
    private long _chunks;
    private IDiskFile? _file;
    private long _fileBytes;
    private bool _isBusy;
    private bool _isAborted;
    private bool _isAbandoned;
    private bool _isTrailerQueued;
    private DiskResult _error;
    private Action<SnapshotFinished>? _done;

    /// <summary>A writer of a new file.</summary>
    internal SnapshotWriter(SnapshotStore store, IDisk disk, SnapshotMeta meta, string name)
    {
        _store = store;
        _disk = disk;
        _name = name;
        Meta = meta;
        _mask = SnapshotFormat.Mask(meta.Shard, meta.Index, meta.Term);
        _waiting.Enqueue(SnapshotFormat.Header(meta));
        PendingBytes = SnapshotFormat.HeaderBytes;
        _isBusy = true;
        disk.Create(name, 0, (result, file) =>
        {
            _file = file;
            Completed(result, 0);
        });
    }

    /// <summary>What it is of.</summary>
    public SnapshotMeta Meta { get; }

    /// <summary>Content bytes taken so far: where the next chunk of a transfer must begin.</summary>
    public long ContentBytes { get; private set; }

    /// <summary>Bytes that the disk has not taken yet: who writes much waits while this is large.</summary>
    public long PendingBytes { get; private set; }

    /// <summary>True once a write has failed: <see cref="Finish"/> will say so; nothing more is written.</summary>
    public bool HasFailed => !_error.IsOk;

    /// <summary>Takes the next piece of the content, of any length. The bytes are copied.</summary>
    public void Write(ReadOnlySpan<byte> content)
    {
        Check.That(_done is null && !_isAborted);
        if (HasFailed)
        {
            return;
        }

        ContentBytes += content.Length;
        while (content.Length > 0)
        {
            if (_filling.Length == 0)
            {
                _filling = new byte[SnapshotFormat.ChunkBytes];
            }

            var taken = Math.Min(content.Length, SnapshotFormat.ChunkContentBytes - _filledBytes);
            content[..taken].CopyTo(_filling.AsSpan(SnapshotFormat.ChunkHeaderBytes + _filledBytes));
            content = content[taken..];
            _filledBytes += taken;
            PendingBytes += taken;
            if (_filledBytes == SnapshotFormat.ChunkContentBytes)
            {
                CloseChunk();
            }
        }

        Continue();
    }

    /// <summary>Ends the content, makes it durable and visible.</summary>
    public void Finish(Action<SnapshotFinished> done)
    {
        Check.That(_done is null && !_isAborted);
        _done = done;
        if (HasFailed)
        {
            Continue();
            return;
        }

        if (_filledBytes > 0)
        {
            CloseChunk();
        }

        var trailer = new byte[SnapshotFormat.TrailerBytes];
        SnapshotFormat.WriteTrailer(trailer, ContentBytes, _mask);
        _waiting.Enqueue(trailer);
        PendingBytes += trailer.Length;
        _isTrailerQueued = true;
        Continue();
    }

    /// <summary>Gives up and deletes what was written. Free after the end.</summary>
    public void Abort()
    {
        if (!_isAborted && _done is null)
        {
            _isAborted = true;
            Continue();
        }
    }

    private void CloseChunk()
    {
        var content = _filling.AsSpan(SnapshotFormat.ChunkHeaderBytes, _filledBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(_filling, SnapshotFormat.ChunkChecksum(content, _chunks, _mask));
        _chunks++;
        PendingBytes += SnapshotFormat.ChunkHeaderBytes;
        _waiting.Enqueue(_filledBytes == SnapshotFormat.ChunkContentBytes
            ? _filling
            : _filling.AsSpan(0, SnapshotFormat.ChunkHeaderBytes + _filledBytes).ToArray());
        _filling = [];
        _filledBytes = 0;
    }

    private void Continue()
    {
        if (_isBusy)
        {
            return;
        }

        if (_isAborted || HasFailed)
        {
            Abandon();
        }
        else if (_waiting.Count > 0)
        {
            WriteWaiting();
        }
        else if (_isTrailerQueued)
        {
            _isTrailerQueued = false;
            _isBusy = true;
            _file!.Sync(Synced);
        }
    }

    private void WriteWaiting()
    {
        var bytes = _waiting.Dequeue();
        if (_waiting.Count > 0 && bytes.Length < WriteBytesMax)
        {
            var joined = new byte[Math.Min(WriteBytesMax, bytes.Length + _waiting.Sum(static w => (long)w.Length))];
            bytes.CopyTo(joined, 0);
            var length = bytes.Length;
            while (_waiting.TryPeek(out var next) && length + next.Length <= joined.Length)
            {
                _waiting.Dequeue().CopyTo(joined, length);
                length += next.Length;
            }

            bytes = length == joined.Length ? joined : joined[..length];
        }

        _isBusy = true;
        _file!.Write(_fileBytes, bytes, sync: false, result => Completed(result, bytes.Length));
    }

    private void Completed(DiskResult result, int bytes)
    {
        _isBusy = false;
        _fileBytes += bytes;
        PendingBytes -= bytes;
        _error = result with { Bytes = 0 };
        Continue();
    }

    private void Synced(DiskResult result)
    {
        _isBusy = false;
        _error = result;
        if (HasFailed || _isAborted)
        {
            Continue();
            return;
        }

        var name = _store.FinalName(Meta);
        if (_store.IsTaken(name))
        {
            // The same snapshot is there and being read or deleted: replacing the file below a reader would mix the two.
            _error = new DiskResult(DiskStatus.Exists, 0, "a snapshot of the same index is in use");
            Continue();
            return;
        }

        _isBusy = true;
        _file!.Close();
        _file = null;
        _disk.Rename(_name, name, renamed =>
        {
            _isBusy = false;
            if (!renamed.IsOk)
            {
                _error = renamed;
                Continue();
                return;
            }

            var snapshot = new SnapshotInfo(Meta, ContentBytes, name);
            _store.Finished(snapshot);
            _done!(new SnapshotFinished(SnapshotStatus.Ok, snapshot));
        });
    }

    // What cannot be deleted now is deleted at the next start.
    private void Abandon()
    {
        if (_isAbandoned)
        {
            _done?.Invoke(new SnapshotFinished(SnapshotStatus.Failed, null, _error));
            return;
        }

        AbandonedProbe.Hit();
        _isAbandoned = true;
        _waiting.Clear();
        _filling = [];
        _filledBytes = 0;
        PendingBytes = 0;
        _isBusy = true;
        _file?.Close();
        _file = null;
        _disk.Delete(_name, _ =>
        {
            _isBusy = false;
            _done?.Invoke(new SnapshotFinished(SnapshotStatus.Failed, null, _error));
        });
    }
}
