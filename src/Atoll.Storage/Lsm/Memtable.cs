using Atoll.Foundation.Checks;
using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>What was written since the last flush, by tree. Keys and values are copied into chunks, which go with it.</summary>
internal sealed class Memtable(LsmOptions options)
{
    // What an entry takes beside its bytes: its slots in leaves that are two thirds full.
    private const int EntryOverheadBytes = 110;

    // A range costs every read and every further range a little: two thousand of them fill a memtable.
    private readonly long _rangeOverheadBytes = Math.Max(256, options.MemtableBytes / 2048);

    // Small ones first, for memtables that stay small. The large ones are beyond the size from which the garbage collector moves nothing
    // any more: they live until the flush, and would be copied twice.
    private const int ChunkBytesMin = 4 * 1024;
    private const int ChunkBytesMax = 128 * 1024;

    private readonly SortedDictionary<ulong, MemoryTree> _trees = [];
    private byte[] _chunk = [];
    private int _chunkUsed;

    /// <summary>Approximate bytes of memory.</summary>
    public long Bytes { get; private set; }

    /// <summary>The newest version in it.</summary>
    public ulong VersionMax { get; private set; }

    /// <summary>True when nothing was written.</summary>
    public bool IsEmpty => Bytes == 0;

    /// <summary>How far each tree had come when the memtable was frozen.</summary>
    public IReadOnlyList<TreePoint> Points { get; set; } = [];

    /// <summary>The trees that have something here, by number.</summary>
    public IEnumerable<KeyValuePair<ulong, MemoryTree>> Trees => _trees;

    /// <summary>What is here of a tree; null when nothing.</summary>
    public MemoryTree? Find(ulong tree) => _trees.GetValueOrDefault(tree);

    /// <summary>Writes an entry.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="key">The key, with the tree's number in front.</param>
    /// <param name="version">When.</param>
    /// <param name="value">What.</param>
    public void Write(ulong tree, ReadOnlySpan<byte> key, ulong version, in MemoryValue value)
    {
        var bytes = Copy(key, out var offset);
        var kept = value;
        if (value.Value.Length > 0)
        {
            var values = Copy(value.Value.Span, out var valueOffset);
            kept = value with { Value = values.AsMemory(valueOffset, value.Value.Length) };
        }

        Of(tree).Write(new MemoryKey(bytes, offset, key.Length, version), kept);
        Bytes += key.Length + value.Value.Length + EntryOverheadBytes;
        VersionMax = Math.Max(VersionMax, version);
    }

    /// <summary>Deletes a range of keys of one tree.</summary>
    public void DeleteRange(ulong tree, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, ulong version)
    {
        Of(tree).DeleteRange(from, to, version);
        Bytes += from.Length + to.Length + _rangeOverheadBytes;
        VersionMax = Math.Max(VersionMax, version);
    }

    /// <summary>Forgets all of a tree.</summary>
    public void Drop(ulong tree) => _trees.Remove(tree);

    private MemoryTree Of(ulong tree)
    {
        if (!_trees.TryGetValue(tree, out var found))
        {
            _trees[tree] = found = new MemoryTree();
        }

        return found;
    }

    private byte[] Copy(ReadOnlySpan<byte> bytes, out int offset)
    {
        if (bytes.Length > ChunkBytesMax / 8)
        {
            offset = 0;
            return bytes.ToArray();
        }

        if (_chunk.Length - _chunkUsed < bytes.Length)
        {
            var length = Math.Clamp(_chunk.Length * 2, ChunkBytesMin, ChunkBytesMax);
            _chunk = GC.AllocateUninitializedArray<byte>(Math.Max(length, bytes.Length));
            _chunkUsed = 0;
        }

        bytes.CopyTo(_chunk.AsSpan(_chunkUsed));
        offset = _chunkUsed;
        _chunkUsed += bytes.Length;
        return _chunk;
    }
}

/// <summary>One tree's part of a memtable.</summary>
internal sealed class MemoryTree
{
    private readonly CopyOnWriteTree<MemoryKey, MemoryValue, MemoryKeyOrder> _tree = new();
    private readonly TreeCursor<MemoryKey, MemoryValue, MemoryKeyOrder> _reader;
    private ulong _lastVersion;

    /// <summary>An empty one.</summary>
    public MemoryTree() => _reader = _tree.OpenCursor();

    /// <summary>The deleted ranges.</summary>
    public RangeTombstones RangeTombstones { get; private set; } = RangeTombstones.None;

    /// <summary>Entries, over all versions.</summary>
    public long Count => _tree.Count;

    /// <summary>Writes an entry; one of the same key and version is replaced.</summary>
    public void Write(in MemoryKey key, in MemoryValue value)
    {
        _tree.Put(key, value, out _);
        _lastVersion = Math.Max(_lastVersion, key.Version);
    }

    /// <summary>The newest entry of a key that is not newer than a version.</summary>
    /// <param name="key">The key, with its tree's number in front, in an array.</param>
    /// <param name="keyLength">Bytes of it.</param>
    /// <param name="at">The version.</param>
    /// <param name="version">When it was written.</param>
    /// <param name="value">What it says.</param>
    public bool TryGet(byte[] key, int keyLength, ulong at, out ulong version, out MemoryValue value)
    {
        version = 0;
        value = default;
        if (_tree.Count == 0 || !_reader.SeekAtOrAfter(new MemoryKey(key, 0, keyLength, at)))
        {
            return false;
        }

        ref readonly var found = ref _reader.Key;
        if (!found.Span.SequenceEqual(key.AsSpan(0, keyLength)))
        {
            return false;
        }

        version = found.Version;
        value = _reader.Value;
        return true;
    }

    /// <summary>
    /// Deletes a range. Entries of the very version were written by the same command before: they go at once, as the tombstone hides
    /// only older ones, so that what the command writes into the range afterwards stays.
    /// </summary>
    public void DeleteRange(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, ulong version)
    {
        if (_lastVersion >= version)
        {
            var same = new List<MemoryKey>();
            var cursor = _tree.OpenCursor();
            var start = from.ToArray();
            for (var more = cursor.SeekAtOrAfter(new MemoryKey(start, 0, start.Length, ulong.MaxValue)); more; more = cursor.Next())
            {
                ref readonly var key = ref cursor.Key;
                if (key.Span.SequenceCompareTo(to) >= 0)
                {
                    break;
                }

                if (key.Version == version)
                {
                    same.Add(key);
                }
            }

            foreach (var key in same)
            {
                var removed = _tree.Remove(key, out _);
                Check.That(removed);
            }
        }

        RangeTombstones = RangeTombstones.With(from, to, version);
        _lastVersion = Math.Max(_lastVersion, version);
    }

    /// <summary>The entries as they are now, for ever.</summary>
    public TreeSnapshot<MemoryKey, MemoryValue, MemoryKeyOrder> Snapshot() => _tree.Snapshot();
}
