using Atoll.Foundation.World;
using Microsoft.Win32.SafeHandles;

namespace Atoll.StoreBench;

/// <summary>
/// A folder of the machine, every operation done at once on the caller's thread and its end delivered by <see cref="Pump"/>: what it
/// measures is the store's own work and the system calls, nothing overlaps.
/// </summary>
internal sealed class FileDisk(string root) : IDisk
{
    private readonly Queue<End> _ends = new();

    public bool IsQuiet => _ends.Count == 0;

    public bool Pump()
    {
        var any = false;
        while (_ends.TryDequeue(out var end))
        {
            any = true;
            if (end.Transferred is { } transferred)
            {
                transferred(end.Result);
            }
            else
            {
                end.Other!();
            }
        }

        return any;
    }

    public void Create(string name, long preallocateBytes, Action<DiskResult, IDiskFile?> done)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(name))!);
        var handle = File.OpenHandle(At(name), FileMode.CreateNew, FileAccess.ReadWrite);
        _ends.Enqueue(new End(null, default, () => done(DiskResult.Success, new BenchFile(this, name, handle))));
    }

    public void Open(string name, Action<DiskResult, IDiskFile?> done)
    {
        var handle = File.OpenHandle(At(name), FileMode.Open, FileAccess.ReadWrite);
        _ends.Enqueue(new End(null, default, () => done(DiskResult.Success, new BenchFile(this, name, handle))));
    }

    public void List(string folder, Action<DiskResult, IReadOnlyList<DiskEntry>> done)
    {
        IReadOnlyList<DiskEntry> entries = Directory.Exists(At(folder))
            ? [.. new DirectoryInfo(At(folder)).GetFiles().Select(f => new DiskEntry(f.Name, f.Length))] : [];
        _ends.Enqueue(new End(null, default, () => done(DiskResult.Success, entries)));
    }

    public void ListFolders(string folder, Action<DiskResult, IReadOnlyList<string>> done) =>
        _ends.Enqueue(new End(null, default, () => done(DiskResult.Success, [])));

    public void Rename(string from, string to, Action<DiskResult> done)
    {
        File.Move(At(from), At(to), overwrite: true);
        Enqueue(done, DiskResult.Success);
    }

    public void Delete(string name, Action<DiskResult> done)
    {
        if (File.Exists(At(name)))
        {
            File.Delete(At(name));
        }

        Enqueue(done, DiskResult.Success);
    }

    public void FreeSpace(Action<DiskResult> done) => Enqueue(done, new DiskResult(DiskStatus.Ok, long.MaxValue / 2));

    private void Enqueue(Action<DiskResult> done, DiskResult result) => _ends.Enqueue(new End(done, result, null));

    private string At(string name) => Path.Combine(root, name);

    // The end of an operation; reads and writes, of which there are many, cost no object.
    private readonly record struct End(Action<DiskResult>? Transferred, DiskResult Result, Action? Other);

    private sealed class BenchFile(FileDisk disk, string name, SafeFileHandle handle) : IDiskFile
    {
        public string Name => name;

        public long LengthBytes => RandomAccess.GetLength(handle);

        public void Write(long offset, ReadOnlyMemory<byte> data, bool sync, Action<DiskResult> done)
        {
            RandomAccess.Write(handle, data.Span, offset);
            if (sync)
            {
                RandomAccess.FlushToDisk(handle);
            }

            disk.Enqueue(done, new DiskResult(DiskStatus.Ok, data.Length));
        }

        public void Read(long offset, Memory<byte> buffer, Action<DiskResult> done)
        {
            var read = 0;
            while (read < buffer.Length)
            {
                var more = RandomAccess.Read(handle, buffer.Span[read..], offset + read);
                if (more == 0)
                {
                    break;
                }

                read += more;
            }

            disk.Enqueue(done, new DiskResult(DiskStatus.Ok, read));
        }

        public void Sync(Action<DiskResult> done)
        {
            RandomAccess.FlushToDisk(handle);
            disk.Enqueue(done, DiskResult.Success);
        }

        public void Truncate(long lengthBytes, Action<DiskResult> done)
        {
            RandomAccess.SetLength(handle, lengthBytes);
            disk.Enqueue(done, DiskResult.Success);
        }

        public void Close() => handle.Dispose();
    }
}
