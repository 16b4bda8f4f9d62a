using System.Text;
using Atoll.Foundation.Compression;
using Atoll.Simulation.Checkers;
using Atoll.StateMachines.Streams;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// What is promised of a partition that is compacted by key, to readers of committed records: a record is where it was acknowledged, as it
/// was sent, as long as it is there; it is there as long as there is no later one of its key; what was aborted is never read; positions
/// never go back, and no reader waits at an offset that is gone.
/// </summary>
/// <param name="name">The partition, for people.</param>
/// <param name="keepsTombstones">Whether tombstones stay for ever; else they may go as soon as they hide nothing.</param>
internal sealed class CompactedChecker(string name, bool keepsTombstones)
{
    private readonly RecordCodec _codec = new();
    private readonly Dictionary<long, KeyedRecord> _sent = [];
    private readonly SortedDictionary<string, List<KeyedRecord>> _ofKey = new(StringComparer.Ordinal);
    private readonly SortedDictionary<long, KeyedRecord> _places = [];
    private long _askedToDelete;

    /// <summary>Positions that a linearizable read that begins now must have reached.</summary>
    public PartitionFloor Floor { get; private set; } = new(0, 0, 0);

    /// <summary>Makes a record, to be sent.</summary>
    public KeyedRecord Make(string key, byte[]? value)
    {
        var record = new KeyedRecord(WorkloadBatches.FirstThatStays + _sent.Count, key, value);
        _sent.Add(record.Number, record);
        if (!_ofKey.TryGetValue(key, out var records))
        {
            _ofKey.Add(key, records = []);
        }

        records.Add(record);
        return record;
    }

    /// <summary>Records were acknowledged, those of a transaction before its end is known.</summary>
    /// <param name="records">Those of one batch.</param>
    /// <param name="baseOffset">Where the first is.</param>
    /// <param name="isCommitted">True when they belong to no transaction.</param>
    public void Acknowledge(IReadOnlyList<KeyedRecord> records, long baseOffset, bool isCommitted)
    {
        for (var i = 0; i < records.Count; i++)
        {
            Place(records[i], baseOffset + i);
            if (isCommitted)
            {
                Decide(records[i], true);
            }
        }

        Floor = Floor with { End = Math.Max(Floor.End, baseOffset + records.Count) };
    }

    /// <summary>It is known, or just being seen, whether a record takes effect.</summary>
    public void Decide(KeyedRecord record, bool isCommitted)
    {
        if (record.IsCommitted is { } known && known != isCommitted)
        {
            Fail($"{record} was {(known ? "committed" : "aborted")}, and is {(isCommitted ? "read" : "aborted")}");
        }

        record.IsCommitted = isCommitted;
    }

    /// <summary>Somebody is about to delete what is before an offset.</summary>
    public void InvokeDelete(long before) => _askedToDelete = Math.Max(_askedToDelete, before);

    /// <summary>A read was answered.</summary>
    /// <param name="from">Where it was to begin.</param>
    /// <param name="floor">The positions at its beginning; null for one that need not be up to date.</param>
    /// <param name="fetched">The answer.</param>
    /// <param name="seen">Receives the records.</param>
    /// <returns>Where to read on.</returns>
    public long Read(long from, PartitionFloor? floor, FetchedBatches fetched, List<KeyedRecord> seen)
    {
        var (logStart, lastStable, end) = fetched.Places.Positions;
        if (logStart > lastStable || lastStable > end)
        {
            Fail($"its positions are {logStart}, {lastStable}, {end}");
        }

        // A replica that began with a checkpoint has what is before it when it has read the log behind: till then it begins there.
        if (floor is { } least)
        {
            if (logStart > _askedToDelete)
            {
                Fail($"it begins at {logStart}, and nobody deleted more than what is before {_askedToDelete}");
            }

            if (logStart < least.LogStart || lastStable < least.LastStable || end < least.End)
            {
                Fail($"its positions went back from {least} to {logStart}, {lastStable}, {end}");
            }

            Floor = new PartitionFloor(
                Math.Max(Floor.LogStart, logStart), Math.Max(Floor.LastStable, lastStable), Math.Max(Floor.End, end));
        }

        if (fetched.Places.Status == PartitionStatus.OffsetOutOfRange)
        {
            return from < logStart || from > end ? logStart : throw Failure($"offset {from} is said to be out of {logStart} to {end}");
        }

        if (fetched.Places.Status != PartitionStatus.Ok || (fetched.Places.Batches.Count == 0 && from < lastStable))
        {
            Fail($"a read from {from} to {lastStable} brought nothing, and {fetched.Places.Status}");
        }

        var next = from;
        var filter = new CommittedFilter(fetched.Places.Aborted);
        for (var rest = fetched.Records; !rest.IsEmpty;)
        {
            if (RecordBatch.Read(rest, out var batch) is not RecordBatchFault.None and var fault)
            {
                Fail($"what was read behind {next} is not a batch: {fault}");
            }

            rest = rest[batch.Memory.Length..];
            var header = batch.Header;
            if (header.LastOffset < next || (next > from && header.BaseOffset < next) || header.BaseOffset >= lastStable)
            {
                Fail($"a read from {from} to {lastStable} brought {header.BaseOffset} to {header.LastOffset} where {next} was next");
            }

            if (filter.Keeps(header))
            {
                ReadRecords(batch, from, seen);
            }

            next = header.LastOffset + 1;
        }

        CheckMissing(from, next, seen);
        return next;
    }

    /// <summary>Everything was read once more, from the log start to the end, and all outcomes are known.</summary>
    /// <param name="logStart">The log start.</param>
    /// <param name="cleanEnd">What is before it was compacted.</param>
    /// <param name="seen">What was read.</param>
    public void CheckWhole(long logStart, long cleanEnd, IReadOnlyList<KeyedRecord> seen)
    {
        foreach (var (key, records) in _ofKey)
        {
            var last = LastOf(records);
            var lastSeen = seen.LastOrDefault(record => string.Equals(record.Key, key, StringComparison.Ordinal));
            if (last is null || last.Offset < logStart ? lastSeen is not null
                : lastSeen != last && (lastSeen is not null || last.Value is not null || keepsTombstones))
            {
                Fail($"of {key} {last?.ToString() ?? "nothing"} is the last, and was read {lastSeen?.ToString() ?? "nothing"}");
            }
        }

        var doubled = seen.Where(record => record.Offset < cleanEnd).GroupBy(static record => record.Key, StringComparer.Ordinal)
            .FirstOrDefault(static key => key.Count() > 1);
        if (doubled is not null)
        {
            Fail($"what is before {cleanEnd} is compacted, and there is {string.Join(", ", doubled)}");
        }
    }

    /// <summary>A reader has read everything, in its time: then it knows the last value of each key, and none that was deleted.</summary>
    /// <param name="table">What it knows.</param>
    /// <param name="logStart">The log start: what was deleted with it, it may know or not.</param>
    public void CheckTable(IReadOnlyDictionary<string, KeyedRecord> table, long logStart)
    {
        foreach (var (key, records) in _ofKey)
        {
            if (LastOf(records) is { } last && last.Offset >= logStart && (last.Value is not null || keepsTombstones)
                && table.GetValueOrDefault(key) is var known && known != last)
            {
                Fail($"of {key} {last} is the last, and a reader of everything knows {known?.ToString() ?? "nothing"}");
            }
        }
    }

    private static KeyedRecord? LastOf(List<KeyedRecord> records) =>
        records.Where(static record => record.IsCommitted == true).MaxBy(static record => record.Offset);

    private void ReadRecords(in RecordBatch batch, long from, List<KeyedRecord> seen)
    {
        if (_codec.Decompress(batch, out var bytes) is not CompressionFault.None and var fault)
        {
            Fail($"the batch at {batch.Header.BaseOffset} cannot be decompressed: {fault}");
        }

        var reader = new RecordReader(bytes, batch.Header.RecordCount, batch.Header.LastOffsetDelta);
        while (reader.TryNext(out var record))
        {
            var offset = batch.Header.BaseOffset + record.OffsetDelta;
            if (offset < from)
            {
                continue;
            }

            var number = batch.Header.BaseTimestamp + record.TimestampDelta;
            if (!_sent.TryGetValue(number, out var sent) || record.Key is not { } key
                || !key.Span.SequenceEqual(Encoding.UTF8.GetBytes(sent.Key)) || record.Value is null != sent.Value is null
                || (record.Value is { } value && !value.Span.SequenceEqual(sent.Value)))
            {
                throw Failure($"nobody sent what was read at {offset}");
            }

            Place(sent, offset);
            Decide(sent, true);
            seen.Add(sent);
        }

        if (!reader.IsComplete)
        {
            Fail($"the batch at {batch.Header.BaseOffset} is not made of records");
        }
    }

    // What is committed and was not read, though the reader passed it, must have a later one: one that may be later at least, as nobody was
    // told where it is.
    private void CheckMissing(long from, long next, List<KeyedRecord> seen)
    {
        if (from == next)
        {
            return;
        }

        var read = seen.ToHashSet();
        foreach (var (offset, record) in _places)
        {
            if (offset >= next)
            {
                return;
            }

            if (offset >= from && record.IsCommitted == true && !read.Contains(record) && (record.Value is not null || keepsTombstones)
                && !_ofKey[record.Key].Exists(other => other.IsCommitted != false && (other.Offset < 0 || other.Offset > offset)))
            {
                Fail($"{record} was passed over, and is the last of its key");
            }
        }
    }

    private void Place(KeyedRecord record, long offset)
    {
        if (record.Offset >= 0 && record.Offset != offset)
        {
            Fail($"{record} is at {offset}");
        }

        if (_places.TryGetValue(offset, out var there) && there != record)
        {
            Fail($"at {offset} is {record}, and {there} was there");
        }

        record.Offset = offset;
        _places[offset] = record;
    }

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private void Fail(string what) => throw Failure(what);

    private SafetyViolationException Failure(string what) => new($"{name}: {what}");
}
