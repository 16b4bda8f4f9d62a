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
        var isFound = _reader.SeekAtOrAfter(key) && _reader.KeySpan.SequenceEqual(key.Span);

        // ISortedReader: "it must be in memory".
        Check.That(!_reader.IsWaiting && _reader.Fault is null);
        record = isFound ? _reader.Record : default;
        return isFound;
    }

    public ISortedCursor OpenCursor() => new LsmCursor(this, ownsSnapshot: false);

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            Files.Release();
        }
    }

    /// <summary>A cursor over all entries of the tree, the newest sources first.</summary>
    public MergingCursor OpenEntries()
    {
        Check.That(!_isDisposed);
        var cursors = new List<EntryCursor>();
        foreach (var memory in _memory)
        {
            cursors.Add(new MemoryCursor(memory, _treePrefix));
        }

        for (var level = 0; level < FileSet.LevelCount; level++)
        {
            var tables = Files.Overlapping(level, Prefix, End);
            if (level > 0)
            {
                if (tables.Count > 0)
                {
                    cursors.Add(new LevelCursor([.. tables], _store.Cache));
                }

                continue;
            }

            foreach (var table in tables)
            {
                var cursor = new TableCursor(_store.Cache);
                cursor.Enter(table);
                cursors.Add(cursor);
            }
        }

        return new MergingCursor([.. cursors]);
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
