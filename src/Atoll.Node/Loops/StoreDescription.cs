using Atoll.Foundation.Time;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;

namespace Atoll.Node.Loops;

/// <summary>Puts a loop's <see cref="StoreStatus"/> together.</summary>
internal static class StoreDescription
{
    /// <summary>The status at a moment.</summary>
    public static StoreStatus Of(LsmStore store, Journal journal, StorageScrub scrub, long faultsFound, Instant now)
    {
        var statistics = store.Statistics;
        return new StoreStatus
        {
            Condition = ConditionOf(store),
            Levels = [.. statistics.LevelFiles.Zip(statistics.LevelBytes, static (files, bytes) => new LevelStatus(files, bytes))],
            ValueFileBytes = statistics.ValueFileBytes,
            ValueGarbageBytes = statistics.ValueGarbageBytes,
            MemtableBytes = statistics.MemtableBytes,
            CacheBytes = statistics.CacheBytes,
            CacheHits = statistics.CacheHits,
            CacheMisses = statistics.BlocksLoaded,
            BytesWritten = statistics.BytesWritten,
            Flushes = statistics.Flushes,
            FlushedBytes = statistics.FlushedBytes,
            Merges = statistics.Merges,
            MergedBytes = statistics.MergeWrittenBytes,
            FaultsFound = faultsFound,
            Damages =
            [
                .. store.Faults.Select(static fault => fault.Corruption.ToString()),
                .. journal.LogDamages.Select(static damage => damage.ToString()),
            ],
            Scrub = new ScrubStatus(
                scrub.PassBytes, scrub.TotalBytes, scrub.Passes,
                scrub.LastPassEnded is { } ended ? (now - ended).Milliseconds : -1, scrub.Damaged),
        };
    }

    private static StoreCondition ConditionOf(LsmStore store) => (store.State, store.Pressure) switch
    {
        (LsmState.Failed, _) => StoreCondition.Failed,
        (LsmState.Full, _) => StoreCondition.Full,
        (_, WritePressure.Stop) => StoreCondition.Waiting,
        (_, WritePressure.Slow) => StoreCondition.Slow,
        _ => StoreCondition.Ready,
    };
}
