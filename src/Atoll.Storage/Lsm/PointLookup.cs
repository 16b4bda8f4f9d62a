using Atoll.Foundation.Bytes;
using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>What a lookup misses.</summary>
/// <param name="Table">The file; when it is not open, that.</param>
/// <param name="Handle">The block.</param>
/// <param name="Type">What it holds.</param>
internal readonly record struct MissingBlock(Table Table, BlockHandle Handle, BlockType Type);

/// <summary>
/// Finds the newest visible entry of one key: memtables, then the files that may hold it, the newest first; a filter spares most of them.
/// Reused for every lookup of a store: a warm one allocates nothing.
/// </summary>
internal sealed class PointLookup(BlockCache cache)
{
    /// <summary>What a lookup that says so misses.</summary>
    public MissingBlock Missing { get; private set; }

    /// <summary>Where that lookup stopped: it can go on there once the block has come, unless memtables or files have changed.</summary>
    public LookupPoint Stopped { get; private set; }

    /// <summary>Where blocks that lookups touch are noted, to be pinned; null when nobody wants to know.</summary>
    public List<Block>? Touched { get; set; }

    /// <summary>Files that a filter spared.</summary>
    public long Filtered { get; private set; }

    /// <summary>Finds a key.</summary>
    /// <param name="sources">Where to look.</param>
    /// <param name="key">The key, with its tree's number in front.</param>
    /// <param name="keyLength">Bytes of it.</param>
    /// <param name="at">The newest version to see.</param>
    /// <param name="resumed">Where the same lookup stopped, when it goes on; else default.</param>
    /// <param name="version">When it was written.</param>
    /// <param name="value">What it says: a value or a pointer to one; never a tombstone.</param>
    public LookupStatus Find(
        in LookupSources sources, byte[] key, int keyLength, ulong at, in LookupPoint resumed, out ulong version, out MemoryValue value)
    {
        if (resumed.Hash != 0)
        {
            return FindInFiles(sources.Files, key.AsSpan(0, keyLength), at, resumed, out version, out value);
        }

        ulong covering = 0;
        if (FindInMemory(sources.Active, key, keyLength, at, ref covering, out version, out value))
        {
            return Visible(version, value, covering);
        }

        for (var i = sources.Frozen.Count - 1; i >= 0; i--)
        {
            if (FindInMemory(sources.Frozen[i].Find(sources.Tree), key, keyLength, at, ref covering, out version, out value))
            {
                return Visible(version, value, covering);
            }
        }

        var span = key.AsSpan(0, keyLength);
        covering = Math.Max(covering, sources.Files.Covering(span, at));
        return FindInFiles(sources.Files, span, at, new LookupPoint(0, 0, covering, 0), out version, out value);
    }

    private LookupStatus FindInFiles(
        FileSet files, ReadOnlySpan<byte> key, ulong at, in LookupPoint from, out ulong version, out MemoryValue value)
    {
        var hash = from.Hash;
        var levels = files.Levels;
        for (var level = from.Level; level < levels.Length; level++)
        {
            var tables = levels[level];
            if (tables.Length == 0)
            {
                continue;
            }

            // Files of level 0 overlap and are asked one by one; of a further level only one can hold the key.
            var first = level == 0 ? from.Table : FileSet.FirstEndingAfter(tables, key);
            var end = level == 0 ? tables.Length : Math.Min(first + 1, tables.Length);
            for (var i = first; i < end; i++)
            {
                var meta = tables[i].Meta;
                if (!meta.Covers(key) || meta.VersionMin > at || meta.Entries == 0)
                {
                    continue;
                }

                hash = hash == 0 ? StableHash.Compute(key) : hash;
                var status = FindInTable(tables[i], key, hash, at, out version, out value);
                if (status == LookupStatus.Missing)
                {
                    Stopped = new LookupPoint(level, i, from.Covering, hash);
                    return status;
                }

                if (status == LookupStatus.Found)
                {
                    return Visible(version, value, from.Covering);
                }
            }
        }

        version = 0;
        value = default;
        return LookupStatus.Absent;
    }

    // Older sources hold only older versions of a key, so the first that is found is the newest.
    private static LookupStatus Visible(ulong version, in MemoryValue value, ulong covering) =>
        value.Kind == EntryKind.Delete || covering > version ? LookupStatus.Absent : LookupStatus.Found;

    private static bool FindInMemory(
        MemoryTree? tree, byte[] key, int keyLength, ulong at, ref ulong covering, out ulong version, out MemoryValue value)
    {
        if (tree is null)
        {
            version = 0;
            value = default;
            return false;
        }

        if (!tree.RangeTombstones.IsEmpty)
        {
            covering = Math.Max(covering, tree.RangeTombstones.Covering(key.AsSpan(0, keyLength), at));
        }

        return tree.TryGet(key, keyLength, at, out version, out value);
    }

    private LookupStatus FindInTable(
        Table table, ReadOnlySpan<byte> key, ulong hash, ulong at, out ulong version, out MemoryValue value)
    {
        version = 0;
        value = default;
        if (!table.IsOpen)
        {
            Missing = new MissingBlock(table, default, BlockType.Top);
            return LookupStatus.Missing;
        }

        var top = table.Top;
        for (var i = top.IndexAtOrAfter(key, out var partition); i < top.RestartCount; top.IndexEntry(++i, out partition))
        {
            Block.ReadHandles(top.Span.Slice(partition.ValueOffset, partition.ValueLength), out var indexHandle, out var filterHandle);
            if (filterHandle.Length > 0)
            {
                if (TryGet(table, filterHandle, BlockType.Filter) is not { } filter)
                {
                    return LookupStatus.Missing;
                }

                if (!BloomFilter.MayHold(filter.Span, hash))
                {
                    Filtered++;
                    return LookupStatus.Absent;
                }
            }

            if (TryGet(table, indexHandle, BlockType.Index) is not { } index)
            {
                return LookupStatus.Missing;
            }

            for (var j = index.IndexAtOrAfter(key, out var entry); j < index.RestartCount; index.IndexEntry(++j, out entry))
            {
                Block.ReadHandles(index.Span.Slice(entry.ValueOffset, entry.ValueLength), out var handle, out _);
                if (TryGet(table, handle, BlockType.Data) is not { } block)
                {
                    return LookupStatus.Missing;
                }

                var found = block.Find(key, at, out var head);
                if (found == BlockFind.Found)
                {
                    version = head.Version;
                    value = new MemoryValue(block.Memory(head.ValueOffset, head.ValueLength), head.ExpiresAt, head.Kind);
                    return LookupStatus.Found;
                }

                // Versions of the key go on in the next block only where it is the last key of this one.
                if (found == BlockFind.Absent || !index.Span.Slice(entry.SuffixOffset, entry.SuffixLength).SequenceEqual(key))
                {
                    return LookupStatus.Absent;
                }
            }
        }

        return LookupStatus.Absent;
    }

    private Block? TryGet(Table table, BlockHandle handle, BlockType type)
    {
        var block = cache.TryGet(table, handle, type);
        if (block is null)
        {
            Missing = new MissingBlock(table, handle, type);
        }
        else
        {
            Touched?.Add(block);
        }

        return block;
    }
}

/// <summary>How far a lookup has come in the files; all that lies before holds nothing of the key.</summary>
/// <param name="Level">The level.</param>
/// <param name="Table">The file, by its place in the level.</param>
/// <param name="Covering">The newest version at which the key's range was deleted, as memtables and files have it.</param>
/// <param name="Hash">The key's hash; 0 when the lookup has not come to a file.</param>
internal readonly record struct LookupPoint(int Level, int Table, ulong Covering, ulong Hash);

/// <summary>Where a lookup looks.</summary>
/// <param name="Tree">The tree.</param>
/// <param name="Active">The tree's part of the memtable that is written, if any.</param>
/// <param name="Frozen">Memtables that wait for their flush, the oldest first.</param>
/// <param name="Files">The sorted files.</param>
internal readonly record struct LookupSources(ulong Tree, MemoryTree? Active, IReadOnlyList<Memtable> Frozen, FileSet Files);
