using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups;

namespace Atoll.StateMachines.Transactions;

/// <summary>The pieces that commands, answers and states of transactions are written with.</summary>
internal static class TransactionWire
{
    internal static void WriteProducer(WireWriter writer, TransactionalProducer producer)
    {
        writer.WriteString(producer.Id);
        GroupWire.WriteNumber(writer, producer.ProducerId);
        GroupWire.WriteNumber(writer, producer.Epoch);
        GroupWire.WriteNumber(writer, producer.LastEpoch);
        writer.WriteByte((byte)producer.State);
        GroupWire.WriteNumber(writer, producer.Number);
        GroupWire.WriteNumber(writer, producer.TimeoutMilliseconds);
        GroupWire.WriteNumber(writer, producer.BeganAt);
        GroupWire.WriteNumber(writer, producer.LastChange);
        GroupWire.WritePlaces(writer, producer.Partitions);
        NamedCommand.WriteNames(writer, producer.Groups);
    }

    internal static TransactionalProducer ReadProducer(ref WireReader reader)
    {
        var producer = new TransactionalProducer(reader.ReadString())
        {
            ProducerId = GroupWire.ReadInt64(ref reader),
            Epoch = GroupWire.ReadInt16(ref reader),
            LastEpoch = GroupWire.ReadInt16(ref reader),
            State = (TransactionState)reader.ReadByte(),
            Number = GroupWire.ReadInt32(ref reader),
            TimeoutMilliseconds = GroupWire.ReadInt32(ref reader),
            BeganAt = GroupWire.ReadInt64(ref reader),
            LastChange = GroupWire.ReadInt64(ref reader),
            Partitions = [.. GroupWire.ReadPlaces(ref reader)],
        };
        var groups = NamedCommand.ReadNames(ref reader, TransactionLimits.GroupsMax);
        return producer with { Groups = groups.ToImmutableSortedSet(StringComparer.Ordinal) };
    }
}
