using System.Collections.Concurrent;
using Atoll.Foundation.Checks;
using Atoll.Foundation.World;
using Atoll.Live.Loops;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Atoll.Live.Disks;

/// <summary>One loop's files: a folder of the machine.</summary>
public sealed class LiveDisk : IDisk, ILoopPort, IDisposable
{
    private const int OtherThreadsMax = 3;
    private const int ZeroChunkBytes = 1024 * 1024;
    private const int ZeroChunksPerSync = 4;
    private const int BufferBytes = 512 * 1024;

    private readonly string _root;
    private readonly Mailbox _mailbox;
    private readonly object _gate = new();
    private readonly HashSet<LiveFile> _open = [];
    private readonly ConcurrentBag<Memory<byte>> _buffers = [];
    private long _operationsToDo;
    private long _operationsUnderWay;

    /// <summary>The files below a folder, which comes into being.</summary>
    /// <exception cref="IOException">The folder cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be made.</exception>
    internal LiveDisk(string root, Mailbox mailbox, ILogger logger, string name = "atoll-disk")
    {
        _root = Path.GetFullPath(root);
        Directory.CreateDirectory(_root);
        _mailbox = mailbox;
        Logger = logger;
        DurableWrites = new DiskThreads(name + "-log", 1);
        Others = new DiskThreads(name, OtherThreadsMax);
    }

    /// <inheritdoc />
    bool ILoopPort.IsQuiet => OperationsUnderWay == 0;

    /// <summary>Operations that were asked for and whose end was not told yet. Asked on the loop only.</summary>
    public long OperationsUnderWay => _operationsUnderWay;

    /// <summary>Where failures of the device are logged.</summary>
    internal ILogger Logger { get; }

    /// <summary>The thread of writes that must be durable at their end.</summary>
    internal DiskThreads DurableWrites { get; }

    /// <summary>The threads of everything else.</summary>
    internal DiskThreads Others { get; }

    /// <inheritdoc />
    public void Create(string name, long preallocateBytes, Action<DiskResult, IDiskFile?> done)
    {
        Check.That(preallocateBytes >= 0);
        var path = Locate(name);
        Begin(path, () => DoCreate(name, path, preallocateBytes), null, done);
    }

    /// <inheritdoc />
    public void Open(string name, Action<DiskResult, IDiskFile?> done)
    {
        var path = Locate(name);
        Begin<IDiskFile?>(path, () => (DiskResult.Success, Opened(name, path, OpenHandle(path, FileMode.Open))), null, done);
    }

    /// <inheritdoc />
    public void List(string folder, Action<DiskResult, IReadOnlyList<DiskEntry>> done)
    {
        var path = Locate(folder);
        Begin(
            path,
            () =>
            {
                var listed = new DirectoryInfo(path);
                IReadOnlyList<DiskEntry> entries = !listed.Exists ? [] :
                [
                    .. listed.EnumerateFiles()
                        .Select(file => new DiskEntry(file.Name, file.Length))
                        .OrderBy(entry => entry.Name, StringComparer.Ordinal),
                ];
                return (DiskResult.Success, entries);
            },
            [],
            done);
    }

    /// <inheritdoc />
    public void ListFolders(string folder, Action<DiskResult, IReadOnlyList<string>> done)
    {
        var path = Locate(folder);
        Begin(
            path,
            () =>
            {
                var listed = new DirectoryInfo(path);
                IReadOnlyList<string> names = !listed.Exists ? [] :
                    [.. listed.EnumerateDirectories().Select(inner => inner.Name).Order(StringComparer.Ordinal)];
                return (DiskResult.Success, names);
            },
            [],
            done);
    }

    /// <inheritdoc />
    public void Rename(string from, string to, Action<DiskResult> done)
    {
        var (source, target) = (Locate(from), Locate(to));
        Begin(source, () => (DoRename(source, target), 0), 0, (result, _) => done(result));
    }

    /// <inheritdoc />
    public void Delete(string name, Action<DiskResult> done)
    {
        var path = Locate(name);
        Begin(path, () => (DoDelete(path), 0), 0, (result, _) => done(result));
    }

    /// <inheritdoc />
    public void FreeSpace(Action<DiskResult> done) => Begin(
        _root,
        () => (new DiskResult(DiskStatus.Ok, new DriveInfo(_root).AvailableFreeSpace), 0),
        0,
        (result, _) => done(result));

    /// <summary>Waits until everything that was asked for is done, ends the threads, and closes what is open.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            while (_operationsToDo > 0)
            {
                Monitor.Wait(_gate);
            }
        }

        DurableWrites.Dispose();
        Others.Dispose();
        lock (_gate)
        {
            foreach (var file in _open)
            {
                file.Dispose();
            }

            _open.Clear();
        }
    }

    /// <inheritdoc />
    void ILoopPort.EndBatch()
    {
        // Operations went to their threads when they were asked for.
    }

    /// <summary>An operation is asked for; on the loop.</summary>
    internal void Begun()
    {
        _operationsUnderWay++;
        lock (_gate)
        {
            _operationsToDo++;
        }
    }

    /// <summary>An operation is done, on a disk thread: the loop will be told.</summary>
    internal void Done(ILoopCompletion operation)
    {
        _mailbox.Post(LoopItem.ForCompletion(operation));
        lock (_gate)
        {
            _operationsToDo--;
            if (_operationsToDo == 0)
            {
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>An operation's end is told; on the loop.</summary>
    internal void Ended() => _operationsUnderWay--;

    /// <summary>Memory for writes of blocks. As many come into being as there are disk threads.</summary>
    internal Memory<byte> RentBuffer() => _buffers.TryTake(out var buffer) ? buffer : BlockWriter.NewBuffer(BufferBytes);

    /// <summary>Takes it back.</summary>
    internal void ReturnBuffer(Memory<byte> buffer) => _buffers.Add(buffer);

    /// <summary>A handle is gone.</summary>
    internal void Closed(LiveFile file)
    {
        lock (_gate)
        {
            _open.Remove(file);
        }
    }

    private static SafeFileHandle OpenHandle(string path, FileMode mode) =>
        File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);

    private static DiskResult DoRename(string source, string target)
    {
        if (!File.Exists(source))
        {
            return new DiskResult(DiskStatus.NotFound, 0, $"there is no file {source}");
        }

        var made = MakeFolder(Path.GetDirectoryName(target)!);
        if (!made.IsOk)
        {
            return made;
        }

        File.Move(source, target, overwrite: true);
        var (left, entered) = (Path.GetDirectoryName(source)!, Path.GetDirectoryName(target)!);
        var synced = NativeFile.SyncFolder(entered);
        return synced.IsOk && left != entered ? NativeFile.SyncFolder(left) : synced;
    }

    private static DiskResult DoDelete(string path)
    {
        if (!File.Exists(path))
        {
            return new DiskResult(DiskStatus.NotFound, 0, $"there is no file {path}");
        }

        File.Delete(path);
        return NativeFile.SyncFolder(Path.GetDirectoryName(path)!);
    }

    /// <summary>Makes a folder and those above it, each durable in the one above.</summary>
    private static DiskResult MakeFolder(string path)
    {
        if (Directory.Exists(path))
        {
            return DiskResult.Success;
        }

        var above = Path.GetDirectoryName(path)!;
        var made = MakeFolder(above);
        if (!made.IsOk)
        {
            return made;
        }

        Directory.CreateDirectory(path);
        return NativeFile.SyncFolder(above);
    }

    private static DiskResult FillWithZeros(SafeFileHandle handle, long lengthBytes, string path)
    {
        var reserved = NativeFile.Reserve(handle, lengthBytes, path);
        if (!reserved.IsOk)
        {
            return reserved;
        }

        // Written zeros, not merely reserved room: a later write then changes nothing that the file system must note in its own journal,
        // which nearly halves the time of a sync. Synced in pieces, so that the writes of others never wait for all of it.
        using var blocks = new BlockWriter(handle);
        var zeros = BlockWriter.NewBuffer((int)Math.Min(ZeroChunkBytes, lengthBytes)).Span;
        zeros.Clear();
        var sinceSync = 0;
        for (long offset = 0; offset < lengthBytes; offset += zeros.Length)
        {
            var chunk = zeros[..(int)Math.Min(zeros.Length, lengthBytes - offset)];
            if (BlockWriter.IsWhole(offset, chunk.Length))
            {
                blocks.Write(chunk, offset);
            }
            else
            {
                RandomAccess.Write(handle, chunk, offset);
            }

            if (++sinceSync == ZeroChunksPerSync)
            {
                sinceSync = 0;
                var synced = NativeFile.SyncData(handle, path);
                if (!synced.IsOk)
                {
                    return synced;
                }
            }
        }

        return NativeFile.SyncData(handle, path);
    }

    private (DiskResult Result, IDiskFile? File) DoCreate(string name, string path, long preallocateBytes)
    {
        var made = MakeFolder(Path.GetDirectoryName(path)!);
        if (!made.IsOk)
        {
            return (made, null);
        }

        var handle = OpenHandle(path, FileMode.CreateNew);
        try
        {
            var filled = preallocateBytes > 0 ? FillWithZeros(handle, preallocateBytes, path) : DiskResult.Success;
            filled = filled.IsOk ? NativeFile.SyncFolder(Path.GetDirectoryName(path)!) : filled;
            if (filled.IsOk)
            {
                return (filled, Opened(name, path, handle));
            }

            Forget(handle, path);
            return (filled, null);
        }
        catch (Exception exception) when (DiskErrors.IsOfTheDisk(exception))
        {
            var result = DiskErrors.FromException(exception, path);
            Forget(handle, path);
            return (result, null);
        }
    }

    private static void Forget(SafeFileHandle handle, string path)
    {
        handle.Dispose();
        File.Delete(path);
    }

    private LiveFile Opened(string name, string path, SafeFileHandle handle)
    {
        var file = new LiveFile(this, name, path, handle, RandomAccess.GetLength(handle));
        lock (_gate)
        {
            _open.Add(file);
        }

        return file;
    }

    private void Begin<T>(string path, Func<(DiskResult Result, T Value)> work, T nothing, Action<DiskResult, T> done)
    {
        Begun();
        Others.Add(new FolderOperation<T>(this, path, work, nothing, done));
    }

    private string Locate(string name)
    {
        foreach (var part in name.Split('/'))
        {
            Check.That(part is not (".." or "."));
            Check.That(part.Length > 0 || name.Length == 0);
            Check.That(!part.Contains('\\', StringComparison.Ordinal));
        }

        return name.Length == 0 ? _root : Path.Combine(_root, name.Replace('/', Path.DirectorySeparatorChar));
    }
}
