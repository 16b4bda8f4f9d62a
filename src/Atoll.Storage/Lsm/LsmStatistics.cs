namespace Atoll.Storage.Lsm;

/// <summary>What a store has done since it was opened, and what it consists of.</summary>
/// <param name="LevelFiles">Files of each level.</param>
/// <param name="LevelBytes">Bytes of each level.</param>
/// <param name="MemtableBytes">Bytes of memtables, frozen ones included.</param>
/// <param name="CacheBytes">Bytes of blocks, and of values that were kept apart, in memory.</param>
/// <param name="CacheHits">Blocks found in memory.</param>
/// <param name="BlocksLoaded">Blocks read for lookups and scans.</param>
/// <param name="FilesFiltered">Files that a filter spared a lookup.</param>
/// <param name="BytesWritten">Bytes of keys and values written by the owner.</param>
/// <param name="Flushes">Memtables written to files.</param>
/// <param name="FlushedBytes">Bytes of their files, value files included.</param>
/// <param name="Merges">Merges ended well.</param>
/// <param name="MergeReadBytes">Bytes of entries that merges read.</param>
/// <param name="MergeWrittenBytes">Bytes of files that merges wrote, value files included.</param>
/// <param name="FilesMoved">Files moved down a level without being read.</param>
/// <param name="ValueFiles">Value files that are needed.</param>
/// <param name="ValueFileBytes">Bytes of them.</param>
/// <param name="ValueGarbageBytes">Of these, bytes of values that nothing points to any more.</param>
/// <param name="ValueBytesWritten">Bytes of value files written by flushes and merges; among those that these wrote.</param>
/// <param name="ValuesLoaded">Values read from value files for lookups and scans.</param>
/// <param name="ScrubbedBytes">Bytes that the scrub has read.</param>
/// <param name="ScrubPasses">Times that the scrub has read all files.</param>
/// <param name="ScrubDamagedBlocks">Damaged blocks and values that it found.</param>
public sealed record LsmStatistics(
    IReadOnlyList<int> LevelFiles,
    IReadOnlyList<long> LevelBytes,
    long MemtableBytes,
    long CacheBytes,
    long CacheHits,
    long BlocksLoaded,
    long FilesFiltered,
    long BytesWritten,
    long Flushes,
    long FlushedBytes,
    long Merges,
    long MergeReadBytes,
    long MergeWrittenBytes,
    long FilesMoved,
    int ValueFiles,
    long ValueFileBytes,
    long ValueGarbageBytes,
    long ValueBytesWritten,
    long ValuesLoaded,
    long ScrubbedBytes,
    long ScrubPasses,
    long ScrubDamagedBlocks)
{
    /// <summary>Bytes written to files for each byte that the owner wrote; 0 before the first flush.</summary>
    public double WriteAmplification => BytesWritten == 0 ? 0 : (double)(FlushedBytes + MergeWrittenBytes) / BytesWritten;
}
