using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>What a message between a coordinator and a replica says. docs/eventual.md has the catalogue.</summary>
public enum EventualMessageKind : byte
{
    /// <summary>Merge this into your data.</summary>
    Write = 1,

    /// <summary>The answer to Write, Repair and Hinted: it is durable here.</summary>
    Written = 2,

    /// <summary>The answer to Write, Repair and Hinted: it can't be done here, see the reason.</summary>
    WriteRefused = 3,

    /// <summary>Send me what you have.</summary>
    Read = 4,

    /// <summary>The answer to <see cref="Read"/>.</summary>
    ReadData = 5,

    /// <summary>Send me the digest of what you have.</summary>
    ReadDigest = 6,

    /// <summary>The answer to <see cref="ReadDigest"/>.</summary>
    Digest = 7,

    /// <summary>The answer to Read and ReadDigest: it can't be done here, see the reason.</summary>
    ReadRefused = 8,

    /// <summary>As Write, because a read found that you lack it.</summary>
    Repair = 9,

    /// <summary>As Write, because you were absent when it was written.</summary>
    Hinted = 10,
}

/// <summary>Why a replica does not do what it is asked.</summary>
public enum RefusalReason : byte
{
    /// <summary>No reason.</summary>
    None = 0,

    /// <summary>It has too much to do.</summary>
    Overloaded = 1,

    /// <summary>It does not keep the range, in its version of the placement.</summary>
    WrongReplica = 2,

    /// <summary>Its disk is full, or damaged.</summary>
    DiskFailed = 3,

    /// <summary>Reading hit a bound: too many tombstones, too many bytes. Or what is kept would become larger than it may.</summary>
    TooLarge = 4,

    /// <summary>
    /// The mutation's stamp is one that the replica has closed (<see cref="RangeHorizon"/>): tombstones that it would have met may be gone.
    /// A write that nobody has taken yet may be tried again under a new stamp; a hint is dropped.
    /// </summary>
    TooOld = 5,

    /// <summary>The bytes are no mutation of the range.</summary>
    Invalid = 6,
}

/// <summary>What follows from a refusal.</summary>
public static class RefusalReasons
{
    /// <summary>
    /// Whether the same mutation would be refused the next time, too: no hint is kept of it, or it would be handed over, and hold this
    /// node's floor back, for ever.
    /// </summary>
    public static bool IsFinal(this RefusalReason reason) =>
        reason is RefusalReason.WrongReplica or RefusalReason.TooOld or RefusalReason.TooLarge or RefusalReason.Invalid;
}

/// <summary>One message. Which fields mean something depends on the kind.</summary>
public readonly record struct EventualMessage
{
    /// <summary>What it says.</summary>
    public EventualMessageKind Kind { get; init; }

    /// <summary>The coordinator's number for the operation; answers carry it back.</summary>
    public ulong Operation { get; init; }

    /// <summary>The sender's version of the placement.</summary>
    public ulong Epoch { get; init; }

    /// <summary>The host's number for the range that the operation is about; answers carry it back.</summary>
    public ulong Range { get; init; }

    /// <summary>
    /// Write, Hinted: the coordinator's time when it took the write on. ReadData: <see cref="RangeHorizon.Basis"/>. Repair: the
    /// earliest of these among the versions that it was made from. The receiver judges by it whether it may still take the mutation
    /// (<see cref="RangeHorizon"/>). Refusals for age: what is closed.
    /// </summary>
    public HybridTime Stamp { get; init; }

    /// <summary>Write, Repair, Hinted: the mutation. Read, ReadDigest: the query. ReadData: the version. Opaque.</summary>
    public ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>Digest: the digest.</summary>
    public UInt128 VersionDigest { get; init; }

    /// <summary>The refusals: why.</summary>
    public RefusalReason Reason { get; init; }

    /// <summary>The answer to this message.</summary>
    public EventualMessage Answer(EventualMessageKind kind) => 
        new() { Kind = kind, Operation = Operation, Epoch = Epoch, Range = Range };
}

/// <summary>
/// The bytes of an <see cref="EventualMessage"/>: kind, operation, epoch, range, then the kind's own field. An unknown kind, a field out of
/// range and bytes left over make the message unreadable as a whole.
/// </summary>
public static class EventualMessageCodec
{
    /// <summary>Writes a message behind what the writer holds.</summary>
    public static void Write(WireWriter writer, in EventualMessage message)
    {
        writer.WriteByte((byte)message.Kind);
        writer.WriteVarint(message.Operation);
        writer.WriteVarint(message.Epoch);
        writer.WriteVarint(message.Range);
        switch (message.Kind)
        {
            case EventualMessageKind.Written:
                break;
            case EventualMessageKind.WriteRefused or EventualMessageKind.ReadRefused:
                writer.WriteByte((byte)message.Reason);
                writer.WriteUInt64(message.Stamp.Value);
                break;
            case EventualMessageKind.Digest:
                writer.WriteUInt64((ulong)message.VersionDigest);
                writer.WriteUInt64((ulong)(message.VersionDigest >> 64));
                break;
            case EventualMessageKind.Read or EventualMessageKind.ReadDigest:
                writer.WriteBytes(message.Payload.Span);
                break;
            default:
                writer.WriteUInt64(message.Stamp.Value);
                writer.WriteBytes(message.Payload.Span);
                break;
        }
    }

    /// <summary>Reads a message; false when the bytes are none. The payload is a slice of the input.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out EventualMessage message)
    {
        var reader = new WireReader(bytes);
        message = new EventualMessage
        {
            Kind = (EventualMessageKind)reader.ReadByte(),
            Operation = reader.ReadVarint(),
            Epoch = reader.ReadVarint(),
            Range = reader.ReadVarint(),
        };
        switch (message.Kind)
        {
            case EventualMessageKind.Written:
                break;
            case EventualMessageKind.WriteRefused or EventualMessageKind.ReadRefused:
                message = message with { Reason = (RefusalReason)reader.ReadByte(), Stamp = new HybridTime(reader.ReadUInt64()) };
                break;
            case EventualMessageKind.Digest:
                var low = reader.ReadUInt64();
                message = message with { VersionDigest = new UInt128(reader.ReadUInt64(), low) };
                break;
            case EventualMessageKind.Read or EventualMessageKind.ReadDigest:
                message = message with { Payload = reader.ReadBytes() };
                break;
            case EventualMessageKind.Write or EventualMessageKind.Repair or EventualMessageKind.Hinted or EventualMessageKind.ReadData:
                message = message with { Stamp = new HybridTime(reader.ReadUInt64()), Payload = reader.ReadBytes() };
                break;
            default:
                reader.Fail();
                break;
        }

        if (!reader.OkAtEnd || message.Payload.Length > Limits.MessageBytesMax || message.Reason > RefusalReason.Invalid)
        {
            message = default;
            return false;
        }

        return true;
    }
}
