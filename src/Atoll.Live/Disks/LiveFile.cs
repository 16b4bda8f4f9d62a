using System.Runtime.ExceptionServices;
using Atoll.Foundation.Checks;
using Atoll.Foundation.World;
using Microsoft.Win32.SafeHandles;

namespace Atoll.Live.Disks;

/// <summary>
/// An open file. Its operations wait in one queue and are done by one disk thread at a time, in order; which thread is decided by the
/// first in the queue: writes that must be durable have a thread of their own, which nothing else can keep busy. Writes that
/// gathered while the thread was busy share one sync.
/// </summary>
internal sealed class LiveFile : IDiskFile, IDiskWork, IDisposable
{
    private readonly object _gate = new();
    private readonly LiveDisk _disk;
    private readonly SafeFileHandle _handle;
    private readonly string _path;
    private readonly Queue<DiskOperation> _waiting = new();
    private readonly List<DiskOperation> _batch = [];
    private readonly BlockWriter _blocks;
    private bool _isScheduled;
    private bool _isClosed;
    private long _roomBytes;
    private DiskResult _sticky = DiskResult.Success;

    /// <summary>An open file of that length.</summary>
    public LiveFile(LiveDisk disk, string name, string path, SafeFileHandle handle, long lengthBytes)
    {
        _disk = disk;
        _handle = handle;
        _path = path;
        _blocks = new BlockWriter(handle);
        Name = name;
        LengthBytes = lengthBytes;
        _roomBytes = lengthBytes;
    }

    /// <inheritdoc />
    public string Name { get; }

    /// <inheritdoc />
    public long LengthBytes { get; private set; }

    /// <inheritdoc />
    public void Write(long offset, ReadOnlyMemory<byte> data, bool sync, Action<DiskResult> done)
    {
        Check.That(offset >= 0);
        LengthBytes = Math.Max(LengthBytes, offset + data.Length);
        Add(new DiskOperation(_disk, DiskOperationKind.Write, done) { Offset = offset, Data = data, IsSync = sync });
    }

    /// <inheritdoc />
    public void Read(long offset, Memory<byte> buffer, Action<DiskResult> done)
    {
        Check.That(offset >= 0);
        Add(new DiskOperation(_disk, DiskOperationKind.Read, done) { Offset = offset, Buffer = buffer });
    }

    /// <inheritdoc />
    public void Sync(Action<DiskResult> done) => Add(new DiskOperation(_disk, DiskOperationKind.Sync, done) { IsSync = true });

    /// <inheritdoc />
    public void Truncate(long lengthBytes, Action<DiskResult> done)
    {
        Check.That(lengthBytes >= 0);
        LengthBytes = lengthBytes;
        Add(new DiskOperation(_disk, DiskOperationKind.Truncate, done) { Offset = lengthBytes });
    }

    /// <inheritdoc />
    public void Close()
    {
        Add(new DiskOperation(_disk, DiskOperationKind.Close, null));
        _isClosed = true;
    }

    /// <summary>Lets go of the file at once, whatever was under way: the loop is gone.</summary>
    public void Dispose()
    {
        _blocks.Dispose();
        _handle.Dispose();
    }

    /// <inheritdoc />
    public void Run()
    {
        TakeBatch();
        try
        {
            Do(_batch);
        }
        catch (Exception exception)
        {
            _batch[0].ProgramError = ExceptionDispatchInfo.Capture(exception);
        }

        foreach (var operation in _batch)
        {
            _disk.Done(operation);
        }

        _batch.Clear();
        lock (_gate)
        {
            _isScheduled = _waiting.Count > 0;
            if (_isScheduled)
            {
                Schedule();
            }
        }
    }

    private void Add(DiskOperation operation)
    {
        Check.That(!_isClosed);
        _disk.Begun();
        lock (_gate)
        {
            _waiting.Enqueue(operation);
            if (!_isScheduled)
            {
                _isScheduled = true;
                Schedule();
            }
        }
    }

    private void Schedule()
    {
        var first = _waiting.Peek();
        var isUrgent = first.Kind == DiskOperationKind.Write && first.IsSync;
        (isUrgent ? _disk.DurableWrites : _disk.Others).Add(this);
    }

    private void TakeBatch()
    {
        lock (_gate)
        {
            _batch.Add(_waiting.Dequeue());
            while (IsOfWriting(_batch[0]) && _waiting.TryPeek(out var next) && IsOfWriting(next))
            {
                _batch.Add(_waiting.Dequeue());
            }
        }
    }

    private static bool IsOfWriting(DiskOperation operation) => operation.Kind is DiskOperationKind.Write or DiskOperationKind.Sync;

    private void Do(List<DiskOperation> batch)
    {
        var needsSync = false;
        for (var (i, count) = (0, 0); i < batch.Count; i += count)
        {
            count = CountOfOneWrite(batch, i);
            var result = Guarded(batch, i, count);
            for (var j = i; j < i + count; j++)
            {
                batch[j].Result = result.IsOk && count > 1 ? new DiskResult(DiskStatus.Ok, batch[j].Data.Length) : result;
                needsSync |= batch[j].IsSync && result.IsOk;
            }
        }

        if (!needsSync)
        {
            return;
        }

        var synced = Guarded(batch, 0, 0);
        if (!synced.IsOk)
        {
            // Nobody knows which of the pages are gone, so all that relied on this sync fail, and so does the file from now on.
            foreach (var operation in batch)
            {
                operation.Result = synced;
            }
        }
    }

    // Durable writes of whole blocks that follow one another are one; anything else is done by itself.
    private int CountOfOneWrite(List<DiskOperation> batch, int first)
    {
        var count = 1;
        for (var end = first + 1; end < batch.Count && IsOfBlocks(batch[first]) && IsOfBlocks(batch[end])
            && batch[end].Offset == batch[end - 1].Offset + batch[end - 1].Data.Length; end++)
        {
            count++;
        }

        return count;
    }

    private bool IsOfBlocks(DiskOperation operation) => operation is { Kind: DiskOperationKind.Write, IsSync: true }
        && BlockWriter.IsWhole(operation.Offset, operation.Data.Length) && operation.Offset + operation.Data.Length <= _roomBytes;

    /// <summary>
    /// Does operations as one (none: the sync), and remembers a failure: such a file is never written again (museum, row 7).
    /// </summary>
    private DiskResult Guarded(List<DiskOperation> batch, int first, int count)
    {
        var isRead = count > 0 && batch[first].Kind is DiskOperationKind.Read or DiskOperationKind.Close;
        if (!_sticky.IsOk && !isRead)
        {
            return _sticky;
        }

        DiskResult result;
        try
        {
            result = count == 0 ? NativeFile.SyncData(_handle, _path)
                : IsOfBlocks(batch[first]) ? WriteBlocks(batch, first, count) : Do(batch[first]);
        }
        catch (Exception exception) when (DiskErrors.IsOfTheDisk(exception))
        {
            result = DiskErrors.FromException(exception, _path);
        }

        if (!isRead && result.Status is not (DiskStatus.Ok or DiskStatus.Full))
        {
            _sticky = result;
            LiveLog.DiskFailed(_disk.Logger, _path, result.Detail ?? result.Status.ToString());
        }

        return result;
    }

    private DiskResult Do(DiskOperation operation)
    {
        switch (operation.Kind)
        {
            case DiskOperationKind.Write:
                RandomAccess.Write(_handle, operation.Data.Span, operation.Offset);
                return new DiskResult(DiskStatus.Ok, operation.Data.Length);
            case DiskOperationKind.Read:
                return new DiskResult(DiskStatus.Ok, ReadFully(operation.Buffer.Span, operation.Offset));
            case DiskOperationKind.Truncate:
                RandomAccess.SetLength(_handle, operation.Offset);
                _roomBytes = operation.Offset;
                return NativeFile.SyncData(_handle, _path);
            case DiskOperationKind.Close:
                Dispose();
                _disk.Closed(this);
                return DiskResult.Success;
            default:
                return DiskResult.Success; // a sync: the batch's one does it
        }
    }

    private DiskResult WriteBlocks(List<DiskOperation> batch, int first, int count)
    {
        var buffer = _disk.RentBuffer();
        try
        {
            var (offset, filled) = (batch[first].Offset, 0);
            for (var i = first; i < first + count; i++)
            {
                for (var rest = batch[i].Data.Span; rest.Length > 0;)
                {
                    var part = Math.Min(rest.Length, buffer.Length - filled);
                    rest[..part].CopyTo(buffer.Span[filled..]);
                    rest = rest[part..];
                    filled += part;
                    if (filled == buffer.Length || (rest.IsEmpty && i == first + count - 1))
                    {
                        _blocks.Write(buffer.Span[..filled], offset);
                        (offset, filled) = (offset + filled, 0);
                    }
                }
            }
        }
        finally
        {
            _disk.ReturnBuffer(buffer);
        }

        return new DiskResult(DiskStatus.Ok, batch[first].Data.Length);
    }

    private int ReadFully(Span<byte> buffer, long offset)
    {
        var total = 0;
        while (total < buffer.Length)
        {
            var count = RandomAccess.Read(_handle, buffer[total..], offset + total);
            if (count == 0)
            {
                break;
            }

            total += count;
        }

        return total;
    }
}
