using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.World;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Disks;

/// <summary>A disk as one incarnation of a loop sees it.</summary>
internal sealed class SimMount(SimDisk disk, LoopIncarnation loop) : IDisk
{
    public SimDisk Disk => disk;

    public LoopIncarnation Loop => loop;

    public void Create(string name, long preallocateBytes, Action<DiskResult, IDiskFile?> done)
    {
        CheckUse(name);
        Check.That(preallocateBytes >= 0);
        var operation = new DiskOperation(disk, loop) { DoneWithFile = done, Hash = HashOf(name) };
        if (disk.Names.Find(name) is not null)
        {
            operation.Result = new DiskResult(DiskStatus.Exists, 0, $"'{name}' exists already");
        }
        else if (!disk.HasRoomFor(Math.Max(preallocateBytes, 1)))
        {
            operation.Result = NoSpace();
        }
        else
        {
            var file = disk.MakeFile(preallocateBytes);
            operation.NamesChange = disk.Names.Begin(name, file);
            operation.OpenedFile = new SimHandle(this, file, name);
        }

        operation.Begin(DiskWork.Sync, 0);
    }

    public void Open(string name, Action<DiskResult, IDiskFile?> done)
    {
        CheckUse(name);
        var operation = new DiskOperation(disk, loop) { DoneWithFile = done, Hash = HashOf(name) };
        if (disk.Names.Find(name) is { } file)
        {
            operation.OpenedFile = new SimHandle(this, file, name);
        }
        else
        {
            operation.Result = Missing(name);
        }

        operation.Begin(DiskWork.Read, 0);
    }

    public void List(string folder, Action<DiskResult, IReadOnlyList<DiskEntry>> done)
    {
        CheckFolder(folder);
        var operation = new DiskOperation(disk, loop)
        {
            DoneWithEntries = done,
            Hash = HashOf(folder),
            Entries =
            [
                .. disk.Names.In(folder).Where(item => item.File is not null)
                    .Select(item => new DiskEntry(item.Name, item.File!.Image.LengthBytes)),
            ],
        };
        operation.Begin(DiskWork.Read, 0);
    }

    public void ListFolders(string folder, Action<DiskResult, IReadOnlyList<string>> done)
    {
        CheckFolder(folder);
        var operation = new DiskOperation(disk, loop)
        {
            DoneWithNames = done,
            Hash = HashOf(folder),
            Names = [.. disk.Names.In(folder).Where(item => item.File is null).Select(item => item.Name)],
        };
        operation.Begin(DiskWork.Read, 0);
    }

    public void Rename(string from, string to, Action<DiskResult> done)
    {
        CheckUse(from);
        CheckUse(to);
        var operation = new DiskOperation(disk, loop) { Done = done, Hash = HashOf(to) };
        if (disk.Names.Find(from) is not { } file)
        {
            operation.Result = Missing(from);
        }
        else if (from != to)
        {
            var replaced = disk.Names.Find(to);
            operation.NamesChange = disk.Names.Begin(from, null, to, file);
            if (replaced is not null)
            {
                disk.ForgetIfGone(replaced);
            }
        }

        operation.Begin(DiskWork.Sync, 0);
    }

    public void Delete(string name, Action<DiskResult> done)
    {
        CheckUse(name);
        var operation = new DiskOperation(disk, loop) { Hash = HashOf(name), Done = done };
        if (disk.Names.Find(name) is { } file)
        {
            // IDisk: "open handles of it must have been closed".
            Check.That(file.OpenHandles == 0);
            operation.NamesChange = disk.Names.Begin(name, null);
            operation.Gone = file;
        }
        else
        {
            operation.Result = Missing(name);
        }

        operation.Begin(DiskWork.Sync, 0);
    }

    public void FreeSpace(Action<DiskResult> done)
    {
        Check.That(loop.IsAlive);
        var free = Math.Max(0, disk.Faults.CapacityBytes - disk.UsedBytes);
        new DiskOperation(disk, loop) { Done = done, Result = new DiskResult(DiskStatus.Ok, free) }.Begin(DiskWork.Read, 0);
    }

    public static DiskResult NoSpace() => new(DiskStatus.Full, 0, "no space left on the simulated disk");

    private static DiskResult Missing(string name) => new(DiskStatus.NotFound, 0, $"there is no '{name}'");

    private static ulong HashOf(string name)
    {
        var writer = new WireWriter(64);
        writer.WriteString(name);
        return StableHash.Compute(writer.Written);
    }

    private void CheckUse(string name)
    {
        Check.That(loop.IsAlive);
        Namespace.CheckName(name);
    }

    private void CheckFolder(string folder)
    {
        Check.That(loop.IsAlive);
        if (folder.Length > 0)
        {
            Namespace.CheckName(folder);
        }
    }
}
