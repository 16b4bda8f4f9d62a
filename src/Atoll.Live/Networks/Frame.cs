using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Live.Networks;

/// <summary>What a frame between two nodes is for. The numbers are on the wire.</summary>
internal enum FrameKind : byte
{
    /// <summary>A message for a loop.</summary>
    Message = 1,

    /// <summary>Nothing but "I am here", both ways.</summary>
    KeepAlive = 2,

    /// <summary>The first frame of who dials: <see cref="Greeting"/>.</summary>
    Greeting = 3,

    /// <summary>The first frame of who answers: <see cref="Welcome"/>.</summary>
    Welcome = 4,

    /// <summary>The last frame of who answers: <see cref="Refusal"/>.</summary>
    Refusal = 5,
}

/// <summary>
/// A frame as it came. On the wire: CRC-32C of all that follows (4 bytes), length of the payload (4), kind (1), receiving loop (1),
/// sending loop (1), zero (1), payload; little-endian.
/// </summary>
/// <param name="Kind">What it is for.</param>
/// <param name="ToLoop">The receiving loop.</param>
/// <param name="FromLoop">The sending loop.</param>
/// <param name="Payload">What it carries; a slice of what was received.</param>
internal readonly record struct Frame(FrameKind Kind, byte ToLoop, byte FromLoop, ReadOnlyMemory<byte> Payload)
{
    /// <summary>Bytes before the payload.</summary>
    public const int HeaderBytes = 12;

    /// <summary>Where the length stands.</summary>
    public const int LengthOffset = 4;

    /// <summary>Where the kind stands.</summary>
    public const int KindOffset = 8;

    /// <summary>Writes the header that belongs before a payload.</summary>
    public static void WriteHeader(Span<byte> header, FrameKind kind, byte toLoop, byte fromLoop, ReadOnlySpan<byte> payload)
    {
        Check.That(header.Length == HeaderBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(header[LengthOffset..], (uint)payload.Length);
        header[KindOffset] = (byte)kind;
        header[KindOffset + 1] = toLoop;
        header[KindOffset + 2] = fromLoop;
        header[KindOffset + 3] = 0;
        BinaryPrimitives.WriteUInt32LittleEndian(header, Crc32C.Compute(header[LengthOffset..], payload));
    }

    /// <summary>A whole frame, for the rare ones.</summary>
    public static byte[] Build(FrameKind kind, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[HeaderBytes + payload.Length];
        WriteHeader(frame.AsSpan(0, HeaderBytes), kind, 0, 0, payload);
        payload.CopyTo(frame.AsSpan(HeaderBytes));
        return frame;
    }
}
