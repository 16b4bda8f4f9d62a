using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Atoll.Interop.Tests.Processes;
using Xunit;

namespace Atoll.Interop.Tests.Benchmarks;

/// <summary>That the benchmarks run and say what they promise to say; what they measure in so short a time is not looked at.</summary>
public sealed class BenchmarkTests
{
    private static readonly Dictionary<string, string> NoEnvironment = [];

    [Fact]
    public async Task The_benchmark_of_records_measures_every_load_without_errors()
    {
        var folder = Directory.CreateTempSubdirectory("atoll-bench-");
        try
        {
            var port = RandomNumberGenerator.GetInt32(20_000, 28_000).ToString(CultureInfo.InvariantCulture);
            var (code, output) = await ProcessCluster.RunAsync(
                "bench", "records", "--load", "put", "get", "mix", "scan", "--clients", "1", "4", "--seconds", "0.2", "--warm-up", "0",
                "--keys", "50", "--port", port, "--data", folder.FullName, "--json");
            Assert.True(code == 0, output);
            var rows = Rows(output);
            Assert.Equal(
                ["fill 256", "put 1", "put 4", "get 1", "get 4", "mix 1", "mix 4", "scan 1", "scan 4"],
                rows.Select(row => $"{row.GetProperty("load").GetString()} {row.GetProperty("clients").GetInt32()}"));
            Assert.All(rows, AssertMeasured);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task The_benchmark_of_cql_measures_every_load_without_errors()
    {
        var folder = Directory.CreateTempSubdirectory("atoll-bench-");
        try
        {
            var port = RandomNumberGenerator.GetInt32(20_000, 28_000).ToString(CultureInfo.InvariantCulture);
            var (code, output) = await ProcessCluster.RunAsync(
                "bench", "cql", "--load", "write", "read", "lwt", "--consistency", "quorum", "--clients", "4", "--seconds", "0.3",
                "--warm-up", "0", "--keys", "50", "--fault-model", "strong", "--port", port, "--data", folder.FullName, "--json");
            Assert.True(code == 0, output);
            var rows = Rows(output);
            Assert.Equal(
                ["strong fill", "strong write", "strong read", "strong lwt"],
                rows.Select(row => $"{row.GetProperty("model").GetString()} {row.GetProperty("load").GetString()}"));
            Assert.All(rows, AssertMeasured);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task The_benchmark_of_streams_measures_every_load_without_errors()
    {
        var folder = Directory.CreateTempSubdirectory("atoll-bench-");
        try
        {
            var port = RandomNumberGenerator.GetInt32(20_000, 28_000).ToString(CultureInfo.InvariantCulture);
            var (code, output) = await ProcessCluster.RunAsync(
                "bench", "streams", "--message-bytes", "256", "--partitions", "3", "--clients", "4", "--seconds", "0.3", "--warm-up", "0.1",
                "--fill-megabytes", "1", "--port", port, "--data", folder.FullName, "--json");
            Assert.True(code == 0, output);
            var rows = Rows(output);
            Assert.Equal(
                ["produce", "consume", "produce, followed", "append to arrival"], rows.Select(row => row.GetProperty("load").GetString()));
            Assert.All(rows, AssertMeasured);
            Assert.All(rows, row => Assert.True(row.GetProperty("messagesPerSecond").GetDouble() > 0, output));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task The_comparison_with_etcd_measures_both()
    {
        foreach (var tool in (string[])["etcd", "etcdctl", "go", "jq"])
        {
            Assert.SkipUnless(IsInstalled(tool), $"{tool} is not installed; bench/compare-etcd itself installs it");
        }

        using var comparison = AtollProcess.StartProgram(
            Path.Combine(Root(), "bench", "compare-etcd"), NoEnvironment, "--smoke", "--json");
        Assert.True(await comparison.EndsAsync() == 0, comparison.Output);
        var rows = Rows(comparison.Output).Where(row => row.TryGetProperty("throughputRatio", out _)).ToList();
        Assert.Equal(["get 2", "put 2"], rows.Select(row =>
            $"{row.GetProperty("load").GetString()} {row.GetProperty("clients").GetInt32()}").Order(StringComparer.Ordinal));
        foreach (var row in rows)
        {
            AssertMeasured(row.GetProperty("etcd"));
            AssertMeasured(row.GetProperty("atoll"));
            Assert.True(row.GetProperty("throughputRatio").GetDouble() > 0);
            Assert.True(row.GetProperty("p99Ratio").GetDouble() > 0);
        }
    }

    private static void AssertMeasured(JsonElement row)
    {
        Assert.True(row.GetProperty("opsPerSecond").GetDouble() > 0, row.GetRawText());
        Assert.Equal(0, row.GetProperty("errors").GetInt64());
        Assert.True(row.GetProperty("p99Ms").GetDouble() >= row.GetProperty("p50Ms").GetDouble(), row.GetRawText());
    }

    private static List<JsonElement> Rows(string output) =>
        [.. output.Split('\n').Where(line => line.StartsWith('{')).Select(line => JsonElement.Parse(line))];

    private static bool IsInstalled(string tool) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, tool)));

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Atoll.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("these tests run inside a checkout: no Atoll.slnx above them");
        }

        return folder.FullName;
    }
}
