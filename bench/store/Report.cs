using System.Globalization;
using System.Text.Json;

namespace Atoll.StoreBench;

/// <summary>The rows as a table or as JSON, each of Atoll's with its ratios to RocksDB's, and the verdict.</summary>
internal static class Report
{
    private const double P99RatioMax = 1.5;

    private static readonly JsonSerializerOptions Names = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>Prints all; returns the exit code: 0, 1 when something is below the bar, 2 when something was not found.</summary>
    public static int Print(List<StoreRow> rows, bool isJson, double? bar)
    {
        if (!isJson)
        {
            Console.WriteLine(Line(
                "store", "workload", "op/s", "ratio", "p50 us", "p99 us", "ratio", "p99.9 us", "max ms", "B/op", "MiB", "written x",
                "disk x", "notes"));
        }

        var missed = new List<string>();
        foreach (var row in rows.OrderBy(row => row.Workload.StartsWith("random", StringComparison.Ordinal)))
        {
            var peer = row.Store == "rocksdb" ? null : rows.Find(other => other.Store == "rocksdb" && other.Workload == row.Workload);
            double? ratio = peer is null ? null : row.OpsPerSecond / peer.OpsPerSecond;
            double? ratioOfP99 = peer is null ? null : row.P99Micros / peer.P99Micros;
            if (bar is not null && row.IsJudged && (ratio < bar || ratioOfP99 > P99RatioMax))
            {
                missed.Add($"{row.Workload} ({Fixed(ratio, 2)}, p99 {Fixed(ratioOfP99, 2)})");
            }

            Console.WriteLine(isJson ? Json(row, ratio, ratioOfP99) : Line(row, ratio, ratioOfP99));
        }

        if (missed.Count > 0)
        {
            Console.Error.WriteLine($"below the bar: {string.Join("; ", missed)}");
            return 1;
        }

        return rows.Exists(static row => row.Wrong > 0) ? 2 : 0;
    }

    private static string Json(StoreRow row, double? ratio, double? ratioOfP99)
    {
        var node = JsonSerializer.SerializeToNode(row, Names)!.AsObject();
        if (ratio is not null)
        {
            node["ratio"] = Math.Round(ratio.Value, 3);
            node["p99Ratio"] = Math.Round(ratioOfP99!.Value, 3);
        }

        return node.ToJsonString();
    }

    private static string Line(StoreRow row, double? ratio, double? ratioOfP99) => Line(
        row.Store, row.Workload, row.OpsPerSecond.ToString("N0", CultureInfo.InvariantCulture), Fixed(ratio, 2), Fixed(row.P50Micros, 1),
        Fixed(row.P99Micros, 1), Fixed(ratioOfP99, 2), Fixed(row.P999Micros, 1), Fixed(row.MaxMillis, 1), Fixed(row.AllocatedBytes, 0),
        Fixed(row.MemoryMiB, 0), Fixed(row.WriteAmplification, 2), Fixed(row.SpaceAmplification, 2),
        row.Wrong > 0 ? $"{row.Notes}, {row.Wrong} not found" : row.Notes);

    private static string Fixed(double? number, int digits) =>
        number?.ToString($"F{digits}", CultureInfo.InvariantCulture) ?? "";

    private static string Line(
        string store, string workload, string ops, string ratio, string p50, string p99, string ratioOfP99, string p999, string max,
        string bytes, string memory, string written, string disk, string notes) =>
        $"{store,-8} {workload,-32}{ops,11}{ratio,7}{p50,10}{p99,10}{ratioOfP99,7}{p999,10}{max,8}"
        + $"{bytes,10}{memory,6}{written,11}{disk,8}   {notes}";
}
