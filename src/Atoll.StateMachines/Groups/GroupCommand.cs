using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups.Assigned;
using Atoll.StateMachines.Records;

namespace Atoll.StateMachines.Groups;

/// <summary>The kinds of commands of groups, as they stand in the first byte: others than those of all other shards.</summary>
public enum GroupCommandKind : byte
{
    /// <summary>A member joins.</summary>
    Join = 0x51,

    /// <summary>A member asks for its assignment, or brings all of them.</summary>
    Sync = 0x52,

    /// <summary>Members leave.</summary>
    Leave = 0x53,

    /// <summary>Offsets are committed.</summary>
    Commit = 0x54,

    /// <summary>Offsets are forgotten.</summary>
    DeleteOffsets = 0x55,

    /// <summary>A group without members is forgotten.</summary>
    Delete = 0x56,

    /// <summary>The coordinator says who was too late.</summary>
    Expire = 0x57,

    /// <summary>Groups that nobody has used for long are forgotten.</summary>
    Forget = 0x58,

    /// <summary>A producer may commit offsets in a transaction.</summary>
    BeginTransaction = 0x59,

    /// <summary>Offsets are committed in a transaction.</summary>
    CommitInTransaction = 0x5A,

    /// <summary>A transaction ends.</summary>
    EndTransaction = 0x5B,

    /// <summary>A member that is assigned its partitions says something of itself.</summary>
    Heartbeat = 0x5C,
}

/// <summary>
/// The commands of groups. Layout: kind (byte), then the group's id and the fields in the order of the record; of expiries and of what is
/// forgotten, a number and the groups.
/// </summary>
public static class GroupCommand
{
    private static readonly NamedCommandWords Words = new("a group", "the group");

    /// <summary>The hash by which a group's shard is found.</summary>
    public static ulong HashOf(string group) => NamedCommand.HashOf(group);

    /// <summary>Whether a group may have this name.</summary>
    public static bool IsGroupId(string group) => NamedCommand.IsName(group, GroupLimits.GroupIdBytesMax);

    /// <summary>What the first byte says; anything may follow.</summary>
    public static GroupCommandKind KindOf(ReadOnlySpan<byte> command) => command.IsEmpty ? default : (GroupCommandKind)command[0];

    /// <summary>A member joins.</summary>
    public static void Write(WireWriter writer, JoinGroup join)
    {
        Begin(writer, GroupCommandKind.Join, join.Group);
        GroupWire.WriteIdentity(writer, join.Identity);
        writer.WriteBool(join.RequiresKnownMember);
        writer.WriteString(join.ClientId);
        writer.WriteString(join.ClientHost);
        GroupWire.WriteNumber(writer, join.SessionMilliseconds);
        GroupWire.WriteNumber(writer, join.RebalanceMilliseconds);
        writer.WriteString(join.ProtocolType);
        GroupWire.WriteProtocols(writer, join.Protocols);
    }

    /// <summary>A member asks for its assignment.</summary>
    public static void Write(WireWriter writer, SyncGroup sync)
    {
        Begin(writer, GroupCommandKind.Sync, sync.Group);
        GroupWire.WriteIdentity(writer, sync.Identity);
        GroupWire.WriteNumber(writer, sync.Generation);
        GroupWire.WriteOptional(writer, sync.ProtocolType);
        GroupWire.WriteOptional(writer, sync.Protocol);
        writer.WriteVarint((ulong)sync.Assignments.Count);
        foreach (var (member, assignment) in sync.Assignments)
        {
            writer.WriteString(member);
            writer.WriteBytes(assignment.Span);
        }
    }

    /// <summary>Members leave.</summary>
    public static void Write(WireWriter writer, LeaveGroup leave)
    {
        Begin(writer, GroupCommandKind.Leave, leave.Group);
        writer.WriteVarint((ulong)leave.Members.Count);
        foreach (var member in leave.Members)
        {
            GroupWire.WriteIdentity(writer, member);
        }
    }

    /// <summary>Offsets are committed.</summary>
    public static void Write(WireWriter writer, CommitOffsets commit)
    {
        Begin(writer, GroupCommandKind.Commit, commit.Group);
        WriteOffsets(writer, commit);
    }

    /// <summary>A member that is assigned its partitions says something of itself.</summary>
    public static void Write(WireWriter writer, ConsumerHeartbeat beat)
    {
        Begin(writer, GroupCommandKind.Heartbeat, beat.Group);
        AssignedWire.WriteHeartbeat(writer, beat);
    }

    /// <summary>A producer may commit offsets in a transaction.</summary>
    public static void Write(WireWriter writer, BeginGroupTransaction begin)
    {
        Begin(writer, GroupCommandKind.BeginTransaction, begin.Group);
        GroupWire.WriteTransaction(writer, begin.Transaction);
    }

    /// <summary>Offsets are committed in a transaction.</summary>
    public static void Write(WireWriter writer, CommitInTransaction commit)
    {
        Begin(writer, GroupCommandKind.CommitInTransaction, commit.Commit.Group);
        WriteOffsets(writer, commit.Commit);
        GroupWire.WriteNumber(writer, commit.ProducerId);
        GroupWire.WriteNumber(writer, commit.Epoch);
    }

    /// <summary>A transaction ends.</summary>
    public static void Write(WireWriter writer, EndGroupTransaction end)
    {
        Begin(writer, GroupCommandKind.EndTransaction, end.Group);
        GroupWire.WriteTransaction(writer, end.Transaction);
        writer.WriteBool(end.IsCommit);
    }

    /// <summary>Offsets are forgotten.</summary>
    public static void Write(WireWriter writer, DeleteOffsets delete)
    {
        Begin(writer, GroupCommandKind.DeleteOffsets, delete.Group);
        GroupWire.WritePlaces(writer, delete.Places);
    }

    /// <summary>A group is forgotten, with all its offsets.</summary>
    public static void WriteDelete(WireWriter writer, string group) => Begin(writer, GroupCommandKind.Delete, group);

    /// <summary>The coordinator says who was too late.</summary>
    public static void WriteExpire(WireWriter writer, IReadOnlyCollection<GroupExpiry> expiries)
    {
        writer.WriteByte((byte)GroupCommandKind.Expire);
        writer.WriteVarint((ulong)expiries.Count);
        foreach (var expiry in expiries)
        {
            writer.WriteString(expiry.Group);
            writer.WriteVarint((ulong)expiry.Phase);
            NamedCommand.WriteNames(writer, expiry.Members);
        }
    }

    /// <summary>Groups that may be forgotten by now are.</summary>
    public static void WriteForget(WireWriter writer, IReadOnlyCollection<string> groups) =>
        NamedCommand.Write(writer, (byte)GroupCommandKind.Forget, groups);

    /// <summary>Looks at a command before it is proposed.</summary>
    /// <param name="command">The command; any bytes.</param>
    /// <param name="hashLow">The lowest hash of the shard.</param>
    /// <param name="hashHigh">The highest hash of the shard.</param>
    public static CommandFault Validate(ReadOnlyMemory<byte> command, ulong hashLow, ulong hashHigh) => NamedCommand.Validate(
        command, Words, KindOf(command.Span) is GroupCommandKind.Expire or GroupCommandKind.Forget,
        static bytes => GroupCommandReader.TryRead(bytes)?.Group, hashLow, hashHigh);

    /// <summary>The group and member that a command comes from; null when it comes from none.</summary>
    /// <param name="command">The command; any bytes.</param>
    public static (string Group, string MemberId)? SenderOf(ReadOnlyMemory<byte> command)
    {
        if (KindOf(command.Span) is not (GroupCommandKind.Join or GroupCommandKind.Sync or GroupCommandKind.Commit
            or GroupCommandKind.CommitInTransaction or GroupCommandKind.Heartbeat))
        {
            return null;
        }

        var reader = new WireReader(command[1..]);
        var sender = (reader.ReadString(), reader.ReadString());
        return reader.Ok ? sender : null;
    }

    private static void WriteOffsets(WireWriter writer, CommitOffsets commit)
    {
        GroupWire.WriteIdentity(writer, commit.Identity);
        GroupWire.WriteNumber(writer, commit.Generation);
        writer.WriteVarint((ulong)commit.Offsets.Count);
        foreach (var offset in commit.Offsets)
        {
            GroupWire.WriteOffset(writer, offset);
        }
    }

    private static void Begin(WireWriter writer, GroupCommandKind kind, string group) => NamedCommand.Begin(writer, (byte)kind, group);
}
