using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Groups.Assigned;

/// <summary>A member that is assigned its partitions, for people.</summary>
/// <param name="Member">The member; what it is to let go of is part of what it has.</param>
/// <param name="Assigned">What it has, by name.</param>
/// <param name="Target">What it is to have, by name.</param>
public sealed record DescribedAssignee(AssignedMember Member, IReadOnlyList<TopicPartition> Assigned, IReadOnlyList<TopicPartition> Target);

/// <summary>A group whose coordinator shares out the partitions, for people.</summary>
/// <param name="Status">Ok, or that there is none of that kind.</param>
/// <param name="State">Where it is.</param>
/// <param name="Group">The group, its members included.</param>
public sealed record AssignedDescription(GroupStatus Status, GroupState State, AssignedGroup Group)
{
    /// <summary>Its members.</summary>
    public IEnumerable<DescribedAssignee> Members => Group.Members.Values.Select(member => new DescribedAssignee(
        member, Named(Group, member.Assigned.Union(member.Revoking)), Named(Group, member.Target)));

    /// <summary>Reads what the machine answered; null when the bytes are none.</summary>
    public static AssignedDescription? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var (status, state) = ((GroupStatus)reader.ReadByte(), (GroupState)reader.ReadByte());
        var group = AssignedSnapshot.ReadGroup(ref reader);
        var count = reader.ReadCount(GroupLimits.MembersMax);
        for (var i = 0; i < count && reader.Ok; i++)
        {
            group = group.With(AssignedSnapshot.ReadMember(ref reader));
        }

        return reader.OkAtEnd ? new AssignedDescription(status, state, group) : null;
    }

    internal static AssignedDescription Of(ConsumerGroup? group) => group?.Assigned is { } assigned
        ? new AssignedDescription(GroupStatus.Ok, StateOf(assigned), assigned)
        : new AssignedDescription(GroupStatus.UnknownGroup, GroupState.Empty, AssignedGroup.Empty);

    /// <summary>Where it is, in the words of other groups: as long as somebody has not what it is to have, it prepares.</summary>
    internal static GroupState StateOf(AssignedGroup group) =>
        group.Members.IsEmpty ? GroupState.Empty : group.IsSettled ? GroupState.Stable : GroupState.PreparingRebalance;

    /// <summary>As who knows only other groups understands it.</summary>
    internal static GroupDescription AsOthers(AssignedGroup group) => new(
        GroupStatus.Ok, StateOf(group), group.Epoch, ConsumerSubscription.ProtocolType, group.Members.IsEmpty ? "" : group.Assignor, "",
        [
            .. group.Members.Values.Select(member => new DescribedMember(
                new MemberIdentity(member.Id, member.InstanceId), member.ClientId, member.ClientHost,
                ConsumerSubscription.Write([.. member.Topics.Order(StringComparer.Ordinal)]),
                ConsumerAssignment.Write(Named(group, member.Assigned.Union(member.Revoking))))),
        ]);

    internal void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        writer.WriteByte((byte)State);
        AssignedSnapshot.Write(writer, Group);
        writer.WriteVarint((ulong)Group.Members.Count);
        foreach (var (_, member) in Group.Members)
        {
            AssignedSnapshot.Write(writer, member);
        }
    }

    // Topics that have been deleted have no names any more.
    private static List<TopicPartition> Named(AssignedGroup group, IEnumerable<PartitionId> partitions)
    {
        var names = group.Topics.ToDictionary(static pair => pair.Value.Id, static pair => pair.Key);
        return
        [
            .. partitions.Where(partition => names.ContainsKey(partition.Topic))
                .Select(partition => new TopicPartition(names[partition.Topic], partition.Partition)).Order(),
        ];
    }
}
