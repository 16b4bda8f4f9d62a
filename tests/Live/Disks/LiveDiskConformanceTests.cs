using Atoll.Conformance;

namespace Atoll.Live.Tests.Disks;

/// <summary>The suite that every disk passes, on real files.</summary>
public sealed class LiveDiskConformanceTests : DiskConformance
{
    protected override DiskHarness NewDisk() => new LiveDiskHarness();
}
