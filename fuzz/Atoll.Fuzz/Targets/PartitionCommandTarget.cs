using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines;
using Atoll.StateMachines.Streams;
using Atoll.Storage.Sorted;

namespace Atoll.Fuzz.Targets;

/// <summary>Commands and queries of a partition: the input is both.</summary>
public sealed class PartitionCommandTarget : IFuzzTarget
{
    private readonly List<byte[]> _setUp =
    [
        .. RecordBatchTarget.Samples().Select(batch => Bytes(writer => PartitionCommand.WriteAppend(writer, batch))),
        Bytes(writer => PartitionCommand.WriteBeginCompaction(writer, new CompactionBeginning(0, 0, 2, true))),
    ];

    /// <inheritdoc />
    public string Name => "partition-command";

    /// <inheritdoc />
    public string About => "commands and queries of a partition: any bytes give a result; two replicas stay equal, one of them restarted";

    /// <inheritdoc />
    public AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. RecordBatchTarget.Samples().Select(batch => Bytes(writer => PartitionCommand.WriteAppend(writer, batch))),
        Bytes(writer => PartitionCommand.WriteEndTransaction(writer, new TransactionMarker(7, 0, false, 1), 5)),
        Bytes(writer => PartitionCommand.WriteBeginTransaction(writer, 7, 0, 1)),
        Bytes(writer => PartitionCommand.WriteDeleteBefore(writer, 2)),
        Bytes(writer => PartitionCommand.WriteConfigure(writer, PartitionSettings.Default)),
        Bytes(writer => PartitionCommand.WriteBeginCompaction(writer, new CompactionBeginning(1, 0, 1, false))),
        Bytes(writer => PartitionCommand.WriteReplace(writer, new CompactionPiece(1, 0, 1, 1, Kept()))),
        Bytes(writer => PartitionCommand.WriteReplace(writer, new CompactionPiece(1, 0, 2, 1, default))),
        Bytes(PartitionQuery.WriteCompaction),
        Bytes(writer => PartitionQuery.Write(writer, new PartitionFetch(1, 100, true))),
        Bytes(writer => PartitionQuery.Write(writer, new PartitionFind(950, false))),
        Bytes(writer => PartitionQuery.WriteEpochEnd(writer, 1)),
        Bytes(PartitionQuery.WriteProducers),
    ];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var tree = new InMemoryStateTree();
        var machine = new PartitionStateMachine(tree);
        var index = 0UL;
        foreach (var command in _setUp)
        {
            Apply(machine, ++index, command);
        }

        machine.Persist(new HybridTime(index));
        var restarted = new PartitionStateMachine(tree);
        var meta = tree.Section(StateSections.Meta).TryGet(StateSections.MachineKey, out var record) ? record.Value : default;
        restarted.Recover(meta, new HybridTime(index), error =>
            BrokenPromiseException.Unless(error is null, "what was made durable is taken over"));

        var result = Apply(machine, ++index, input);
        BrokenPromiseException.Unless(result == Apply(restarted, index, input), "replicas give the same result");
        BrokenPromiseException.Unless(machine.StateHash() == restarted.StateHash(), "replicas stay equal");

        var answer = new WireWriter();
        BrokenPromiseException.Unless(machine.TryRead(input, new HybridTime(index), answer), "in memory every query is answered");
        var isAnswered = answer.Written[0] != (byte)PartitionStatus.Invalid;
        return isAnswered ? Verdict.Accepted($"{PartitionQuery.KindOf(input.Span)}")
            : result.Status is PartitionStatus.Invalid or PartitionStatus.CorruptBatch ? Verdict.Refused($"{result.Status}")
            : Verdict.Accepted($"{PartitionCommand.KindOf(input.Span)} {result.Status}");
    }

    private static PartitionResult Apply(PartitionStateMachine machine, ulong index, ReadOnlyMemory<byte> command)
    {
        var writer = new WireWriter();
        machine.Apply(new CommandContext(new HybridTime(index << 20), new LogIndex(index), new Term(1)), command, writer);
        BrokenPromiseException.Unless(PartitionResult.TryRead(writer.WrittenMemory, out var result), "a command has a result");
        return result;
    }

    private static byte[] Kept()
    {
        var builder = new RecordBatchBuilder();
        builder.Add(5, new byte[] { 1 }, null);
        return builder.Build();
    }

    private static byte[] Bytes(Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return writer.ToArray();
    }
}
