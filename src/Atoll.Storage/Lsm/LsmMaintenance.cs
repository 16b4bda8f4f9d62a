using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>What a store does beside reads and writes: flushes in their order, one merge at a time, waiting for space.</summary>
internal sealed class LsmMaintenance(LsmStore store)
{
    private const long SpaceReserveBytes = 1024 * 1024;

    // While level 0 is too long, each byte that is written owes merges so many: at first, and more and more until writing stops.
    private const long DebtFactorMin = 4;
    private const long DebtFactorMax = 64;
    private const long DebtBytesMax = 4 * 1024 * 1024;

    private static readonly Probe FullFlush = Probe.Define("store: a flush finds the disk full");
    private static readonly Probe FullMerge = Probe.Define("store: a merge finds the disk full");
    private static readonly Probe DamagedMerge = Probe.Define("store: a merge meets damage");
    private static readonly Probe MovedProbe = Probe.Define("store: files moved down a level");
    private static readonly Probe SqueezedProbe = Probe.Define("store: a file is written anew to win space");
    private static readonly Probe DeadFiles = Probe.Define("store: files of dropped shards deleted unread");

    private MergeJob? _flush;
    private MergeJob? _merge;
    private FileSet? _filesAtRest;
    private FileSet? _filesMeasured;
    private bool _wasShortAtRest;
    private long _outputBytesMax;
    private long _debtBytes;
    private long _takenBefore;
    private bool _isCommittingMerge;
    private bool _isAskingForSpace;
    private bool _mayHaveDeadFiles;
    private long _flushSpaceNeeded;
    private long _mergeSpaceNeeded;

    // Files of the lowest level that were written anew since space became short: doing so again would win nothing.
    private readonly SortedSet<ulong> _squeezed = [];

    public bool IsBusy => _flush is not null || _merge is not null || _isCommittingMerge || _mayHaveDeadFiles;

    public long Flushes { get; private set; }

    public long FlushedBytes { get; private set; }

    public long Merges { get; private set; }

    public long MergeReadBytes { get; private set; }

    public long MergeWrittenBytes { get; private set; }

    public long ValueBytesWritten { get; private set; }

    public long FilesMoved { get; private set; }

    /// <summary>
    /// True while writers are so far ahead of merges that they must wait a moment. A little after every few writes, so that nobody waits
    /// for a whole merge, as all would if writing went on until level 0 is full.
    /// </summary>
    public bool IsOverdrawn => _debtBytes > DebtBytesMax;

    /// <summary>Bytes that flushes and merges may take on the disk before they give any back.</summary>
    public long SpaceNeededBytes
    {
        get
        {
            if (!ReferenceEquals(_filesMeasured, store.Files))
            {
                _filesMeasured = store.Files;
                _outputBytesMax = MergePicker.OutputBytesMax(store.Files, store.Options);
            }

            // What is in memory is flushed, and then takes part in a merge.
            return (2 * store.MemoryBytes) + _outputBytesMax + SpaceReserveBytes;
        }
    }

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
        SettleDebt(budgetBytes - left);
    }

    private void SettleDebt(long mergedBytes)
    {
        var (taken, levelZero, slow) = (store.BytesTaken, store.Files.Levels[0].Length, store.Options.LevelZeroSlowFiles);
        var factor = DebtFactorMin + ((DebtFactorMax - DebtFactorMin) * (levelZero - slow) / (2 * slow));

        // Where no merge can pay it off (damage, a full disk), there is no debt: the length of level 0 stops writers then.
        _debtBytes = levelZero < slow || (_merge is null && !_isCommittingMerge)
            ? 0
            : Math.Max(0, _debtBytes + (Math.Max(0, taken - _takenBefore) * factor) - mergedBytes);
        _takenBefore = taken;
    }

    /// <summary>The merge that is due; null when none is. What is due changes only with the files, and when space gets short.</summary>
    public MergePlan? FindMerge()
    {
        if (ReferenceEquals(_filesAtRest, store.Files) && _wasShortAtRest == store.IsShortOfSpace)
        {
            return null;
        }

        if (!store.IsShortOfSpace)
        {
            _squeezed.Clear();
        }

        var plan = MergePicker.Pick(store.Files, store.Options);
        if (plan is null && store.IsShortOfSpace)
        {
            plan = MergePicker.PickToWinSpace(store.Files, store.Options, table => _squeezed.Contains(table.Meta.Number));
        }

        (_filesAtRest, _wasShortAtRest) = (plan is null ? store.Files : null, store.IsShortOfSpace);
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

        // What was written last is what is asked for next, if only by the next write of the same key: it goes from the memtable to
        // the cache without a way over the disk, unless it would take all of the cache.
        var output = store.NewOutput(long.MaxValue, memtable.Bytes <= store.Cache.BudgetBytes / 2 ? store.Cache : null);
        MergeJob? job = null;
        _flush = job = new MergeJob(
            new ChainedCursor([.. cursors]), RangeTombstones.Merge(tombstones), output, BottomCheck.Never, store.FateOf,
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
            if (!result.IsOk)
            {
                _flush = null;
            }
            else
            {
                Flushes++;
                FlushedBytes += output.LengthBytes;
                ValueBytesWritten += output.ValueBytes;
                OpenThenForget(memtable, output.Files);
            }
        });
    }

    // The memtable answers until its files can: else everything that asks for a key waits for them to be opened.
    private void OpenThenForget(Memtable memtable, IReadOnlyList<TableMeta> written)
    {
        var files = store.Files.Hold();
        var opening = Array.FindAll(files.Levels[0], table => !table.IsOpen && written.Any(meta => meta.Number == table.Meta.Number));
        var left = opening.Length;
        foreach (var table in opening)
        {
            // One that cannot be opened says so to whoever needs it.
            table.Open(_ => Opened());
        }

        if (opening.Length == 0)
        {
            left = 1;
            Opened();
        }

        void Opened()
        {
            if (--left == 0)
            {
                files.Release();
                _flush = null;
                store.Flushing(memtable);
            }
        }
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
        var collector = new ValueCollector(plan.Collected, store.Options.TransferBytes);
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
                    MergeFailed(plan, result);
                }
                else
                {
                    CommitMerge(plan, inputs, output, job!);
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

    private void MergeFailed(MergePlan plan, DiskResult result)
    {
        if (result.Status == DiskStatus.Full)
        {
            FullMerge.Hit();
            _mergeSpaceNeeded = plan.OutputBytesMax;
        }
        else
        {
            store.Fail(result);
        }
    }

    private void CommitMerge(MergePlan plan, List<Table> inputs, MergeOutput output, MergeJob job)
    {
        var edit = new ManifestEdit();
        edit.Removed.AddRange(inputs.Select(static table => table.Meta.Number));
        edit.Added.AddRange(output.Files.Select(meta => (plan.OutputLevel, meta)));
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
                if (plan.IsSqueeze)
                {
                    SqueezedProbe.Hit();
                    _squeezed.UnionWith(output.Files.Select(static meta => meta.Number));
                }
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
