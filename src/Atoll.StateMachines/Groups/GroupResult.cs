using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Groups;

/// <summary>The answer to a command of a group.</summary>
/// <param name="Status">What became of it.</param>
/// <param name="MemberId">Of a join: the member's id from now on; else empty.</param>
/// <param name="SkipsAssignment">Of a join: it leads, and the assignment that there is holds.</param>
public sealed record GroupResult(GroupStatus Status, string MemberId = "", bool SkipsAssignment = false)
{
    /// <summary>What became of each part of the command, for those that have parts.</summary>
    public IReadOnlyList<GroupStatus> Parts { get; init; } = [];

    /// <summary>Writes it: status (byte), member id, skips (byte), number of parts (varint), a byte each.</summary>
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
    }

    /// <summary>Reads it; null when the bytes are none.</summary>
    public static GroupResult? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var status = (GroupStatus)reader.ReadByte();
        var memberId = reader.ReadString();
        var skips = reader.ReadBool();
        var parts = reader.ReadRaw(reader.ReadCount(GroupLimits.OffsetsPerCommandMax));
        return !reader.OkAtEnd ? null : new GroupResult(status, memberId, skips)
        {
            Parts = [.. parts.ToArray().Select(static part => (GroupStatus)part)],
        };
    }
}
