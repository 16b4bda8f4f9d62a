using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Text;
using Atoll.Services.Errors;
using Atoll.Services.Records;

namespace Atoll.Benchmarks;

/// <summary>What callers do.</summary>
public enum LoadKind
{
    /// <summary>Only writes.</summary>
    Put,

    /// <summary>Only linearizable reads.</summary>
    Get,

    /// <summary>95 reads for 5 writes.</summary>
    Mix,

    /// <summary>Linearizable scans of 100 records from a random key on.</summary>
    Scan,

    /// <summary>Each key is written once, before everything else.</summary>
    Fill,
}

/// <summary>What was measured.</summary>
/// <param name="Kind">What the callers did.</param>
/// <param name="Clients">How many callers there were.</param>
/// <param name="Operations">Calls that succeeded.</param>
/// <param name="Errors">Calls that failed.</param>
/// <param name="Elapsed">How long it took.</param>
/// <param name="Latencies">How long each call took.</param>
/// <param name="ServerCores">Processor cores that the servers kept busy.</param>
/// <param name="ClientCores">Processor cores that this process kept busy.</param>
/// <param name="ServerMemoryBytes">Resident memory of the servers at the end.</param>
public sealed record LoadResult(
    LoadKind Kind, int Clients, long Operations, long Errors, TimeSpan Elapsed, LatencyHistogram Latencies, double ServerCores,
        double ClientCores,
    long ServerMemoryBytes)
{
    /// <summary>Calls a second.</summary>
    public double Rate => Operations / Math.Max(1e-9, Elapsed.TotalSeconds);
}

/// <summary>
/// Callers that each wait for one answer before they ask again (closed loop), multiplexed over the client's connections as in any
/// program that uses it.
/// </summary>
internal sealed class RecordsLoad
{
    private readonly IRecords _records;
    private const int ScannedRows = 100;

    private readonly int _keys;
    private readonly byte[] _value;

    public RecordsLoad(IRecords records, int keys, int valueBytes)
    {
        _records = records;
        _keys = keys;
        _value = new byte[valueBytes];
        new Random(1).NextBytes(_value);
    }

    /// <summary>Writes every key once, in no order, so that stores have to sort them.</summary>
    /// <param name="servers">Processes whose use is measured.</param>
    /// <param name="progress">Told now and then how many were written.</param>
    /// <param name="cancellation">Stops it.</param>
    public async Task<LoadResult> FillAsync(IReadOnlyList<int> servers, Action<long> progress, CancellationToken cancellation)
    {
        const int clients = 256;
        var next = -1L;
        var startedAt = Stopwatch.GetTimestamp();
        var (before, ownBefore) = (ProcessUsage.Of(servers), ProcessUsage.Of([Environment.ProcessId]));
        var step = Step(_keys);
        var callers = Enumerable.Range(0, clients).Select(async _ =>
        {
            var latencies = new LatencyHistogram();
            while (Interlocked.Increment(ref next) is var i && i < _keys)
            {
                var askedAt = Stopwatch.GetTimestamp();
                await _records.PutAsync(Key((int)(i * step % _keys)), _value, default, cancellation).ConfigureAwait(false);
                latencies.Record((long)Stopwatch.GetElapsedTime(askedAt).TotalMicroseconds);
                if (i % 10_000 == 0)
                {
                    progress(i);
                }
            }

            return latencies;
        });
        var all = new LatencyHistogram();
        foreach (var latencies in await Task.WhenAll(callers).ConfigureAwait(false))
        {
            all.Add(latencies);
        }

        var elapsed = Stopwatch.GetElapsedTime(startedAt);
        var (after, ownAfter) = (ProcessUsage.Of(servers), ProcessUsage.Of([Environment.ProcessId]));
        return new LoadResult(
            LoadKind.Fill, clients, all.Count, 0, elapsed, all, (after.CpuSeconds - before.CpuSeconds) / elapsed.TotalSeconds,
            (ownAfter.CpuSeconds - ownBefore.CpuSeconds) / elapsed.TotalSeconds, after.MemoryBytes);
    }

    private static byte[] Key(int number) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"key-{number:0000000000}"));

    // Steps of a size that has no divisor in common with the number of keys come to every key.
    private static long Step(long keys)
    {
        var step = (keys * 618 / 1_000) | 1;
        while (BigInteger.GreatestCommonDivisor(step, keys) != 1)
        {
            step += 2;
        }

        return step;
    }

    /// <summary>Runs so many callers for so long.</summary>
    public async Task<LoadResult> RunAsync(
        LoadKind kind, int clients, TimeSpan warmUp, TimeSpan duration, IReadOnlyList<int> servers, CancellationToken cancellation)
    {
        var callers = Enumerable.Range(0, clients).Select(i => new LoadCaller(this, kind, i)).ToArray();
        var run = new LoadClock();
        var running = Task.WhenAll(callers.Select(caller => Task.Run(() => caller.RunAsync(run), CancellationToken.None)));
        await Task.Delay(warmUp, cancellation).ConfigureAwait(false);
        var before = ProcessUsage.Of(servers);
        var ownBefore = ProcessUsage.Of([Environment.ProcessId]);
        var startedAt = Stopwatch.GetTimestamp();
        run.IsMeasuring = true;
        await Task.Delay(duration, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        run.IsMeasuring = false;
        var elapsed = Stopwatch.GetElapsedTime(startedAt);
        var after = ProcessUsage.Of(servers);
        var ownAfter = ProcessUsage.Of([Environment.ProcessId]);
        run.IsOver = true;
        await running.ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();

        var latencies = new LatencyHistogram();
        foreach (var caller in callers)
        {
            latencies.Add(caller.Latencies);
        }

        return new LoadResult(
            kind, clients, latencies.Count, callers.Sum(caller => caller.Errors), elapsed, latencies,
            (after.CpuSeconds - before.CpuSeconds) / elapsed.TotalSeconds,
                (ownAfter.CpuSeconds - ownBefore.CpuSeconds) / elapsed.TotalSeconds,
            after.MemoryBytes);
    }

    private async Task ScanAsync(byte[] from)
    {
        await foreach (var _ in _records.ScanAsync(new ScanRange { From = from, Limit = ScannedRows }).ConfigureAwait(false))
        {
            // Only the time counts.
        }
    }

    private sealed class LoadClock
    {
        public volatile bool IsMeasuring;
        public volatile bool IsOver;
    }

    private sealed class LoadCaller(RecordsLoad load, LoadKind kind, int number)
    {
        private readonly Random _random = new(number);

        public LatencyHistogram Latencies { get; } = new();

        public long Errors { get; private set; }

        public async Task RunAsync(LoadClock clock)
        {
            while (!clock.IsOver)
            {
                var key = Key(_random.Next(load._keys));
                var startedAt = Stopwatch.GetTimestamp();
                try
                {
                    if (kind == LoadKind.Put || (kind == LoadKind.Mix && _random.Next(100) < 5))
                    {
                        await load._records.PutAsync(key, load._value).ConfigureAwait(false);
                    }
                    else if (kind == LoadKind.Scan)
                    {
                        await load.ScanAsync(key).ConfigureAwait(false);
                    }
                    else
                    {
                        await load._records.GetAsync(key).ConfigureAwait(false);
                    }
                }
                catch (AtollException)
                {
                    Errors++;
                    continue;
                }

                if (clock.IsMeasuring)
                {
                    Latencies.Record((long)Stopwatch.GetElapsedTime(startedAt).TotalMicroseconds);
                }
            }
        }
    }
}
