using System.Diagnostics;

namespace Atoll.Benchmarks;

/// <summary>What was measured.</summary>
/// <param name="Load">What the callers did.</param>
/// <param name="Clients">How many callers there were.</param>
/// <param name="Errors">Calls that failed.</param>
/// <param name="Elapsed">How long it took.</param>
/// <param name="Latencies">How long each call took that succeeded.</param>
/// <param name="Before">What was used before.</param>
/// <param name="After">What was used at the end.</param>
public sealed record LoadResult(
    string Load, int Clients, long Errors, TimeSpan Elapsed, LatencyHistogram Latencies, LoadUsage Before, LoadUsage After)
{
    /// <summary>Calls a second.</summary>
    public double Rate => Latencies.Count / Seconds;

    /// <summary>Messages that a call carried, on average.</summary>
    public double MessagesPerCall { get; init; } = 1;

    /// <summary>Bytes that a call carried, on average; zero when that was not counted.</summary>
    public double BytesPerCall { get; init; }

    /// <summary>Processor cores that the servers kept busy.</summary>
    public double ServerCores => ServerCpuSeconds / Seconds;

    /// <summary>Processor cores that this process kept busy.</summary>
    public double ClientCores => ClientCpuSeconds / Seconds;

    /// <summary>Processor time of all servers for each call, in microseconds.</summary>
    public double ServerCpuMicroseconds => ServerCpuSeconds * MicrosecondsPerSecond / Calls;

    /// <summary>Processor time of this process for each call, in microseconds.</summary>
    public double ClientCpuMicroseconds => ClientCpuSeconds * MicrosecondsPerSecond / Calls;

    /// <summary>Bytes that the servers together allocated for each call.</summary>
    public double ServerAllocatedBytes => (After.Runtime.AllocatedBytes - Before.Runtime.AllocatedBytes) / Calls;

    /// <summary>The part of the time for which a server stood still for its garbage collector.</summary>
    public double ServerPauses => (After.Runtime.PauseSeconds - Before.Runtime.PauseSeconds) / Seconds;

    /// <summary>Resident memory of the servers at the end.</summary>
    public long ServerMemoryBytes => After.Servers.MemoryBytes;

    private const double MicrosecondsPerSecond = 1e6;

    private double Seconds => Math.Max(1e-9, Elapsed.TotalSeconds);

    private long Calls => Math.Max(1, Latencies.Count + Errors);

    private double ServerCpuSeconds => After.Servers.CpuSeconds - Before.Servers.CpuSeconds;

    private double ClientCpuSeconds => After.Client.CpuSeconds - Before.Client.CpuSeconds;
}

/// <summary>
/// Runs callers that each wait for one answer before they ask again (closed loop), and measures how long the answers took and what that
/// cost.
/// </summary>
internal static class LoadMeter
{
    /// <summary>Runs callers for so long.</summary>
    /// <param name="load">What they do, for the result.</param>
    /// <param name="callers">Each makes one call, and says whether it succeeded.</param>
    /// <param name="warmUp">How long they run before they are measured.</param>
    /// <param name="duration">How long they are measured; until one call has ended at least.</param>
    /// <param name="servers">The nodes whose use is measured.</param>
    /// <param name="timeline">Receives when each call began and how long it took; or null.</param>
    /// <param name="cancellation">Stops it.</param>
    public static async Task<LoadResult> RunAsync(
        string load, IReadOnlyList<Func<ValueTask<bool>>> callers, TimeSpan warmUp, TimeSpan duration, MeasuredServers servers,
        LatencyTimeline? timeline, CancellationToken cancellation)
    {
        var clock = new LoadClock();
        var loops = callers.Select(call => new Loop(call, timeline)).ToArray();
        var running = Task.WhenAll(loops.Select(loop => Task.Run(() => loop.RunAsync(clock), CancellationToken.None)));
        await Task.Delay(warmUp, cancellation).ConfigureAwait(false);
        var before = await LoadUsage.NowAsync(servers).ConfigureAwait(false);
        var startedAt = Stopwatch.GetTimestamp();
        timeline?.Begin(startedAt);
        clock.IsMeasuring = true;
        await Task.Delay(duration, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // A time in which no call came to its end would say nothing.
        await clock.FirstEnd.Task.WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        clock.IsMeasuring = false;
        var elapsed = Stopwatch.GetElapsedTime(startedAt);
        var after = await LoadUsage.NowAsync(servers).ConfigureAwait(false);
        clock.IsOver = true;
        await running.ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();

        var latencies = new LatencyHistogram();
        foreach (var loop in loops)
        {
            latencies.Add(loop.Latencies);
            timeline?.Add(loop.Samples);
        }

        return new LoadResult(
            load, callers.Count, loops.Sum(loop => loop.Errors), elapsed, latencies, before, after);
    }

    /// <summary>Makes so many calls at once until all are made.</summary>
    /// <param name="clients">How many callers.</param>
    /// <param name="calls">How many calls.</param>
    /// <param name="call">Makes one: which caller, which call, from 0.</param>
    /// <param name="servers">The nodes whose use is measured.</param>
    /// <param name="progress">Told now and then how many were made.</param>
    public static async Task<LoadResult> FillAsync(
        int clients, long calls, Func<int, long, ValueTask> call, MeasuredServers servers, Action<long> progress)
    {
        var next = -1L;
        var startedAt = Stopwatch.GetTimestamp();
        var before = await LoadUsage.NowAsync(servers).ConfigureAwait(false);
        var callers = Enumerable.Range(0, clients).Select(async caller =>
        {
            var latencies = new LatencyHistogram();
            while (Interlocked.Increment(ref next) is var i && i < calls)
            {
                var askedAt = Stopwatch.GetTimestamp();
                await call(caller, i).ConfigureAwait(false);
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
        return new LoadResult(
            "fill", clients, 0, elapsed, all, before, await LoadUsage.NowAsync(servers).ConfigureAwait(false));
    }

    private sealed class LoadClock
    {
        public volatile bool IsMeasuring;
        public volatile bool IsOver;

        /// <summary>The first call that was measured has ended.</summary>
        public TaskCompletionSource FirstEnd { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Loop(Func<ValueTask<bool>> call, LatencyTimeline? timeline)
    {
        public LatencyHistogram Latencies { get; } = new();

        public List<LatencySample> Samples { get; } = [];

        public long Errors { get; private set; }

        public async Task RunAsync(LoadClock clock)
        {
            while (!clock.IsOver)
            {
                var startedAt = Stopwatch.GetTimestamp();
                var isOk = await call().ConfigureAwait(false);
                if (clock.IsMeasuring)
                {
                    clock.FirstEnd.TrySetResult();
                }

                if (!isOk)
                {
                    Errors++;
                    continue;
                }

                if (clock.IsMeasuring)
                {
                    var microseconds = (long)Stopwatch.GetElapsedTime(startedAt).TotalMicroseconds;
                    Latencies.Record(microseconds);
                    if (timeline is not null)
                    {
                        Samples.Add(new LatencySample(startedAt, microseconds));
                    }
                }
            }
        }
    }
}
