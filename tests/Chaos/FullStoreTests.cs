using System.Diagnostics;
using System.Globalization;
using System.Text;
using Atoll.Chaos.Tests.Cluster;
using Atoll.Services;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Xunit;

namespace Atoll.Chaos.Tests;

/// <summary>
/// One node whose store fills a small disk (museum, rows 37 and 40): nothing hangs without a word, and nobody has to do more than make
/// room.
/// </summary>
public sealed class FullStoreTests
{
    private const int SmallMiB = 330;
    private const int AmpleMiB = 900;
    private const int LiveKeys = 100;
    private const int Overwrites = 4_000;
    private const int Callers = 8;

    [Fact]
    public async Task What_was_overwritten_becomes_free_again_and_a_full_store_takes_deletes_and_then_writes()
    {
        if (SmallDisk.Missing is { } missing)
        {
            Assert.Skip(missing);
        }

        await using var cluster = await ChaosCluster.StartAsync(1, 1, SmallMiB, "--store-memory", "8");
        await using var client = cluster.Connect(TimeSpan.FromSeconds(15));
        var records = client.Records(ChaosCluster.Space);

        // More than the disk holds, over few keys, and faster than merges give space back: writers wait, and none is refused. The window
        // for backups is the default one, longer than all this: where space is short it counts for nothing.
        Assert.True((long)Overwrites * Value(0).Length > SmallMiB * 1024L * 1024, "less was written than the disk holds");
        await Parallel.ForAsync(
            0, Overwrites, new ParallelOptions { MaxDegreeOfParallelism = Callers },
            async (i, cancellation) => await records.PutAsync(Key(i % LiveKeys), Value(i % LiveKeys), default, cancellation));
        var acknowledged = await FillAsync(records);
        for (var i = 0; i < LiveKeys; i++)
        {
            Assert.Equal(Value(i), (await records.GetAsync(Key(i)))!.Value.Value.ToArray());
        }

        var free = await FreeMiBAsync(cluster);
        var deletedAt = Stopwatch.GetTimestamp();
        foreach (var i in acknowledged.Take(acknowledged.Count / 2).ToList())
        {
            Assert.True(await records.DeleteAsync(Key(i)), "a record that was acknowledged is not there");
            acknowledged.Remove(i);
        }

        await Eventually.HoldsAsync("writes succeed again after deletes", ChaosCluster.LivenessBound, () => TryPutAsync(records, -1));
        var pauseAfterDeletes = Stopwatch.GetElapsedTime(deletedAt);
        acknowledged.AddRange(await FillAsync(records, acknowledged[^1] + 1));
        cluster.Disk!.Resize(AmpleMiB);
        var roomAt = Stopwatch.GetTimestamp();
        await Eventually.HoldsAsync("writes succeed again, without a restart", ChaosCluster.LivenessBound, () => TryPutAsync(records, -1));
        var pause = Stopwatch.GetElapsedTime(roomAt);
        await cluster.WholeAsync();
        foreach (var i in acknowledged)
        {
            Assert.Equal(Value(i), (await records.GetAsync(Key(i)))!.Value.Value.ToArray());
        }

        cluster.Nodes[0].CheckThatItDidNotEndByItself();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"report: full store: {Overwrites} overwrites of 100 kB on {SmallMiB} MiB, then full with {free} MiB free; ")
            + string.Create(CultureInfo.InvariantCulture,
                $"writes went on {pauseAfterDeletes.TotalSeconds:0.0} s after deletes began, and {pause.TotalSeconds:0.0} s ")
            + "after there was room; "
            + string.Create(CultureInfo.InvariantCulture, $"all {acknowledged.Count} acknowledged records there"));
        cluster.IsDoneWith = true;
    }

    private static async Task<List<int>> FillAsync(IRecords records, int first = LiveKeys)
    {
        var acknowledged = new List<int>();
        for (var i = first; ; i++)
        {
            Assert.True(i < 10_000, "the disk never became full");
            try
            {
                await records.PutAsync(Key(i), Value(i));
                acknowledged.Add(i);
            }
            catch (AtollException error) when (error.Code == ErrorCode.DiskFull)
            {
                Assert.Contains("full", error.Message, StringComparison.Ordinal);
                return acknowledged;
            }
            catch (AtollException error) when (error.IsRetryable || error.Code == ErrorCode.OutcomeUnknown)
            {
                acknowledged.Remove(i); // the next one tells more
            }
        }
    }

    private static async Task<long> FreeMiBAsync(ChaosCluster cluster) =>
        (await cluster.LoopsAsync(cluster.Nodes[0])).Sum(loop => loop.DiskFreeBytes) / (1024 * 1024);

    private static async ValueTask<bool> TryPutAsync(IRecords records, int number)
    {
        try
        {
            await records.PutAsync(Key(number), Value(Math.Max(0, number)));
            return true;
        }
        catch (AtollException error) when (error.IsRetryable || error.Code == ErrorCode.OutcomeUnknown)
        {
            return false;
        }
    }

    private static byte[] Key(int number) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"key {number}"));

    private static byte[] Value(int number)
    {
        var value = new byte[100_000];
        new Random(number).NextBytes(value);
        return value;
    }
}
