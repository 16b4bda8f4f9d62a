using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups.Assigned;

namespace Atoll.StateMachines.Groups;

/// <summary>The kinds of queries of groups, as they stand in the first byte.</summary>
public enum GroupQueryKind : byte
{
    /// <summary>The generation that a member has joined, once it has begun: <see cref="GroupJoined"/>.</summary>
    Joined = 0x61,

    /// <summary>A member's assignment, once there is one: <see cref="GroupSynced"/>.</summary>
    Synced = 0x62,

    /// <summary>Whether a member is one, and may go on: a status (byte).</summary>
    Heartbeat = 0x63,

    /// <summary>Committed offsets: <see cref="GroupOffsets"/>.</summary>
    Offsets = 0x64,

    /// <summary>A group, for people: <see cref="GroupDescription"/>.</summary>
    Describe = 0x65,

    /// <summary>The shard's groups: <see cref="GroupsPage"/>.</summary>
    List = 0x66,

    /// <summary>What a heartbeat of a member that is assigned its partitions comes to: <see cref="Assigned.AssignedView"/>.</summary>
    AssignedHeartbeat = 0x67,

    /// <summary>A group whose members are assigned their partitions, for people: <see cref="Assigned.AssignedDescription"/>.</summary>
    DescribeAssigned = 0x68,
}

/// <summary>
/// The queries of groups. Layout: kind (byte), the group's id; then of a member's its names and its generation (zigzag varint), of offsets
/// whether all are asked for (byte) and which.
/// </summary>
public static class GroupQuery
{
    /// <summary>What the first byte says; anything may follow.</summary>
    public static GroupQueryKind KindOf(ReadOnlySpan<byte> query) => query.IsEmpty ? default : (GroupQueryKind)query[0];

    /// <summary>Asks for the generation that a member has joined.</summary>
    public static void WriteJoined(WireWriter writer, string group, in MemberIdentity identity) =>
        WriteMember(writer, GroupQueryKind.Joined, group, identity, -1);

    /// <summary>Asks for a member's assignment.</summary>
    public static void WriteSynced(WireWriter writer, string group, in MemberIdentity identity, int generation) =>
        WriteMember(writer, GroupQueryKind.Synced, group, identity, generation);

    /// <summary>Says that a member is there.</summary>
    public static void WriteHeartbeat(WireWriter writer, string group, in MemberIdentity identity, int generation) =>
        WriteMember(writer, GroupQueryKind.Heartbeat, group, identity, generation);

    /// <summary>Asks what a heartbeat of a member that is assigned its partitions comes to.</summary>
    public static void WriteHeartbeat(WireWriter writer, ConsumerHeartbeat beat)
    {
        writer.WriteByte((byte)GroupQueryKind.AssignedHeartbeat);
        writer.WriteString(beat.Group);
        AssignedWire.WriteHeartbeat(writer, beat);
    }

    /// <summary>Asks for a group whose members are assigned their partitions.</summary>
    public static void WriteDescribeAssigned(WireWriter writer, string group)
    {
        writer.WriteByte((byte)GroupQueryKind.DescribeAssigned);
        writer.WriteString(group);
    }

    /// <summary>Asks for committed offsets, and which of them an open transaction may change; null: for all.</summary>
    public static void WriteOffsets(WireWriter writer, string group, IReadOnlyCollection<TopicPartition>? places)
    {
        writer.WriteByte((byte)GroupQueryKind.Offsets);
        writer.WriteString(group);
        writer.WriteBool(places is null);
        GroupWire.WritePlaces(writer, places ?? []);
    }

    /// <summary>Asks for a group.</summary>
    public static void WriteDescribe(WireWriter writer, string group)
    {
        writer.WriteByte((byte)GroupQueryKind.Describe);
        writer.WriteString(group);
    }

    /// <summary>Asks for the groups behind an id; the empty one is before all.</summary>
    public static void WriteList(WireWriter writer, string after)
    {
        writer.WriteByte((byte)GroupQueryKind.List);
        writer.WriteString(after);
    }

    /// <summary>The group and member that a query comes from; null when it comes from none.</summary>
    /// <param name="query">The query; any bytes.</param>
    public static (string Group, string MemberId)? SenderOf(ReadOnlyMemory<byte> query)
    {
        if (KindOf(query.Span) is not (GroupQueryKind.Joined or GroupQueryKind.Synced or GroupQueryKind.Heartbeat
            or GroupQueryKind.AssignedHeartbeat))
        {
            return null;
        }

        var reader = new WireReader(query[1..]);
        var sender = (reader.ReadString(), reader.ReadString());
        return reader.Ok ? sender : null;
    }

    private static void WriteMember(
        WireWriter writer, GroupQueryKind kind, string group, in MemberIdentity identity, int generation)
    {
        writer.WriteByte((byte)kind);
        writer.WriteString(group);
        GroupWire.WriteIdentity(writer, identity);
        GroupWire.WriteNumber(writer, generation);
    }
}
