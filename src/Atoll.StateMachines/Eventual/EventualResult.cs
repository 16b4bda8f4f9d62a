using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Eventual;

/// <summary>How a step of an eventual replica ended. The numbers are in results.</summary>
public enum EventualStatus : byte
{
    /// <summary>As asked.</summary>
    Ok = 0,

    /// <summary>
    /// The update of a counter is so old that nobody can say whether it was taken: answer "unknown", and don't try it again. Nothing was
    /// changed.
    /// </summary>
    Forgotten = 1,

    /// <summary>A row, the deleted ranges of a partition, or what a counter remembers would become too large; nothing was
    /// changed.</summary>
    TooLarge = 3,

    /// <summary>The bytes are no command; nothing was changed.</summary>
    Invalid = 4,
}

/// <summary>The result of a command.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="AsOf">The state's time of the command.</param>
/// <param name="Version">Of increments and of writes that keep siblings: what to replicate. Else empty.</param>
/// <param name="Detail">What is wrong, for people; empty when nothing is.</param>
public readonly record struct EventualResult(EventualStatus Status, HybridTime AsOf, ReadOnlyMemory<byte> Version, string Detail)
{
    /// <summary>Reads a result: status (byte), the state's time (8 bytes), detail (string), version (bytes).</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out EventualResult result)
    {
        var reader = new WireReader(bytes);
        var status = (EventualStatus)reader.ReadByte();
        var asOf = new HybridTime(reader.ReadUInt64());
        var detail = reader.ReadString();
        result = new EventualResult(status, asOf, reader.ReadBytes(), detail);
        return reader.OkAtEnd && Enum.IsDefined(status);
    }

    internal static void Write(
        WireWriter writer, EventualStatus status, HybridTime asOf, ReadOnlySpan<byte> version = default, string detail = "")
    {
        writer.WriteByte((byte)status);
        writer.WriteUInt64(asOf.Value);
        writer.WriteString(detail);
        writer.WriteBytes(version);
    }
}
