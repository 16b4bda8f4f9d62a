using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups.Assigned;

namespace Atoll.StateMachines.Groups;

/// <summary>
/// Groups as bytes. A snapshot is a format (byte), then records, each behind its length (4 bytes) and its kind (byte): a group, its
/// members, what it assigns and to whom, its offsets, its producers each with the offsets of its open transaction, the next group, each
/// in order; and the number of groups at the end.
/// </summary>
internal static class GroupsSnapshot
{
    internal const byte FormatVersion = 1;
    internal const byte GroupRecord = 1;
    internal const byte MemberRecord = 2;
    internal const byte OffsetRecord = 3;
    internal const byte EndRecord = 4;
    internal const byte TransactionRecord = 5;
    internal const byte PendingOffsetRecord = 6;
    internal const byte AssignedGroupRecord = 7;
    internal const byte AssignedMemberRecord = 8;

    // What a record holds came in one command, or in two: a member's words for its protocols, and its assignment.
    internal const int RecordBytesMax = 2 * Limits.EntryBytesMax;

    /// <summary>A group's records, one after the other.</summary>
    /// <param name="group">The group.</param>
    /// <param name="writer">Receives a record, behind what is there, whenever one is asked for.</param>
    internal static IEnumerable<byte> Records(ConsumerGroup group, WireWriter writer)
    {
        WriteGroup(writer, group);
        yield return GroupRecord;
        foreach (var (_, member) in group.Members)
        {
            WriteMember(writer, member);
            yield return MemberRecord;
        }

        if (group.Assigned is { } assigned)
        {
            AssignedSnapshot.Write(writer, assigned);
            yield return AssignedGroupRecord;
            foreach (var (_, member) in assigned.Members)
            {
                AssignedSnapshot.Write(writer, member);
                yield return AssignedMemberRecord;
            }
        }

        foreach (var (place, committed) in group.Offsets)
        {
            GroupWire.WriteOffset(writer, new OffsetToCommit(place, committed));
            yield return OffsetRecord;
        }

        foreach (var (producer, transaction) in group.Transactions)
        {
            WriteTransaction(writer, producer, transaction);
            yield return TransactionRecord;
            foreach (var (place, committed) in transaction.Offsets)
            {
                GroupWire.WriteOffset(writer, new OffsetToCommit(place, committed));
                yield return PendingOffsetRecord;
            }
        }
    }

    /// <summary>A group without members and offsets; the reader fails when the bytes are none.</summary>
    internal static ConsumerGroup ReadGroup(ref WireReader reader)
    {
        var group = new ConsumerGroup(reader.ReadString())
        {
            State = (GroupState)reader.ReadByte(),
            Generation = GroupWire.ReadInt32(ref reader),
            Phase = GroupWire.ReadInt64(ref reader),
            IsGathering = reader.ReadBool(),
            ProtocolType = reader.ReadString(),
            Protocol = reader.ReadString(),
            Leader = reader.ReadString(),
            LastChange = GroupWire.ReadInt64(ref reader),
        };
        var pending = group.Pending.ToBuilder();
        var count = reader.ReadCount(GroupLimits.MembersMax);
        for (var i = 0; i < count && reader.Ok; i++)
        {
            pending[reader.ReadString()] = GroupWire.ReadInt32(ref reader);
        }

        if (group.State > GroupState.Stable || pending.Count != count)
        {
            reader.Fail();
        }

        return group with { Pending = pending.ToImmutable() };
    }

    /// <summary>A member; the reader fails when the bytes are none.</summary>
    internal static GroupMember ReadMember(ref WireReader reader) => new()
    {
        Identity = GroupWire.ReadIdentity(ref reader),
        ClientId = reader.ReadString(),
        ClientHost = reader.ReadString(),
        SessionMilliseconds = GroupWire.ReadInt32(ref reader),
        RebalanceMilliseconds = GroupWire.ReadInt32(ref reader),
        Protocols =
        [
            .. GroupWire.ReadProtocols(ref reader).Select(static offered => offered with { Metadata = offered.Metadata.ToArray() }),
        ],
        IsJoining = reader.ReadBool(),
        HasSynced = reader.ReadBool(),
        Assignment = reader.ReadBytes().ToArray(),
    };

    /// <summary>A producer without the offsets of its transaction; the reader fails when the bytes are none.</summary>
    internal static (long Producer, GroupTransaction Transaction) ReadTransaction(ref WireReader reader) =>
        (GroupWire.ReadInt64(ref reader), new GroupTransaction
        {
            Epoch = GroupWire.ReadInt16(ref reader),
            Open = GroupWire.ReadInt32(ref reader),
            Ended = GroupWire.ReadInt32(ref reader),
            LastActive = GroupWire.ReadInt64(ref reader),
        });

    private static void WriteTransaction(WireWriter writer, long producer, GroupTransaction transaction)
    {
        GroupWire.WriteNumber(writer, producer);
        GroupWire.WriteNumber(writer, transaction.Epoch);
        GroupWire.WriteNumber(writer, transaction.Open);
        GroupWire.WriteNumber(writer, transaction.Ended);
        GroupWire.WriteNumber(writer, transaction.LastActive);
    }

    private static void WriteGroup(WireWriter writer, ConsumerGroup group)
    {
        writer.WriteString(group.Id);
        writer.WriteByte((byte)group.State);
        GroupWire.WriteNumber(writer, group.Generation);
        GroupWire.WriteNumber(writer, group.Phase);
        writer.WriteBool(group.IsGathering);
        writer.WriteString(group.ProtocolType);
        writer.WriteString(group.Protocol);
        writer.WriteString(group.Leader);
        GroupWire.WriteNumber(writer, group.LastChange);
        writer.WriteVarint((ulong)group.Pending.Count);
        foreach (var (id, session) in group.Pending)
        {
            writer.WriteString(id);
            GroupWire.WriteNumber(writer, session);
        }
    }

    private static void WriteMember(WireWriter writer, GroupMember member)
    {
        GroupWire.WriteIdentity(writer, member.Identity);
        writer.WriteString(member.ClientId);
        writer.WriteString(member.ClientHost);
        GroupWire.WriteNumber(writer, member.SessionMilliseconds);
        GroupWire.WriteNumber(writer, member.RebalanceMilliseconds);
        GroupWire.WriteProtocols(writer, member.Protocols);
        writer.WriteBool(member.IsJoining);
        writer.WriteBool(member.HasSynced);
        writer.WriteBytes(member.Assignment.Span);
    }
}
