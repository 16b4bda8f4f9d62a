using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Requests;

/// <summary>The payload of a command entry: the leader's time, who asked, and the command itself.</summary>
/// <param name="Stamp">The leader's hybrid clock when it took the command; the state's time follows it, but never goes back.</param>
/// <param name="Identity">Who asked, for retries; or none.</param>
/// <param name="Command">The state machine's own bytes; a slice of the payload.</param>
public readonly record struct CommandEnvelope(HybridTime Stamp, RequestIdentity Identity, ReadOnlyMemory<byte> Command)
{
    /// <summary>
    /// The latest stamp that a payload may carry (the year 6429): there is always room for the next command's time after it.
    /// </summary>
    public static readonly HybridTime StampMax = new(ulong.MaxValue >> 1);

    /// <summary>Bytes that the envelope adds to a command, at most.</summary>
    public const int HeaderBytesMax = 1 + 8 + 1 + 8 + 10 + 10 + 8;

    private const byte FormatVersion = 1;
    private const int StampOffset = 1;

    /// <summary>A payload of exactly the needed size, which may become a log entry's.</summary>
    public static byte[] Encode(HybridTime stamp, in RequestIdentity identity, ReadOnlySpan<byte> command, WireWriter scratch)
    {
        scratch.Reset();
        WriteHeader(scratch, stamp, identity);
        var payload = GC.AllocateUninitializedArray<byte>(scratch.Length + command.Length);
        scratch.Written.CopyTo(payload);
        command.CopyTo(payload.AsSpan(scratch.Length));
        return payload;
    }

    /// <summary>Writes everything before the command; the command's bytes follow as they are, to the payload's end.</summary>
    public static void WriteHeader(WireWriter writer, HybridTime stamp, in RequestIdentity identity)
    {
        writer.WriteByte(FormatVersion);
        writer.WriteUInt64(stamp.Value);
        identity.Write(writer);
    }

    /// <summary>
    /// Puts the leader's time into a payload whose header was written before it was known: nothing else may have the payload yet.
    /// </summary>
    public static void PutStamp(Span<byte> payload, HybridTime stamp) =>
        BinaryPrimitives.WriteUInt64LittleEndian(payload[StampOffset..], stamp.Value);

    /// <summary>Reads a payload; the command is a slice of it.</summary>
    /// <returns>False when the bytes are not an envelope.</returns>
    public static bool TryRead(ReadOnlyMemory<byte> payload, out CommandEnvelope envelope)
    {
        var reader = new WireReader(payload);
        var version = reader.ReadByte();
        var stamp = new HybridTime(reader.ReadUInt64());
        var identity = RequestIdentity.Read(ref reader);
        if (!reader.Ok || version != FormatVersion || stamp > StampMax)
        {
            envelope = default;
            return false;
        }

        envelope = new CommandEnvelope(stamp, identity, payload[reader.Position..]);
        return true;
    }
}
