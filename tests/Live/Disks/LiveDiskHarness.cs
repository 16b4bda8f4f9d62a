using Atoll.Conformance;
using Atoll.Foundation.World;
using Atoll.Live.Disks;
using Microsoft.Extensions.Logging;

namespace Atoll.Live.Tests.Disks;

/// <summary>A real disk in a temporary folder, its ends of operations told on the test's thread.</summary>
internal sealed class LiveDiskHarness : DiskHarness
{
    private readonly TemporaryFolder _folder = new();
    private HandDrivenLoop _loop = new();
    private LiveDisk _disk;

    public LiveDiskHarness() => _disk = NewDisk(_folder.Path);

    public LiveDiskHarness(string root) => _disk = NewDisk(root);

    public ListLogger Logger { get; } = new();

    public string Root => _folder.Path;

    public LiveDisk Live => _disk;

    public override IDisk Disk => _disk;

    public override void RunUntil(Func<bool> condition) => Waiting.Until(condition, () => _loop.Round());

    public override void Restart()
    {
        _disk.Dispose();
        _loop = new HandDrivenLoop();
        _disk = NewDisk(_folder.Path);
    }

    protected override void Dispose(bool disposing)
    {
        _disk.Dispose();
        _folder.Dispose();
        base.Dispose(disposing);
    }

    private LiveDisk NewDisk(string root) => new(root, _loop.Mailbox, Logger);
}
