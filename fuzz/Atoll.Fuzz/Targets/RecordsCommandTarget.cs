using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines;
using Atoll.StateMachines.Records;

namespace Atoll.Fuzz.Targets;

/// <summary>Commands of the records machine, as clients send them and as they stand in the log.</summary>
public sealed class RecordsCommandTarget : CodecTarget
{
    /// <inheritdoc />
    public override string Name => "records-command";

    /// <inheritdoc />
    public override string About => "RecordsCommand: what Validate passes can be parsed; any bytes can be applied, and give a result";

    /// <inheritdoc />
    public override AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } = [.. Samples()];

    /// <summary>One command of each kind.</summary>
    internal static IEnumerable<byte[]> Samples()
    {
        yield return Bytes(w => RecordsCommand.WritePut(w, "key"u8, "value"u8, 1_000));
        yield return Bytes(w => RecordsCommand.WriteDelete(w, "key"u8));
        yield return Bytes(w => RecordsCommand.WriteCompareAndSet(w, "key"u8, new HybridTime(7), "value"u8));
        yield return Bytes(w => RecordsCommand.WriteCompareAndDelete(w, "other"u8, HybridTime.Zero));
        yield return Bytes(w => RecordsCommand.WriteBatch(w,
        [
            RecordOperation.Put("a"u8.ToArray(), "b"u8.ToArray()), RecordOperation.Check("c"u8.ToArray(), default),
            RecordOperation.Delete("a"u8.ToArray()),
        ]));
        yield return Bytes(RecordsCommand.WriteAdvance);
        yield return Bytes(w => RecordsCommand.WriteExpire(w, [RecordOperation.Delete("a"u8.ToArray(), new HybridTime(7))]));
    }

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        var machine = new RecordsStateMachine();
        var result = new WireWriter();
        machine.Apply(new CommandContext(new HybridTime(7), new(1)), Seeds[0], result);
        result.Reset();
        machine.Apply(new CommandContext(new HybridTime(1 << 20), new(2)), input, result);
        BrokenPromiseException.Unless(RecordsResultCodec.TryReadWrite(result.WrittenMemory, out var written), "a command has a result");

        var fault = RecordsCommand.Validate(input, 0, ulong.MaxValue, RecordLimits.Default);
        var isCommand = RecordsCommand.TryParse(input, out var kind, out var operations);
        BrokenPromiseException.Unless(!fault.IsNone || isCommand, "what is passed by Validate is a command");
        BrokenPromiseException.Unless(isCommand == (written.Status != RecordsStatus.Invalid), "what is no command has no effect");
        if (!isCommand)
        {
            BrokenPromiseException.Unless(operations.Length == 0, "what is no command has no operations");
            outcome = $"refused: {fault.Kind}";
            return false;
        }

        outcome = $"{kind} {written.Status}";
        switch (kind)
        {
            case RecordsCommandKind.Single:
                RecordsCommand.WriteSingle(again, operations[0]);
                break;
            case RecordsCommandKind.Batch:
                RecordsCommand.WriteBatch(again, operations);
                break;
            case RecordsCommandKind.Advance:
                RecordsCommand.WriteAdvance(again);
                break;
            default:
                // The first format's has no operations, not even their number.
                if (input.Length == 1)
                {
                    again.WriteByte((byte)RecordsCommandKind.Expire);
                }
                else
                {
                    RecordsCommand.WriteExpire(again, operations);
                }

                break;
        }

        return true;
    }
}
