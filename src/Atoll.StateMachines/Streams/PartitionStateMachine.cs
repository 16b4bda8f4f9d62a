using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Streams;

/// <summary>
/// A partition of a stream: batches of records with ever higher offsets. The batches stay in the log, which is their only copy; the machine
/// keeps where they are (docs/streams.md). So the log is needed behind <see cref="SnapshotPoint"/>, and a snapshot is of the state as of
/// that entry, not of the last one.
/// </summary>
public sealed class PartitionStateMachine : IStateMachine
{
    private static readonly Probe Repeated = Probe.Define("partition: a batch came again");
    private static readonly Probe CutAway = Probe.Define("partition: everything was deleted, and a segment begun");

    private readonly PartitionIndex _index;
    private PartitionState _state = new();

    /// <summary>A machine whose index is all in memory.</summary>
    public PartitionStateMachine()
        : this(new InMemoryStateTree())
    {
    }

    /// <summary>A machine over a tree.</summary>
    /// <param name="tree">Where the index is; a tree that is not empty is taken over by <see cref="Recover"/> before all else.</param>
    public PartitionStateMachine(IStateTree tree)
    {
        Tree = tree;
        _index = new PartitionIndex(tree);
    }

    /// <summary>The bug that is planted.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <inheritdoc />
    public IStateTree? Tree { get; }

    /// <inheritdoc />
    public SnapshotPoint? SnapshotPoint => new SnapshotPoint(_state.LogNeededAfter, _state.Segments[0].CutAt);

    /// <summary>The first offset that there is.</summary>
    public long LogStart => _state.LogStart;

    /// <summary>The offset that the next record gets: the high watermark.</summary>
    public long NextOffset => _state.NextOffset;

    /// <summary>The first offset that may belong to an open transaction.</summary>
    public long LastStable => _state.LastStable;

    /// <summary>Bytes of batches that are kept.</summary>
    public long Bytes => _state.Bytes;

    /// <inheritdoc />
    public HybridTime? NextExpiry => PartitionRetention.NextLook(_state);

    /// <inheritdoc />
    public void FindExpired(HybridTime now, Action<byte[]?, StoreFault?> done)
    {
        var offset = PartitionRetention.FindEnd(_state, now);
        byte[]? command = null;
        if (offset > _state.LogStart)
        {
            var writer = new WireWriter();
            PartitionCommand.WriteDeleteBefore(writer, offset);
            command = writer.ToArray();
        }

        done(command, null);
    }

    /// <inheritdoc />
    public bool IsPrepared(ReadOnlyMemory<byte> command) => true;

    /// <inheritdoc />
    public void Prepare(IReadOnlyList<ReadOnlyMemory<byte>> commands, Action<StoreFault?> ready) => ready(null);

    /// <inheritdoc />
    public void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result)
    {
        var offset = -1L;
        var status = PartitionCommand.KindOf(command.Span) switch
        {
            PartitionCommandKind.Append => Append(context, command[PartitionCommand.BatchAt..], out offset),
            PartitionCommandKind.EndTransaction => EndTransaction(context, command[PartitionCommand.BatchAt..], out offset),
            PartitionCommandKind.DeleteBefore when PartitionCommand.TryReadDeleteBefore(command, out var before) =>
                DeleteBefore(context, before),
            PartitionCommandKind.Configure when PartitionCommand.TryReadConfigure(command, out var settings) => Configure(settings),
            PartitionCommandKind.BeginTransaction
                when PartitionCommand.TryReadBeginTransaction(command, out var id, out var epoch, out var number) =>
                BeginTransaction(context, id, epoch, number),
            PartitionCommandKind.BeginCompaction
                when CompactionBeginning.TryRead(command[PartitionCommand.BodyAt..], out var beginning) =>
                PartitionRounds.Begin(_state, beginning),
            PartitionCommandKind.Replace when CompactionPiece.TryRead(command[PartitionCommand.BodyAt..], out var piece) =>
                PartitionRounds.Replace(_state, _index, context, piece),
            _ => PartitionStatus.Invalid,
        };
        Check.That(_state.LogStart <= _state.LastStable && _state.LastStable <= _state.NextOffset);
        new PartitionResult(status, offset, _state.LogStart).Write(result);
    }

    /// <inheritdoc />
    public bool TryRead(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result) =>
        PartitionReader.TryRead(_state, _index, query, result);

    /// <inheritdoc />
    public void ReadLater(ReadOnlyMemory<byte> query, Func<HybridTime> now, Action<StateAnswer> done) =>
        PartitionReader.ReadLater(_state, _index, query, now, done);

    /// <inheritdoc />
    public void Persist(HybridTime now)
    {
        var value = new WireWriter();
        _state.Write(value);
        Tree!.Section(StateSections.Meta).Write(StateSections.MachineKey, new StoredRecord(now, HybridTime.Zero, value.ToArray()));
    }

    /// <inheritdoc />
    public void Recover(ReadOnlyMemory<byte> meta, HybridTime now, Action<string?> done)
    {
        var recovered = PartitionState.TryRead(meta);
        recovered?.Forget(Sabotage);
        _state = recovered ?? _state;
        done(recovered is null ? "the partition's own record in the store is garbled" : null);
    }

    /// <inheritdoc />
    public ISnapshotSource BeginSnapshot() => new PartitionSnapshotSource(_index, _state.LogNeededAfter);

    /// <inheritdoc />
    public IMachineTarget BeginRestore(HybridTime now, IStateLoad? load)
    {
        Check.That(load is not null);
        return new PartitionSnapshotTarget(now, load, state => _state = state);
    }

    /// <inheritdoc />
    public ulong StateHash() => _state.Hash();

    private PartitionStatus Append(in CommandContext context, ReadOnlyMemory<byte> bytes, out long offset)
    {
        offset = -1;
        if (RecordBatch.ReadTaken(bytes, out var batch) != RecordBatchFault.None || batch.Header.IsControl
            || batch.Header.RecordCount > long.MaxValue - _state.NextOffset)
        {
            return PartitionStatus.CorruptBatch;
        }

        var header = batch.Header;
        ProducerState? producer = null;
        if (header.HasProducer)
        {
            var status = Judge(header, out producer, out offset);
            if (status != PartitionStatus.Ok || offset >= 0)
            {
                return status;
            }
        }

        offset = Place(context, header);
        if (producer is not null)
        {
            if (header.ProducerEpoch > producer.Epoch)
            {
                producer.Begin(header.ProducerEpoch);
            }

            if (header.IsTransactional && producer.TransactionStart < 0)
            {
                _state.Producers.Begin(header.ProducerId, producer, offset);
            }

            producer.Add(new AppendedBatch(header.BaseSequence, header.LastSequence, offset));
            producer.LastActive = context.Now.UnixMilliseconds;
        }

        CutIfDue(context);
        return PartitionStatus.Ok;
    }

    // The offset is that of the batch when it is there already.
    private PartitionStatus Judge(in RecordBatchHeader header, out ProducerState? producer, out long offset)
    {
        offset = -1;
        producer = _state.Producers.Find(header.ProducerId);
        if (producer is not null)
        {
            var status = producer.Judge(header, out offset);
            if (offset >= 0 && Sabotage.Has(Sabotage.ForgetsSequences))
            {
                offset = -1;
            }

            if (offset >= 0)
            {
                Repeated.Hit();
            }

            return status == PartitionStatus.InvalidTransactionState && header.ProducerEpoch == producer.Epoch
                && Sabotage.Has(Sabotage.TakesLateBatches) ? PartitionStatus.Ok : status;
        }

        if (header.IsTransactional)
        {
            return PartitionStatus.InvalidTransactionState;
        }

        // Its first batch may have been overtaken by the second, which must wait then: or the first would be taken for a repeated one.
        if (header.BaseSequence != 0)
        {
            return _state.Producers.HasForgotten ? PartitionStatus.UnknownProducer : PartitionStatus.OutOfOrderSequence;
        }

        producer = _state.Producers.FindOrAdd(header.ProducerId, header.ProducerEpoch);
        return producer is null ? PartitionStatus.TooManyProducers : PartitionStatus.Ok;
    }

    // From now on a batch of the transaction is taken; one that comes late, when the transaction has ended, is not.
    private PartitionStatus BeginTransaction(in CommandContext context, long id, short epoch, int number)
    {
        var isKnown = _state.Producers.Find(id) is not null;
        if (_state.Producers.FindOrAdd(id, epoch) is not { } producer)
        {
            return PartitionStatus.TooManyProducers;
        }

        if (epoch < producer.Epoch)
        {
            return PartitionStatus.ProducerFenced;
        }

        if (number == producer.EndedTransaction || ProducerState.IsBefore(number, producer.EndedTransaction)
            || ProducerState.IsBefore(number, producer.OpenTransaction))
        {
            return PartitionStatus.TransactionOver;
        }

        if (producer.TransactionStart >= 0 && number != producer.OpenTransaction && !Sabotage.Has(Sabotage.TakesLateBatches))
        {
            return PartitionStatus.InvalidTransactionState;
        }

        if (epoch > producer.Epoch)
        {
            producer.Begin(epoch);
        }

        producer.MayBeForgotten |= !isKnown && _state.Producers.HasForgotten;
        producer.OpenTransaction = number;
        producer.LastActive = context.Now.UnixMilliseconds;
        return PartitionStatus.Ok;
    }

    private PartitionStatus EndTransaction(in CommandContext context, ReadOnlyMemory<byte> bytes, out long offset)
    {
        offset = -1;
        if (!TransactionMarker.TryRead(bytes, out var marker))
        {
            return PartitionStatus.CorruptBatch;
        }

        var isKnown = _state.Producers.Find(marker.ProducerId) is not null;
        if (_state.Producers.FindOrAdd(marker.ProducerId, marker.ProducerEpoch) is not { } producer)
        {
            return PartitionStatus.TooManyProducers;
        }

        if (marker.ProducerEpoch < producer.Epoch)
        {
            return PartitionStatus.ProducerFenced;
        }

        if (marker.Number == producer.EndedTransaction)
        {
            return PartitionStatus.Ok;
        }

        var isLate = ProducerState.IsBefore(marker.Number, producer.EndedTransaction)
            || ProducerState.IsBefore(marker.Number, producer.OpenTransaction);
        if (isLate && !Sabotage.Has(Sabotage.TakesLateMarkers))
        {
            return PartitionStatus.TransactionOver;
        }

        if (marker.ProducerEpoch > producer.Epoch)
        {
            producer.Begin(marker.ProducerEpoch);
        }

        producer.MayBeForgotten |= !isKnown && _state.Producers.HasForgotten;
        producer.EndedTransaction = marker.Number;
        producer.LastActive = context.Now.UnixMilliseconds;
        if (producer.TransactionStart < 0)
        {
            producer.OpenTransaction = -1;
            return PartitionStatus.Ok;
        }

        offset = Place(context, RecordBatchHeader.Read(bytes.Span));
        var start = producer.TransactionStart;
        _state.Producers.End(producer);
        if (!marker.IsCommit && !Sabotage.Has(Sabotage.ForgetsAborted))
        {
            _index.Add(new AbortedTransaction(marker.ProducerId, start, offset), _state.LastStable, context.Now);
        }

        CutIfDue(context);
        return PartitionStatus.Ok;
    }

    /// <summary>Gives a batch the next offsets, and notes where it is.</summary>
    private long Place(in CommandContext context, in RecordBatchHeader header)
    {
        var offset = _state.NextOffset;
        var epoch = (int)Math.Min(context.Term.Value, (ulong)int.MaxValue);
        if (_state.Epochs.Count == 0 || _state.Epochs[^1].Epoch < epoch)
        {
            _state.Epochs.Add(new EpochStart(epoch, offset));
        }

        _state.NextOffset += header.RecordCount;
        _state.Count(header, context.Now);
        _state.AddToChain(header.Checksum);
        _index.Add(
            new BatchPlace(context.Index, offset, header.RecordCount, header.SizeBytes, epoch, header.MaxTimestamp), context.Now);
        return offset;
    }

    private void CutIfDue(in CommandContext context)
    {
        var last = _state.Segments[^1];
        if (_state.IsFull(last)
            || context.Now.UnixMilliseconds - last.BeganAt.UnixMilliseconds >= _state.Settings.SegmentMilliseconds)
        {
            Cut(context);
        }
    }

    private void Cut(in CommandContext context)
    {
        _state.Producers.ForgetIdle(context.Now.UnixMilliseconds);
        _index.AddCheckpoint(context.Index, _state, context.Now);
        _state.Cut(context.Index, context.Now);
    }

    private PartitionStatus DeleteBefore(in CommandContext context, long before)
    {
        var offset = before == PartitionCommand.EndOffset ? _state.NextOffset : before;
        if (offset > _state.NextOffset)
        {
            return PartitionStatus.OffsetOutOfRange;
        }

        _state.Compaction.NoteDeleted(Math.Min(offset, _state.FirstUnstable));

        // An open transaction keeps what is behind its beginning, as its marker will speak of it.
        offset = Math.Min(offset, _state.LastStable);
        if (offset <= _state.LogStart)
        {
            return PartitionStatus.Ok;
        }

        if (offset == _state.NextOffset && _state.Segments[^1].Batches > 0)
        {
            CutAway.Hit();
            Cut(context);
        }

        _state.MoveLogStart(offset);
        _index.Trim(_state, context.Now);
        return PartitionStatus.Ok;
    }

    private PartitionStatus Configure(PartitionSettings settings)
    {
        _state.Settings = settings;
        return PartitionStatus.Ok;
    }
}
