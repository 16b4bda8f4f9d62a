using System.Net;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Gateways.Cql.Wire;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Cql.Messages;

/// <summary>What several messages hold: custom payloads, events, changes of the schema.</summary>
internal static class MessageParts
{
    private static readonly string[] EventNames = ["TOPOLOGY_CHANGE", "STATUS_CHANGE", "SCHEMA_CHANGE"];

    private static readonly string[] ConsistencyNames =
    [
        "ANY", "ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "SERIAL", "LOCAL_SERIAL", "LOCAL_ONE",
    ];

    /// <summary>A consistency level as people write it.</summary>
    public static string NameOf(CqlConsistency consistency) => ConsistencyNames[(int)consistency];

    public static void WritePayload(WireWriter writer, IReadOnlyDictionary<string, ReadOnlyMemory<byte>?> payload)
    {
        writer.WriteShort((ushort)payload.Count);
        foreach (var (name, value) in payload.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            writer.WriteShortString(name);
            writer.WriteNullableBytes(value);
        }
    }

    public static Dictionary<string, ReadOnlyMemory<byte>?> ReadPayload(ref CqlReader reader)
    {
        var payload = new Dictionary<string, ReadOnlyMemory<byte>?>(StringComparer.Ordinal);
        for (var left = reader.ReadShortCount(6); left > 0 && reader.Ok; left--)
        {
            payload[reader.ReadString()] = reader.ReadBytes();
        }

        return payload;
    }

    /// <summary>The type of an event by its name, in capitals or not; none when there is no such type.</summary>
    public static CqlEventTypes EventType(string name)
    {
        var index = Array.FindIndex(EventNames, known => known.Equals(name, StringComparison.OrdinalIgnoreCase));
        return index < 0 ? CqlEventTypes.None : (CqlEventTypes)(1 << index);
    }

    public static void WriteEvent(WireWriter writer, CqlEvent happened)
    {
        writer.WriteShortString(EventNames[int.TrailingZeroCount((int)happened.Type)]);
        switch (happened)
        {
            case TopologyChangeEvent topology:
                writer.WriteShortString(topology.IsNew ? "NEW_NODE" : "REMOVED_NODE");
                WriteEndPoint(writer, topology.Node);
                break;
            case StatusChangeEvent status:
                writer.WriteShortString(status.IsUp ? "UP" : "DOWN");
                WriteEndPoint(writer, status.Node);
                break;
            default:
                WriteSchemaChange(writer, ((SchemaChangeEvent)happened).Change);
                break;
        }
    }

    public static CqlEvent? ReadEvent(ref CqlReader reader)
    {
        var type = EventType(reader.ReadString());
        if (type == CqlEventTypes.SchemaChange)
        {
            return new SchemaChangeEvent(ReadSchemaChange(ref reader));
        }

        var isTopology = type == CqlEventTypes.TopologyChange;
        var change = reader.ReadString();
        bool? isGood = change switch
        {
            "NEW_NODE" when isTopology => true,
            "REMOVED_NODE" when isTopology => false,
            "UP" when !isTopology => true,
            "DOWN" when !isTopology => false,
            _ => null,
        };
        var node = ReadEndPoint(ref reader);
        if (type == CqlEventTypes.None || isGood is not { } good || node is null)
        {
            reader.Fail();
            return null;
        }

        return isTopology ? new TopologyChangeEvent(node, good) : new StatusChangeEvent(node, good);
    }

    public static void WriteSchemaChange(WireWriter writer, SchemaChange change)
    {
        writer.WriteShortString(change.Kind.ToString().ToUpperInvariant());
        writer.WriteShortString(change.Target.ToString().ToUpperInvariant());
        writer.WriteShortString(change.Keyspace);
        if (change.Target != SchemaChangeTarget.Keyspace)
        {
            writer.WriteShortString(change.Name);
        }

        if (change.Target is SchemaChangeTarget.Function or SchemaChangeTarget.Aggregate)
        {
            writer.WriteStringList(change.Arguments);
        }
    }

    public static SchemaChange ReadSchemaChange(ref CqlReader reader)
    {
        var kind = ReadName<SchemaChangeKind>(ref reader);
        var target = ReadName<SchemaChangeTarget>(ref reader);
        var keyspace = reader.ReadString();
        var name = target == SchemaChangeTarget.Keyspace ? "" : reader.ReadString();
        var arguments = target is SchemaChangeTarget.Function or SchemaChangeTarget.Aggregate ? reader.ReadStringList() : [];
        return new SchemaChange(kind, target, keyspace, name, arguments);
    }

    public static void WriteEndPoint(WireWriter writer, IPEndPoint node)
    {
        writer.WriteAddress(node.Address.GetAddressBytes());
        writer.WriteInt(node.Port);
    }

    private static IPEndPoint? ReadEndPoint(ref CqlReader reader)
    {
        var address = reader.ReadAddress();
        var port = reader.ReadInt();
        if (!reader.Ok || port is < IPEndPoint.MinPort or > IPEndPoint.MaxPort)
        {
            reader.Fail();
            return null;
        }

        return new IPEndPoint(new IPAddress(address.Span), port);
    }

    // Names are upper case on the wire, and those of the members in another case here.
    private static T ReadName<T>(ref CqlReader reader)
        where T : struct, Enum
    {
        var text = reader.ReadString();
        foreach (var value in Enum.GetValues<T>())
        {
            if (value.ToString().Equals(text, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        reader.Fail();
        return default;
    }
}
