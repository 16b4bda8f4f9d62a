using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Transactions;

namespace Atoll.Fuzz.Targets;

/// <summary>Commands, queries and snapshots of transactions: the input is all of them.</summary>
public sealed class TransactionCommandTarget : MemoryMachineTarget<TransactionsStateMachine>
{
    private static readonly InitProducer Init = new("x", 60_000, 5, -1, -1);
    private static readonly AddToTransaction Add = new("x", 5, 0, [new TopicPartition("t", 0)], ["g"]);

    /// <inheritdoc />
    public override string Name => "transaction-command";

    /// <inheritdoc />
    public override string About => "commands, queries and snapshots of transactions: any bytes give a result; two replicas stay equal";

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        Bytes(writer => TransactionCommand.Write(writer, Init with { KnownProducerId = 5, KnownEpoch = 0 })),
        Bytes(writer => TransactionCommand.Write(writer, Add)),
        Bytes(writer => TransactionCommand.Write(writer, new EndTransaction("x", 5, 0, false))),
        Bytes(writer => TransactionCommand.Write(writer, new CompleteTransaction("y", 5, 0, 0))),
        Bytes(writer => TransactionCommand.WriteExpire(writer, ["x", "y"])),
        Bytes(writer => TransactionQuery.WriteFind(writer, "x")),
        Bytes(writer => TransactionQuery.WriteList(writer, "")),
        Bytes(writer => TransactionQuery.WriteEnding(writer, "")),
        SnapshotAfter(Bytes(writer => TransactionCommand.Write(writer, Init))),
    ];

    /// <inheritdoc />
    protected override IReadOnlyList<byte[]> Before { get; } =
    [
        Bytes(writer => TransactionCommand.Write(writer, Init)),
        Bytes(writer => TransactionCommand.Write(writer, Add)),
        Bytes(writer => TransactionCommand.Write(writer, Init with { Id = "y" })),
        Bytes(writer => TransactionCommand.Write(writer, Add with { Id = "y" })),
        Bytes(writer => TransactionCommand.Write(writer, new EndTransaction("y", 5, 0, true))),
    ];

    /// <inheritdoc />
    protected override bool IsResult(ReadOnlyMemory<byte> bytes) => TransactionResult.TryRead(bytes, out _);

    /// <inheritdoc />
    protected override bool IsAnswer(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> bytes) => TransactionsPage.TryRead(bytes) is not null;

    /// <inheritdoc />
    protected override void ReadAsEverything(ReadOnlyMemory<byte> bytes)
    {
        _ = (TransactionResult.TryRead(bytes, out _), TransactionsPage.TryRead(bytes));
        _ = TransactionCommand.Validate(bytes, 0, ulong.MaxValue);
    }

    /// <inheritdoc />
    protected override string? QueryIn(ReadOnlyMemory<byte> input, byte status) =>
        status == (byte)TransactionStatus.Invalid ? null : $"{TransactionQuery.KindOf(input.Span)}";

    /// <inheritdoc />
    protected override string? CommandIn(ReadOnlyMemory<byte> input, byte status) =>
        status == (byte)TransactionStatus.Invalid ? null : $"{TransactionCommand.KindOf(input.Span)} {(TransactionStatus)status}";
}
