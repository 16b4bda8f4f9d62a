using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups;

namespace Atoll.StateMachines.Transactions;

/// <summary>The answer to a command.</summary>
/// <param name="Status">What became of it.</param>
/// <param name="ProducerId">The producer of the transactional id; -1 when refused.</param>
/// <param name="Epoch">Its epoch; -1 when refused.</param>
/// <param name="Number">Which transaction of the id it is about; -1 for none.</param>
public readonly record struct TransactionResult(TransactionStatus Status, long ProducerId, short Epoch, int Number)
{
    /// <summary>Writes it: status (byte), then the rest (zigzag varints).</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        GroupWire.WriteNumber(writer, ProducerId);
        GroupWire.WriteNumber(writer, Epoch);
        GroupWire.WriteNumber(writer, Number);
    }

    /// <summary>Reads it; false when the bytes are none.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out TransactionResult result)
    {
        var reader = new WireReader(bytes);
        result = new TransactionResult(
            (TransactionStatus)reader.ReadByte(), GroupWire.ReadInt64(ref reader), GroupWire.ReadInt16(ref reader),
            GroupWire.ReadInt32(ref reader));
        return reader.OkAtEnd;
    }

    internal static TransactionResult Refused(TransactionStatus status) => new(status, -1, -1, -1);
}

/// <summary>What a command comes to.</summary>
/// <param name="Result">Its answer.</param>
/// <param name="Changed">The producer from now on; null when it stays as it was.</param>
internal readonly record struct TransactionOutcome(TransactionResult Result, TransactionalProducer? Changed)
{
    internal static TransactionOutcome Refused(TransactionStatus status) => new(TransactionResult.Refused(status), null);

    internal static TransactionOutcome Same(TransactionalProducer producer) =>
        new(new TransactionResult(TransactionStatus.Ok, producer.ProducerId, producer.Epoch, producer.Number), null);

    internal static TransactionOutcome Done(TransactionalProducer producer) => Same(producer) with { Changed = producer };
}
