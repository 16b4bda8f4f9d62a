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
    private const int Callers = 8;

    [Fact]
    public async Task A_full_store_takes_writes_again_when_there_is_room()
    {
        if (SmallDisk.Missing is { } missing)
        {
            Assert.Skip(missing);
        }

        await using var cluster = await ChaosCluster.StartAsync(1, 1, SmallMiB, "--store-memory", "8", "--version-window", "1s");
        await using var client = cluster.Connect(TimeSpan.FromSeconds(15));
        var records = client.Records(ChaosCluster.Space);

        await Parallel.ForAsync(
            0, LiveKeys, new ParallelOptions { MaxDegreeOfParallelism = Callers },
            async (i, cancellation) => await records.PutAsync(Key(i), Value(i), default, cancellation));
        var acknowledged = await FillAsync(records);
        for (var i = 0; i < LiveKeys; i++)
        {
            Assert.Equal(Value(i), (await records.GetAsync(Key(i)))!.Value.Value.ToArray());
        }

        var free = await FreeMiBAsync(cluster);
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
            $"report: full store: {acknowledged.Count} new records of 100 kB on {SmallMiB} MiB before it was full, {free} MiB free then; ")
            + string.Create(CultureInfo.InvariantCulture, $"all there; writes went on {pause.TotalSeconds:0.0} s after there was room"));
        cluster.IsDoneWith = true;
    }

    private static async Task<List<int>> FillAsync(IRecords records)
    {
        var acknowledged = new List<int>();
        for (var i = LiveKeys; ; i++)
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
