using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Streams;
using Atoll.Storage.Sorted;
using Xunit;

namespace Atoll.StateMachines.Tests.Streams;

/// <summary>A partition with the log that feeds it and is its data.</summary>
internal sealed class PartitionReplica
{
    private readonly WireWriter _writer = new();
    private readonly WireWriter _result = new();
    private readonly RecordBatchBuilder _builder = new();

    public PartitionReplica(List<LogEntry>? log = null, InMemoryStateTree? tree = null)
    {
        Log = log ?? [];
        Tree = tree ?? new InMemoryStateTree();
        Machine = new PartitionStateMachine(Tree);
        State = new ReplicatedState(Machine, new RequestTableOptions());
    }

    public List<LogEntry> Log { get; }

    public InMemoryStateTree Tree { get; }

    public PartitionStateMachine Machine { get; }

    public ReplicatedState State { get; }

    public Term Term { get; set; } = new(1);

    /// <summary>The stamp of the next command, and the timestamp of the next record, in milliseconds.</summary>
    public long Now { get; set; } = 1_000_000;

    /// <summary>A batch of so many records, each with as many bytes.</summary>
    public byte[] Batch(
        int records = 1, long producer = -1, short epoch = -1, int sequence = -1, bool isTransactional = false, long? timestamp = null,
        int bytes = 10)
    {
        for (var i = 0; i < records; i++)
        {
            _builder.Add(timestamp ?? Now, null, new byte[bytes]);
        }

        return _builder.Build(producer, epoch, sequence, isTransactional);
    }

    public PartitionResult Append(byte[] batch) => Propose(writer => PartitionCommand.WriteAppend(writer, batch));

    /// <summary>A batch of a producer that numbers them.</summary>
    public PartitionResult Append(long producer, short epoch, int sequence, int records = 1, bool isTransactional = false) =>
        Append(Batch(records, producer, epoch, sequence, isTransactional));

    public PartitionResult Begin(long producer, short epoch, int number = 0) => Propose(writer =>
        PartitionCommand.WriteBeginTransaction(writer, producer, epoch, number));

    public PartitionResult End(long producer, short epoch, bool isCommit, int number = 0) => Propose(writer =>
        PartitionCommand.WriteEndTransaction(writer, new TransactionMarker(producer, epoch, isCommit, number), Now));

    public PartitionResult DeleteBefore(long offset) => Propose(writer => PartitionCommand.WriteDeleteBefore(writer, offset));

    public PartitionResult Configure(PartitionSettings settings) =>
        Propose(writer => PartitionCommand.WriteConfigure(writer, settings));

    public PartitionResult Propose(Action<WireWriter> command)
    {
        _writer.Reset();
        command(_writer);
        var payload = CommandEnvelope.Encode(
            HybridTime.FromUnixMilliseconds(Now), RequestIdentity.None, _writer.Written, new WireWriter());
        Log.Add(new LogEntry(State.AppliedIndex.Next, Term, EntryKind.Command, payload));
        return ApplyNext();
    }

    /// <summary>Applies the next entry of the log.</summary>
    public PartitionResult ApplyNext()
    {
        _result.Reset();
        Assert.Equal(ApplyStatus.Applied, State.Apply(Log[(int)State.AppliedIndex.Value], _result));
        Tree.Applied = State.AppliedIndex;
        Assert.True(PartitionResult.TryRead(_result.WrittenMemory, out var result));
        return result;
    }

    /// <summary>Retention, as a leader would propose it; whether there was something to do.</summary>
    public bool Expire()
    {
        byte[]? found = null;
        var isDue = Machine.NextExpiry is { } due && due <= HybridTime.FromUnixMilliseconds(Now);
        Machine.FindExpired(HybridTime.FromUnixMilliseconds(Now), (command, fault) =>
        {
            Assert.Null(fault);
            found = command;
        });
        Assert.Equal(found is not null, isDue);
        if (found is not null)
        {
            Propose(writer => writer.WriteRaw(found));
        }

        return found is not null;
    }

    public FetchPlaces Fetch(long offset, int bytesMax = int.MaxValue, bool isCommitted = false)
    {
        var places = FetchPlaces.TryRead(Read(writer => PartitionQuery.Write(writer, new PartitionFetch(offset, bytesMax, isCommitted))));
        Assert.NotNull(places);
        return places;
    }

    public FoundOffset Find(long timestamp, bool isCommitted = false)
    {
        Assert.True(FoundOffset.TryRead(
            Read(writer => PartitionQuery.Write(writer, new PartitionFind(timestamp, isCommitted))), out var found));
        return found;
    }

    public FoundOffset EpochEnd(int epoch)
    {
        Assert.True(FoundOffset.TryRead(Read(writer => PartitionQuery.WriteEpochEnd(writer, epoch)), out var found));
        return found;
    }

    /// <summary>The producers that are remembered.</summary>
    public IReadOnlyList<KnownProducer> Producers()
    {
        var known = KnownProducers.TryRead(Read(PartitionQuery.WriteProducers));
        Assert.Equal(PartitionStatus.Ok, known!.Status);
        return known.Producers;
    }

    /// <summary>The batch that a place says is in the log, with offset and epoch set.</summary>
    public RecordBatch Serve(in BatchPlace place)
    {
        Assert.True(CommandEnvelope.TryRead(Log[(int)place.Index.Value - 1].Payload, out var envelope));
        var bytes = PartitionCommand.BatchOf(envelope.Command).ToArray();
        RecordBatchHeader.Place(bytes, place.BaseOffset, place.LeaderEpoch);
        Assert.Equal(RecordBatchFault.None, RecordBatch.Read(bytes, out var batch));
        Assert.Equal(place.Bytes, bytes.Length);
        return batch;
    }

    /// <summary>A replica that starts on what this one's tree had when it was made durable, and replays the rest.</summary>
    public PartitionReplica Restart()
    {
        State.Persist([]);
        var next = new PartitionReplica(Log, Tree);
        string? error = "never called";
        next.State.Recover((why, _) => error = why);
        Assert.Null(error);
        next.Now = Now;
        next.Term = Term;
        return next;
    }

    /// <summary>A new replica that gets the snapshot of this one, and then the log from there.</summary>
    public PartitionReplica Join()
    {
        var point = Machine.SnapshotPoint!.Value;
        var next = new PartitionReplica(Log) { Now = Now, Term = Term };
        if (point.Index > LogIndex.Zero)
        {
            var target = next.State.BeginRestore(point.Index);
            var source = State.BeginSnapshot();
            var slice = new WireWriter();
            while (source.TryNext(slice))
            {
                Assert.True(target.Accept(slice.ToArray()));
                slice.Reset();
            }

            Assert.Null(source.Error);
            source.Dispose();
            Assert.True(target.IsFinished());
        }

        Assert.Equal(point.Index, next.State.AppliedIndex);
        while (next.State.AppliedIndex < State.AppliedIndex)
        {
            next.ApplyNext();
        }

        return next;
    }

    /// <summary>The answer to a query.</summary>
    public byte[] Ask(Action<WireWriter> query) => Read(query);

    private byte[] Read(Action<WireWriter> query)
    {
        _writer.Reset();
        query(_writer);
        _result.Reset();
        Assert.True(State.TryRead(_writer.ToArray(), _result));
        return _result.ToArray();
    }
}
