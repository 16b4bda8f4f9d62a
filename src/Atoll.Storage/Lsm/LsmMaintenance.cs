using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>What a store does beside reads and writes: flushes in their order, one merge at a time, waiting for space.</summary>
internal sealed class LsmMaintenance(LsmStore store)
{
    private const long SpaceReserveBytes = 1024 * 1024;

    private static readonly Probe FullFlush = Probe.Define("store: a flush finds the disk full");
    private static readonly Probe FullMerge = Probe.Define("store: a merge finds the disk full");
    private static readonly Probe DamagedMerge = Probe.Define("store: a merge meets damage");
    private static readonly Probe MovedProbe = Probe.Define("store: files moved down a level");
    private static readonly Probe DeadFiles = Probe.Define("store: files of dropped shards deleted unread");

    private MergeJob? _flush;
    private MergeJob? _merge;
    private FileSet? _filesAtRest;
    private bool _isCommittingMerge;
    private bool _isAskingForSpace;
    private bool _mayHaveDeadFiles;
    private long _flushSpaceNeeded;
    private long _mergeSpaceNeeded;

    public bool IsBusy => _flush is not null || _merge is not null || _isCommittingMerge || _mayHaveDeadFiles;

    public long Flushes { get; private set; }

    public long FlushedBytes { get; private set; }

    public long Merges { get; private set; }

    public long MergeReadBytes { get; private set; }

    public long MergeWrittenBytes { get; private set; }

    public long ValueBytesWritten { get; private set; }

    public long FilesMoved { get; private set; }

    public void TreesWereDropped() => _mayHaveDeadFiles = true;

    public void Work(long budgetBytes)
    {
        if (store.State == LsmState.Full || _mergeSpaceNeeded > 0)
        {
            AskForSpace();
        }

        if (store.State == LsmState.Ready && _flush is null && store.Frozen.Count > 0)
        {
            BeginFlush(store.Frozen[0]);
        }

        var left = budgetBytes;
        _flush?.Step(ref left);
        if (store.State == LsmState.Ready && _merge is null && !_isCommittingMerge && _mergeSpaceNeeded == 0)
        {
            if (_mayHaveDeadFiles)
            {
                RemoveDeadFiles();
            }
            else if (FindMerge() is { } plan)
            {
                BeginMerge(plan);
            }
        }

        left = budgetBytes;
        _merge?.Step(ref left);
    }

    /// <summary>The merge that is due; null when none is. What is due changes only with the files.</summary>
    public MergePlan? FindMerge()
    {
        if (ReferenceEquals(_filesAtRest, store.Files))
        {
            return null;
        }

        var plan = MergePicker.Pick(store.Files, store.Options);
        _filesAtRest = plan is null ? store.Files : null;
        return plan;
    }

    private void AskForSpace()
    {
        if (_isAskingForSpace)
        {
            return;
        }

        _isAskingForSpace = true;
        store.Disk.FreeSpace(result =>
        {
            _isAskingForSpace = false;
            if (!result.IsOk)
            {
                return;
            }

            if (result.Bytes >= _flushSpaceNeeded + SpaceReserveBytes)
            {
                _flushSpaceNeeded = 0;
                store.BecomeReady();
            }

            if (result.Bytes >= _mergeSpaceNeeded + _flushSpaceNeeded + SpaceReserveBytes)
            {
                _mergeSpaceNeeded = 0;
            }
        });
    }

    private void BeginFlush(Memtable memtable)
    {
        var cursors = new List<EntryCursor>();
        var tombstones = new List<RangeTombstones>();
        foreach (var (tree, part) in memtable.Trees)
        {
            cursors.Add(new MemoryCursor(part.Snapshot(), TreeKey.Prefix(tree)));
            tombstones.Add(part.RangeTombstones);
        }

        var output = store.NewOutput(long.MaxValue);
        MergeJob? job = null;
        _flush = job = new MergeJob(
            new MergingCursor([.. cursors]), RangeTombstones.Merge(tombstones), output, BottomCheck.Never, store.FateOf,
            store.Options.PendingWriteBytesMax)
        {
            Done = (_, result) =>
            {
                if (!result.IsOk)
                {
                    _flush = null;
                    FlushFailed(memtable, result);
                    return;
                }

                CommitFlush(memtable, output, job!);
            },
        };
    }

    private void FlushFailed(Memtable memtable, DiskResult result)
    {
        if (result.Status == DiskStatus.Full)
        {
            FullFlush.Hit();
            _flushSpaceNeeded = memtable.Bytes;
            store.BecomeFull();
        }
        else
        {
            store.Fail(result);
        }
    }

    private void CommitFlush(Memtable memtable, MergeOutput output, MergeJob job)
    {
        var edit = new ManifestEdit();
        foreach (var meta in output.Files)
        {
            edit.Added.Add((0, meta));
        }

        edit.AddedValues.AddRange(output.ValueFiles);

        foreach (var point in memtable.Points)
        {
            // Dropped or loaded anew since it was frozen: then its points are no longer of interest.
            if (store.IsAlive(point.Tree))
            {
                edit.Trees.Add(Collected(point, job, memtable.VersionMax));
            }
        }

        store.Commit(edit, result =>
        {
            _flush = null;
            if (result.IsOk)
            {
                Flushes++;
                FlushedBytes += output.LengthBytes;
                ValueBytesWritten += output.ValueBytes;
                store.Flushing(memtable);
            }
        });
    }

    private static TreePoint Collected(TreePoint point, MergeJob job, ulong versionMax)
    {
        foreach (var (tree, fate) in job.Fates)
        {
            if (tree == point.Tree)
            {
                return point with { CollectedThrough = Math.Max(point.CollectedThrough, Math.Min(fate.Horizon, versionMax)) };
            }
        }

        return point;
    }

    private void BeginMerge(MergePlan plan)
    {
        if (plan.IsMove)
        {
            MovedProbe.Hit();
            var edit = new ManifestEdit();
            edit.Moved.AddRange(plan.Inputs.Select(table => (table.Meta.Number, plan.OutputLevel)));
            FilesMoved += plan.Inputs.Count;
            _isCommittingMerge = true;
            store.Commit(edit, _ => _isCommittingMerge = false);
            return;
        }

        var files = store.Files.Hold();
        var source = new WindowSource(store.Options.TransferBytes);
        var cursors = new List<EntryCursor>();
        if (plan.OutputLevel == 1)
        {
            foreach (var table in plan.Inputs)
            {
                var cursor = new TableCursor(source);
                cursor.Enter(table);
                cursors.Add(cursor);
            }
        }
        else
        {
            cursors.Add(new LevelCursor([.. plan.Inputs], source));
        }

        cursors.Add(new LevelCursor([.. plan.Below], source));
        var inputs = plan.Inputs.Concat(plan.Below).ToList();
        var output = store.NewOutput(store.Options.FileBytes);
        var collector = new ValueCollector(files.ValueUses, store.Options.TransferBytes);
        MergeJob? job = null;
        _merge = job = new MergeJob(
            new MergingCursor([.. cursors]), RangeTombstones.Merge([.. inputs.Select(static t => t.Meta.RangeTombstones)]), output,
            new BottomCheck(files, plan.OutputLevel), store.FateOf, store.Options.PendingWriteBytesMax)
        {
            Collector = collector,
            Done = (fault, result) =>
            {
                _merge = null;
                files.Release();
                if (fault is not null)
                {
                    MergeMetFault(fault, inputs);
                }
                else if (!result.IsOk)
                {
                    MergeFailed(inputs, collector, result);
                }
                else
                {
                    CommitMerge(plan.OutputLevel, inputs, output, job!);
                }
            },
        };
    }

    private void MergeMetFault(StoreFault fault, List<Table> inputs)
    {
        if (fault.IsCorruption)
        {
            // The file is marked, and no merge touches it from now on: damage is never copied, cut off or merged away.
            DamagedMerge.Hit();
            Check.That(inputs.Exists(static table => table.Damage is not null));
        }
        else
        {
            store.Fail(new DiskResult(fault.Disk, 0, fault.Corruption.Why));
        }
    }

    private void MergeFailed(List<Table> inputs, ValueCollector collector, DiskResult result)
    {
        if (result.Status == DiskStatus.Full)
        {
            FullMerge.Hit();
            _mergeSpaceNeeded = inputs.Sum(static table => table.Meta.LengthBytes) + collector.BytesIn(inputs);
        }
        else
        {
            store.Fail(result);
        }
    }

    private void CommitMerge(int level, List<Table> inputs, MergeOutput output, MergeJob job)
    {
        var edit = new ManifestEdit();
        edit.Removed.AddRange(inputs.Select(static table => table.Meta.Number));
        edit.Added.AddRange(output.Files.Select(meta => (level, meta)));
        edit.AddedValues.AddRange(output.ValueFiles);
        var versionMax = inputs.Max(static table => table.Meta.VersionMax);
        foreach (var (tree, _) in job.Fates)
        {
            if (store.IsAlive(tree) && store.DurablePoint(tree) is { } point)
            {
                edit.Trees.Add(Collected(point, job, versionMax));
            }
        }

        _isCommittingMerge = true;
        store.Commit(edit, result =>
        {
            _isCommittingMerge = false;
            if (result.IsOk)
            {
                Merges++;
                MergeReadBytes += job.InputBytes;
                MergeWrittenBytes += output.LengthBytes;
                ValueBytesWritten += output.ValueBytes;
            }
        });
    }

    private void RemoveDeadFiles()
    {
        _mayHaveDeadFiles = false;
        var edit = new ManifestEdit();
        foreach (var table in store.Files.Levels.SelectMany(static l => l))
        {
            // The end of a range may be the very beginning of the next tree: then that tree is asked about too, which does no harm.
            if (!store.HasLiveTreeWithin(TreeKey.TreeOf(table.Meta.From), TreeKey.TreeOf(table.Meta.To)))
            {
                edit.Removed.Add(table.Meta.Number);
            }
        }

        if (edit.Removed.Count > 0)
        {
            DeadFiles.Hit();
            _isCommittingMerge = true;
            store.Commit(edit, _ => _isCommittingMerge = false);
        }
    }
}
