using System.Collections.Immutable;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Groups.Assigned;

/// <summary>Groups whose coordinator shares out the partitions, and their members, as records of a snapshot.</summary>
internal static class AssignedSnapshot
{
    internal static void Write(WireWriter writer, AssignedGroup group)
    {
        GroupWire.WriteNumber(writer, group.Epoch);
        writer.WriteVarint(group.TopicsVersion);
        AssignedWire.WriteTopics(writer, group.Topics);
    }

    /// <summary>A group without members; the reader fails when the bytes are none.</summary>
    internal static AssignedGroup ReadGroup(ref WireReader reader) => AssignedGroup.Empty with
    {
        Epoch = GroupWire.ReadInt32(ref reader),
        TopicsVersion = reader.ReadVarint(),
        Topics = AssignedGroup.Empty.Topics.SetItems(AssignedWire.ReadTopics(ref reader)),
    };

    internal static void Write(WireWriter writer, AssignedMember member)
    {
        GroupWire.WriteIdentity(writer, new MemberIdentity(member.Id, member.InstanceId));
        GroupWire.WriteOptional(writer, member.RackId);
        writer.WriteString(member.ClientId);
        writer.WriteString(member.ClientHost);
        GroupWire.WriteNumber(writer, member.RebalanceMilliseconds);
        AssignedWire.WriteNames(writer, member.Names);
        writer.WriteString(member.Pattern);
        AssignedWire.WriteNames(writer, member.Matches);
        writer.WriteString(member.Assignor);
        GroupWire.WriteNumber(writer, member.Epoch);
        GroupWire.WriteNumber(writer, member.PreviousEpoch);
        writer.WriteBool(member.IsAway);
        AssignedWire.WritePartitions(writer, member.Target);
        AssignedWire.WritePartitions(writer, member.Assigned);
        AssignedWire.WritePartitions(writer, member.Revoking);
        GroupWire.WriteNumber(writer, member.RevokingSince);
    }

    /// <summary>A member; the reader fails when the bytes are none.</summary>
    internal static AssignedMember ReadMember(ref WireReader reader)
    {
        var identity = GroupWire.ReadIdentity(ref reader);
        return new AssignedMember
        {
            Id = identity.MemberId,
            InstanceId = identity.InstanceId,
            RackId = GroupWire.ReadOptional(ref reader),
            ClientId = reader.ReadString(),
            ClientHost = reader.ReadString(),
            RebalanceMilliseconds = GroupWire.ReadInt32(ref reader),
            Names = AssignedWire.ReadNamesInOrder(ref reader),
            Pattern = reader.ReadString(),
            Matches = AssignedWire.ReadNamesInOrder(ref reader),
            Assignor = reader.ReadString(),
            Epoch = GroupWire.ReadInt32(ref reader),
            PreviousEpoch = GroupWire.ReadInt32(ref reader),
            IsAway = reader.ReadBool(),
            Target = [.. AssignedWire.ReadPartitions(ref reader)],
            Assigned = [.. AssignedWire.ReadPartitions(ref reader)],
            Revoking = [.. AssignedWire.ReadPartitions(ref reader)],
            RevokingSince = GroupWire.ReadInt64(ref reader),
        };
    }
}
