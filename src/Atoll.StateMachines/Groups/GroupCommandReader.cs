using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups.Assigned;

namespace Atoll.StateMachines.Groups;

/// <summary>A command of one group, read.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Group">The group.</param>
/// <param name="Body">The record of its kind; null of one that has none.</param>
internal sealed record ParsedGroupCommand(GroupCommandKind Kind, string Group, object? Body);

/// <summary>Reads commands of groups from any bytes.</summary>
internal static class GroupCommandReader
{
    /// <summary>A command of one group; null when the bytes are none, or break a bound.</summary>
    internal static ParsedGroupCommand? TryRead(ReadOnlyMemory<byte> command)
    {
        var kind = GroupCommand.KindOf(command.Span);
        if (kind is < GroupCommandKind.Join or > GroupCommandKind.Heartbeat or GroupCommandKind.Expire or GroupCommandKind.Forget)
        {
            return null;
        }

        var reader = new WireReader(command[1..]);
        var group = reader.ReadString();
        object? body = kind switch
        {
            GroupCommandKind.Join => ReadJoin(ref reader, group),
            GroupCommandKind.Sync => ReadSync(ref reader, group),
            GroupCommandKind.Leave => ReadLeave(ref reader, group),
            GroupCommandKind.Commit => ReadCommit(ref reader, group),
            GroupCommandKind.DeleteOffsets => new DeleteOffsets(group, GroupWire.ReadPlaces(ref reader)),
            GroupCommandKind.BeginTransaction => new BeginGroupTransaction(group, GroupWire.ReadTransaction(ref reader)),
            GroupCommandKind.CommitInTransaction => new CommitInTransaction(
                ReadCommit(ref reader, group), GroupWire.ReadInt64(ref reader), GroupWire.ReadInt16(ref reader)),
            GroupCommandKind.EndTransaction => new EndGroupTransaction(
                group, GroupWire.ReadTransaction(ref reader), reader.ReadBool()),
            GroupCommandKind.Heartbeat => AssignedWire.ReadHeartbeat(ref reader, group),
            _ => null,
        };
        return reader.OkAtEnd && GroupCommand.IsGroupId(group) ? new ParsedGroupCommand(kind, group, body) : null;
    }

    /// <summary>What a coordinator says; null when the bytes are no such command.</summary>
    internal static List<GroupExpiry>? TryReadExpire(ReadOnlyMemory<byte> command)
    {
        var reader = new WireReader(command[1..]);
        var count = reader.ReadCount(GroupLimits.GroupsPerCommandMax);
        var expiries = new List<GroupExpiry>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            var group = reader.ReadString();
            var phase = reader.ReadVarint();
            var members = NamedCommand.ReadNames(ref reader, 2 * GroupLimits.MembersMax);
            if (phase > long.MaxValue)
            {
                reader.Fail();
            }

            expiries.Add(new GroupExpiry(group, (long)phase, members));
        }

        return reader.OkAtEnd ? expiries : null;
    }

    /// <summary>The groups to be forgotten; null when the bytes are no such command.</summary>
    internal static List<string>? TryReadForget(ReadOnlyMemory<byte> command) =>
        NamedCommand.TryRead(command, GroupLimits.GroupsPerCommandMax);

    private static JoinGroup ReadJoin(ref WireReader reader, string group)
    {
        var identity = GroupWire.ReadIdentity(ref reader);
        var requires = reader.ReadBool();
        var clientId = ReadName(ref reader);
        var host = ReadName(ref reader);
        var session = GroupWire.ReadInt32(ref reader);
        var rebalance = GroupWire.ReadInt32(ref reader);
        var type = ReadName(ref reader);
        var protocols = GroupWire.ReadProtocols(ref reader);
        var isFine = rebalance >= 0 && identity.InstanceId is null or { Length: > 0 and <= GroupLimits.NameCharactersMax }
            && protocols.All(static offered => offered.Name.Length is > 0 and <= GroupLimits.NameCharactersMax)
            && protocols.Sum(static offered => (long)offered.Metadata.Length) <= GroupLimits.MemberBytesMax;
        if (!isFine || protocols.Select(static offered => offered.Name).Distinct().Count() != protocols.Count)
        {
            reader.Fail();
        }

        return new JoinGroup(group, identity, requires, clientId, host, session, rebalance, type, protocols);
    }

    private static string ReadName(ref WireReader reader)
    {
        var name = reader.ReadString();
        if (name.Length > GroupLimits.NameCharactersMax)
        {
            reader.Fail();
        }

        return name;
    }

    private static SyncGroup ReadSync(ref WireReader reader, string group)
    {
        var identity = GroupWire.ReadIdentity(ref reader);
        var generation = GroupWire.ReadInt32(ref reader);
        var type = GroupWire.ReadOptional(ref reader);
        var protocol = GroupWire.ReadOptional(ref reader);
        var count = reader.ReadCount(GroupLimits.MembersMax);
        var assignments = new List<MemberAssignment>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            assignments.Add(new MemberAssignment(reader.ReadString(), reader.ReadBytes()));
        }

        return new SyncGroup(group, identity, generation, type, protocol, assignments);
    }

    private static LeaveGroup ReadLeave(ref WireReader reader, string group)
    {
        var count = reader.ReadCount(GroupLimits.MembersMax);
        var members = new List<MemberIdentity>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            members.Add(GroupWire.ReadIdentity(ref reader));
        }

        return new LeaveGroup(group, members);
    }

    private static CommitOffsets ReadCommit(ref WireReader reader, string group)
    {
        var identity = GroupWire.ReadIdentity(ref reader);
        var generation = GroupWire.ReadInt32(ref reader);
        var count = reader.ReadCount(GroupLimits.OffsetsPerCommandMax);
        var offsets = new List<OffsetToCommit>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            offsets.Add(GroupWire.ReadOffset(ref reader));
        }

        if (offsets.Any(static offset => offset.Committed.Offset < 0 || offset.Place.Partition < 0 || offset.Place.Topic.Length == 0))
        {
            reader.Fail();
        }

        return new CommitOffsets(group, identity, generation, offsets);
    }
}
