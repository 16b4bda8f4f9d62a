using System.Diagnostics.Metrics;
using Atoll.Node.Loops;

namespace Atoll.Live.Nodes;

/// <summary>
/// The figures of a node's stores as metrics, by the rules of OpenTelemetry's conventions for names and units. Loops publish them; whoever
/// collects metrics reads what was published last, on any thread.
/// </summary>
internal sealed class StoreMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Atoll.Store";

    private readonly Meter _meter = new(MeterName);
    private readonly uint _node;
    private readonly StoreStatus[] _loops;

    /// <summary>Metrics of a node with that many loops.</summary>
    public StoreMetrics(uint node, int loops)
    {
        _node = node;
        _loops = [.. Enumerable.Repeat(StoreStatus.Unknown, loops)];
        Counter("atoll.store.flushes", "{flush}", "Memtables written to files.", static store => store.Flushes);
        Counter("atoll.store.merges", "{merge}", "Merges.", static store => store.Merges);
        Counter("atoll.store.written", "By", "Bytes of keys and values written to the store.", static store => store.BytesWritten);
        Counter("atoll.store.flushed", "By", "Bytes of files that flushes wrote.", static store => store.FlushedBytes);
        Counter("atoll.store.merged", "By", "Bytes of files that merges wrote.", static store => store.MergedBytes);
        Counter("atoll.store.cache.hits", "{block}", "Blocks that reads found in memory.", static store => store.CacheHits);
        Counter("atoll.store.cache.misses", "{block}", "Blocks that reads got from the disk.", static store => store.CacheMisses);
        Counter("atoll.store.faults", "{fault}", "Faults found in the store's files.", static store => store.FaultsFound);
        Counter("atoll.scrub.passes", "{pass}", "Times that everything durable was read.", static store => store.Scrub.Passes);
        Counter("atoll.scrub.faults", "{fault}", "Damaged blocks, values and log entries found by the scrub.", static store =>
            store.Scrub.Damaged);
        Gauge("atoll.store.size", "By", "Bytes of the store on disk.", static store => store.DiskBytes);
        Gauge("atoll.store.memtables.size", "By", "Bytes of memtables.", static store => store.MemtableBytes);
        Gauge("atoll.store.cache.size", "By", "Bytes of blocks and values in memory.", static store => store.CacheBytes);
        Gauge("atoll.store.files", "{file}", "Sorted files.", static store => store.Levels.Sum(static level => (long)level.Files));
        Gauge("atoll.store.damaged", "{file}", "Files and logs that are damaged now.", static store => store.Damages.Length);
    }

    /// <summary>A loop's figures; on the loop.</summary>
    public void Publish(int loop, StoreStatus store) => Volatile.Write(ref _loops[loop], store);

    /// <inheritdoc />
    public void Dispose() => _meter.Dispose();

    private void Counter(string name, string unit, string description, Func<StoreStatus, long> figure) =>
        _meter.CreateObservableCounter(name, () => Measure(figure), unit, description);

    private void Gauge(string name, string unit, string description, Func<StoreStatus, long> figure) =>
        _meter.CreateObservableGauge(name, () => Measure(figure), unit, description);

    private IEnumerable<Measurement<long>> Measure(Func<StoreStatus, long> figure)
    {
        for (var loop = 0; loop < _loops.Length; loop++)
        {
            yield return new Measurement<long>(
                figure(Volatile.Read(ref _loops[loop])),
                new KeyValuePair<string, object?>("atoll.node", (long)_node),
                new KeyValuePair<string, object?>("atoll.loop", loop));
        }
    }
}
