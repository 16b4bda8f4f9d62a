using Atoll.Conformance;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Simulation.Disks;
using Atoll.Simulation.World;
using Xunit;

namespace Atoll.Simulation.Tests;

public sealed class SimDiskConformanceTests : DiskConformance
{
    protected override DiskHarness NewDisk() => new SimDiskHarness(new DiskFaults());
}

public sealed class SlowSimDiskConformanceTests : DiskConformance
{
    protected override DiskHarness NewDisk() => new SimDiskHarness(new DiskFaults { SlowPartsPerMillion = 500_000 });
}

internal sealed class SimDiskHarness(DiskFaults faults, ulong seed = 1) : DiskHarness
{
    private IDisk? _mount;

    public Scheduler Scheduler { get; } = new();

    public SimDisk Simulated => field ??= new SimDisk(Scheduler, new Prng(seed), faults);

    public override IDisk Disk => _mount ??= Simulated.Mount();

    public override void RunUntil(Func<bool> condition) =>
        Assert.True(Scheduler.RunUntil(condition, Duration.FromSeconds(60)), "the disk did not answer");

    public override void Restart() => PowerLoss(null);

    public void PowerLoss(PowerLossStyle? style)
    {
        Simulated.Crash(true, style);
        _mount = null;
    }
}
