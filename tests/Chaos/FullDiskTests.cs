using System.Globalization;
using System.Text;
using Atoll.Chaos.Tests.Cluster;
using Atoll.Services.Errors;
using Xunit;

namespace Atoll.Chaos.Tests;

/// <summary>Three real processes on a disk that has room for the first segments of their journals, and not for the next.</summary>
public sealed class FullDiskTests
{
    private const int SmallMiB = 520;
    private const int AmpleMiB = 2_000;

    [Fact]
    public async Task A_full_disk_refuses_writes_and_serves_reads_and_takes_writes_again_when_there_is_room()
    {
        if (SmallDisk.Missing is { } missing)
        {
            Assert.Skip(missing);
        }

        await using var cluster = await ChaosCluster.StartAsync(3, 3, SmallMiB);
        await using var client = cluster.Connect(TimeSpan.FromSeconds(10));
        var records = client.Records(ChaosCluster.Space);
        var acknowledged = new List<int>();
        ErrorCode? refusal = null;
        for (var i = 0; refusal != ErrorCode.DiskFull; i++)
        {
            Assert.True(i < 10_000, $"the disk never became full; the last refusal was {refusal}");
            try
            {
                await records.PutAsync(Key(i), Value(i));
                acknowledged.Add(i);
            }
            catch (AtollException error) when (error.Code is ErrorCode.DiskFull or ErrorCode.OutcomeUnknown or ErrorCode.Unavailable)
            {
                refusal = error.Code;
            }
        }

        Assert.Equal(Value(acknowledged[0]), (await records.GetAsync(Key(acknowledged[0])))!.Value.Value.ToArray());
        cluster.Disk!.Resize(AmpleMiB);
        await Eventually.HoldsAsync("writes succeed again, without a restart", ChaosCluster.LivenessBound, async () =>
        {
            try
            {
                await records.PutAsync(Key(-1), Value(-1));
                return true;
            }
            catch (AtollException error) when (error.IsRetryable || error.Code == ErrorCode.OutcomeUnknown)
            {
                return false;
            }
        });
        await cluster.WholeAsync();
        foreach (var i in acknowledged)
        {
            Assert.Equal(Value(i), (await records.GetAsync(Key(i)))!.Value.Value.ToArray());
        }

        Console.WriteLine($"report: full disk: {acknowledged.Count} writes of 100 kB acknowledged before it was full, all there; "
            + "writes went on when there was room");
        cluster.IsDoneWith = true;
    }

    private static byte[] Key(int number) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"key {number}"));

    private static byte[] Value(int number)
    {
        var value = new byte[100_000];
        new Random(number).NextBytes(value);
        return value;
    }
}
