using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups.Assigned;

namespace Atoll.StateMachines.Groups;

/// <summary>The answer to a command of a group.</summary>
/// <param name="Status">What became of it.</param>
/// <param name="MemberId">Of a join: the member's id from now on; else empty.</param>
/// <param name="SkipsAssignment">Of a join: it leads, and the assignment that there is holds.</param>
public sealed record GroupResult(GroupStatus Status, string MemberId = "", bool SkipsAssignment = false)
{
    /// <summary>What became of each part of the command, for those that have parts.</summary>
    public IReadOnlyList<GroupStatus> Parts { get; init; } = [];

    /// <summary>The answer to a heartbeat of a member that is assigned its partitions; else null.</summary>
    public AssignedView? View { get; init; }

    /// <summary>
    /// Writes it: status (byte), member id, skips (byte), number of parts (varint), a byte each; behind that the view, if there is one.
    /// </summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        writer.WriteString(MemberId);
        writer.WriteBool(SkipsAssignment);
        writer.WriteVarint((ulong)Parts.Count);
        foreach (var part in Parts)
        {
            writer.WriteByte((byte)part);
        }

        View?.Write(writer);
    }

    /// <summary>Reads it; null when the bytes are none.</summary>
    public static GroupResult? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var status = (GroupStatus)reader.ReadByte();
        var memberId = reader.ReadString();
        var skips = reader.ReadBool();
        var parts = reader.ReadRaw(reader.ReadCount(GroupLimits.OffsetsPerCommandMax));
        var view = reader.Remaining > 0 ? AssignedView.TryRead(bytes[reader.Position..]) : null;
        return !reader.Ok || (view is null && reader.Remaining > 0) ? null : new GroupResult(status, memberId, skips)
        {
            Parts = [.. parts.ToArray().Select(static part => (GroupStatus)part)], View = view,
        };
    }
}
