using Atoll.Foundation.Checks;
using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>
/// A shard's records at one moment: the files of that moment are kept, and the memtables' trees as they were. It costs O(1), beside the
/// nodes that later writes copy.
/// </summary>
internal sealed class LsmSnapshot : ISortedSnapshot
{
    private readonly LsmStore _store;
    private readonly List<TreeSnapshot<MemoryKey, MemoryValue, MemoryKeyOrder>> _memory = [];
    private readonly List<RangeTombstones> _tombstones = [];
    private readonly byte[] _treePrefix;
    private LsmCursor? _reader;
    private LsmCursor? _headReader;
    private bool _isDisposed;

    public LsmSnapshot(LsmStore store, LsmShard shard, byte[] section, ulong at)
    {
        _store = store;
        _treePrefix = TreeKey.Prefix(shard.Tree);
        Prefix = TreeKey.Prefix(shard.Tree, section);
        End = TreeKey.End(shard.Tree, section);
        Tree = shard.Tree;
        At = at;
        Files = store.Files.Hold();
        Add(store.Active);
        for (var i = store.Frozen.Count - 1; i >= 0; i--)
        {
            Add(store.Frozen[i]);
        }
    }

    /// <summary>What all keys that it sees begin with: the tree's number, and the section's byte if it is of one.</summary>
    public byte[] Prefix { get; }

    /// <summary>The first key behind them.</summary>
    public byte[] End { get; }

    public ulong Tree { get; }

    public ulong At { get; }

    public FileSet Files { get; }

    public bool TryGet(ReadOnlyMemory<byte> key, out StoredRecord record)
    {
        _reader ??= new LsmCursor(this, ownsSnapshot: false);
        return TryGet(_reader, key, out record);
    }

    public bool TryGetHead(ReadOnlyMemory<byte> key, out StoredRecord head)
    {
        _headReader ??= new LsmCursor(this, ownsSnapshot: false, withValues: false);
        return TryGet(_headReader, key, out head);
    }

    public ISortedCursor OpenCursor() => new LsmCursor(this, ownsSnapshot: false);

    public ISortedCursor OpenHeadCursor() => new LsmCursor(this, ownsSnapshot: false, withValues: false);

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _reader?.Dispose();
            _headReader?.Dispose();
            Files.Release();
        }
    }

    /// <summary>Values of the store that are in memory.</summary>
    public ValueCache Values => _store.Values;

    /// <summary>A cursor over all entries of the tree, the newest sources first.</summary>
    public EntryCursor OpenEntries()
    {
        Check.That(!_isDisposed);
        var runs = Files.RunsOf(Tree);
        var cursors = new EntryCursor[_memory.Count + runs.Length];
        for (var i = 0; i < _memory.Count; i++)
        {
            cursors[i] = new MemoryCursor(_memory[i], _treePrefix);
        }

        for (var i = 0; i < runs.Length; i++)
        {
            cursors[_memory.Count + i] = new LevelCursor(runs[i], _store.Cache);
        }

        return cursors.Length == 1 ? cursors[0] : new MergingCursor(cursors);
    }

    /// <summary>The newest version that the snapshot sees at which a key's range was deleted; 0 when it was not.</summary>
    public ulong Covering(ReadOnlySpan<byte> key)
    {
        var newest = Files.Covering(key, At);
        foreach (var tombstones in _tombstones)
        {
            newest = Math.Max(newest, tombstones.Covering(key, At));
        }

        return newest;
    }

    private static bool TryGet(LsmCursor reader, ReadOnlyMemory<byte> key, out StoredRecord record)
    {
        var isFound = reader.SeekAtOrAfter(key) && reader.KeySpan.SequenceEqual(key.Span);

        // ISortedReader: "it must be in memory".
        Check.That(!reader.IsWaiting && reader.Fault is null);
        record = isFound ? reader.Record : default;
        return isFound;
    }

    private void Add(Memtable memtable)
    {
        if (memtable.Find(Tree) is { } part)
        {
            _memory.Add(part.Snapshot());
            if (!part.RangeTombstones.IsEmpty)
            {
                _tombstones.Add(part.RangeTombstones);
            }
        }
    }
}
