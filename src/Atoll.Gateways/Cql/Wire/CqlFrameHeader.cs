using System.Buffers.Binary;

namespace Atoll.Gateways.Cql.Wire;

/// <summary>The nine bytes before every body: version and direction, flags, stream, opcode, length; integers big-endian.</summary>
/// <param name="Version">The version, without the direction.</param>
/// <param name="IsResponse">Whether the message comes from a server.</param>
/// <param name="Flags">What is special about the body.</param>
/// <param name="Stream">Which request it is or answers; -1 for events.</param>
/// <param name="Opcode">What it is, as it stands there: it may be unknown.</param>
/// <param name="BodyBytes">The length of the body in bytes, as it stands there: it may be too much.</param>
public readonly record struct CqlFrameHeader(
    byte Version, bool IsResponse, CqlFrameFlags Flags, short Stream, CqlOpcode Opcode, uint BodyBytes)
{
    /// <summary>The header's length.</summary>
    public const int Bytes = 9;

    private const byte ResponseBit = 0x80;

    /// <summary>Reads a header.</summary>
    /// <param name="source">At least <see cref="Bytes"/> bytes.</param>
    public static CqlFrameHeader Read(ReadOnlySpan<byte> source) => new(
        (byte)(source[0] & ~ResponseBit),
        (source[0] & ResponseBit) != 0,
        (CqlFrameFlags)source[1],
        BinaryPrimitives.ReadInt16BigEndian(source[2..]),
        (CqlOpcode)source[4],
        BinaryPrimitives.ReadUInt32BigEndian(source[5..]));

    /// <summary>Writes the header.</summary>
    /// <param name="target">At least <see cref="Bytes"/> bytes.</param>
    public void Write(Span<byte> target)
    {
        target[0] = (byte)(Version | (IsResponse ? ResponseBit : 0));
        target[1] = (byte)Flags;
        BinaryPrimitives.WriteInt16BigEndian(target[2..], Stream);
        target[4] = (byte)Opcode;
        BinaryPrimitives.WriteUInt32BigEndian(target[5..], BodyBytes);
    }
}

/// <summary>A whole frame, its body not compressed any longer.</summary>
/// <param name="Header">What stood before the body. The length is that on the wire, of the body as it was compressed there.</param>
/// <param name="Body">The body, in memory of its own: values of a request may live on in a log's cache.</param>
public readonly record struct CqlFrame(CqlFrameHeader Header, ReadOnlyMemory<byte> Body);
