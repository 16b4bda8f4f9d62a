using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;

namespace Atoll.Fuzz.Targets;

/// <summary>Commands of the rows machine, as clients send them and as they stand in the log.</summary>
public sealed class RowsCommandTarget : CodecTarget
{
    /// <inheritdoc />
    public override string Name => "rows-command";

    /// <inheritdoc />
    public override string About => "RowsCommand: what Validate passes can be parsed; any bytes can be applied, and give a result";

    /// <inheritdoc />
    public override AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } = [.. Samples()];

    /// <summary>Commands of each kind, operation and condition.</summary>
    internal static IEnumerable<byte[]> Samples()
    {
        byte[] key = [1], row = [2], value = [3];
        RowOperation[] operations =
        [
            RowOperation.Upsert(row, [CellWrite.Put(1, value, 9), CellWrite.Delete(2), CellWrite.Increment(3, -4)], true) with
            {
                MarkerTimeToLiveSeconds = 7,
            },
            RowOperation.Upsert(row, [CellWrite.Replace(4), CellWrite.Append(4, key, value), CellWrite.Prepend(4, key, value)]),
            RowOperation.UpsertStatic([CellWrite.Clear(5)]) with { TimestampMicros = -6 },
            RowOperation.DeleteRow(row),
            RowOperation.DeleteStatic(),
            RowOperation.DeleteRange(ClusteringRange.OfPrefix(row)),
            RowOperation.DeletePartition(),
        ];
        RowCondition[] conditions =
        [
            RowCondition.NotExists(value),
            RowCondition.Cell(row, 1, CellComparison.In, [value, default(ReadOnlyMemory<byte>?)], ValueOrder.Integer),
            RowCondition.Collection(row, 4, CellComparison.NotEqual, [new ConditionElement(key, value)], true),
        ];
        foreach (var operation in operations)
        {
            yield return Bytes(w => RowsCommand.WriteMutate(w, RowsMutation.Of(new PartitionMutation(5, key, [operation]))));
        }

        yield return Bytes(w => RowsCommand.WriteMutate(w, new RowsMutation([new PartitionMutation(5, key, operations)], conditions, 60)));
        yield return Bytes(RowsCommand.WriteTruncate);
    }

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var machine = new RowsStateMachine();
        var result = new WireWriter();
        machine.Apply(new CommandContext(new HybridTime(7), new(1)), Seeds[0], result);
        result.Reset();
        machine.Apply(new CommandContext(new HybridTime(1 << 20), new(2)), input, result);
        BrokenPromiseException.Unless(RowsResultCodec.TryReadMutation(result.WrittenMemory, out var mutated), "a command has a result");

        var fault = RowsCommand.Validate(input, 0, ulong.MaxValue, RecordLimits.Default);
        BrokenPromiseException.Unless(
            !fault.IsNone || mutated.Status != RowsStatus.Invalid, "what is passed by Validate is a command");
        outcome = $"{RowsCommand.KindOf(input.Span)} {mutated.Status}";
        if (RowsCommand.KindOf(input.Span) == RowsCommandKind.Truncate && fault.IsNone)
        {
            RowsCommand.WriteTruncate(again);
            return true;
        }

        if (!RowsCommand.TryReadMutate(input, out var mutation))
        {
            BrokenPromiseException.Unless(
                RowsCommand.KindOf(input.Span) != RowsCommandKind.Mutate || mutated.Status == RowsStatus.Invalid,
                "what is no command has no effect");
            return false;
        }

        RowsCommand.WriteMutate(again, mutation);
        return true;
    }
}
