using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Snapshots;
using Xunit;

namespace Atoll.StateMachines.Tests;

/// <summary>A replicated state with the log that feeds it: a test proposes, and everything committed can be replayed elsewhere.</summary>
internal sealed class Replica
{
    private readonly WireWriter _writer = new();
    private readonly WireWriter _result = new();

    public Replica(IStateMachine machine, RequestTableOptions? options = null)
    {
        Options = options ?? new RequestTableOptions();
        State = new ReplicatedState(machine, Options);
    }

    public RequestTableOptions Options { get; }

    public ReplicatedState State { get; }

    public List<LogEntry> Log { get; } = [];

    /// <summary>The stamp of the next command: 1,000 s after the epoch, unless a test sets it.</summary>
    public HybridTime Stamp { get; set; } = HybridTime.FromUnixMilliseconds(1_000_000);

    public static Replica OfRecords(RequestTableOptions? options = null) => new(new RecordsStateMachine(), options);

    public void Advance(long milliseconds) => Stamp = HybridTime.FromUnixMilliseconds(Stamp.UnixMilliseconds + milliseconds);

    public (ApplyStatus Status, byte[] Result) Propose(Action<WireWriter> command, RequestIdentity identity = default)
    {
        _writer.Reset();
        command(_writer);
        var payload = CommandEnvelope.Encode(Stamp, identity, _writer.Written, new WireWriter());
        return Append(EntryKind.Command, payload);
    }

    public (ApplyStatus Status, byte[] Result) Append(EntryKind kind, byte[] payload)
    {
        var entry = new LogEntry(State.AppliedIndex.Next, new Term(1), kind, payload);
        Log.Add(entry);
        return Apply(entry);
    }

    public (ApplyStatus Status, byte[] Result) Apply(in LogEntry entry)
    {
        _result.Reset();
        _result.WriteByte(0xEE);
        var status = State.Apply(entry, _result);
        Assert.Equal(0xEE, _result.Written[0]);
        return (status, _result.Written[1..].ToArray());
    }

    public byte[] Read(Action<WireWriter> query)
    {
        _writer.Reset();
        query(_writer);
        _result.Reset();
        Assert.True(State.TryRead(_writer.ToArray(), _result));
        return _result.ToArray();
    }

    public WriteResult Write(Action<WireWriter> command, RequestIdentity identity = default)
    {
        var (status, result) = Propose(command, identity);
        Assert.Equal(ApplyStatus.Applied, status);
        Assert.True(RecordsResultCodec.TryReadWrite(result, out var write));
        return write;
    }

    public WriteResult Put(string key, string value, long timeToLiveMilliseconds = 0) =>
        Write(w => RecordsCommand.WritePut(w, Bytes(key), Bytes(value), timeToLiveMilliseconds));

    public WriteResult Delete(string key) => Write(w => RecordsCommand.WriteDelete(w, Bytes(key)));

    public WriteResult Batch(params RecordOperation[] operations) => Write(w => RecordsCommand.WriteBatch(w, operations));

    public WriteResult Expire()
    {
        var expired = FindExpired();
        return Write(w => RecordsCommand.WriteExpire(w, expired));
    }

    /// <summary>What a leader whose clock says <see cref="Stamp"/> would propose to remove.</summary>
    public RecordOperation[] FindExpired()
    {
        RecordOperation[] expired = [];
        State.Machine.FindExpired(Stamp, (command, fault) =>
        {
            Assert.Null(fault);
            Assert.True(command is null || RecordsCommand.TryParse(command, out _, out expired));
        });
        return expired;
    }

    /// <summary>When the next record expires, as a search finds out.</summary>
    public HybridTime? NextExpiry()
    {
        State.Machine.FindExpired(HybridTime.Zero, (_, _) => { });
        return State.Machine.NextExpiry;
    }

    public GetResult Get(string key)
    {
        Assert.True(RecordsResultCodec.TryReadGet(Read(w => RecordsQuery.WriteGet(w, Bytes(key))), out var get));
        return get;
    }

    public ScanPage Scan(ScanQuery query)
    {
        Assert.True(RecordsResultCodec.TryReadScan(Read(w => RecordsQuery.WriteScan(w, query)), out var page));
        return page;
    }

    public ChangesPage Changes(string prefix, HybridTime after, int changesMax = 0)
    {
        var query = new ChangesQuery(Bytes(prefix), after, changesMax);
        Assert.True(RecordsResultCodec.TryReadChanges(Read(w => RecordsQuery.WriteChanges(w, query)), out var page));
        return page;
    }

    public RecordsStats Stats()
    {
        Assert.True(RecordsResultCodec.TryReadStats(Read(RecordsQuery.WriteStats), out var stats));
        return stats;
    }

    public byte[] Snapshot()
    {
        var source = State.BeginSnapshot();
        var all = new WireWriter();
        var slice = new WireWriter();
        while (source.TryNext(slice))
        {
            all.WriteRaw(slice.Written);
            slice.Reset();
        }

        return all.ToArray();
    }

    public static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    public static string Text(ReadOnlyMemory<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes.Span);
}

/// <summary>Snapshot targets whose loads are in memory: the end comes at once.</summary>
internal static class SnapshotTargetExtensions
{
    public static bool IsFinished(this ISnapshotTarget target)
    {
        var isFinished = false;
        target.Finish(error => isFinished = error is null);
        return isFinished;
    }
}
