using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.World;

namespace Atoll.Storage.Lsm;

/// <summary>
/// A loop's sorted store on disk: a log-structured merge tree (O'Neil et al., 1996) that all shards of the loop share. It has no log of
/// its own: what was not flushed is replayed from the shards' logs, from <see cref="LsmShard.DurableApplied"/> on. Single-threaded;
/// everything beside reads and writes of memory happens in <see cref="Maintain"/> and in ends of disk operations.
/// </summary>
public sealed class LsmStore
{
    private readonly IDisk _disk;
    private readonly string _folder;
    private readonly ulong _identity;
    private readonly Manifest _manifest;
    private readonly SortedDictionary<ShardId, LsmShard> _shards = [];
    private readonly SortedDictionary<ulong, LsmShard> _trees = [];
    private readonly SortedDictionary<ulong, TreePoint> _durable = [];
    private readonly ValueFileSet _valueFiles;
    private readonly List<Memtable> _frozen = [];
    private readonly LsmMaintenance _maintenance;
    private readonly LsmScrub _scrub;
    private ulong _nextFile = 1;
    private ulong _nextTree = 1;
    private long _bytesFrozen;
    private long _bytesWritten;

    /// <summary>A store with nothing in it yet.</summary>
    internal LsmStore(IDisk disk, string folder, ulong identity, LsmOptions options)
    {
        _disk = disk;
        _folder = folder;
        _identity = identity;
        Options = options;
        Active = new Memtable(options);
        Files = new FileSet([.. Enumerable.Range(0, FileSet.LevelCount).Select(static _ => Array.Empty<Table>())], Gone);
        Cache = new BlockCache(options.CacheBytes);
        _valueFiles = new ValueFileSet(disk, folder, identity, Report);
        Values = new ValueCache(options.ValueCacheBytes, _valueFiles);
        Lookup = new PointLookup(Cache);
        _manifest = new Manifest(disk, folder, identity, options.TransferBytes, Describe)
        {
            Blocked = () =>
            {
                State = State == LsmState.Failed ? LsmState.Failed : LsmState.Full;
                WhenBlocked?.Invoke();
            },
        };
        _maintenance = new LsmMaintenance(this);
        _scrub = new LsmScrub(this);
    }

    /// <summary>Whether it can write.</summary>
    public LsmState State { get; private set; }

    /// <summary>What the disk said when the store failed.</summary>
    public DiskResult Failure { get; private set; }

    /// <summary>What it asks of those who write.</summary>
    public WritePressure Pressure
    {
        get
        {
            var levelZero = Files.Levels[0].Length;
            var isFull = Active.Bytes >= Options.MemtableBytes && _frozen.Count >= Options.FrozenMemtablesMax;
            return isFull || levelZero >= 3 * Options.LevelZeroSlowFiles || _maintenance.IsOverdrawn ? WritePressure.Stop
                : levelZero >= Options.LevelZeroSlowFiles ? WritePressure.Slow
                : WritePressure.None;
        }
    }

    /// <summary>
    /// Bytes that must be free on the disk for everything in memory to be flushed, and for the merges that then give space back. Whoever
    /// lets more be written than that gets a disk on which nothing can be freed any more.
    /// </summary>
    public long SpaceNeededBytes => _maintenance.SpaceNeededBytes;

    /// <summary>
    /// True while less is free than <see cref="SpaceNeededBytes"/>; the owner, who knows the disk, says so. Then merges become due that
    /// only win space.
    /// </summary>
    public bool IsShortOfSpace { get; set; }

    /// <summary>The shards that have state here.</summary>
    public IEnumerable<LsmShard> Shards => _shards.Values;

    /// <summary>
    /// The shards that must be loaded anew for everything damaged to go: those that may have keys in a damaged file, and those that have
    /// lost a value. Until then their sound keys stay readable, and no merge touches the file.
    /// </summary>
    public IReadOnlyList<ShardId> ShardsToRepair
    {
        get
        {
            var damaged = Files.Levels.SelectMany(static l => l)
                .Where(static t => t.Damage is not null || Array.Exists(t.ValueFiles, static file => file.IsLost)).ToList();
            var trees = new SortedSet<ulong>();
            foreach (var use in Files.ValueUses)
            {
                trees.UnionWith(use.File.DamagedTrees);
            }

            return
            [
                .. _shards.Values
                    .Where(shard => trees.Contains(shard.Tree)
                        || damaged.Exists(t => t.Meta.Overlaps(TreeKey.Prefix(shard.Tree), TreeKey.Prefix(shard.Tree + 1))))
                    .Select(static shard => shard.Shard),
            ];
        }
    }

    /// <summary>
    /// What is damaged now, and known to be: the first fault of each file. What a merge has yet to throw away, because the tree that it was
    /// part of was dropped or loaded anew, is no loss.
    /// </summary>
    public IReadOnlyList<StoreFault> Faults =>
    [
        .. Files.Levels.SelectMany(static l => l).Select(static t => t.Damage)
            .Concat(Files.ValueUses.Select(static use => use.File.Damage)).OfType<StoreFault>().Where(ConcernsLiveTree),
    ];

    /// <summary>Called whenever a flush has moved the point that a shard's replay starts from.</summary>
    public Action? Flushed { get; set; }

    /// <summary>Called with every damage that is found, once for each file.</summary>
    public Action<StoreFault>? FaultFound { get; set; }

    /// <summary>True while something is on its way to the disk already.</summary>
    public bool IsFlushing => _frozen.Count > 0;

    /// <summary>True while a flush or a merge is due or under way.</summary>
    public bool HasWork =>
        _frozen.Count > 0 || Active.Bytes >= Options.MemtableBytes || _maintenance.IsBusy || _maintenance.FindMerge() is not null;

    /// <summary>What it has done, and what it consists of.</summary>
    public LsmStatistics Statistics => new(
        [.. Files.Levels.Select(static l => l.Length)],
        [.. Files.Levels.Select(static l => l.Sum(static t => t.Meta.LengthBytes))],
        MemoryBytes,
        Cache.Bytes + Values.Bytes, Cache.Hits, Cache.Loads, Lookup.Filtered,
        _bytesWritten, _maintenance.Flushes, _maintenance.FlushedBytes, _maintenance.Merges, _maintenance.MergeReadBytes,
        _maintenance.MergeWrittenBytes, _maintenance.FilesMoved,
        Files.ValueUses.Count, Files.ValueUses.Sum(static u => u.File.Meta.LengthBytes), Files.ValueUses.Sum(static u => u.GarbageBytes),
        _maintenance.ValueBytesWritten, Values.Loads,
        _scrub.Bytes, _scrub.Passes, _scrub.Damaged);

    /// <summary>Bytes of what is in memory and not on the disk yet.</summary>
    internal long MemoryBytes
    {
        get
        {
            // Asked after every batch of events: without an enumerator each time.
            var bytes = Active.Bytes;
            foreach (var memtable in _frozen)
            {
                bytes += memtable.Bytes;
            }

            return bytes;
        }
    }

    /// <summary>Bytes that memtables have taken since the store was opened.</summary>
    internal long BytesTaken => _bytesFrozen + Active.Bytes;

    internal LsmOptions Options { get; }

    internal BlockCache Cache { get; }

    internal PointLookup Lookup { get; }

    internal ValueCache Values { get; }

    internal RememberedLookup Remembered { get; } = new();

    internal FileSet Files { get; private set; }

    internal Memtable Active { get; private set; }

    internal IReadOnlyList<Memtable> Frozen => _frozen;

    internal IDisk Disk => _disk;

    internal Action? WhenBlocked { get; set; }

    /// <summary>Opens the store in a folder, or makes one.</summary>
    /// <param name="disk">The loop's disk.</param>
    /// <param name="folder">Where on it; nothing else may be there.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="done">The end.</param>
    public static void Open(IDisk disk, string folder, LsmOptions options, Action<LsmOpening> done)
    {
        options.Validate();
        new LsmOpener(disk, folder, options, done).Open();
    }

    /// <summary>A shard's state; an empty one is made when there is none.</summary>
    public LsmShard Shard(ShardId id)
    {
        if (!_shards.TryGetValue(id, out var shard))
        {
            shard = new LsmShard(this, id, NewTree());
            _shards.Add(id, shard);
            _trees.Add(shard.Tree, shard);
        }

        return shard;
    }

    /// <summary>Forgets a shard. Its files go when nothing else is in them, the rest at the next merge.</summary>
    /// <param name="id">The shard; may be unknown.</param>
    /// <param name="done">Called once that is durable, or with the disk's error.</param>
    public void DropShard(ShardId id, Action<DiskResult> done)
    {
        var edit = new ManifestEdit();
        if (_shards.Remove(id, out var shard))
        {
            ForgetTree(shard.Tree);
            edit.Dropped.Add(shard.Tree);
        }

        Commit(edit, result =>
        {
            _maintenance.TreesWereDropped();
            done(result);
        });
    }

    /// <summary>
    /// Begins to build a shard's state anew from records in order (a snapshot that was received, a backup), beside the one in use.
    /// </summary>
    public LsmLoad BeginLoad(ShardId id)
    {
        var tree = NewTree();
        var load = new LsmLoad(this, id, tree, NewOutput(Options.FileBytes));
        _trees.Add(tree, load.Shard);
        return load;
    }

    /// <summary>Freezes the memtable, so that what is in it, and how far each shard has come, goes to the disk soon.</summary>
    public void Flush()
    {
        var points = new List<TreePoint>();
        foreach (var shard in _shards.Values)
        {
            if (shard.HasAdvanced)
            {
                shard.Freezing?.Invoke();
                points.Add(shard.Capture());
            }
        }

        if (points.Count > 0 || !Active.IsEmpty)
        {
            Active.Points = points;
            _bytesFrozen += Active.Bytes;
            _frozen.Add(Active);
            Active = new Memtable(Options);
        }
    }

    /// <summary>
    /// Gives the store time: to freeze a full memtable, to flush, to merge, to see whether a full disk has space again. It returns after
    /// about so many bytes of work for each of flush and merge, or when it must wait for the disk. Never in the middle of a command:
    /// what is frozen must be what each shard's <see cref="LsmShard.Applied"/> says.
    /// </summary>
    /// <param name="budgetBytes">Bytes of entries to work through.</param>
    public void Maintain(long budgetBytes)
    {
        if (State == LsmState.Failed)
        {
            return;
        }

        if (Active.Bytes >= Options.MemtableBytes && _frozen.Count < Options.FrozenMemtablesMax)
        {
            Flush();
        }

        _maintenance.Work(budgetBytes);
    }

    /// <summary>
    /// Reads about so many bytes of the files, in rounds over all of them, and reports what is damaged to <see cref="FaultFound"/>.
    /// </summary>
    public void Scrub(long budgetBytes) => _scrub.Work(budgetBytes);

    internal void Wrote(long bytes) => _bytesWritten += bytes;

    internal ulong NextFileNumber() => _nextFile++;

    internal MergeOutput NewOutput(long fileBytes, BlockCache? cache = null) =>
        new(_disk, _folder, _identity, Options, NextFileNumber, fileBytes) { Cache = cache };

    internal bool IsAlive(ulong tree) => _trees.ContainsKey(tree);

    internal TreeFate FateOf(ulong tree) =>
        _trees.TryGetValue(tree, out var shard) ? new TreeFate(true, shard.Horizon.Value) : default;

    internal bool HasLiveTreeWithin(ulong first, ulong last)
    {
        foreach (var tree in _trees.Keys)
        {
            if (tree >= first && tree <= last)
            {
                return true;
            }
        }

        return false;
    }

    internal TreePoint? DurablePoint(ulong tree) => _durable.TryGetValue(tree, out var point) ? point : null;

    internal void Flushing(Memtable memtable)
    {
        Check.That(_frozen[0] == memtable);
        _frozen.RemoveAt(0);
        Flushed?.Invoke();
    }

    internal void ForgetTree(ulong tree)
    {
        _trees.Remove(tree);
        Active.Drop(tree);
        foreach (var memtable in _frozen)
        {
            memtable.Drop(tree);
        }
    }

    /// <summary>A load is durable: the shard's old tree gives way.</summary>
    internal void Loaded(ShardId id, ulong tree)
    {
        var loaded = _trees[tree];
        if (_shards.TryGetValue(id, out var shard))
        {
            ForgetTree(shard.Tree);
            shard.Replace(loaded);
        }
        else
        {
            _shards.Add(id, shard = loaded);
        }

        _trees[tree] = shard;
        _maintenance.TreesWereDropped();
    }

    internal ulong? TreeOf(ShardId id) => _shards.TryGetValue(id, out var shard) ? shard.Tree : null;

    /// <summary>Makes a change durable, and then the store's.</summary>
    internal void Commit(ManifestEdit edit, Action<DiskResult> done)
    {
        if (State == LsmState.Failed)
        {
            done(Failure);
            return;
        }

        edit.NextFile = _nextFile;
        edit.NextTree = _nextTree;
        _manifest.Commit(edit, result =>
        {
            if (result.IsOk)
            {
                Apply(edit);
            }
            else
            {
                Fail(result);
            }

            done(result);
        });
    }

    internal void Fail(DiskResult result)
    {
        if (State != LsmState.Failed)
        {
            State = LsmState.Failed;
            Failure = result;
        }
    }

    internal void BecomeFull() => State = State == LsmState.Failed ? LsmState.Failed : LsmState.Full;

    internal void BecomeReady()
    {
        if (State == LsmState.Full)
        {
            State = LsmState.Ready;
            _manifest.Retry();
        }
    }

    internal void Report(StoreFault fault) => FaultFound?.Invoke(fault);

    /// <summary>Takes over what a manifest says; returns what does not fit.</summary>
    internal string? Restore(List<ManifestEdit> edits, ulong nextNumber)
    {
        var files = new SortedDictionary<ulong, (int Level, TableMeta Meta)>();
        var values = new SortedDictionary<ulong, ValueFileMeta>();
        _nextFile = nextNumber;
        foreach (var edit in edits)
        {
            _nextFile = Math.Max(_nextFile, edit.NextFile);
            _nextTree = Math.Max(_nextTree, edit.NextTree);
            foreach (var added in edit.Added)
            {
                if (!files.TryAdd(added.Meta.Number, added))
                {
                    return $"file {added.Meta.Number:x} comes in twice";
                }
            }

            foreach (var added in edit.AddedValues)
            {
                if (!values.TryAdd(added.Number, added))
                {
                    return $"value file {added.Number:x} comes in twice";
                }
            }

            foreach (var (number, level) in edit.Moved)
            {
                if (!files.TryGetValue(number, out var moved))
                {
                    return $"file {number:x} is moved, and is not there";
                }

                files[number] = moved with { Level = level };
            }

            foreach (var number in edit.Removed)
            {
                if (!files.Remove(number))
                {
                    return $"file {number:x} goes, and is not there";
                }
            }

            ApplyTrees(edit);
        }

        for (var level = 1; level < FileSet.LevelCount; level++)
        {
            var metas = files.Values.Where(f => f.Level == level).Select(static f => f.Meta)
                .OrderBy(static m => m.From, Foundation.Bytes.KeyOrder.Instance).ToList();
            if (metas.Zip(metas.Skip(1)).Any(static p => p.First.To.AsSpan().SequenceCompareTo(p.Second.From) > 0))
            {
                return $"files of level {level} overlap";
            }
        }

        var all = new ManifestEdit();
        all.Added.AddRange(files.Values);
        if (ValueFileSet.TryTakeNeeded(files.Values.Select(static f => f.Meta), values, all.AddedValues) is { } why)
        {
            return why;
        }

        Apply(all);
        foreach (var point in _durable.Values)
        {
            if (point.Tree >= _nextTree || _shards.ContainsKey(point.Shard))
            {
                return $"tree {point.Tree} cannot be";
            }

            var shard = new LsmShard(this, point.Shard, point.Tree);
            shard.Restore(point);
            _shards.Add(point.Shard, shard);
            _trees.Add(point.Tree, shard);
        }

        _maintenance.TreesWereDropped();
        return null;
    }

    private bool ConcernsLiveTree(StoreFault fault) =>
        fault.From.Length < TableFormat.TreePrefixBytes || fault.To.Length < TableFormat.TreePrefixBytes
        || HasLiveTreeWithin(TreeKey.TreeOf(fault.From.Span), TreeKey.TreeOf(fault.To.Span));

    private ulong NewTree() => _nextTree++;

    private void Apply(ManifestEdit edit)
    {
        ApplyTrees(edit);
        if (edit.Added.Count + edit.Removed.Count + edit.Moved.Count > 0)
        {
            edit.AddedValues.ForEach(_valueFiles.Add);
            var before = Files;
            Files = before.With(edit, NewTable);
            before.Release();
        }
    }

    private Table NewTable(TableMeta meta, int level) =>
        new(_disk, _folder, _identity, meta, level) { Found = Report, ValueFiles = _valueFiles.Hold(meta.Values) };

    private void ApplyTrees(ManifestEdit edit)
    {
        foreach (var tree in edit.Dropped)
        {
            _durable.Remove(tree);
        }

        // Edits are put together at one time and become durable at another: nothing goes back by a later one that knows less.
        foreach (var point in edit.Trees)
        {
            if (_durable.Values.Any(other => other.Shard == point.Shard && other.Tree > point.Tree))
            {
                continue;
            }

            foreach (var older in _durable.Values.Where(other => other.Shard == point.Shard && other.Tree < point.Tree).ToList())
            {
                _durable.Remove(older.Tree);
            }

            var known = _durable.GetValueOrDefault(point.Tree);
            _durable[point.Tree] = (known.Applied > point.Applied ? known : point) with
            {
                CollectedThrough = Math.Max(known.CollectedThrough, point.CollectedThrough),
            };
        }
    }

    private ManifestEdit Describe()
    {
        var edit = new ManifestEdit { NextFile = _nextFile, NextTree = _nextTree };
        foreach (var table in Files.Levels.SelectMany(static l => l))
        {
            edit.Added.Add((table.Level, table.Meta));
        }

        edit.AddedValues.AddRange(Files.ValueUses.Select(static u => u.File.Meta));
        edit.Trees.AddRange(_durable.Values);
        return edit;
    }

    // What cannot be deleted now is an orphan that the next opening deletes.
    private void Gone(Table table)
    {
        table.Close();
        _disk.Delete(table.Name, static _ => { });
        _valueFiles.Release(table.ValueFiles);
    }
}
