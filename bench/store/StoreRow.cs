namespace Atoll.StoreBench;

/// <summary>One workload on one store, measured.</summary>
/// <param name="Store">The store's name.</param>
/// <param name="Workload">The workload's name, with the kind of fill before it.</param>
/// <param name="Operations">How many operations.</param>
/// <param name="OpsPerSecond">How many a second; a fill's flush to synced files at its end is counted in.</param>
/// <param name="P50Micros">The median time of one, in microseconds.</param>
/// <param name="P99Micros">The time that one in a hundred exceeds, in microseconds.</param>
/// <param name="P999Micros">The time that one in a thousand exceeds, in microseconds.</param>
/// <param name="MaxMillis">The longest, in milliseconds.</param>
/// <param name="AllocatedBytes">Bytes allocated for one operation by the .NET runtime on the measuring thread.</param>
/// <param name="MemoryMiB">What the process has in memory at the end, in MiB; some 60 are the .NET runtime's, on both sides.</param>
/// <param name="WriteAmplification">Bytes given to system calls that write, by bytes of keys and values; at the end of merges.</param>
/// <param name="SpaceAmplification">Bytes of the store's files, by bytes of keys and values that are live; at the end of merges.</param>
/// <param name="Wrong">Operations that did not find what they should: 0, or the store is broken.</param>
/// <param name="Notes">What the store says of itself.</param>
internal sealed record StoreRow(
    string Store, string Workload, int Operations, double OpsPerSecond, double P50Micros, double P99Micros, double P999Micros,
    double MaxMillis, long AllocatedBytes, long MemoryMiB, double? WriteAmplification, double? SpaceAmplification, int Wrong,
    string Notes)
{
    /// <summary>Whether a bar applies: what happens once, between workloads, is told and not judged.</summary>
    public bool IsJudged => Operations > 1;

    /// <summary>The same workload measured several times: of each figure the median.</summary>
    public static StoreRow Median(IReadOnlyList<StoreRow> rows)
    {
        return rows[^1] with
        {
            OpsPerSecond = Of(static row => row.OpsPerSecond),
            P50Micros = Of(static row => row.P50Micros),
            P99Micros = Of(static row => row.P99Micros),
            P999Micros = Of(static row => row.P999Micros),
            MaxMillis = Of(static row => row.MaxMillis),
            MemoryMiB = (long)Of(static row => row.MemoryMiB),
            WriteAmplification = rows[^1].WriteAmplification is null ? null : Of(static row => row.WriteAmplification!.Value),
            SpaceAmplification = rows[^1].SpaceAmplification is null ? null : Of(static row => row.SpaceAmplification!.Value),
            Wrong = rows.Sum(static row => row.Wrong),
        };

        double Of(Func<StoreRow, double> figure)
        {
            var inOrder = rows.Select(figure).Order().ToList();
            return (inOrder[(inOrder.Count - 1) / 2] + inOrder[inOrder.Count / 2]) / 2;
        }
    }
}
