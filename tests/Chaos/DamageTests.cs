using System.Globalization;
using System.Text;
using Atoll.Chaos.Tests.Cluster;
using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Xunit;

namespace Atoll.Chaos.Tests;

/// <summary>
/// Bytes change in the files of one node (museum, rows 5 and 6): it is repaired from the others, or says what is lost.
/// </summary>
public sealed class DamageTests
{
    private const int Records = 400;
    private const int LongEvery = 8;
    private static readonly string[] Settings = ["--store-memory", "8", "--scrub-rate", "65536"];

    [Fact]
    public Task Damaged_files_of_one_node_are_repaired_from_the_others()
    {
        NodeProcess? victim = null;
        var isNextLive = true;
        return ChaosRun.RunAsync(
            "damage, 3 nodes", 3,
            (faults, _) =>
            {
                var isLive = isNextLive;
                isNextLive = !isNextLive;
                return isLive ? faults.DamageRunningAsync(victim!) : faults.DamageStoppedAsync(victim!);
            },
            whenQuiet: async faults =>
            {
                await faults.ScrubbedAsync(victim!);
                Assert.True(faults.StatusHasShownDamage, "the status never showed any damage");
                var repairs = victim!.AllLines().Split('\n')
                    .Count(line => line.Contains("repairing this replica", StringComparison.Ordinal));
                Console.WriteLine($"report: damage, 3 nodes: {repairs} replicas repaired");
                Assert.True(repairs > 0, "nothing was ever repaired");

                // A journal is read when a node starts: what was damaged in it under a running one is made good by the next start.
                await victim.StopAsync();
                victim.Start();
                await faults.SoundAsync(victim);
                await victim.StopAsync();
                var (exitCode, output) = victim.Verify();
                victim.Start();
                Assert.True(exitCode == 0, $"atoll storage verify: {exitCode}: {output}");
                await faults.WholeAsync();
            },
            fill: async cluster =>
            {
                victim = cluster.Nodes[^1];
                await using var client = cluster.Connect(ChaosCluster.LivenessBound);
                await FillAsync(client.Records(ChaosCluster.Space));
            },
            settings: Settings);
    }

    [Fact]
    public async Task The_only_node_says_what_is_lost_and_serves_the_rest()
    {
        await using var cluster = await ChaosCluster.StartAsync(1, 1, null, Settings);
        await using var client = cluster.Connect(ChaosCluster.LivenessBound);
        var records = client.Records(ChaosCluster.Space);
        await FillAsync(records);
        var node = cluster.Nodes[0];
        node.Kill();
        var files = FilesWith(node.Folder, Value(1)).ToList();
        foreach (var (name, offset) in files)
        {
            Assert.True(DiskDamage.TryOverwrite(name, offset + 100));
        }

        node.Start();
        await cluster.WholeAsync();

        var errors = new List<string>();
        await using var hasty = cluster.Connect(TimeSpan.FromSeconds(1));
        for (var i = 0; i < Records; i++)
        {
            try
            {
                var record = await hasty.Records(ChaosCluster.Space).GetAsync(Key(i));
                Assert.Equal(Value(i), record!.Value.Value.ToArray());
            }
            catch (AtollException error)
            {
                errors.Add($"{i}: {error.Code}: {error.Message}");
            }
        }

        Assert.InRange(errors.Count, 1, 4 * files.Count); // a block has one or two such records
        Assert.All(errors, error => Assert.Contains(files, file => error.Contains(Path.GetFileName(file.Name), StringComparison.Ordinal)));
        Assert.All(errors, error => Assert.Contains("keys ", error, StringComparison.Ordinal));
        await records.PutAsync(Key(Records), Value(Records));
        Assert.Equal(Value(Records), (await records.GetAsync(Key(Records)))!.Value.Value.ToArray());
        var status = await cluster.LoopsAsync(node);
        Assert.Contains(status.SelectMany(loop => loop.Store.Damages), damage => damage.Contains(".sst", StringComparison.Ordinal));
        node.CheckThatItDidNotEndByItself();
        Console.WriteLine($"report: damage, 1 node: {errors.Count} of {Records} records lost and said so: {errors[0]}");
        cluster.IsDoneWith = true;
    }

    private static async Task FillAsync(IRecords records) => await Parallel.ForAsync(
        0, Records * 2, new ParallelOptions { MaxDegreeOfParallelism = 16 },
        async (i, cancellation) => await records.PutAsync(Key(i % Records), Value(i % Records), default, cancellation));

    private static byte[] Key(int number) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"fill/{number:d5}"));

    private static byte[] Value(int number)
    {
        var value = new byte[number % LongEvery == 0 ? 30_000 : 3_000];
        new Random(number).NextBytes(value);
        return value;
    }

    // The first place in each sorted file is among the records; behind them is the history of changes, which has values, too.
    private static IEnumerable<(string Name, long Offset)> FilesWith(string folder, byte[] what)
    {
        foreach (var file in Directory.GetFiles(folder, "*.sst", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            if (File.ReadAllBytes(file).AsSpan().IndexOf(what) is >= 0 and var offset)
            {
                yield return (file, offset);
            }
        }
    }
}
