using Atoll.Foundation;
using Atoll.Foundation.Bytes;

namespace Atoll.Kernel.Paxos;

/// <summary>
/// The bytes of a <see cref="PaxosMessage"/>: kind, operation, epoch, partition, ballot, then the kind's own fields. An unknown kind, a
/// field out of range and bytes left over make the message unreadable as a whole.
/// </summary>
public static class PaxosMessageCodec
{
    /// <summary>Length of a partition's key with what the host puts before it, in bytes.</summary>
    public const int PartitionBytesMax = Limits.KeyBytesMax + 64;

    /// <summary>Writes a message behind what the writer holds.</summary>
    public static void Write(WireWriter writer, in PaxosMessage message)
    {
        writer.WriteByte((byte)message.Kind);
        writer.WriteVarint(message.Operation);
        writer.WriteVarint(message.Epoch);
        writer.WriteBytes(message.Partition.Span);
        message.Ballot.Write(writer);
        switch (message.Kind)
        {
            case PaxosMessageKind.Inspect:
            case PaxosMessageKind.Prepare:
                writer.WriteBytes(message.Data.Span);
                break;
            case PaxosMessageKind.Inspected:
            case PaxosMessageKind.Promise:
                message.Decree.Write(writer);
                message.LastCommitted.Write(writer);
                message.Bound.Write(writer);
                writer.WriteBool(message.IsSettled);
                writer.WriteBool(message.IsContended);
                writer.WriteBytes(message.Data.Span);
                break;
            case PaxosMessageKind.Propose:
            case PaxosMessageKind.Commit:
                message.Decree.Write(writer);
                break;
            case PaxosMessageKind.Refused:
                message.Bound.Write(writer);
                writer.WriteBool(message.WasNeverAccepted);
                break;
            case PaxosMessageKind.Committed:
                message.Bound.Write(writer);
                break;
        }
    }

    /// <summary>Reads a message; false when the bytes are none. The message's byte strings are slices of the input.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out PaxosMessage message)
    {
        var reader = new WireReader(bytes);
        var kind = (PaxosMessageKind)reader.ReadByte();
        var head = new PaxosMessage
        {
            Kind = kind,
            Operation = reader.ReadVarint(),
            Epoch = reader.ReadVarint(),
            Partition = reader.ReadBytes(),
            Ballot = Ballot.Read(ref reader),
        };
        message = kind switch
        {
            PaxosMessageKind.Inspect or PaxosMessageKind.Prepare => head with { Data = reader.ReadBytes() },
            PaxosMessageKind.Inspected or PaxosMessageKind.Promise => head with
            {
                Decree = PaxosDecree.Read(ref reader),
                LastCommitted = PaxosDecree.Read(ref reader),
                Bound = Ballot.Read(ref reader),
                IsSettled = reader.ReadBool(),
                IsContended = reader.ReadBool(),
                Data = reader.ReadBytes(),
            },
            PaxosMessageKind.Propose or PaxosMessageKind.Commit => head with { Decree = PaxosDecree.Read(ref reader) },
            PaxosMessageKind.Refused => head with { Bound = Ballot.Read(ref reader), WasNeverAccepted = reader.ReadBool() },
            PaxosMessageKind.Committed => head with { Bound = Ballot.Read(ref reader) },
            PaxosMessageKind.Accepted or PaxosMessageKind.Settled or PaxosMessageKind.WrongEpoch => head,
            _ => Unknown(ref reader),
        };
        var isWithoutDecree = kind is PaxosMessageKind.Propose or PaxosMessageKind.Commit
            && (message.Decree.IsNone || message.Decree.Ballot != message.Ballot);
        if (!reader.OkAtEnd || isWithoutDecree || message.Partition.Length > PartitionBytesMax
            || message.Data.Length > Limits.MessageBytesMax)
        {
            message = default;
            return false;
        }

        return true;
    }

    private static PaxosMessage Unknown(ref WireReader reader)
    {
        reader.Fail();
        return default;
    }
}
