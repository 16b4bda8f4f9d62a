using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Records;

namespace Atoll.StateMachines.Transactions;

/// <summary>The kinds of commands of transactions, as they stand in the first byte: others than those of all other shards.</summary>
public enum TransactionCommandKind : byte
{
    /// <summary>A producer takes over a transactional id.</summary>
    Init = 0x71,

    /// <summary>Partitions or groups become part of a transaction.</summary>
    Add = 0x72,

    /// <summary>How a transaction ends is decided.</summary>
    End = 0x73,

    /// <summary>All have heard how it ended.</summary>
    Complete = 0x74,

    /// <summary>The coordinator says what has lasted too long.</summary>
    Expire = 0x75,
}

/// <summary>
/// The commands of transactions. Layout: kind (byte), then the transactional id and the fields in the order of the record; of an expiry, a
/// number and the ids.
/// </summary>
public static class TransactionCommand
{
    private static readonly NamedCommandWords Words = new("a transaction", "the transactional id");

    /// <summary>The hash by which the shard of a transactional id is found.</summary>
    public static ulong HashOf(string id) => NamedCommand.HashOf(id);

    /// <summary>Whether there may be such a transactional id.</summary>
    public static bool IsTransactionalId(string id) => NamedCommand.IsName(id, TransactionLimits.IdBytesMax);

    /// <summary>What the first byte says; anything may follow.</summary>
    public static TransactionCommandKind KindOf(ReadOnlySpan<byte> command) =>
        command.IsEmpty ? default : (TransactionCommandKind)command[0];

    /// <summary>A producer takes over a transactional id.</summary>
    public static void Write(WireWriter writer, InitProducer init)
    {
        Begin(writer, TransactionCommandKind.Init, init.Id);
        GroupWire.WriteNumber(writer, init.TimeoutMilliseconds);
        GroupWire.WriteNumber(writer, init.NewProducerId);
        GroupWire.WriteNumber(writer, init.KnownProducerId);
        GroupWire.WriteNumber(writer, init.KnownEpoch);
    }

    /// <summary>Partitions or groups become part of a transaction.</summary>
    public static void Write(WireWriter writer, AddToTransaction add)
    {
        Begin(writer, TransactionCommandKind.Add, add.Id);
        GroupWire.WriteNumber(writer, add.ProducerId);
        GroupWire.WriteNumber(writer, add.Epoch);
        GroupWire.WritePlaces(writer, add.Partitions);
        NamedCommand.WriteNames(writer, add.Groups);
    }

    /// <summary>How a transaction ends is decided.</summary>
    public static void Write(WireWriter writer, EndTransaction end)
    {
        Begin(writer, TransactionCommandKind.End, end.Id);
        GroupWire.WriteNumber(writer, end.ProducerId);
        GroupWire.WriteNumber(writer, end.Epoch);
        writer.WriteBool(end.IsCommit);
    }

    /// <summary>All have heard how it ended.</summary>
    public static void Write(WireWriter writer, CompleteTransaction complete)
    {
        Begin(writer, TransactionCommandKind.Complete, complete.Id);
        GroupWire.WriteNumber(writer, complete.ProducerId);
        GroupWire.WriteNumber(writer, complete.Epoch);
        GroupWire.WriteNumber(writer, complete.Number);
    }

    /// <summary>What has lasted too long is ended: open transactions are aborted, ids that nobody uses are forgotten.</summary>
    public static void WriteExpire(WireWriter writer, IReadOnlyCollection<string> ids) =>
        NamedCommand.Write(writer, (byte)TransactionCommandKind.Expire, ids);

    /// <summary>Looks at a command before it is proposed.</summary>
    /// <param name="command">The command; any bytes.</param>
    /// <param name="hashLow">The lowest hash of the shard.</param>
    /// <param name="hashHigh">The highest hash of the shard.</param>
    public static CommandFault Validate(ReadOnlyMemory<byte> command, ulong hashLow, ulong hashHigh) => NamedCommand.Validate(
        command, Words, KindOf(command.Span) == TransactionCommandKind.Expire, static bytes => TryRead(bytes)?.Id, hashLow, hashHigh);

    /// <summary>A command of one transactional id, and the record of its kind; null when the bytes are none, or break a bound.</summary>
    internal static (string Id, object Body)? TryRead(ReadOnlyMemory<byte> command)
    {
        var kind = KindOf(command.Span);
        if (kind is < TransactionCommandKind.Init or > TransactionCommandKind.Complete)
        {
            return null;
        }

        var reader = new WireReader(command[1..]);
        var id = reader.ReadString();
        object body = kind switch
        {
            TransactionCommandKind.Init => new InitProducer(
                id, GroupWire.ReadInt32(ref reader), GroupWire.ReadInt64(ref reader), GroupWire.ReadInt64(ref reader),
                GroupWire.ReadInt16(ref reader)),
            TransactionCommandKind.Add => new AddToTransaction(
                id, GroupWire.ReadInt64(ref reader), GroupWire.ReadInt16(ref reader), GroupWire.ReadPlaces(ref reader),
                NamedCommand.ReadNames(ref reader, TransactionLimits.GroupsMax)),
            TransactionCommandKind.End => new EndTransaction(
                id, GroupWire.ReadInt64(ref reader), GroupWire.ReadInt16(ref reader), reader.ReadBool()),
            _ => new CompleteTransaction(
                id, GroupWire.ReadInt64(ref reader), GroupWire.ReadInt16(ref reader), GroupWire.ReadInt32(ref reader)),
        };
        var isFine = body switch
        {
            InitProducer init => init.NewProducerId >= 0,
            AddToTransaction add => add.Groups.All(GroupCommand.IsGroupId)
                && add.Partitions.All(static place => place.Partition >= 0 && place.Topic.Length > 0),
            _ => true,
        };
        return reader.OkAtEnd && isFine && IsTransactionalId(id) ? (id, body) : null;
    }

    /// <summary>The ids of which something has lasted too long; null when the bytes are no such command.</summary>
    internal static List<string>? TryReadExpire(ReadOnlyMemory<byte> command) =>
        NamedCommand.TryRead(command, TransactionLimits.ProducersPerCommandMax);

    private static void Begin(WireWriter writer, TransactionCommandKind kind, string id) => NamedCommand.Begin(writer, (byte)kind, id);
}
