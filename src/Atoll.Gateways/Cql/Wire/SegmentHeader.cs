using System.Buffers.Binary;

namespace Atoll.Gateways.Cql.Wire;

/// <summary>
/// What stands before a segment's payload in version 5 (section 2): lengths of 17 bits and a flag, little-endian, in 3 bytes, or in 5 with
/// compression; then their CRC-24.
/// </summary>
/// <param name="PayloadBytes">The payload's length on the wire.</param>
/// <param name="PlainBytes">With compression, its length before it; 0 for a payload that is not compressed.</param>
/// <param name="IsSelfContained">Whether the payload is whole frames; otherwise a piece of one.</param>
public readonly record struct SegmentHeader(int PayloadBytes, int PlainBytes, bool IsSelfContained)
{
    /// <summary>The longest payload, before and after compression.</summary>
    public const int PayloadBytesMax = (1 << LengthBits) - 1;

    /// <summary>Bytes behind the payload: its CRC-32.</summary>
    public const int TrailerBytes = 4;

    private const int LengthBits = 17;
    private const int ChecksumBytes = 3;

    /// <summary>The header's length, with its checksum.</summary>
    public static int Bytes(bool isCompressed) => FieldBytes(isCompressed) + ChecksumBytes;

    /// <summary>Reads a header.</summary>
    /// <param name="source">As many bytes as <see cref="Bytes"/> says.</param>
    /// <param name="isCompressed">Whether the connection uses compression.</param>
    /// <param name="header">The header.</param>
    /// <returns>False when its checksum does not match.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, bool isCompressed, out SegmentHeader header)
    {
        var fieldBytes = FieldBytes(isCompressed);
        var fields = ReadLittleEndian(source[..fieldBytes]);
        var payloadBytes = (int)(fields & PayloadBytesMax);
        fields >>= LengthBits;
        var plainBytes = isCompressed ? (int)(fields & PayloadBytesMax) : 0;
        fields >>= isCompressed ? LengthBits : 0;
        header = new SegmentHeader(payloadBytes, plainBytes, (fields & 1) != 0);
        return SegmentChecksums.OfHeader(source[..fieldBytes]) == ReadLittleEndian(source.Slice(fieldBytes, ChecksumBytes));
    }

    /// <summary>Writes the header.</summary>
    /// <param name="target">As many bytes as <see cref="Bytes"/> says.</param>
    /// <param name="isCompressed">Whether the connection uses compression.</param>
    public void Write(Span<byte> target, bool isCompressed)
    {
        var fieldBytes = FieldBytes(isCompressed);
        var fields = (ulong)(uint)PayloadBytes;
        var used = LengthBits;
        if (isCompressed)
        {
            fields |= (ulong)(uint)PlainBytes << used;
            used += LengthBits;
        }

        fields |= (IsSelfContained ? 1UL : 0) << used;
        WriteLittleEndian(target[..fieldBytes], fields);
        WriteLittleEndian(target.Slice(fieldBytes, ChecksumBytes), SegmentChecksums.OfHeader(target[..fieldBytes]));
    }

    private static int FieldBytes(bool isCompressed) => isCompressed ? 5 : 3;

    private static ulong ReadLittleEndian(ReadOnlySpan<byte> source)
    {
        Span<byte> whole = stackalloc byte[sizeof(ulong)];
        whole.Clear();
        source.CopyTo(whole);
        return BinaryPrimitives.ReadUInt64LittleEndian(whole);
    }

    private static void WriteLittleEndian(Span<byte> target, ulong value)
    {
        for (var i = 0; i < target.Length; i++)
        {
            target[i] = (byte)(value >> (8 * i));
        }
    }
}
