using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.World;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Disks;

/// <summary>An operation under way: what its end will say, and what becomes durable by it.</summary>
internal sealed class DiskOperation(SimDisk disk, LoopIncarnation loop) : ISimEventTarget
{
    private long _order;

    public DiskResult Result { get; set; } = DiskResult.Success;

    // Named by the operation's kind; one of them is set.
    public Action<DiskResult>? Done { get; init; }

    public Action<DiskResult, IDiskFile?>? DoneWithFile { get; init; }

    public Action<DiskResult, IReadOnlyList<DiskEntry>>? DoneWithEntries { get; init; }

    public Action<DiskResult, IReadOnlyList<string>>? DoneWithNames { get; init; }

    public IDiskFile? OpenedFile { get; set; }

    public IReadOnlyList<DiskEntry> Entries { get; set; } = [];

    public IReadOnlyList<string> Names { get; set; } = [];

    public SimFile? File { get; set; }

    public FileImage.SyncPoint? Sync { get; set; }

    public bool SyncFails { get; set; }

    public long NamesChange { get; set; }

    public SimFile? Gone { get; set; }

    public ReadOnlyMemory<byte> Written { get; set; }

    public ulong Hash { get; set; }

    public void Begin(DiskWork work, long bytes)
    {
        var at = disk.Scheduler.Now + disk.DrawTime(work, bytes);
        if (File is not null)
        {
            _order = File.Ask(at, out at);
        }

        disk.Scheduler.Schedule(at, this, new SimEvent(SimEventKind.Disk, loop.Address.Node.Value, (long)Result.Status, Hash, null));
    }

    public void Run(in SimEvent happening)
    {
        var scheduler = disk.Scheduler;
        if (!loop.IsAlive)
        {
            return;
        }

        if (disk.StalledUntil > scheduler.Now)
        {
            scheduler.Schedule(disk.StalledUntil, this, happening);
            return;
        }

        if (loop.Withholds(scheduler, this, happening))
        {
            return;
        }

        // Only operations that were held up until the same moment can meet here out of order.
        if (File is not null && !File.IsNextToEnd(_order))
        {
            scheduler.Schedule(scheduler.Now, this, happening);
            return;
        }

        End();
        loop.Delivered();
    }

    private void End()
    {
        File?.End();
        if (NamesChange > 0)
        {
            disk.Names.End(NamesChange);
            if (Gone is not null)
            {
                disk.ForgetIfGone(Gone);
            }
        }

        if (Written.Length > 0)
        {
            // IDiskFile: "the bytes must not change until the end".
            Check.That(StableHash.Compute(Written.Span) == Hash);
        }

        EndSync();
        Done?.Invoke(Result);
        DoneWithFile?.Invoke(Result, OpenedFile);
        DoneWithEntries?.Invoke(Result, Entries);
        DoneWithNames?.Invoke(Result, Names);
    }

    private void EndSync()
    {
        if (Sync is null)
        {
            return;
        }

        if (SyncFails)
        {
            File!.Image.DropSync(Sync);
        }
        else if (disk.Faults.LiesAboutSync)
        {
            disk.CountLie();
            var (file, sync) = (File!, Sync);
            disk.Scheduler.Schedule(disk.Faults.LieTime, () => file.Image.EndSync(sync), SimEventKind.Disk, loop.Address.Node.Value);
        }
        else
        {
            File!.Image.EndSync(Sync);
        }
    }
}
