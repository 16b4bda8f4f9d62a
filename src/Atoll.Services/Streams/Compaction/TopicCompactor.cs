using Atoll.Foundation.Identity;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.StateMachines.Streams.Compaction;
using Microsoft.Extensions.Logging;

namespace Atoll.Services.Streams.Compaction;

/// <summary>
/// Compacts by key the partitions that are led here, of topics whose settings say so (docs/streams.md): one at a time, and paced. It keeps
/// nothing: whoever leads a partition next goes on with its round.
/// </summary>
public sealed partial class TopicCompactor : IAsyncDisposable
{
    private readonly IStreams _streams;
    private readonly IPartitionLeaders _leaders;
    private readonly CompactionPace _pace;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CompactionMetrics _metrics = new();
    private readonly PeriodicWork _work;

    // Partitions that could not be compacted, and when that was.
    private readonly Dictionary<ShardId, long> _resting = [];
    private int _next;

    /// <summary>A compactor that runs until it is disposed of.</summary>
    /// <param name="streams">The topics.</param>
    /// <param name="leaders">Tells which partitions are led here.</param>
    /// <param name="pace">How much it may take.</param>
    /// <param name="time">Clock and timers.</param>
    /// <param name="logger">Where it says why a partition is not compacted.</param>
    public TopicCompactor(IStreams streams, IPartitionLeaders leaders, CompactionPace pace, TimeProvider time, ILogger logger)
    {
        _streams = streams;
        _leaders = leaders;
        _pace = pace;
        _time = time;
        _logger = logger;
        _work = new PeriodicWork(pace.LookInterval, time, LookAsync, failure => Failed(_logger, failure));
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _work.DisposeAsync().ConfigureAwait(false);
        _metrics.Dispose();
    }

    private async Task LookAsync(CancellationToken cancellation)
    {
        var led = await LedAsync(cancellation).ConfigureAwait(false);
        for (var looks = Math.Min(led.Count, _pace.LooksAtOnce); looks > 0; looks--)
        {
            _next = _next < led.Count ? _next : 0;
            var partition = led[_next++];
            if (IsResting(partition.Shard))
            {
                continue;
            }

            try
            {
                await LookAsync(partition, cancellation).ConfigureAwait(false);
            }
            catch (AtollException)
            {
                // Nobody leads it at the moment, it is overloaded, or it was deleted. What was written of a round stays written.
            }
        }
    }

    private async Task<List<LedPartition>> LedAsync(CancellationToken cancellation)
    {
        var topics = await _streams.TopicsAsync(cancellation).ConfigureAwait(false);
        var view = LeaderView.Empty;
        var led = new List<LedPartition>();
        foreach (var topic in topics.Topics)
        {
            if (topic.Settings.Compaction is not { } settings)
            {
                continue;
            }

            view = view == LeaderView.Empty ? await _leaders.ViewAsync(cancellation).ConfigureAwait(false) : view;
            for (var number = 0; number < topic.Partitions.Length; number++)
            {
                if (IsLedHere(view, topic.Partitions[number].Id))
                {
                    led.Add(new LedPartition(topic, number, settings));
                }
            }
        }

        var shards = led.Select(static partition => partition.Shard).ToHashSet();
        _metrics.KeepOnly(shards);
        foreach (var gone in _resting.Keys.Where(shard => !shards.Contains(shard)).ToArray())
        {
            _resting.Remove(gone);
        }

        return led;
    }

    private async Task LookAsync(LedPartition partition, CancellationToken cancellation)
    {
        var (topic, number, settings) = partition;
        var status = await _streams.CompactionAsync(topic, number, ReadLevel.Any, cancellation).ConfigureAwait(false);
        var need = CompactionNeed.Of(status, settings, NowMilliseconds);
        _metrics.LookedAt(partition.Shard, need.DirtyRatio);
        if (need.IsDue)
        {
            await CompactAsync(partition, cancellation).ConfigureAwait(false);
        }
    }

    private async Task CompactAsync(LedPartition partition, CancellationToken cancellation)
    {
        var run = new CompactionRun(partition.Settings, NowMilliseconds);
        while (run.Step != CompactionStep.Nothing && await IsStillMineAsync(partition, cancellation).ConfigureAwait(false))
        {
            var began = _time.GetTimestamp();
            var bytes = await StepAsync(run, partition, cancellation).ConfigureAwait(false);
            await RestAsync(bytes, _time.GetElapsedTime(began), cancellation).ConfigureAwait(false);
        }

        if (run.IsComplete)
        {
            _metrics.RoundEnded();
        }
        else if (run.WhyNot is { } why)
        {
            _metrics.Failed();
            _resting[partition.Shard] = _time.GetTimestamp();
            NotCompacted(_logger, partition.Topic.Name, partition.Number, why);
        }
    }

    // To look whether there is something to do any answer will do; to do it, only one of who leads and knows that it does: another replica
    // may not have all that there is.
    private async Task<long> StepAsync(CompactionRun run, LedPartition partition, CancellationToken cancellation)
    {
        var (topic, number, _) = partition;
        switch (run.Step)
        {
            case CompactionStep.Status:
                run.Take(await _streams.CompactionAsync(topic, number, ReadLevel.Linearizable, cancellation).ConfigureAwait(false));
                return 0;
            case CompactionStep.Batches:
                var fetched = await _streams.FetchAsync(
                    topic, number, run.Fetch, TimeSpan.Zero, ReadLevel.Linearizable, cancellation).ConfigureAwait(false);
                run.Take(fetched);
                _metrics.Read(fetched.Records.Length);
                return fetched.Records.Length;
            default:
                var bytes = run.Command.Length;
                run.Take(await _streams.CompactAsync(topic, number, run.Command, cancellation).ConfigureAwait(false));
                _metrics.Wrote(bytes);
                return bytes;
        }
    }

    // As long as a step took, whatever it waited for, nothing is done behind it: where others want the disk or the processor steps take
    // longer, and so do the rests. It is at work half of the time at most.
    private Task RestAsync(long bytes, TimeSpan took, CancellationToken cancellation)
    {
        var paced = TimeSpan.FromSeconds((double)bytes / _pace.BytesPerSecond);
        return Task.Delay(paced > took ? paced : took, _time, cancellation);
    }

    private async ValueTask<bool> IsStillMineAsync(LedPartition partition, CancellationToken cancellation)
    {
        var topics = await _streams.TopicsAsync(cancellation).ConfigureAwait(false);
        return topics.Find(partition.Topic.Id)?.Settings.Compaction is not null
            && IsLedHere(await _leaders.ViewAsync(cancellation).ConfigureAwait(false), partition.Shard);
    }

    private bool IsResting(ShardId shard)
    {
        if (_resting.TryGetValue(shard, out var since) && _time.GetElapsedTime(since) < _pace.RestAfterFault)
        {
            return true;
        }

        _resting.Remove(shard);
        return false;
    }

    private static bool IsLedHere(LeaderView view, ShardId shard) => view.Knows(shard) && view.LeaderOf(shard).Node == view.Self;

    private long NowMilliseconds => _time.GetUtcNow().ToUnixTimeMilliseconds();

    [LoggerMessage(Level = LogLevel.Error, Message = "A round of compaction failed; it is tried again")]
    private static partial void Failed(ILogger logger, Exception failure);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Partition {Partition} of topic {Topic} is not compacted: {Why}")]
    private static partial void NotCompacted(ILogger logger, string topic, int partition, string why);

    private readonly record struct LedPartition(Topic Topic, int Number, CompactionSettings Settings)
    {
        public ShardId Shard => Topic.Partitions[Number].Id;
    }
}
