using Atoll.Foundation.World;

namespace Atoll.Simulation.Disks;

/// <summary>
/// A disk that is nothing but its files' bytes, for who puts every byte there: tests of formats, and the fuzzer. It has no faults
/// (<see cref="SimDisk"/> has); ends of operations come when it is pumped.
/// </summary>
public sealed class ImageDisk : IDisk
{
    private readonly Queue<Action> _ends = new();

    /// <summary>All files, by name.</summary>
    public SortedDictionary<string, byte[]> Files { get; private init; } = new(StringComparer.Ordinal);

    /// <summary>Every write so far, in order.</summary>
    public List<(string Name, long Offset, int Bytes, bool Sync)> Writes { get; } = [];

    /// <summary>A disk with the same files, and no operations under way.</summary>
    public ImageDisk Copy() => new()
    {
        Files = new SortedDictionary<string, byte[]>(Files.ToDictionary(f => f.Key, f => f.Value.ToArray()), StringComparer.Ordinal),
    };

    /// <summary>Ends the oldest operation under way; false when there is none.</summary>
    public bool PumpOne()
    {
        if (!_ends.TryDequeue(out var end))
        {
            return false;
        }

        end();
        return true;
    }

    /// <summary>Ends operations until none is under way.</summary>
    public void Pump()
    {
        while (PumpOne())
        {
        }
    }

    /// <inheritdoc />
    public void Create(string name, long preallocateBytes, Action<DiskResult, IDiskFile?> done)
    {
        var isNew = Files.TryAdd(name, []);
        if (isNew)
        {
            Files[name] = new byte[preallocateBytes];
        }

        _ends.Enqueue(() => done(isNew ? DiskResult.Success : new DiskResult(DiskStatus.Exists), isNew ? new ImageFile(this, name) : null));
    }

    /// <inheritdoc />
    public void Open(string name, Action<DiskResult, IDiskFile?> done)
    {
        var isThere = Files.ContainsKey(name);
        _ends.Enqueue(() => done(
            isThere ? DiskResult.Success : new DiskResult(DiskStatus.NotFound),
            isThere ? new ImageFile(this, name) : null));
    }

    /// <inheritdoc />
    public void List(string folder, Action<DiskResult, IReadOnlyList<DiskEntry>> done)
    {
        var files = Files
            .Where(f => f.Key.StartsWith(folder + "/", StringComparison.Ordinal))
            .Select(f => new DiskEntry(f.Key[(folder.Length + 1)..], f.Value.Length))
            .Where(f => !f.Name.Contains('/', StringComparison.Ordinal))
            .ToList();
        _ends.Enqueue(() => done(DiskResult.Success, files));
    }

    /// <inheritdoc />
    public void ListFolders(string folder, Action<DiskResult, IReadOnlyList<string>> done)
    {
        var folders = Files.Keys
            .Where(f => f.StartsWith(folder + "/", StringComparison.Ordinal))
            .Select(f => f[(folder.Length + 1)..])
            .Where(f => f.Contains('/', StringComparison.Ordinal))
            .Select(f => f[..f.IndexOf('/', StringComparison.Ordinal)])
            .Distinct()
            .ToList();
        _ends.Enqueue(() => done(DiskResult.Success, folders));
    }

    /// <inheritdoc />
    public void Rename(string from, string to, Action<DiskResult> done)
    {
        Files[to] = Files[from];
        Files.Remove(from);
        _ends.Enqueue(() => done(DiskResult.Success));
    }

    /// <inheritdoc />
    public void Delete(string name, Action<DiskResult> done)
    {
        var result = Files.Remove(name) ? DiskResult.Success : new DiskResult(DiskStatus.NotFound);
        _ends.Enqueue(() => done(result));
    }

    /// <inheritdoc />
    public void FreeSpace(Action<DiskResult> done) => _ends.Enqueue(() => done(new DiskResult(DiskStatus.Ok, long.MaxValue)));

    private sealed class ImageFile(ImageDisk disk, string name) : IDiskFile
    {
        public string Name => name;

        public long LengthBytes => disk.Files[name].Length;

        public void Write(long offset, ReadOnlyMemory<byte> data, bool sync, Action<DiskResult> done)
        {
            Resize(Math.Max(LengthBytes, offset + data.Length));
            data.CopyTo(disk.Files[name].AsMemory((int)offset));
            disk.Writes.Add((name, offset, data.Length, sync));
            disk._ends.Enqueue(() => done(new DiskResult(DiskStatus.Ok, data.Length)));
        }

        public void Read(long offset, Memory<byte> buffer, Action<DiskResult> done)
        {
            var bytes = (int)Math.Clamp(LengthBytes - offset, 0, buffer.Length);
            disk.Files[name].AsMemory((int)Math.Min(offset, LengthBytes), bytes).CopyTo(buffer);
            disk._ends.Enqueue(() => done(new DiskResult(DiskStatus.Ok, bytes)));
        }

        public void Sync(Action<DiskResult> done) => disk._ends.Enqueue(() => done(DiskResult.Success));

        public void Truncate(long lengthBytes, Action<DiskResult> done)
        {
            Resize(lengthBytes);
            disk._ends.Enqueue(() => done(DiskResult.Success));
        }

        public void Close()
        {
        }

        private void Resize(long length)
        {
            if (length != LengthBytes)
            {
                var content = disk.Files[name];
                Array.Resize(ref content, checked((int)length));
                disk.Files[name] = content;
            }
        }
    }
}
