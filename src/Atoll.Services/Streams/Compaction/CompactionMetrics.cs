using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Atoll.Foundation.Identity;

namespace Atoll.Services.Streams.Compaction;

/// <summary>The figures of a node's compaction as metrics.</summary>
internal sealed class CompactionMetrics : IDisposable
{
    private readonly Meter _meter = new("Atoll.Compaction");
    private readonly ConcurrentDictionary<ShardId, double> _dirtyRatios = new();
    private readonly Counter<long> _rounds;
    private readonly Counter<long> _faults;
    private readonly Counter<long> _read;
    private readonly Counter<long> _written;

    /// <summary>Metrics from zero.</summary>
    public CompactionMetrics()
    {
        _rounds = _meter.CreateCounter<long>("atoll.compaction.rounds", "{round}", "Rounds of compaction by key that were ended here.");
        _faults = _meter.CreateCounter<long>("atoll.compaction.faults", "{fault}", "Rounds that could not be ended; the log says why.");
        _read = _meter.CreateCounter<long>("atoll.compaction.read", "By", "Bytes of batches that compaction has read.");
        _written = _meter.CreateCounter<long>("atoll.compaction.written", "By", "Bytes that compaction has written in their place.");
        _meter.CreateObservableGauge(
            "atoll.compaction.dirty_ratio", () => _dirtyRatios.Values.DefaultIfEmpty().Max(), "1",
            "The largest part of a partition led here that could be compacted, and never was.");
        _meter.CreateObservableGauge(
            "atoll.compaction.partitions", () => _dirtyRatios.Count, "{partition}", "Partitions led here that are compacted by key.");
    }

    /// <summary>A round is over.</summary>
    public void RoundEnded() => _rounds.Add(1);

    /// <summary>A round could not be ended.</summary>
    public void Failed() => _faults.Add(1);

    /// <summary>Batches were read.</summary>
    public void Read(long bytes) => _read.Add(bytes);

    /// <summary>A piece was written.</summary>
    public void Wrote(long bytes) => _written.Add(bytes);

    /// <summary>A partition was looked at.</summary>
    public void LookedAt(ShardId shard, double dirtyRatio) => _dirtyRatios[shard] = dirtyRatio;

    /// <summary>Forgets partitions that are not led here any more.</summary>
    public void KeepOnly(IReadOnlySet<ShardId> led)
    {
        foreach (var shard in _dirtyRatios.Keys)
        {
            if (!led.Contains(shard))
            {
                _dirtyRatios.TryRemove(shard, out _);
            }
        }
    }

    /// <inheritdoc />
    public void Dispose() => _meter.Dispose();
}
