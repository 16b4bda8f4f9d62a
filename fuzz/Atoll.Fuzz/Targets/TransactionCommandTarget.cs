using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Transactions;

namespace Atoll.Fuzz.Targets;

/// <summary>Commands, queries and snapshots of transactions: the input is all of them.</summary>
public sealed class TransactionCommandTarget : IFuzzTarget
{
    private static readonly InitProducer Init = new("x", 60_000, 5, -1, -1);
    private static readonly AddToTransaction Add = new("x", 5, 0, [new TopicPartition("t", 0)], ["g"]);

    private readonly List<byte[]> _setUp =
    [
        Bytes(writer => TransactionCommand.Write(writer, Init)),
        Bytes(writer => TransactionCommand.Write(writer, Add)),
        Bytes(writer => TransactionCommand.Write(writer, Init with { Id = "y" })),
        Bytes(writer => TransactionCommand.Write(writer, Add with { Id = "y" })),
        Bytes(writer => TransactionCommand.Write(writer, new EndTransaction("y", 5, 0, true))),
    ];

    /// <inheritdoc />
    public string Name => "transaction-command";

    /// <inheritdoc />
    public string About => "commands, queries and snapshots of transactions: any bytes give a result; two replicas stay equal";

    /// <inheritdoc />
    public AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        Bytes(writer => TransactionCommand.Write(writer, Init with { KnownProducerId = 5, KnownEpoch = 0 })),
        Bytes(writer => TransactionCommand.Write(writer, Add)),
        Bytes(writer => TransactionCommand.Write(writer, new EndTransaction("x", 5, 0, false))),
        Bytes(writer => TransactionCommand.Write(writer, new CompleteTransaction("y", 5, 0, 0))),
        Bytes(writer => TransactionCommand.WriteExpire(writer, ["x", "y"])),
        Bytes(writer => TransactionQuery.WriteFind(writer, "x")),
        Bytes(writer => TransactionQuery.WriteList(writer, "")),
        Bytes(writer => TransactionQuery.WriteEnding(writer, "")),
        SnapshotOf(SetUp([Bytes(writer => TransactionCommand.Write(writer, Init))])),
    ];

    /// <inheritdoc />
    public Verdict Run(ReadOnlyMemory<byte> input)
    {
        var machine = SetUp(_setUp);
        var restored = new TransactionsStateMachine();
        var target = restored.BeginRestore(new HybridTime(9UL << 20), null);
        BrokenPromiseException.Unless(target.Accept(SnapshotOf(machine)) && target.Complete(), "a snapshot is taken over");
        target.Install();

        var index = (ulong)_setUp.Count + 1;
        var result = Apply(machine, index, input);
        BrokenPromiseException.Unless(result.SequenceEqual(Apply(restored, index, input)), "replicas give the same result");
        BrokenPromiseException.Unless(machine.StateHash() == restored.StateHash(), "replicas stay equal");
        BrokenPromiseException.Unless(TransactionResult.TryRead(result, out _), "a command has a result");
        _ = (TransactionResult.TryRead(input, out _), TransactionsPage.TryRead(input));
        _ = TransactionCommand.Validate(input, 0, ulong.MaxValue);

        var answer = new WireWriter();
        BrokenPromiseException.Unless(machine.TryRead(input, new HybridTime(index << 20), answer), "every query is answered");
        BrokenPromiseException.Unless(TransactionsPage.TryRead(answer.WrittenMemory) is not null, "an answer can be read");
        var garbled = new TransactionsStateMachine().BeginRestore(new HybridTime(9UL << 20), null);
        var isSnapshot = garbled.Accept(input) && garbled.Complete();
        return isSnapshot ? Verdict.Accepted("snapshot")
            : answer.Written[0] != (byte)TransactionStatus.Invalid ? Verdict.Accepted($"{TransactionQuery.KindOf(input.Span)}")
            : result[0] == (byte)TransactionStatus.Invalid ? Verdict.Refused("Invalid")
            : Verdict.Accepted($"{TransactionCommand.KindOf(input.Span)} {(TransactionStatus)result[0]}");
    }

    private static TransactionsStateMachine SetUp(List<byte[]> commands)
    {
        var machine = new TransactionsStateMachine();
        for (var i = 0; i < commands.Count; i++)
        {
            Apply(machine, (ulong)i + 1, commands[i]);
        }

        return machine;
    }

    private static byte[] SnapshotOf(TransactionsStateMachine machine)
    {
        var writer = new WireWriter();
        using var source = machine.BeginSnapshot();
        while (source.TryNext(writer))
        {
            // All of it is small.
        }

        return writer.ToArray();
    }

    private static byte[] Apply(TransactionsStateMachine machine, ulong index, ReadOnlyMemory<byte> command)
    {
        var writer = new WireWriter();
        machine.Apply(new CommandContext(new HybridTime(index << 20), new LogIndex(index), new Term(1)), command, writer);
        return writer.ToArray();
    }

    private static byte[] Bytes(Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return writer.ToArray();
    }
}
