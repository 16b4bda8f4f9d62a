using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Snapshots;

namespace Atoll.Fuzz.Targets;

/// <summary>The stream that a replica is restored from. The first byte of the input chooses the machine.</summary>
public sealed class StateSnapshotTarget : IFuzzTarget
{
    private static readonly LogIndex Index = new(9);

    /// <inheritdoc />
    public string Name => "state-snapshot";

    /// <inheritdoc />
    public string About => "the stream of a state's snapshot: refused without effect, or a state that works and has the same snapshot";

    /// <inheritdoc />
    public AllocationBound Allocation => new(256, 8 * 1024 * 1024);

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } = [[0, .. Stream(OfRecords())], [1, .. Stream(OfDirectory())]];

    /// <summary>Walks the frames, makes their checksums right, and the last frame's count and chain.</summary>
    public void FixChecksums(Span<byte> input)
    {
        uint chain = 0;
        ulong frames = 0;
        for (var rest = input.IsEmpty ? input : input[1..]; rest.Length > SnapshotFrames.HeaderBytes;)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(rest);
            if (length == 0 || length > rest.Length - SnapshotFrames.HeaderBytes)
            {
                return;
            }

            var body = rest.Slice(SnapshotFrames.HeaderBytes, (int)length);
            if (body[0] == (byte)SnapshotFrameKind.End && body.Length == 13)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(body[1..], frames);
                BinaryPrimitives.WriteUInt32LittleEndian(body[9..], chain);
            }

            var checksum = Crc32C.Compute(body);
            BinaryPrimitives.WriteUInt32LittleEndian(rest[4..], checksum);
            chain = SnapshotFrames.Chain(chain, checksum);
            frames++;
            rest = rest[(SnapshotFrames.HeaderBytes + (int)length)..];
        }
    }

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        if (input.IsEmpty)
        {
            return Verdict.Refused("empty");
        }

        var isRecords = input.Span[0] % 2 == 0;
        var state = NewState(isRecords);
        var before = state.StateHash();
        var target = state.BeginRestore(Index);
        var cut = (input.Length - 1) / 3;
        if (!target.Accept(input.Slice(1, cut)) || !target.Accept(input[(1 + cut)..]) || !IsFinished(target))
        {
            BrokenPromiseException.Unless(state.StateHash() == before, "what is refused has no effect");
            return Verdict.RefusedFor(target.Error ?? "");
        }

        var hash = state.StateHash();
        BrokenPromiseException.Unless(Restore(NewState(isRecords), state).StateHash() == hash, "a restored state snapshots to the same");
        Use(state, isRecords);
        return Verdict.Accepted(isRecords ? "records" : "directory");
    }

    /// <summary>Restores one state from the snapshot of another.</summary>
    internal static ReplicatedState Restore(ReplicatedState target, ReplicatedState source)
    {
        var restore = target.BeginRestore(source.AppliedIndex);
        BrokenPromiseException.Unless(
            restore.Accept(Stream(source)) && IsFinished(restore), "the snapshot of a state can be restored");
        return target;
    }

    // Its load is in memory, so the end comes at once.
    private static bool IsFinished(ISnapshotTarget target)
    {
        var isFinished = false;
        target.Finish(error => isFinished = error is null);
        return isFinished;
    }

    // The restored state takes what comes next.
    private static void Use(ReplicatedState state, bool isRecords)
    {
        Action<WireWriter>[] commands = isRecords
            ?
            [
                w => RecordsCommand.WritePut(w, "new"u8, "value"u8, 5), w => RecordsCommand.WriteDelete(w, "a"u8),
                w => RecordsCommand.WriteExpire(w, [RecordOperation.Delete("a"u8.ToArray(), new HybridTime(1))]),
            ]
            :
            [
                w => DirectoryCommand.WriteRegisterNode(w, new NodeDescription("new", "h:1", "h:2", "h:3", 1, "", "", 77)),
                w => DirectoryCommand.WriteCreateSpace(w, new SpaceOptions("new", Replicas: 1)),
            ];
        var result = new WireWriter();
        foreach (var command in commands)
        {
            Apply(state, command, result);
        }

        if (isRecords)
        {
            result.Reset();
            var isRead = state.TryRead(new byte[] { (byte)RecordsQueryKind.Scan, 0, 0, 0, 0, 0, 0 }, result);
            BrokenPromiseException.Unless(isRead, "a restored state is in memory");
            BrokenPromiseException.Unless(
                RecordsResultCodec.TryReadScan(result.WrittenMemory, out var page), "a restored state can be scanned");
            BrokenPromiseException.Unless(
                page.Rows.Zip(page.Rows.Skip(1)).All(pair => pair.First.Key.Span.SequenceCompareTo(pair.Second.Key.Span) < 0),
                "the records of a restored state are in the order of their keys");
        }
    }

    private static ReplicatedState NewState(bool isRecords) =>
        new(isRecords ? new RecordsStateMachine() : new DirectoryStateMachine(), new RequestTableOptions());

    private static ReplicatedState OfRecords()
    {
        var state = NewState(isRecords: true);
        for (var i = 0; i < 4; i++)
        {
            var key = new[] { (byte)('a' + i) };
            var identity = new RequestIdentity(7, (ulong)i + 1, 1, new(1));
            Apply(state, w => RecordsCommand.WritePut(w, key, "value"u8, i % 2 * 1_000), new WireWriter(), identity);
        }

        Apply(state, w => RecordsCommand.WriteDelete(w, "b"u8), new WireWriter());
        return FilledUp(state);
    }

    private static ReplicatedState OfDirectory()
    {
        var state = NewState(isRecords: false);
        Apply(
            state,
            w => DirectoryCommand.WriteInitCluster(
                w, 42, [new(new(1), new NodeDescription("n1", "h:1", "h:2", "h:3", 1, "", "", 1))], [new(1)]),
            new WireWriter());
        Apply(state, w => DirectoryCommand.WriteCreateSpace(w, new SpaceOptions("s", Replicas: 1, ShardCount: 2)), new WireWriter());
        return FilledUp(state);
    }

    private static ReplicatedState FilledUp(ReplicatedState state)
    {
        while (state.AppliedIndex < Index)
        {
            state.Apply(new LogEntry(state.AppliedIndex.Next, new Term(1), EntryKind.Empty, default), new WireWriter());
        }

        return state;
    }

    private static void Apply(ReplicatedState state, Action<WireWriter> command, WireWriter result, RequestIdentity identity = default)
    {
        var writer = new WireWriter();
        command(writer);
        var payload = CommandEnvelope.Encode(HybridTime.FromUnixMilliseconds(1_000), identity, writer.Written, new WireWriter());
        result.Reset();
        state.Apply(new LogEntry(state.AppliedIndex.Next, new Term(1), EntryKind.Command, payload), result);
    }

    private static byte[] Stream(ReplicatedState state)
    {
        var source = state.BeginSnapshot();
        var all = new WireWriter();
        while (source.TryNext(all))
        {
        }

        return all.ToArray();
    }
}
