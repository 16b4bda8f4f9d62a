using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Services.Native;

/// <summary>
/// A frame: length (4 bytes; of what follows the checksum), CRC-32C of what follows it (4 bytes), type (1 byte), correlation
/// number (4 bytes), body. All integers little-endian.
/// </summary>
public static class NativeFrame
{
    /// <summary>Bytes before the type: length and checksum.</summary>
    public const int PrefixBytes = 8;

    /// <summary>Bytes before the body.</summary>
    public const int HeaderBytes = PrefixBytes + ContentHeaderBytes;

    private const int ContentHeaderBytes = 1 + 4;

    /// <summary>Starts a frame; write its body to the writer, then call <see cref="End"/> with the result.</summary>
    public static int Begin(WireWriter writer, NativeFrameType type, uint correlation)
    {
        var position = writer.ReserveUInt32();
        writer.ReserveUInt32();
        writer.WriteByte((byte)type);
        writer.WriteUInt32(correlation);
        return position;
    }

    /// <summary>Ends the frame that began at that position: fills in length and checksum.</summary>
    public static void End(WireWriter writer, int position)
    {
        var content = writer.Written[(position + PrefixBytes)..];
        Check.That(content.Length >= ContentHeaderBytes);
        var checksum = Crc32C.Compute(content);
        writer.PatchUInt32(position, (uint)content.Length);
        writer.PatchUInt32(position + sizeof(uint), checksum);
    }

    /// <summary>An error frame: why the sender closes the connection.</summary>
    public static void WriteError(WireWriter writer, NativeError error, string reason)
    {
        var position = Begin(writer, NativeFrameType.Error, 0);
        writer.WriteUInt16((ushort)error);
        writer.WriteString(reason);
        End(writer, position);
    }

    /// <summary>Reads the body of an error frame.</summary>
    public static bool TryReadError(ReadOnlyMemory<byte> body, out NativeError error, out string reason)
    {
        var reader = new WireReader(body);
        error = (NativeError)reader.ReadUInt16();
        reason = reader.ReadString();
        return reader.Ok;
    }

    /// <summary>Looks at the first <see cref="PrefixBytes"/> of a frame, before anything is kept for the rest.</summary>
    /// <param name="prefix">At least <see cref="PrefixBytes"/> bytes.</param>
    /// <param name="contentBytesMax">The longest content that is accepted.</param>
    /// <param name="contentBytes">How many bytes follow the prefix.</param>
    /// <returns>Why the frame is refused, or None.</returns>
    public static NativeError ReadPrefix(ReadOnlySpan<byte> prefix, int contentBytesMax, out int contentBytes)
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(prefix);
        contentBytes = (int)Math.Min(length, int.MaxValue);
        return length < ContentHeaderBytes ? NativeError.Malformed
            : length > (uint)contentBytesMax ? NativeError.TooLarge
            : NativeError.None;
    }

    /// <summary>Verifies and opens a whole frame.</summary>
    /// <param name="prefix">The frame's first <see cref="PrefixBytes"/> bytes.</param>
    /// <param name="content">What follows them, as long as the prefix says.</param>
    /// <param name="type">The type, as it stands there: it may be unknown.</param>
    /// <param name="correlation">The correlation number.</param>
    /// <param name="body">The body, a slice of the content.</param>
    /// <returns>Why the frame is refused, or None.</returns>
    public static NativeError Open(
        ReadOnlySpan<byte> prefix, ReadOnlyMemory<byte> content, out NativeFrameType type, out uint correlation,
            out ReadOnlyMemory<byte> body)
    {
        Check.That(content.Length >= ContentHeaderBytes);
        var span = content.Span;
        type = (NativeFrameType)span[0];
        correlation = BinaryPrimitives.ReadUInt32LittleEndian(span[1..]);
        body = content[ContentHeaderBytes..];
        return Crc32C.Compute(span) == BinaryPrimitives.ReadUInt32LittleEndian(prefix[sizeof(uint)..])
            ? NativeError.None
            : NativeError.ChecksumMismatch;
    }
}
