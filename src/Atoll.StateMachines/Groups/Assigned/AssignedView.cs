using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Groups.Assigned;

/// <summary>The answer to a heartbeat.</summary>
/// <param name="Status">Ok, or why it is none of a member.</param>
/// <param name="MemberId">The member.</param>
/// <param name="Epoch">The epoch that it has come to.</param>
/// <param name="Assigned">What it may read from now on; null: as before.</param>
public sealed record AssignedView(GroupStatus Status, string MemberId, int Epoch, IReadOnlyList<PartitionId>? Assigned)
{
    /// <summary>Of a query: whether the heartbeat has to be a command, because it changes something.</summary>
    public bool ChangesSomething { get; init; }

    /// <summary>The topics that the member reads, by name.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>The expression that names of further topics match; empty for none.</summary>
    public string Pattern { get; init; } = "";

    /// <summary>What the group knows of its topics.</summary>
    public TopicFacts Known { get; init; } = new(0, [], []);

    /// <summary>Reads what the machine answered; null when the bytes are none.</summary>
    public static AssignedView? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var status = (GroupStatus)reader.ReadByte();
        var member = reader.ReadString();
        var epoch = GroupWire.ReadInt32(ref reader);
        var assigned = reader.ReadBool() ? AssignedWire.ReadPartitions(ref reader) : null;
        var view = new AssignedView(status, member, epoch, assigned)
        {
            ChangesSomething = reader.ReadBool(),
            Names = AssignedWire.ReadNames(ref reader),
            Pattern = reader.ReadString(),
            Known = AssignedWire.ReadFacts(ref reader),
        };
        return reader.OkAtEnd ? view : null;
    }

    internal static AssignedView Refused(GroupStatus status) => new(status, "", 0, null);

    internal void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        writer.WriteString(MemberId);
        GroupWire.WriteNumber(writer, Epoch);
        writer.WriteBool(Assigned is not null);
        if (Assigned is not null)
        {
            AssignedWire.WritePartitions(writer, Assigned);
        }

        writer.WriteBool(ChangesSomething);
        AssignedWire.WriteNames(writer, Names);
        writer.WriteString(Pattern);
        AssignedWire.WriteFacts(writer, Known);
    }
}
