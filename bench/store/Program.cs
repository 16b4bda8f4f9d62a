using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Atoll.StoreBench;

// The store on disk, one row a workload, and with --rocksdb the same by RocksDB before it. See --help.
var records = new Option<int>("--records") { Description = "Records of the fill", DefaultValueFactory = _ => 1_000_000 };
var valueBytes = new Option<int>("--value-bytes") { Description = "Bytes of a value", DefaultValueFactory = _ => 100 };
var cacheMiB = new Option<int>("--cache-mib") { Description = "Block cache, in MiB", DefaultValueFactory = _ => 32 };
var rounds = new Option<int>("--rounds") { Description = "Runs of everything: of each figure the median", DefaultValueFactory = _ => 1 };
var rocksDb = new Option<bool>("--rocksdb") { Description = "The same by RocksDB (Debian's librocksdb-dev), and the ratios" };
var json = new Option<bool>("--json") { Description = "A JSON object a line" };
var bar = new Option<double?>("--bar")
{
    Description = "With --rocksdb: exit with 1 when a ratio of throughputs is below this, or a p99 above 1.5 times RocksDB's",
};
var one = new Option<string?>("--one") { Description = "Only one fill and what follows of one store, as JSON", Hidden = true };
var command = new RootCommand("Measures the store on disk: fills, reads, scans, a mix; on one thread, files below the current folder")
{
    records, valueBytes, cacheMiB, rounds, rocksDb, json, bar, one,
};
command.SetAction(parsed =>
{
    var count = Math.Max(1, parsed.GetValue(records));
    if (parsed.GetValue(one) is { } what)
    {
        MeasureHere(what);
        return 0;
    }

    string[] stores = parsed.GetValue(rocksDb) ? ["rocksdb", "atoll"] : ["atoll"];
    string[] fills = ["sequential", "random"];
    var rows = new List<StoreRow>();
    for (var round = Math.Max(1, parsed.GetValue(rounds)); round > 0; round--)
    {
        foreach (var fill in fills)
        {
            foreach (var store in stores)
            {
                rows.AddRange(MeasureApart($"{store}-{fill}"));
            }
        }
    }

    rows = [.. rows.GroupBy(static row => (row.Store, row.Workload)).Select(static group => StoreRow.Median([.. group]))];
    return Report.Print(rows, parsed.GetValue(json), parsed.GetValue(bar));

    // Each in a process of its own: neither has the other's memory, nor what the other's load has left in the runtime.
    List<StoreRow> MeasureApart(string kind)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        var arguments = new object[]
        {
            "--one", kind, "--records", count, "--value-bytes", parsed.GetValue(valueBytes), "--cache-mib", parsed.GetValue(cacheMiB),
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(FormattableString.Invariant($"{argument}"));
        }

        using var child = Process.Start(start)!;
        var measured = new List<StoreRow>();
        while (child.StandardOutput.ReadLine() is { } line)
        {
            measured.Add(JsonSerializer.Deserialize<StoreRow>(line)!);
        }

        child.WaitForExit();
        return child.ExitCode == 0 ? measured : throw new InvalidOperationException($"{kind} ended with {child.ExitCode}");
    }

    void MeasureHere(string kind)
    {
        var isRocks = kind.StartsWith("rocksdb", StringComparison.Ordinal);
        var isRandom = kind.EndsWith("random", StringComparison.Ordinal);

        // First a little of the same that does not count, until the runtime has compiled everything for the last time: it does so in
        // three steps, each after some calls and a pause, beside the measuring thread. A node does not run for a second only.
        for (var i = 0; i < 5; i++)
        {
            Run(Math.Min(count, 60_000), static _ => { });
            Thread.Sleep(400);
        }

        GC.Collect();
        Run(count, static row => Console.WriteLine(JsonSerializer.Serialize(row)));

        void Run(int length, Action<StoreRow> measured)
        {
            var root = Path.Combine(Directory.GetCurrentDirectory(), $"storebench.{Environment.ProcessId}");
            var cacheBytes = (long)parsed.GetValue(cacheMiB) << 20;
            using (IBenchStore store = isRocks ? new RocksStore(root, cacheBytes) : new AtollStore(root, cacheBytes))
            {
                StoreWorkload.Run(store, root, length, parsed.GetValue(valueBytes), isRandom, measured);
            }

            Directory.Delete(root, true);
        }
    }
});
return command.Parse(args).Invoke();
