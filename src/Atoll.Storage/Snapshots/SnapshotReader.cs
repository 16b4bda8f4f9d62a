using System.Buffers.Binary;
using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Snapshots;

/// <summary>Reads a finished snapshot.</summary>
public sealed class SnapshotReader
{
    private static readonly Probe RetriedProbe = Probe.Define("snapshots: chunk read again after a mismatch");

    private readonly SnapshotStore _store;
    private readonly IDiskFile _file;
    private readonly uint _mask;
    private byte[] _chunks = [];
    private bool _isReading;
    private bool _isClosed;

    /// <summary>A reader of an open file.</summary>
    internal SnapshotReader(SnapshotStore store, SnapshotInfo snapshot, IDiskFile file)
    {
        _store = store;
        _file = file;
        Snapshot = snapshot;
        _mask = SnapshotFormat.Mask(snapshot.Meta.Shard, snapshot.Meta.Index, snapshot.Meta.Term);
    }

    /// <summary>What is read.</summary>
    public SnapshotInfo Snapshot { get; }

    /// <summary>Reads content at an offset; every chunk that it touches is verified. One read at a time.</summary>
    /// <param name="offsetBytes">Where in the content.</param>
    /// <param name="buffer">Filled, or filled up to the end of the content. Not to be touched until the end.</param>
    /// <param name="done">The end; not called when the reader is closed before.</param>
    public void Read(long offsetBytes, Memory<byte> buffer, Action<SnapshotRead> done)
    {
        Check.That(!_isReading && !_isClosed && offsetBytes >= 0);
        var length = (int)Math.Clamp(Snapshot.ContentBytes - offsetBytes, 0, buffer.Length);
        if (length == 0)
        {
            done(new SnapshotRead(SnapshotStatus.Ok));
            return;
        }

        _isReading = true;
        ReadChunks(offsetBytes, buffer[..length], done, isRetry: false);
    }

    /// <summary>Lets go of the file.</summary>
    public void Close()
    {
        if (!_isClosed)
        {
            _isClosed = true;
            _file.Close();
            _store.ReaderClosed(Snapshot.File);
        }
    }

    private void ReadChunks(long offset, Memory<byte> target, Action<SnapshotRead> done, bool isRetry)
    {
        var first = offset / SnapshotFormat.ChunkContentBytes;
        var last = (offset + target.Length - 1) / SnapshotFormat.ChunkContentBytes;
        var start = SnapshotFormat.ChunkOffset(first);
        var end = Math.Min(SnapshotFormat.ChunkOffset(last + 1), _file.LengthBytes - SnapshotFormat.TrailerBytes);
        var length = checked((int)(end - start));
        _chunks = _chunks.Length >= length ? _chunks : new byte[length];
        var chunks = _chunks.AsMemory(0, length);
        _file.Read(start, chunks, result =>
        {
            if (_isClosed)
            {
                return;
            }

            var bad = result.IsOk ? CopyContent(chunks.Span[..(int)result.Bytes], first, offset, target.Span) : null;
            if ((!result.IsOk || bad is not null) && !isRetry)
            {
                RetriedProbe.Hit();
                ReadChunks(offset, target, done, isRetry: true);
                return;
            }

            _isReading = false;
            done(!result.IsOk ? new SnapshotRead(SnapshotStatus.Failed, 0, null, result)
                : bad is not null ? new SnapshotRead(SnapshotStatus.Corrupt, 0, bad)
                : new SnapshotRead(SnapshotStatus.Ok, target.Length));
        });
    }

    private StorageCorruption? CopyContent(ReadOnlySpan<byte> chunks, long first, long offset, Span<byte> target)
    {
        for (var chunk = first; target.Length > 0; chunk++)
        {
            var contentStart = chunk * SnapshotFormat.ChunkContentBytes;
            var length = (int)Math.Min(SnapshotFormat.ChunkContentBytes, Snapshot.ContentBytes - contentStart);
            if (chunks.Length < SnapshotFormat.ChunkHeaderBytes + length)
            {
                return new StorageCorruption(Snapshot.File, SnapshotFormat.ChunkOffset(chunk), "the file ends within the chunk");
            }

            var content = chunks.Slice(SnapshotFormat.ChunkHeaderBytes, length);
            if (BinaryPrimitives.ReadUInt32LittleEndian(chunks) != SnapshotFormat.ChunkChecksum(content, chunk, _mask))
            {
                return new StorageCorruption(Snapshot.File, SnapshotFormat.ChunkOffset(chunk), "the chunk's checksum does not match");
            }

            content = content[(int)(offset - contentStart)..];
            content = content[..Math.Min(content.Length, target.Length)];
            content.CopyTo(target);
            target = target[content.Length..];
            offset += content.Length;
            chunks = chunks[(SnapshotFormat.ChunkHeaderBytes + length)..];
        }

        return null;
    }
}
