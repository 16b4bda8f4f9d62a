using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>The bounds of one store. Validated by <see cref="LsmStore.Open"/>.</summary>
public sealed record LsmOptions
{
    /// <summary>
    /// A memtable is frozen and flushed once it takes this many bytes: larger means fewer and longer files and less to merge, and more
    /// memory and a longer replay after a crash.
    /// </summary>
    public long MemtableBytes { get; init; } = 32L * 1024 * 1024;

    /// <summary>Frozen memtables that may wait for their flush before <see cref="LsmStore.Pressure"/> says stop.</summary>
    public int FrozenMemtablesMax { get; init; } = 2;

    /// <summary>Bytes of blocks (data, index, filter) that stay in memory, over all shards of the loop.</summary>
    public long CacheBytes { get; init; } = 128L * 1024 * 1024;

    /// <summary>
    /// A data block is closed once it is this long: what a point read costs to load, check and keep. One page of the file system's.
    /// </summary>
    public int BlockBytes { get; init; } = 4096;

    /// <summary>An index block is closed once it is this long; one filter holds the keys of what it indexes.</summary>
    public int IndexBytes { get; init; } = 4096;

    /// <summary>
    /// A value of at least this many bytes is kept apart from its key, in a value file, so that merges do not write it again; 0: none is.
    /// Smaller means less to merge, and more reads that go to the disk twice.
    /// </summary>
    public int ApartBytes { get; init; } = 16 * 1024;

    /// <summary>A value file is closed once it is this long: what is collected or deleted at once.</summary>
    public long ValueFileBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>
    /// Bytes of values that were kept apart that stay in memory. One of more than a quarter of it does not stay longer than who asked for
    /// it needs it.
    /// </summary>
    public long ValueCacheBytes { get; init; } = 32L * 1024 * 1024;

    /// <summary>Bits of the Bloom filter for each key: 10 let about one miss in a hundred through.</summary>
    public int FilterBitsPerKey { get; init; } = 10;

    /// <summary>
    /// A merge closes a file once it is this long. Small files make small merges (one of them and about ten of the next level), so that
    /// none keeps the level above waiting for long.
    /// </summary>
    public long FileBytes { get; init; } = 16L * 1024 * 1024;

    /// <summary>Files of level 0 that make a merge into level 1 due: each of them costs every read a look.</summary>
    public int LevelZeroFiles { get; init; } = 4;

    /// <summary>Files of level 0 at which <see cref="LsmStore.Pressure"/> says slow down; at three times as many it says stop.</summary>
    public int LevelZeroSlowFiles { get; init; } = 12;

    /// <summary>Bytes of level 1; every further level holds ten times as many.</summary>
    public long LevelOneBytes { get; init; } = 128L * 1024 * 1024;

    /// <summary>
    /// Bytes of one read of a merge's input, and of one write of its output. Arrays of more than 85,000 bytes are what the garbage
    /// collector leaves for last, and merges use many of them.
    /// </summary>
    public int TransferBytes { get; init; } = 64 * 1024;

    /// <summary>Bytes of finished blocks that may wait for the disk before a merge pauses.</summary>
    public long PendingWriteBytesMax { get; init; } = 2L * 1024 * 1024;

    /// <summary>
    /// A random number that the host draws; it becomes the identity of a store that does not exist yet. Checksums depend on it, so that
    /// a block of another store never passes for one of this.
    /// </summary>
    public ulong Identity { get; init; }

    /// <summary>
    /// Bounds for so much memory: half of it for blocks and values, the other half for the memtable and those that wait for their flush.
    /// </summary>
    /// <param name="memoryBytes">Bytes of memory, at least a few MiB.</param>
    public static LsmOptions ForMemory(long memoryBytes)
    {
        var memtable = Math.Clamp(memoryBytes / 6, 1024 * 1024, 256L * 1024 * 1024);
        return new LsmOptions
        {
            CacheBytes = memoryBytes * 3 / 8,
            ValueCacheBytes = memoryBytes / 8,
            MemtableBytes = memtable,
            FrozenMemtablesMax = 2,
            LevelOneBytes = Math.Max(64L * 1024 * 1024, 4 * memtable),
        };
    }

    /// <summary>Checks the bounds against each other.</summary>
    /// <exception cref="CheckFailedException">A bound is out of its range.</exception>
    public void Validate()
    {
        Check.That(MemtableBytes >= 1024);
        Check.That(FrozenMemtablesMax is >= 1 and <= 64);
        Check.That(CacheBytes >= 0);
        Check.That(BlockBytes is >= 64 and <= TableFormat.BlockBytesMax);
        Check.That(IndexBytes is >= 64 and <= TableFormat.BlockBytesMax);
        Check.That(ApartBytes is 0 or >= ValuePointer.Bytes);
        Check.That(ValueFileBytes is >= 1 and < TableFormat.ValueFileBytesCeiling / 2 && ValueCacheBytes >= 0);
        Check.That(FilterBitsPerKey is >= 0 and <= 64);
        Check.That(FileBytes >= BlockBytes);
        Check.That(LevelZeroFiles >= 1 && LevelZeroSlowFiles >= LevelZeroFiles);
        Check.That(LevelOneBytes >= FileBytes);
        Check.That(TransferBytes >= BlockBytes && PendingWriteBytesMax >= TransferBytes);
    }
}
