using Atoll.Foundation.Randomness;
using Atoll.Simulation.Disks;
using Atoll.Simulation.World;
using Atoll.Storage.Journals;
using Xunit;

namespace Atoll.Storage.Tests.Journals;

/// <summary>A simulated disk and a journal on it, for tests of what the disk does to the journal.</summary>
internal sealed class JournalOnSimulatedDisk
{
    private readonly Scheduler _scheduler = new();
    private readonly JournalOptions _options;

    public JournalOnSimulatedDisk(JournalOptions? options = null, ulong seed = 1)
    {
        _options = options ?? JournalOnImage.Small;
        Disk = new SimDisk(_scheduler, new Prng(seed));
        Open();
    }

    public SimDisk Disk { get; }

    public Journal Journal { get; private set; } = null!;

    public JournalOpening TryOpen()
    {
        JournalOpening? opening = null;
        Journal.Open(Disk.Mount(), JournalOnImage.Folder, _options, o => opening = o);
        Pump();
        Assert.NotNull(opening);
        return opening;
    }

    public void CrashAndOpen(bool powerLoss, PowerLossStyle style = PowerLossStyle.KeepNothing)
    {
        Disk.Crash(powerLoss, style);
        Pump();
        Open();
    }

    public void Pump()
    {
        while (_scheduler.RunNext())
        {
        }
    }

    public bool PumpOne() => _scheduler.RunNext();

    public void Flush()
    {
        Journal.Flush();
        Pump();
    }

    public void Maintain(int times = 1)
    {
        for (; times > 0; times--)
        {
            Journal.Maintain();
            Pump();
        }
    }

    private void Open()
    {
        var opening = TryOpen();
        Assert.True(opening.Status == JournalOpeningStatus.Ok, $"{opening.Status} {opening.Corruption} {opening.Detail}");
        Journal = opening.Journal!;
    }
}
