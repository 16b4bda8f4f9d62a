using Atoll.Simulation.Checkers;
using Atoll.StateMachines.Streams;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// What is promised of a partition, held against everything that clients were told of it: an acknowledged batch stands for ever where it
/// was acknowledged, until it is deleted; whoever saw a batch at an offset, nobody ever sees another one there; what was sent after
/// something was acknowledged stands behind it; numbered batches are there once, in the order of their numbers; positions never go back.
/// </summary>
/// <param name="name">The partition, for people.</param>
/// <param name="retention">What may be deleted without being asked for.</param>
/// <param name="messagesAreDoubled">
/// Whether the network has doubled messages so far: then a batch without a number may be doubled, too.
/// </param>
internal sealed class PartitionChecker(string name, RetentionKind retention, Func<bool> messagesAreDoubled)
{
    private readonly Dictionary<ulong, SentBatch> _sent = [];
    private readonly SortedDictionary<long, (SentBatch Batch, int Epoch)> _places = [];
    private long _askedToDelete;
    private long _highWatermarkSeen;
    private long _logStartSeen;
    private bool _hasTransactions;

    /// <summary>Positions that a linearizable read that begins now must have reached.</summary>
    public PartitionFloor Floor { get; private set; } = new(0, 0, 0);

    /// <summary>Batches that were made.</summary>
    public int Sent => _sent.Count;

    /// <summary>What stands where, as far as anybody was told.</summary>
    public IEnumerable<KeyValuePair<long, (SentBatch Batch, int Epoch)>> Places => _places;

    /// <summary>A batch is made, to be sent.</summary>
    public SentBatch Make(byte[] bytes, ObservedTransaction? transaction = null)
    {
        var batch = new SentBatch(_sent.Count, bytes, transaction);
        _hasTransactions |= transaction is not null;
        if (!_sent.TryAdd(SentBatch.KeyOf(bytes), batch))
        {
            throw new InvalidOperationException("two batches of a workload have the same bytes");
        }

        return batch;
    }

    /// <summary>The marker at the end of a transaction, which anybody may send, at any time, and however often.</summary>
    public SentBatch MarkerOf(byte[] bytes, ObservedTransaction transaction)
    {
        if (!_sent.TryGetValue(SentBatch.KeyOf(bytes), out var marker))
        {
            marker = Make(bytes, transaction);
            marker.UncertainTimes = 1; // it is there once, whoever was told so
        }

        Invoke(marker);
        return marker;
    }

    /// <summary>A batch is sent, perhaps again.</summary>
    public void Invoke(SentBatch batch)
    {
        batch.NotBefore = batch.NotBefore < 0 ? Floor.End : batch.NotBefore;
        batch.IsRefused = false;
    }

    /// <summary>A batch was acknowledged.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="result">What its producer was told.</param>
    public void Acknowledge(SentBatch batch, in PartitionResult result)
    {
        if (batch.AcknowledgedAt >= 0 && batch.AcknowledgedAt != result.BaseOffset && batch.Header.HasProducer)
        {
            Fail($"{batch} was acknowledged at {batch.AcknowledgedAt}, and then at {result.BaseOffset}");
        }

        batch.AcknowledgedAt = result.BaseOffset;
        if (result.BaseOffset < batch.NotBefore)
        {
            Fail($"{batch} was acknowledged at {result.BaseOffset}, and {batch.NotBefore} was the end before it was sent");
        }

        Place(batch, result.BaseOffset, -1);
        Raise(result.BaseOffset + batch.Header.RecordCount, result.LogStart);
    }

    /// <summary>Certainly nothing was appended by what was just sent. An earlier time may have.</summary>
    public void Refuse(SentBatch batch)
    {
        batch.IsRefused = batch.UncertainTimes == 0;
        if (batch.IsRefused && batch.Places.Count > 0 && !messagesAreDoubled())
        {
            Fail($"{batch} was refused, and stands at {batch.Places.Min}");
        }
    }

    /// <summary>Somebody is about to delete what is before an offset; -1: everything.</summary>
    public void InvokeDelete(long before) =>
        _askedToDelete = Math.Max(_askedToDelete, before == PartitionCommand.EndOffset ? long.MaxValue : before);

    /// <summary>Somebody was told that what is before an offset was deleted.</summary>
    public void AcknowledgeDelete(long before, in PartitionResult result)
    {
        // What an open transaction has written stays, until it ends.
        if (result.LogStart < before && !_hasTransactions)
        {
            Fail($"everything before {before} was to be deleted, and was acknowledged with a log start of {result.LogStart}");
        }

        Raise(0, result.LogStart);
    }

    /// <summary>A read was answered.</summary>
    /// <param name="fetch">What was asked.</param>
    /// <param name="floor">The positions at its beginning; null for one that need not be up to date.</param>
    /// <param name="fetched">The answer.</param>
    /// <returns>The offset behind what was read.</returns>
    public long Read(in PartitionFetch fetch, PartitionFloor? floor, FetchedBatches fetched)
    {
        var (logStart, lastStable, end) = fetched.Places.Positions;
        if (logStart > lastStable || lastStable > end)
        {
            Fail($"its positions are {logStart}, {lastStable}, {end}");
        }

        if (floor is { } least)
        {
            CheckFloor(least, logStart, end);
            if (lastStable < least.LastStable)
            {
                Fail($"its last stable offset went back from {least.LastStable} to {lastStable}");
            }

            Raise(end, logStart, lastStable);
        }

        _highWatermarkSeen = Math.Max(_highWatermarkSeen, end);
        CheckLogStart(logStart);
        var mayBeMissing = fetch.IsCommitted ? lastStable : end;
        if (fetched.Places.Status == PartitionStatus.OffsetOutOfRange)
        {
            if (fetch.Offset >= logStart && fetch.Offset <= end)
            {
                Fail($"offset {fetch.Offset} is said to be out of {logStart} to {end}");
            }

            return fetch.Offset;
        }

        if (fetched.Places.Status != PartitionStatus.Ok || fetch.Offset < logStart || fetch.Offset > end)
        {
            Fail($"a read from {fetch.Offset} on of {logStart} to {end} was answered {fetched.Places.Status}");
        }

        if (fetched.Places.Batches.Count == 0 && fetch.Offset < mayBeMissing)
        {
            Fail($"nothing was read from {fetch.Offset} on, although there is something up to {mayBeMissing}");
        }

        var filter = fetch.IsCommitted ? new CommittedFilter(fetched.Places.Aborted) : null;
        return ReadBatches(fetch.Offset, mayBeMissing, fetched, filter);
    }

    /// <summary>An end of the partition was asked for.</summary>
    public void FoundEnd(PartitionFloor floor, bool isLatest, in FoundOffset found)
    {
        if (isLatest)
        {
            CheckFloor(floor, long.MaxValue, found.Offset);
            Raise(found.Offset, 0);
        }
        else
        {
            CheckFloor(floor, found.Offset, long.MaxValue);
            CheckLogStart(found.Offset);
            Raise(0, found.Offset);
        }
    }

    /// <summary>Everything was read once more, from the log start to the end: nothing that was seen or acknowledged is missing.</summary>
    /// <param name="logStart">The log start.</param>
    /// <param name="end">The end.</param>
    /// <param name="kept">Bytes that retention by size keeps at least.</param>
    public void CheckWhole(long logStart, long end, long kept)
    {
        if (_highWatermarkSeen > end || _logStartSeen > logStart)
        {
            Fail($"it is {logStart} to {end}, and somebody saw it from {_logStartSeen} to {_highWatermarkSeen}");
        }

        var numbers = new SortedDictionary<long, (RecordBatchHeader Header, long Offset)>();
        var next = 0L;
        var bytes = 0L;
        var lastEpoch = -1;
        var markers = new MarkerChecker(logStart);
        foreach (var (offset, (batch, epoch)) in _places)
        {
            // Between what was deleted there may be batches that nobody ever saw; from the log start on everything was read.
            if (offset < next || (offset > next && next >= logStart && next > 0))
            {
                Fail($"{batch} is at {offset}, and what is before it ends at {next}");
            }

            next = offset + batch.Header.RecordCount;
            bytes += next > logStart ? batch.Bytes.Length : 0;
            if (epoch >= 0 && epoch < lastEpoch)
            {
                Fail($"the epoch of {batch} at {offset} is {epoch}, and before it that was {lastEpoch} already");
            }

            lastEpoch = Math.Max(lastEpoch, epoch);
            CheckNumber(numbers, batch, offset, logStart);
            CheckTimes(batch);
            markers.Take(batch, offset);
        }

        markers.CheckAllEnded();
        if (next > end || (next < end && logStart < end))
        {
            Fail($"the last batch that anybody saw ends at {next}, and the partition at {end}");
        }

        if (logStart > _askedToDelete && bytes < kept)
        {
            Fail($"{bytes} bytes are left, and at least {kept} were to be kept");
        }
    }

    private static bool IsOld(SentBatch batch) => batch.Header.MaxTimestamp < WorkloadBatches.FirstThatStays;

    private void CheckTimes(SentBatch batch)
    {
        var allowed = (batch.AcknowledgedAt >= 0 ? 1 : 0) + batch.UncertainTimes;
        if (batch.Places.Count > allowed && !messagesAreDoubled())
        {
            Fail($"{batch} is at {string.Join(", ", batch.Places)}, and should be there {allowed} times at most");
        }
    }

    private void CheckNumber(
        SortedDictionary<long, (RecordBatchHeader Header, long Offset)> numbers, SentBatch batch, long offset, long logStart)
    {
        var header = batch.Header;
        if (!header.HasProducer)
        {
            return;
        }

        var isKnown = numbers.TryGetValue(header.ProducerId, out var last);
        if (isKnown)
        {
            // Before the log start there may be batches that nobody ever saw: there numbers may be missing, but not go back.
            var expected = header.ProducerEpoch == last.Header.ProducerEpoch ? ProducerSequence.Next(last.Header.LastSequence) : 0;
            var isInOrder = header.IsControl
                || (header.BaseSequence >= expected && (header.BaseSequence == expected || last.Offset < logStart));
            if (header.ProducerEpoch < last.Header.ProducerEpoch || !isInOrder)
            {
                Fail($"{batch} is at {offset}, and the last one of the same producer before it is of epoch "
                    + $"{last.Header.ProducerEpoch} and ends with sequence {last.Header.LastSequence}");
            }
        }

        // A marker has no number; but nothing of an earlier epoch may stand behind it.
        if (!header.IsControl || (isKnown && header.ProducerEpoch > last.Header.ProducerEpoch))
        {
            numbers[header.ProducerId] = (header, offset);
        }
    }

    private long ReadBatches(long from, long end, FetchedBatches fetched, CommittedFilter? filter)
    {
        var next = from;
        var rest = fetched.Records;
        foreach (var place in fetched.Places.Batches)
        {
            if (RecordBatch.Read(rest, out var batch) is not RecordBatchFault.None and var fault)
            {
                Fail($"what was read at {place.BaseOffset} is not a batch: {fault}");
            }

            rest = rest[batch.Memory.Length..];
            var header = batch.Header;
            var isFirst = next == from;
            if (header.BaseOffset != place.BaseOffset || header.LeaderEpoch != place.LeaderEpoch || header.RecordCount != place.Records
                || (isFirst ? header.BaseOffset > from || place.LastOffset < from : header.BaseOffset != next)
                || place.BaseOffset >= end)
            {
                Fail($"a read from {from} to {end} brought {header.BaseOffset} to {place.LastOffset} where {next} was next");
            }

            var span = batch.Memory.Span;
            if (!_sent.TryGetValue(SentBatch.KeyOf(span), out var sent) || !sent.IsAs(span))
            {
                Fail($"nobody sent the {span.Length} bytes that were read at {place.BaseOffset}");
            }

            Place(sent, place.BaseOffset, place.LeaderEpoch);
            if (filter is not null && filter.Keeps(header) is var isKept && sent.Transaction is { } transaction && !header.IsControl)
            {
                transaction.Decide(isKept, $"a reader of committed records of {name} {(isKept ? "kept" : "left out")} {sent}");
            }

            next = place.LastOffset + 1;
        }

        return next;
    }

    private void Place(SentBatch batch, long offset, int epoch)
    {
        if (_places.TryGetValue(offset, out var known))
        {
            if (!ReferenceEquals(known.Batch, batch))
            {
                Fail($"at {offset} stands {batch}, where {known.Batch} was before");
            }

            if (known.Epoch >= 0 && epoch >= 0 && known.Epoch != epoch)
            {
                Fail($"the epoch of offset {offset} is {epoch}, and was {known.Epoch}");
            }

            _places[offset] = (batch, Math.Max(epoch, known.Epoch));
            return;
        }

        _places.Add(offset, (batch, epoch));
        batch.Places.Add(offset);
        if (batch.NotBefore < 0 || offset < batch.NotBefore)
        {
            Fail($"{batch} is at {offset}, and {batch.NotBefore} was the end before it was sent");
        }

        if (batch.Places.Count > 1 && batch.Header.HasProducer)
        {
            Fail($"{batch} is doubled: it is at {string.Join(", ", batch.Places)}");
        }

        if (batch.IsRefused && !messagesAreDoubled())
        {
            Fail($"{batch} is at {offset}, and was refused");
        }
    }

    private void CheckFloor(PartitionFloor floor, long logStart, long end)
    {
        if (end < floor.End)
        {
            Fail($"its high watermark went back from {floor.End} to {end}");
        }

        if (logStart < floor.LogStart)
        {
            Fail($"its log start went back from {floor.LogStart} to {logStart}");
        }
    }

    // Beyond what somebody asked for, only what retention takes may have gone.
    private void CheckLogStart(long logStart)
    {
        if (logStart <= _logStartSeen)
        {
            return;
        }

        _logStartSeen = logStart;
        if (logStart <= _askedToDelete || retention == RetentionKind.BySize)
        {
            return;
        }

        if (retention == RetentionKind.None)
        {
            Fail($"everything before {logStart} has gone, and nobody asked for more than {_askedToDelete}");
        }

        foreach (var (offset, (batch, _)) in _places)
        {
            if (offset < logStart && offset >= _askedToDelete && !IsOld(batch))
            {
                Fail($"{batch} at {offset} has gone, and it was not old");
            }
        }
    }

    private void Raise(long end, long logStart, long lastStable = 0)
    {
        CheckLogStart(logStart);
        _highWatermarkSeen = Math.Max(_highWatermarkSeen, end);
        Floor = new PartitionFloor(
            Math.Max(Floor.LogStart, logStart), Math.Max(Floor.LastStable, lastStable), Math.Max(Floor.End, Math.Max(end, logStart)));
    }

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private void Fail(string what) => throw new SafetyViolationException($"{name}: {what}");
}
