using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Groups;

/// <summary>What a member says of itself, for the leader.</summary>
/// <param name="Identity">The member.</param>
/// <param name="Metadata">Its words for the protocol of the generation.</param>
public readonly record struct JoinedMember(MemberIdentity Identity, ReadOnlyMemory<byte> Metadata);

/// <summary>A generation, as a member that has joined it sees it.</summary>
/// <param name="Status">Ok, or why there is none; <see cref="GroupStatus.Waiting"/> while others are to join.</param>
/// <param name="Generation">The generation.</param>
/// <param name="ProtocolType">What kind of members it has.</param>
/// <param name="Protocol">The protocol that was chosen.</param>
/// <param name="Leader">The member that makes the assignment.</param>
/// <param name="Members">All members; for the leader only.</param>
public sealed record GroupJoined(
    GroupStatus Status, int Generation, string ProtocolType, string Protocol, string Leader, IReadOnlyList<JoinedMember> Members)
{
    /// <summary>Reads what the machine answered; null when the bytes are none.</summary>
    public static GroupJoined? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var status = (GroupStatus)reader.ReadByte();
        var generation = GroupWire.ReadInt32(ref reader);
        var (type, protocol, leader) = (reader.ReadString(), reader.ReadString(), reader.ReadString());
        var count = reader.ReadCount(GroupLimits.MembersMax);
        var members = new List<JoinedMember>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            members.Add(new JoinedMember(GroupWire.ReadIdentity(ref reader), reader.ReadBytes()));
        }

        return reader.OkAtEnd ? new GroupJoined(status, generation, type, protocol, leader, members) : null;
    }

    internal static GroupJoined Refused(GroupStatus status) => new(status, -1, "", "", "", []);

    internal void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        GroupWire.WriteNumber(writer, Generation);
        writer.WriteString(ProtocolType);
        writer.WriteString(Protocol);
        writer.WriteString(Leader);
        writer.WriteVarint((ulong)Members.Count);
        foreach (var member in Members)
        {
            GroupWire.WriteIdentity(writer, member.Identity);
            writer.WriteBytes(member.Metadata.Span);
        }
    }
}

/// <summary>A member's assignment.</summary>
/// <param name="Status">Ok, or why there is none; <see cref="GroupStatus.Waiting"/> while the leader has not made it.</param>
/// <param name="ProtocolType">What kind of members the group has.</param>
/// <param name="Protocol">The protocol of the generation.</param>
/// <param name="Assignment">What the leader gave the member.</param>
public sealed record GroupSynced(GroupStatus Status, string ProtocolType, string Protocol, ReadOnlyMemory<byte> Assignment)
{
    /// <summary>Reads what the machine answered; null when the bytes are none.</summary>
    public static GroupSynced? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var synced = new GroupSynced((GroupStatus)reader.ReadByte(), reader.ReadString(), reader.ReadString(), reader.ReadBytes());
        return reader.OkAtEnd ? synced : null;
    }

    internal static GroupSynced Refused(GroupStatus status) => new(status, "", "", default);

    internal void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        writer.WriteString(ProtocolType);
        writer.WriteString(Protocol);
        writer.WriteBytes(Assignment.Span);
    }
}

/// <summary>How far a group has come.</summary>
/// <param name="Status">Ok, also of a group that there is not.</param>
/// <param name="Offsets">The offsets asked for; <see cref="CommittedOffset.None"/> where none was committed.</param>
/// <param name="Unstable">Of those that were asked for, the ones that an open transaction is about to change, in order.</param>
public sealed record GroupOffsets(
    GroupStatus Status, IReadOnlyList<OffsetToCommit> Offsets, IReadOnlyList<TopicPartition> Unstable)
{
    /// <summary>Reads what the machine answered; null when the bytes are none.</summary>
    public static GroupOffsets? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var status = (GroupStatus)reader.ReadByte();
        var count = reader.ReadCount(GroupLimits.OffsetsPerGroupMax);
        var offsets = new List<OffsetToCommit>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            offsets.Add(GroupWire.ReadOffset(ref reader));
        }

        var unstable = GroupWire.ReadPlaces(ref reader);
        return reader.OkAtEnd ? new GroupOffsets(status, offsets, unstable) : null;
    }

    internal void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        writer.WriteVarint((ulong)Offsets.Count);
        foreach (var offset in Offsets)
        {
            GroupWire.WriteOffset(writer, offset);
        }

        GroupWire.WritePlaces(writer, Unstable);
    }
}

/// <summary>A member, for people.</summary>
/// <param name="Identity">Its names.</param>
/// <param name="ClientId">What its client calls itself.</param>
/// <param name="ClientHost">Where its client is.</param>
/// <param name="Metadata">What it says of itself for the protocol of the generation.</param>
/// <param name="Assignment">What it was given.</param>
public readonly record struct DescribedMember(
    MemberIdentity Identity, string ClientId, string ClientHost, ReadOnlyMemory<byte> Metadata, ReadOnlyMemory<byte> Assignment);

/// <summary>A group, for people.</summary>
/// <param name="Status">Ok, or that there is none.</param>
/// <param name="State">Where it is between two generations.</param>
/// <param name="Generation">The generation.</param>
/// <param name="ProtocolType">What kind of members it has.</param>
/// <param name="Protocol">The protocol of the generation.</param>
/// <param name="Leader">The member that makes assignments.</param>
/// <param name="Members">The members.</param>
public sealed record GroupDescription(
    GroupStatus Status, GroupState State, int Generation, string ProtocolType, string Protocol, string Leader,
    IReadOnlyList<DescribedMember> Members)
{
    /// <summary>Reads what the machine answered; null when the bytes are none.</summary>
    public static GroupDescription? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var (status, state) = ((GroupStatus)reader.ReadByte(), (GroupState)reader.ReadByte());
        var generation = GroupWire.ReadInt32(ref reader);
        var (type, protocol, leader) = (reader.ReadString(), reader.ReadString(), reader.ReadString());
        var count = reader.ReadCount(GroupLimits.MembersMax);
        var members = new List<DescribedMember>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            members.Add(new DescribedMember(
                GroupWire.ReadIdentity(ref reader), reader.ReadString(), reader.ReadString(), reader.ReadBytes(), reader.ReadBytes()));
        }

        return reader.OkAtEnd ? new GroupDescription(status, state, generation, type, protocol, leader, members) : null;
    }

    internal void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        writer.WriteByte((byte)State);
        GroupWire.WriteNumber(writer, Generation);
        writer.WriteString(ProtocolType);
        writer.WriteString(Protocol);
        writer.WriteString(Leader);
        writer.WriteVarint((ulong)Members.Count);
        foreach (var member in Members)
        {
            GroupWire.WriteIdentity(writer, member.Identity);
            writer.WriteString(member.ClientId);
            writer.WriteString(member.ClientHost);
            writer.WriteBytes(member.Metadata.Span);
            writer.WriteBytes(member.Assignment.Span);
        }
    }
}

/// <summary>A group in a list.</summary>
/// <param name="Group">Its id.</param>
/// <param name="State">Where it is between two generations.</param>
/// <param name="ProtocolType">What kind of members it has.</param>
/// <param name="IsAssigned">Whether its coordinator shares out the partitions.</param>
public readonly record struct ListedGroup(string Group, GroupState State, string ProtocolType, bool IsAssigned);

/// <summary>Some of a shard's groups.</summary>
/// <param name="Status">Ok.</param>
/// <param name="Groups">The groups, by id.</param>
/// <param name="More">Whether there are more behind the last.</param>
public sealed record GroupsPage(GroupStatus Status, IReadOnlyList<ListedGroup> Groups, bool More)
{
    /// <summary>Reads what the machine answered; null when the bytes are none.</summary>
    public static GroupsPage? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var status = (GroupStatus)reader.ReadByte();
        var more = reader.ReadBool();
        var count = reader.ReadCount(GroupLimits.GroupsPerCommandMax);
        var groups = new List<ListedGroup>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            groups.Add(new ListedGroup(reader.ReadString(), (GroupState)reader.ReadByte(), reader.ReadString(), reader.ReadBool()));
        }

        return reader.OkAtEnd ? new GroupsPage(status, groups, more) : null;
    }

    internal void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        writer.WriteBool(More);
        writer.WriteVarint((ulong)Groups.Count);
        foreach (var (group, state, type, isAssigned) in Groups)
        {
            writer.WriteString(group);
            writer.WriteByte((byte)state);
            writer.WriteString(type);
            writer.WriteBool(isAssigned);
        }
    }
}
