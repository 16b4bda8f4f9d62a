using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Atoll.StoreBench;

// The store on disk, one row a workload, and with --rocksdb the same by RocksDB after it. See --help.
var records = new Option<int>("--records") { Description = "Records of the fill", DefaultValueFactory = _ => 1_000_000 };
var valueBytes = new Option<int>("--value-bytes") { Description = "Bytes of a value", DefaultValueFactory = _ => 100 };
var cacheMiB = new Option<int>("--cache-mib") { Description = "Block cache, in MiB", DefaultValueFactory = _ => 32 };
var rocksDb = new Option<bool>("--rocksdb") { Description = "The same by RocksDB (Debian's librocksdb-dev), and the ratios" };
var json = new Option<bool>("--json") { Description = "A JSON object a line" };
var bar = new Option<double?>("--bar")
{
    Description = "With --rocksdb: exit with 1 when a ratio of throughputs is below this, or a p99 above 1.5 times RocksDB's",
};
var command = new RootCommand("Measures the store on disk: fills, reads, scans, a mix; on one thread, files below the current folder")
{
    records, valueBytes, cacheMiB, rocksDb, json, bar,
};
command.SetAction(parsed =>
{
    var rows = new List<StoreRow>();
    var root = Path.Combine(Directory.GetCurrentDirectory(), "storebench.data");
    var isJson = parsed.GetValue(json);
    if (!isJson)
    {
        Console.WriteLine(Line("store", "workload", "op/s", "p50 us", "p99 us", "p99.9 us", "max ms", "B/op", "ratio", "notes"));
    }

    Measure(isRandom: false);
    Measure(isRandom: true);

    Clear(root);
    var missed = rows.Where(row => row.IsJudged && Peer(rows, row) is { } peer
        && (row.OpsPerSecond < peer.OpsPerSecond * parsed.GetValue(bar) || row.P99Micros > peer.P99Micros * 1.5)).ToList();
    if (parsed.GetValue(bar) is null || missed.Count == 0)
    {
        return rows.Exists(row => row.Wrong > 0) ? 2 : 0;
    }

    Console.Error.WriteLine($"below the bar: {string.Join("; ", missed.Select(row => row.Workload))}");
    return 1;

    void Measure(bool isRandom)
    {
        if (parsed.GetValue(rocksDb))
        {
            MeasureOne(isRocks: true, isRandom);
        }

        MeasureOne(isRocks: false, isRandom);
    }

    void MeasureOne(bool isRocks, bool isRandom)
    {
        Clear(root);
        using var store = Open(isRocks, root, (long)parsed.GetValue(cacheMiB) << 20);
        StoreWorkload.Run(store, Math.Max(1, parsed.GetValue(records)), parsed.GetValue(valueBytes), isRandom, row =>
        {
            rows.Add(row);
            Print(row, Peer(rows, row), isJson);
        });
    }
});
return command.Parse(args).Invoke();

static IBenchStore Open(bool isRocks, string root, long cacheBytes) =>
    isRocks ? new RocksStore(root, cacheBytes) : new AtollStore(root, cacheBytes);

static StoreRow? Peer(List<StoreRow> rows, StoreRow row) =>
    row.Store == "rocksdb" ? null : rows.Find(other => other.Store == "rocksdb" && other.Workload == row.Workload);

static void Clear(string root)
{
    if (Directory.Exists(root))
    {
        Directory.Delete(root, true);
    }
}

static void Print(StoreRow row, StoreRow? peer, bool isJson)
{
    if (isJson)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("store", row.Store);
            writer.WriteString("workload", row.Workload);
            writer.WriteNumber("operations", row.Operations);
            writer.WriteNumber("opsPerSecond", Math.Round(row.OpsPerSecond, 1));
            writer.WriteNumber("p50Micros", Math.Round(row.P50Micros, 2));
            writer.WriteNumber("p99Micros", Math.Round(row.P99Micros, 2));
            writer.WriteNumber("p999Micros", Math.Round(row.P999Micros, 2));
            writer.WriteNumber("maxMs", Math.Round(row.MaxMillis, 3));
            writer.WriteNumber("allocatedBytes", row.AllocatedBytes);
            writer.WriteNumber("wrong", row.Wrong);
            if (peer is not null)
            {
                writer.WriteNumber("ratio", Math.Round(row.OpsPerSecond / peer.OpsPerSecond, 2));
            }

            writer.WriteString("notes", row.Notes);
            writer.WriteEndObject();
        }

        Console.WriteLine(System.Text.Encoding.UTF8.GetString(stream.ToArray()));
        return;
    }

    Console.WriteLine(Line(
        row.Store, row.Workload, row.OpsPerSecond.ToString("N0", CultureInfo.InvariantCulture), Fixed(row.P50Micros), Fixed(row.P99Micros),
        Fixed(row.P999Micros), Fixed(row.MaxMillis), row.AllocatedBytes.ToString(CultureInfo.InvariantCulture),
        peer is null ? "" : (row.OpsPerSecond / peer.OpsPerSecond).ToString("F2", CultureInfo.InvariantCulture),
        row.Wrong > 0 ? $"{row.Notes}, {row.Wrong} not found" : row.Notes));
}

static string Fixed(double number) => number.ToString("F1", CultureInfo.InvariantCulture);

static string Line(
    string store, string workload, string ops, string p50, string p99, string p999, string max, string bytes, string ratio, string notes) =>
    $"{store,-8} {workload,-32}{ops,12}{p50,9}{p99,9}{p999,10}{max,10}{bytes,8}{ratio,7}   {notes}";
