using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>
/// One shard's records in its loop's store: a sorted store with versions. Versions must not decrease from write to write. What replaces
/// or removes a record must have been prepared; blind writes ask for nothing.
/// </summary>
public sealed class LsmShard : ISortedStore, IStateTree
{
    private readonly LsmStore _store;
    private readonly SortedDictionary<byte, LsmSection> _sections = [];
    private readonly List<Block> _touched = [];
    private byte[] _key = new byte[128];
    private LogIndex _captured;

    /// <summary>A shard without records.</summary>
    internal LsmShard(LsmStore store, ShardId shard, ulong tree)
    {
        _store = store;
        Shard = shard;
        Tree = tree;
    }

    /// <summary>Whose records they are.</summary>
    public ShardId Shard { get; }

    /// <inheritdoc />
    public Action? Freezing { get; set; }

    /// <inheritdoc />
    public LogIndex Applied { get; set; }

    /// <inheritdoc />
    public LogIndex DurableApplied => _store.DurablePoint(Tree)?.Applied ?? LogIndex.Zero;

    /// <inheritdoc />
    public bool TakesWrites => _store.Pressure != WritePressure.Stop && _store.State != LsmState.Failed;

    /// <inheritdoc />
    public HybridTime Horizon { get; set; } = HybridTime.Max;

    /// <summary>Reads at a time before this one are refused: what they would see may be gone.</summary>
    public HybridTime CollectedThrough => new(_store.DurablePoint(Tree)?.CollectedThrough ?? 0);

    /// <summary>
    /// Records, as <see cref="Put"/> and <see cref="Remove"/> count them; who writes otherwise says what changed by
    /// <see cref="AddToCount"/>.
    /// </summary>
    public long Count { get; private set; }

    internal ulong Tree { get; private set; }

    /// <summary>Whether what the last lookup missed is a value that is kept apart, rather than a block.</summary>
    internal bool MissesValue { get; private set; }

    internal bool HasAdvanced => Applied > _captured;

    /// <inheritdoc />
    public ISortedStore Section(byte section)
    {
        if (!_sections.TryGetValue(section, out var found))
        {
            _sections[section] = found = new LsmSection(_store, this, section);
        }

        return found;
    }

    /// <inheritdoc />
    public IStateLoad BeginLoad() => new LsmStateLoad(_store.BeginLoad(Shard));

    /// <summary>Writes a version of a record, whatever was there. Key and value are copied.</summary>
    public void Write(ReadOnlySpan<byte> key, in StoredRecord record) => Write([], key, record);

    /// <inheritdoc />
    void ISortedStore.Write(ReadOnlyMemory<byte> key, in StoredRecord record) => Write([], key.Span, record);

    internal void Write(ReadOnlySpan<byte> section, ReadOnlySpan<byte> key, in StoredRecord record)
    {
        var length = TreeKey.Join(ref _key, Tree, section, key);
        var value = new MemoryValue(record.Value, record.ExpiresAt.Value, EntryKind.Put);
        _store.Active.Write(Tree, _key.AsSpan(0, length), record.Version.Value, value);
        _store.Wrote(key.Length + record.Value.Length);
    }

    /// <summary>Removes a record from a version on, whether or not it is there.</summary>
    public void Delete(ReadOnlySpan<byte> key, HybridTime version) => Delete([], key, version);

    internal void Delete(ReadOnlySpan<byte> section, ReadOnlySpan<byte> key, HybridTime version)
    {
        var length = TreeKey.Join(ref _key, Tree, section, key);
        _store.Active.Write(Tree, _key.AsSpan(0, length), version.Value, new MemoryValue(default, 0, EntryKind.Delete));
        _store.Wrote(key.Length);
    }

    /// <summary>
    /// Removes all records of a range from a version on; what is written into it afterwards, also at that version, stays.
    /// </summary>
    /// <param name="from">The first key.</param>
    /// <param name="to">The first key behind the range; empty for the end.</param>
    /// <param name="version">When.</param>
    public void DeleteRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, HybridTime version) =>
        DeleteRange([], from, to, version);

    internal void DeleteRange(ReadOnlySpan<byte> section, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, HybridTime version)
    {
        byte[] first = [.. TreeKey.Prefix(Tree, section), .. from];
        byte[] end = to.IsEmpty ? TreeKey.End(Tree, section) : [.. TreeKey.Prefix(Tree, section), .. to];
        if (first.AsSpan().SequenceCompareTo(end) < 0)
        {
            _store.Active.DeleteRange(Tree, first, end, version.Value);
        }
    }

    /// <summary>Corrects <see cref="Count"/> by what blind writes have changed.</summary>
    public void AddToCount(long records) => Count += records;

    /// <inheritdoc />
    public bool TryGet(ReadOnlyMemory<byte> key, out StoredRecord record)
    {
        return TryGet([], key.Span, withValue: true, out record);
    }

    /// <inheritdoc />
    public bool TryGetHead(ReadOnlyMemory<byte> key, out StoredRecord head) => TryGet([], key.Span, withValue: false, out head);

    internal bool TryGet(ReadOnlySpan<byte> section, ReadOnlySpan<byte> key, bool withValue, out StoredRecord record)
    {
        var status = FindAgain(section, key, out record) ?? Find(section, key, withValue, out record);

        // ISortedReader: "it must be in memory".
        Check.That(status != LookupStatus.Missing);
        return status == LookupStatus.Found;
    }

    /// <inheritdoc />
    public LookupStatus Find(ReadOnlyMemory<byte> key, out StoredRecord record) => Find([], key.Span, withValue: true, out record);

    /// <inheritdoc />
    public LookupStatus FindHead(ReadOnlyMemory<byte> key, out StoredRecord head) => Find([], key.Span, withValue: false, out head);

    /// <inheritdoc />
    public bool Put(ReadOnlyMemory<byte> key, in StoredRecord record, out StoredRecord previous)
    {
        var isKnown = TryGetHead(key, out previous);
        Write(key.Span, record);
        Count += isKnown ? 0 : 1;
        return isKnown;
    }

    /// <inheritdoc />
    public bool Remove(ReadOnlyMemory<byte> key, HybridTime version, out StoredRecord previous)
    {
        if (!TryGetHead(key, out previous))
        {
            return false;
        }

        Delete(key.Span, version);
        Count--;
        return true;
    }

    /// <inheritdoc />
    public bool Prepare(ReadOnlySpan<ReadOnlyMemory<byte>> keys, Action<StoreFault?> ready) => Prepare([], keys, withValues: true, ready);

    /// <inheritdoc />
    public bool PrepareHeads(ReadOnlySpan<ReadOnlyMemory<byte>> keys, Action<StoreFault?> ready) =>
        Prepare([], keys, withValues: false, ready);

    internal bool Prepare(byte[] section, ReadOnlySpan<ReadOnlyMemory<byte>> keys, bool withValues, Action<StoreFault?> ready)
    {
        Preparation? preparation = null;
        if (keys.Length == 1)
        {
            // A lookup of one key goes on where it stopped: what it has touched before stays in memory for the others that follow.
            _store.Lookup.Touched = _touched;
        }

        foreach (var key in keys)
        {
            if (Find(section, key.Span, withValues, out _) == LookupStatus.Missing)
            {
                preparation ??= new Preparation(_store, this, section, keys.ToArray(), withValues, ready);
                preparation.Miss();
            }
        }

        _store.Lookup.Touched = null;
        if (preparation is not null)
        {
            preparation.Pin(_touched);
            preparation.Load();
        }

        _touched.Clear();
        return preparation is null;
    }

    /// <inheritdoc />
    public ISortedCursor OpenCursor() => new LsmCursor(new LsmSnapshot(_store, this, [], ulong.MaxValue), ownsSnapshot: true);

    /// <inheritdoc />
    public ISortedCursor OpenHeadCursor() =>
        new LsmCursor(new LsmSnapshot(_store, this, [], ulong.MaxValue), ownsSnapshot: true, withValues: false);

    /// <inheritdoc />
    public ISortedSnapshot Snapshot() => new LsmSnapshot(_store, this, [], ulong.MaxValue);

    /// <inheritdoc />
    public ISortedSnapshot? SnapshotAt(HybridTime at) => at < CollectedThrough ? null : new LsmSnapshot(_store, this, [], at.Value);

    /// <summary>Where the lookup stopped that has just missed a block.</summary>
    internal LookupStop Stopped() => new(Tree, _store.Active, _store.Active.Bytes, _store.Files, _store.Lookup.Stopped);

    /// <summary>Looks a key up in what is in memory.</summary>
    /// <param name="section">The section, or empty.</param>
    /// <param name="key">The key.</param>
    /// <param name="withValue">Whether a value that is kept apart must be there too.</param>
    /// <param name="record">The record or its head, or default.</param>
    /// <param name="stopped">Where the last lookup of the same key stopped, or default.</param>
    internal LookupStatus Find(
        ReadOnlySpan<byte> section, ReadOnlySpan<byte> key, bool withValue, out StoredRecord record, in LookupStop stopped = default)
    {
        // The expiry index puts 8 bytes in front of a key.
        Check.That(key.Length <= Limits.KeyBytesMax + 8);
        var length = TreeKey.Join(ref _key, Tree, section, key);
        var sources = new LookupSources(Tree, _store.Active.Find(Tree), _store.Frozen, _store.Files);
        MissesValue = false;
        var resumed = stopped == Stopped() with { Point = stopped.Point } ? stopped.Point : default;
        var status = _store.Lookup.Find(sources, _key, length, ulong.MaxValue, resumed, out var version, out var value);
        if (status == LookupStatus.Found && value.Kind == EntryKind.Apart)
        {
            return FindApart(length, withValue, version, value, out record);
        }

        record = status == LookupStatus.Found
            ? new StoredRecord(new HybridTime(version), new HybridTime(value.ExpiresAt), value.Value) : default;
        if (status != LookupStatus.Missing)
        {
            _store.Remembered.Remember(_key.AsSpan(0, length), _store.Active, status, record);
        }

        return status;
    }

    // The key is the one that was looked up last.
    private LookupStatus FindApart(int keyLength, bool withValue, ulong version, in MemoryValue found, out StoredRecord record)
    {
        var pointer = ValuePointer.Read(found.Value.Span);
        record = StoredRecord.HeadOf(new HybridTime(version), new HybridTime(found.ExpiresAt), pointer.LengthBytes);
        if (!withValue)
        {
            return LookupStatus.Found;
        }

        if (!_store.Values.TryGet(pointer, _key.AsSpan(0, keyLength), out var value))
        {
            MissesValue = true;
            return LookupStatus.Missing;
        }

        record = new StoredRecord(record.Version, record.ExpiresAt, value);
        return LookupStatus.Found;
    }

    /// <summary>The end of the last lookup, when that was the same and nothing was written since.</summary>
    private LookupStatus? FindAgain(ReadOnlySpan<byte> section, ReadOnlySpan<byte> key, out StoredRecord record)
    {
        var length = TreeKey.Join(ref _key, Tree, section, key);
        return _store.Remembered.TryGet(_key.AsSpan(0, length), _store.Active, out record);
    }

    internal TreePoint Capture()
    {
        _captured = Applied;
        return new TreePoint(Tree, Shard, Applied, Count, 0);
    }

    internal void Restore(TreePoint point)
    {
        Applied = _captured = point.Applied;
        Count = point.Count;
    }

    /// <summary>Goes on with what a load has built.</summary>
    internal void Replace(LsmShard loaded)
    {
        Check.That(loaded.Shard == Shard && loaded.Tree > Tree);
        Tree = loaded.Tree;
        Applied = _captured = loaded.Applied;
        Count = loaded.Count;
    }
}
