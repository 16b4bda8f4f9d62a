using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Services.Native;

/// <summary>
/// The shape that both hellos share: magic (4 bytes), two numbers of 2 bytes, body length (4), CRC-32C of everything before it and
/// of the body (4), body. It will be the same in every version, so that any two versions can at least tell each other what is wrong.
/// </summary>
public static class HelloFrame
{
    /// <summary>Bytes before the body.</summary>
    public const int HeaderBytes = 4 + 2 + 2 + 4 + 4;

    private const int ChecksumOffset = HeaderBytes - 4;

    /// <summary>Appends a hello.</summary>
    public static void Write(WireWriter writer, ushort first, ushort second, ReadOnlySpan<byte> body)
    {
        var start = writer.Length;
        writer.WriteUInt32(NativeProtocol.Magic);
        writer.WriteUInt16(first);
        writer.WriteUInt16(second);
        writer.WriteUInt32((uint)body.Length);
        writer.WriteUInt32(Crc32C.Compute(writer.Written[start..], body));
        writer.WriteRaw(body);
    }

    /// <summary>Reads the header; refuses other protocols and absurd lengths before anything is kept for the body.</summary>
    public static NativeError ReadHeader(ReadOnlySpan<byte> header, out ushort first, out ushort second, out int bodyBytes)
    {
        first = BinaryPrimitives.ReadUInt16LittleEndian(header[4..]);
        second = BinaryPrimitives.ReadUInt16LittleEndian(header[6..]);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        bodyBytes = (int)Math.Min(length, int.MaxValue);
        return BinaryPrimitives.ReadUInt32LittleEndian(header) != NativeProtocol.Magic ? NativeError.NotThisProtocol
            : length > NativeProtocol.HelloBytesMax ? NativeError.TooLarge
            : NativeError.None;
    }

    /// <summary>Whether the checksum in the header is that of header and body.</summary>
    public static bool IsIntact(ReadOnlySpan<byte> header, ReadOnlySpan<byte> body) =>
        BinaryPrimitives.ReadUInt32LittleEndian(header[ChecksumOffset..]) == Crc32C.Compute(header[..ChecksumOffset], body);
}

/// <summary>The client's first words.</summary>
/// <param name="VersionMin">The oldest protocol version that it speaks.</param>
/// <param name="VersionMax">The newest.</param>
/// <param name="Token">Its access token, or empty.</param>
/// <param name="ClientName">What it calls itself, for logs.</param>
public readonly record struct ClientHello(ushort VersionMin, ushort VersionMax, ReadOnlyMemory<byte> Token, string ClientName)
{
    /// <summary>Appends the hello.</summary>
    public void Write(WireWriter writer)
    {
        var body = new WireWriter();
        body.WriteBytes(Token.Span);
        body.WriteString(ClientName);
        HelloFrame.Write(writer, VersionMin, VersionMax, body.Written);
    }

    /// <summary>Reads the body; fields that a later version appends are ignored.</summary>
    public static bool TryRead(ushort versionMin, ushort versionMax, ReadOnlyMemory<byte> body, out ClientHello hello)
    {
        var reader = new WireReader(body);
        hello = new ClientHello(versionMin, versionMax, reader.ReadBytes(), reader.ReadString());
        return reader.Ok && versionMin <= versionMax && hello.Token.Length <= NativeProtocol.TokenBytesMax;
    }
}

/// <summary>The node's answer to a hello.</summary>
/// <param name="Version">The version that the connection speaks from now on; 0 when it is refused.</param>
/// <param name="Error">Why it is refused, or None.</param>
/// <param name="Reason">The same for people, or empty.</param>
/// <param name="ClusterId">The cluster.</param>
/// <param name="Node">The node.</param>
/// <param name="Now">The node's hybrid time.</param>
/// <param name="FrameBytesMax">The longest frame content that the node accepts.</param>
/// <param name="InFlightMax">How many requests it holds for this connection before it answers "overloaded".</param>
public readonly record struct ServerHello(
    ushort Version,
    NativeError Error,
    string Reason,
    ulong ClusterId = 0,
    NodeId Node = default,
    HybridTime Now = default,
    int FrameBytesMax = 0,
    int InFlightMax = 0)
{
    /// <summary>Appends the hello.</summary>
    public void Write(WireWriter writer)
    {
        var body = new WireWriter();
        body.WriteString(Reason);
        body.WriteUInt64(ClusterId);
        body.WriteUInt32(Node.Value);
        body.WriteUInt64(Now.Value);
        body.WriteUInt32((uint)FrameBytesMax);
        body.WriteUInt32((uint)InFlightMax);
        HelloFrame.Write(writer, Version, (ushort)Error, body.Written);
    }

    /// <summary>Reads the body; fields that a later version appends are ignored.</summary>
    public static bool TryRead(ushort version, ushort error, ReadOnlyMemory<byte> body, out ServerHello hello)
    {
        var reader = new WireReader(body);
        hello = new ServerHello(
            version, (NativeError)error, reader.ReadString(), reader.ReadUInt64(), new NodeId(reader.ReadUInt32()),
            new HybridTime(reader.ReadUInt64()), (int)Math.Min(reader.ReadUInt32(), int.MaxValue),
            (int)Math.Min(reader.ReadUInt32(), int.MaxValue));
        return reader.Ok;
    }
}
