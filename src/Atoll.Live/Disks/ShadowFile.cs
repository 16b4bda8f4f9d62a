using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Live.Disks;

/// <summary>An open file of a <see cref="ShadowDisk"/>.</summary>
internal sealed class ShadowFile(ShadowDisk disk, string name, ShadowContent content) : IDiskFile
{
    private bool _isClosed;

    /// <inheritdoc />
    public string Name => name;

    /// <inheritdoc />
    public long LengthBytes { get; private set; } = content.LengthBytes;

    /// <inheritdoc />
    public void Write(long offset, ReadOnlyMemory<byte> data, bool sync, Action<DiskResult> done)
    {
        Check.That(offset >= 0);
        LengthBytes = Math.Max(LengthBytes, offset + data.Length);
        Ask(() =>
        {
            content.Write(offset, data.Span);
            return () => done(new DiskResult(DiskStatus.Ok, data.Length));
        }, done);
    }

    /// <inheritdoc />
    public void Read(long offset, Memory<byte> buffer, Action<DiskResult> done)
    {
        Check.That(offset >= 0);
        Ask(() =>
        {
            var read = content.Read(offset, buffer.Span);
            disk.Read(read);
            return () => done(new DiskResult(DiskStatus.Ok, read));
        }, done);
    }

    /// <inheritdoc />
    public void Sync(Action<DiskResult> done) => Ask(() => () => done(DiskResult.Success), done);

    /// <inheritdoc />
    public void Truncate(long lengthBytes, Action<DiskResult> done)
    {
        Check.That(lengthBytes >= 0);
        LengthBytes = lengthBytes;
        Ask(() =>
        {
            content.Truncate(lengthBytes);
            return () => done(DiskResult.Success);
        }, done);
    }

    /// <inheritdoc />
    public void Close()
    {
        Check.That(!_isClosed);
        _isClosed = true;
    }

    private void Ask(Func<Action> operation, Action<DiskResult> refused)
    {
        Check.That(!_isClosed);
        disk.Ask(name, operation, refused);
    }
}
