using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Simulation.Disks;

/// <summary>An open file of a simulated disk.</summary>
internal sealed class SimHandle : IDiskFile
{
    private readonly SimMount _mount;
    private readonly SimFile _file;
    private bool _isClosed;

    public SimHandle(SimMount mount, SimFile file, string name)
    {
        _mount = mount;
        _file = file;
        Name = name;
        file.Opened();
    }

    public string Name { get; }

    public long LengthBytes => _file.Image.LengthBytes;

    public void Write(long offset, ReadOnlyMemory<byte> data, bool sync, Action<DiskResult> done)
    {
        CheckUse();
        Check.That(offset >= 0);
        var operation = new DiskOperation(_mount.Disk, _mount.Loop)
        {
            Done = done,
            File = _file,
            Written = data,
            Hash = StableHash.Compute(data.Span),
        };
        var growth = RoundedUp(offset + data.Length) - RoundedUp(_file.Image.LengthBytes);
        if (!_mount.Disk.HasRoomFor(growth))
        {
            operation.Result = SimMount.NoSpace();
        }
        else if (_mount.Disk.WriteFails())
        {
            operation.Result = new DiskResult(DiskStatus.Failed, 0, "simulated write error");
            _mount.Disk.WriteSomeSectors(_file, offset, data.Span);
        }
        else
        {
            _file.Image.Write(offset, data.Span);
            operation.Result = new DiskResult(DiskStatus.Ok, data.Length);
            if (sync)
            {
                PrepareSync(operation, false);
            }
        }

        operation.Begin(sync ? DiskWork.Sync : DiskWork.Write, data.Length);
    }

    public void Read(long offset, Memory<byte> buffer, Action<DiskResult> done)
    {
        CheckUse();
        Check.That(offset >= 0);
        var operation = new DiskOperation(_mount.Disk, _mount.Loop) { Done = done, File = _file };
        if (_mount.Disk.ReadFails())
        {
            operation.Result = new DiskResult(DiskStatus.Failed, 0, "simulated read error");
        }
        else
        {
            var read = _mount.Disk.ReadThrough(_file, offset, buffer.Span);
            operation.Result = new DiskResult(DiskStatus.Ok, read);
            operation.Hash = StableHash.Compute(buffer.Span[..Math.Min(read, 64)]) + (ulong)read;
        }

        operation.Begin(DiskWork.Read, buffer.Length);
    }

    public void Sync(Action<DiskResult> done)
    {
        CheckUse();
        var operation = new DiskOperation(_mount.Disk, _mount.Loop) { Done = done, File = _file };
        PrepareSync(operation, false);
        operation.Begin(DiskWork.Sync, 0);
    }

    public void Truncate(long lengthBytes, Action<DiskResult> done)
    {
        CheckUse();
        Check.That(lengthBytes >= 0);
        var operation = new DiskOperation(_mount.Disk, _mount.Loop) { Done = done, File = _file, Hash = (ulong)lengthBytes };
        if (!_mount.Disk.HasRoomFor(RoundedUp(lengthBytes) - RoundedUp(_file.Image.LengthBytes)))
        {
            operation.Result = SimMount.NoSpace();
        }
        else
        {
            _file.Image.Truncate(lengthBytes);
            PrepareSync(operation, true);
        }

        operation.Begin(DiskWork.Sync, 0);
    }

    public void Close()
    {
        CheckUse();
        _isClosed = true;
        _file.Closed();
        _mount.Disk.ForgetIfGone(_file);
    }

    private static long RoundedUp(long bytes) => (bytes + FileImage.PageBytes - 1) / FileImage.PageBytes * FileImage.PageBytes;

    private void PrepareSync(DiskOperation operation, bool truncates)
    {
        operation.Sync = _file.Image.BeginSync(truncates);
        if (_mount.Disk.SyncFails())
        {
            operation.SyncFails = true;
            operation.Result = new DiskResult(DiskStatus.Failed, 0, "simulated sync error");
        }
    }

    private void CheckUse()
    {
        Check.That(_mount.Loop.IsAlive);
        Check.That(!_isClosed);
    }
}
