using System.Collections.Immutable;
using Atoll.Foundation.Bytes;

namespace Atoll.Node.Loops;

/// <summary>Whether a store takes what is written.</summary>
public enum StoreCondition : byte
{
    /// <summary>It does.</summary>
    Ready = 0,

    /// <summary>Merges fall behind: writers are slowed down.</summary>
    Slow = 1,

    /// <summary>Memory or level 0 is full: writers wait.</summary>
    Waiting = 2,

    /// <summary>The disk is full: what was written waits in memory, reads go on.</summary>
    Full = 3,

    /// <summary>The disk failed: nothing is written any more.</summary>
    Failed = 4,
}

/// <summary>One level of a store.</summary>
/// <param name="Files">Sorted files in it.</param>
/// <param name="Bytes">Bytes of them.</param>
public readonly record struct LevelStatus(int Files, long Bytes);

/// <summary>How far the scrub is: everything durable is read over and over, to find damage before anyone needs what is damaged.</summary>
/// <param name="PassBytes">Bytes that the pass under way has read.</param>
/// <param name="TotalBytes">Bytes that a pass reads, as things are.</param>
/// <param name="Passes">Passes since the loop started.</param>
/// <param name="LastPassMilliseconds">How long ago the last pass ended; -1 before the end of the first.</param>
/// <param name="Damaged">Damaged blocks, values and log entries that it found since the loop started.</param>
public readonly record struct ScrubStatus(long PassBytes, long TotalBytes, long Passes, long LastPassMilliseconds, long Damaged);

/// <summary>A loop's store at a moment. Amounts are of bytes; those that grow are since the loop started.</summary>
public sealed record StoreStatus
{
    /// <summary>A store of which nothing is known.</summary>
    public static readonly StoreStatus Unknown = new();

    private const int DamagedFilesMax = 1000;
    private const int LevelsMax = 64;

    /// <summary>Whether it takes what is written.</summary>
    public StoreCondition Condition { get; init; }

    /// <summary>Its levels, from level 0 on.</summary>
    public ImmutableArray<LevelStatus> Levels { get; init; } = [];

    /// <summary>Bytes of value files, of which some may be garbage.</summary>
    public long ValueFileBytes { get; init; }

    /// <summary>Of these, bytes that nothing needs.</summary>
    public long ValueGarbageBytes { get; init; }

    /// <summary>Bytes of memtables.</summary>
    public long MemtableBytes { get; init; }

    /// <summary>Bytes of blocks and values in memory.</summary>
    public long CacheBytes { get; init; }

    /// <summary>Blocks that reads found in memory.</summary>
    public long CacheHits { get; init; }

    /// <summary>Blocks that reads had to get from the disk.</summary>
    public long CacheMisses { get; init; }

    /// <summary>Bytes of keys and values that were written to the store.</summary>
    public long BytesWritten { get; init; }

    /// <summary>Memtables written to files.</summary>
    public long Flushes { get; init; }

    /// <summary>Bytes of files that flushes wrote.</summary>
    public long FlushedBytes { get; init; }

    /// <summary>Merges.</summary>
    public long Merges { get; init; }

    /// <summary>Bytes of files that merges wrote.</summary>
    public long MergedBytes { get; init; }

    /// <summary>Faults found in the store's files, by reads and by the scrub.</summary>
    public long FaultsFound { get; init; }

    /// <summary>What is damaged now: a line for each file of the store, and for each shard's log.</summary>
    public ImmutableArray<string> Damages { get; init; } = [];

    /// <summary>How far the scrub is.</summary>
    public ScrubStatus Scrub { get; init; } = new(0, 0, 0, -1, 0);

    /// <summary>Bytes on disk.</summary>
    public long DiskBytes => Levels.Sum(static level => level.Bytes) + ValueFileBytes;

    /// <summary>Bytes written to files for each byte that was written to the store; 0 before the first flush.</summary>
    public double WriteAmplification => BytesWritten == 0 ? 0 : (double)(FlushedBytes + MergedBytes) / BytesWritten;

    /// <summary>The share of blocks that reads found in memory, from 0 to 1; 0 before the first read.</summary>
    public double CacheHitRate => CacheHits + CacheMisses == 0 ? 0 : (double)CacheHits / (CacheHits + CacheMisses);

    /// <summary>Appends the encoded status.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Condition);
        writer.WriteVarint((ulong)Levels.Length);
        foreach (var level in Levels)
        {
            writer.WriteVarint((ulong)level.Files);
            writer.WriteVarint((ulong)level.Bytes);
        }

        foreach (var amount in new[]
        {
            ValueFileBytes, ValueGarbageBytes, MemtableBytes, CacheBytes, CacheHits, CacheMisses, BytesWritten, Flushes, FlushedBytes,
            Merges, MergedBytes, FaultsFound, Scrub.PassBytes, Scrub.TotalBytes,
            Scrub.Passes, Scrub.LastPassMilliseconds + 1, Scrub.Damaged,
        })
        {
            writer.WriteVarint((ulong)Math.Max(0, amount));
        }

        writer.WriteVarint((ulong)Math.Min(Damages.Length, DamagedFilesMax));
        foreach (var damage in Damages.Take(DamagedFilesMax))
        {
            writer.WriteString(damage);
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote; on bad input the reader says so.</summary>
    public static StoreStatus Read(ref WireReader reader)
    {
        var condition = (StoreCondition)reader.ReadByte();
        var levels = ImmutableArray.CreateBuilder<LevelStatus>();
        for (var left = reader.ReadCount(LevelsMax); left > 0 && reader.Ok; left--)
        {
            levels.Add(new LevelStatus(reader.ReadCount(int.MaxValue), LoopStatus.ReadSize(ref reader)));
        }

        var status = new StoreStatus
        {
            Condition = condition,
            Levels = levels.ToImmutable(),
            ValueFileBytes = LoopStatus.ReadSize(ref reader),
            ValueGarbageBytes = LoopStatus.ReadSize(ref reader),
            MemtableBytes = LoopStatus.ReadSize(ref reader),
            CacheBytes = LoopStatus.ReadSize(ref reader),
            CacheHits = LoopStatus.ReadSize(ref reader),
            CacheMisses = LoopStatus.ReadSize(ref reader),
            BytesWritten = LoopStatus.ReadSize(ref reader),
            Flushes = LoopStatus.ReadSize(ref reader),
            FlushedBytes = LoopStatus.ReadSize(ref reader),
            Merges = LoopStatus.ReadSize(ref reader),
            MergedBytes = LoopStatus.ReadSize(ref reader),
            FaultsFound = LoopStatus.ReadSize(ref reader),
            Scrub = new ScrubStatus(
                LoopStatus.ReadSize(ref reader), LoopStatus.ReadSize(ref reader), LoopStatus.ReadSize(ref reader),
                LoopStatus.ReadSize(ref reader) - 1, LoopStatus.ReadSize(ref reader)),
        };
        var damages = ImmutableArray.CreateBuilder<string>();
        for (var left = reader.ReadCount(DamagedFilesMax); left > 0 && reader.Ok; left--)
        {
            damages.Add(reader.ReadString());
        }

        return status with { Damages = damages.ToImmutable() };
    }
}
