using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.StateMachines.Streams.Compaction;

/// <summary>What a run of compaction wants next.</summary>
public enum CompactionStep
{
    /// <summary>The status: <see cref="CompactionRun.Take(CompactionStatus)"/>.</summary>
    Status,

    /// <summary>The batches of <see cref="CompactionRun.Fetch"/>: <see cref="CompactionRun.Take(FetchedBatches)"/>.</summary>
    Batches,

    /// <summary>What becomes of <see cref="CompactionRun.Command"/>: <see cref="CompactionRun.Take(in PartitionResult)"/>.</summary>
    Result,

    /// <summary>Nothing: it is over.</summary>
    Nothing,
}

/// <summary>
/// One round of compaction of a partition, or the rest of one that somebody else began (docs/streams.md): it says what it wants, and
/// whoever drives it brings that. First what was never compacted is read, to know each key's last record; then everything up to there is
/// read, and written anew without what is not needed. It may be given up at any moment: what is written is written, and the next run goes
/// on there.
/// </summary>
/// <param name="settings">How the partition is compacted.</param>
/// <param name="nowMilliseconds">The present, since 1970.</param>
/// <remarks>
/// What it is brought must be linearizable. A replica that began with a checkpoint does not have what is before it yet: what it said would
/// be taken for deleted.
/// </remarks>
public sealed class CompactionRun(CompactionSettings settings, long nowMilliseconds)
{
    private const int FetchBytes = 1024 * 1024;

    private static readonly Probe Continued = Probe.Define("compaction: a round of somebody else is gone on with");
    private static readonly Probe Shortened = Probe.Define("compaction: a round ends where there is no room for more keys");

    private RecordFilter? _filter;
    private BatchRewriter? _rewriter;
    private CompactionStatus? _status;
    private ulong _round;
    private long _position;
    private long _end;
    private bool _dropsTombstones;
    private RewrittenBatch _written;

    /// <summary>What it wants.</summary>
    public CompactionStep Step { get; private set; } = CompactionStep.Status;

    /// <summary>What is to be read, always before the last stable offset.</summary>
    public PartitionFetch Fetch => new(_position, FetchBytes, IsCommitted: true);

    /// <summary>What is to be applied.</summary>
    public ReadOnlyMemory<byte> Command { get; private set; }

    /// <summary>Whether the round is over, by this run or the one before.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>The bug that is planted.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <summary>Why it ended before its end, in words for people; null when nothing was wrong.</summary>
    public string? WhyNot { get; private set; }

    /// <summary>The status of the partition, as its leader has it.</summary>
    public void Take(CompactionStatus status)
    {
        Check.That(Step == CompactionStep.Status);
        _status = status;
        _round = status.Rounds;
        var need = CompactionNeed.Of(status, settings, nowMilliseconds);
        _end = need.End;
        if (!need.IsDue)
        {
            Step = CompactionStep.Nothing;
            return;
        }

        _dropsTombstones = status.Round?.DropsTombstones
            ?? (status.Mark is { } mark && mark.AtMilliseconds <= nowMilliseconds - settings.TombstoneMilliseconds);
        var tombstonesBefore = Sabotage.Has(Sabotage.DropsTombstonesEarly) ? _end : _dropsTombstones ? status.Mark?.End ?? 0 : 0;
        _filter = new RecordFilter(new KeyOffsets(settings.KeysMax) { Sabotage = Sabotage }, tombstonesBefore);
        _position = Math.Max(status.CleanEnd, status.Positions.LogStart);
        Step = CompactionStep.Batches;
        GoOnReading();
    }

    /// <summary>Batches from the position on that was asked for.</summary>
    public void Take(FetchedBatches fetched)
    {
        Check.That(Step == CompactionStep.Batches);
        if (fetched.Places.Status == PartitionStatus.OffsetOutOfRange && fetched.Places.Positions.LogStart > _position)
        {
            // Somebody deletes what is being read.
            _position = Math.Min(fetched.Places.Positions.LogStart, _end);
            GoOnReading();
            return;
        }

        if (fetched.Places.Status != PartitionStatus.Ok || fetched.Places.Batches.Count == 0)
        {
            End($"offset {_position} cannot be read: {fetched.Places.Status}");
            return;
        }

        for (var rest = fetched.Records; !rest.IsEmpty && _position < _end && Step == CompactionStep.Batches;)
        {
            if (RecordBatch.Read(rest, out var batch) is not RecordBatchFault.None and var fault)
            {
                End($"a batch behind offset {_position} is damaged: {fault}");
                return;
            }

            rest = rest[batch.Memory.Length..];
            var header = batch.Header;
            if (header.BaseOffset >= _end)
            {
                _position = _end;
                break;
            }

            if (header.LastOffset >= _end)
            {
                // A later round, of somebody else, has made one batch of what is before and behind the end of this one.
                Step = CompactionStep.Nothing;
                return;
            }

            var goes = header.IsControl || (IsAborted(fetched.Places, header) && !Sabotage.Has(Sabotage.RevivesAborted));
            if (_rewriter is null)
            {
                Note(batch, goes);
            }
            else
            {
                _rewriter.Take(batch, goes);
            }

            _position = Math.Max(_position, header.BaseOffset + header.LastOffsetDelta + 1);
        }

        GoOnReading();
    }

    /// <summary>What became of the command.</summary>
    public void Take(in PartitionResult result)
    {
        Check.That(Step == CompactionStep.Result);
        if (result.Status != PartitionStatus.Ok)
        {
            // Somebody else compacts it, too, or it is no more what it was. The next run sees.
            Step = CompactionStep.Nothing;
        }
        else if (_rewriter is null)
        {
            _round++;
            BeginRewriting(_status!.Positions.LogStart);
        }
        else if (_written.To == _end)
        {
            IsComplete = true;
            Step = CompactionStep.Nothing;
        }
        else
        {
            Step = CompactionStep.Batches;
            GoOnReading();
        }
    }

    private static bool IsAborted(FetchPlaces places, RecordBatchHeader header) => header.IsTransactional
        && places.Aborted.Any(aborted => aborted.ProducerId == header.ProducerId
            && aborted.FirstOffset <= header.BaseOffset && header.BaseOffset < aborted.MarkerOffset);

    private void Note(in RecordBatch batch, bool goes)
    {
        if (goes || _filter!.TryNote(batch))
        {
            return;
        }

        // No room for more keys: the round ends before the segment that has this one, unless that is its first.
        Shortened.Hit();
        var end = -1L;
        foreach (var segment in _status!.Segments)
        {
            end = segment.BaseOffset <= batch.Header.BaseOffset ? segment.BaseOffset : end;
        }

        if (_status.Round is not null || end <= Math.Max(_status.CleanEnd, _status.Positions.LogStart))
        {
            End($"more than {settings.KeysMax} keys are in a segment, which is as many as can be told apart");
            return;
        }

        _end = end;
        _position = end;
    }

    // To the end, first to note the keys, then to write anew: each time what was gathered goes out before more is read.
    private void GoOnReading()
    {
        if (Step != CompactionStep.Batches)
        {
            return;
        }

        if (_rewriter is null)
        {
            if (_position >= _end)
            {
                BeginOrGoOn();
            }

            return;
        }

        if (_position >= _end)
        {
            _rewriter.Finish(_end);
        }

        if (_rewriter.TryTake(out _written))
        {
            if (_written.Batch.Length > Limits.ValueBytesMax)
            {
                End($"what stays behind offset {_written.From} is more than a batch may be");
                return;
            }

            Write(writer => PartitionCommand.WriteReplace(
                writer, new CompactionPiece(_round, _written.From, _written.To, _written.LeaderEpoch, _written.Batch)));
        }
    }

    private void BeginOrGoOn()
    {
        if (_status!.Round is { } round)
        {
            Continued.Hit();
            BeginRewriting(round.Next);
            return;
        }

        Write(writer => PartitionCommand.WriteBeginCompaction(
            writer, new CompactionBeginning(_round, _status.Positions.LogStart, _end, _dropsTombstones)));
    }

    private void BeginRewriting(long from)
    {
        _position = from;
        _rewriter = new BatchRewriter(_filter!, from, settings.BatchBytes);
        Step = CompactionStep.Batches;
        GoOnReading();
    }

    private void Write(Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        Command = writer.ToArray();
        Step = CompactionStep.Result;
    }

    private void End(string why)
    {
        WhyNot = why;
        Step = CompactionStep.Nothing;
    }
}
