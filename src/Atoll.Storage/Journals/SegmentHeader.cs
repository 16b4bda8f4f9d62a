using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Storage.Journals;

/// <summary>What the bytes of a segment header turned out to be.</summary>
internal enum SegmentHeaderState : byte
{
    /// <summary>A header.</summary>
    Valid = 0,

    /// <summary>All zero: never written.</summary>
    Absent = 1,

    /// <summary>A header of a format that is not known here.</summary>
    NewerVersion = 2,

    /// <summary>Anything else.</summary>
    Damaged = 3,
}

/// <summary>The head of a segment's file; there are two copies of it.</summary>
/// <param name="Identity">Which journal the segment belongs to.</param>
/// <param name="Number">Its place in the journal.</param>
internal readonly record struct SegmentHeader(ulong Identity, ulong Number)
{
    /// <summary>Bytes of one copy.</summary>
    public const int SizeBytes = 64;

    private const ulong Magic = 0x4C4E4A_4C4C4F5441; // "ATOLLJNL", the first byte lowest
    private const int ChecksumOffset = 12;

    /// <summary>Writes one copy.</summary>
    public void Write(Span<byte> target)
    {
        Check.That(target.Length >= SizeBytes);
        target = target[..SizeBytes];
        target.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(target, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], JournalFormat.Version);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], Identity);
        BinaryPrimitives.WriteUInt64LittleEndian(target[24..], Number);
        BinaryPrimitives.WriteUInt32LittleEndian(target[ChecksumOffset..], Checksum(target));
    }

    /// <summary>Reads one copy. Magic, version, checksum and their places are the same in every version of the format.</summary>
    public static SegmentHeaderState Read(ReadOnlySpan<byte> source, out SegmentHeader header, out uint version)
    {
        header = default;
        version = 0;
        if (source.Length < SizeBytes)
        {
            return source.IndexOfAnyExcept((byte)0) < 0 ? SegmentHeaderState.Absent : SegmentHeaderState.Damaged;
        }

        source = source[..SizeBytes];
        if (BinaryPrimitives.ReadUInt64LittleEndian(source) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(source[ChecksumOffset..]) != Checksum(source))
        {
            return source.IndexOfAnyExcept((byte)0) < 0 ? SegmentHeaderState.Absent : SegmentHeaderState.Damaged;
        }

        version = BinaryPrimitives.ReadUInt32LittleEndian(source[8..]);
        if (version is 0 or > JournalFormat.Version)
        {
            return SegmentHeaderState.NewerVersion;
        }

        header = new SegmentHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[24..]));
        return SegmentHeaderState.Valid;
    }

    private static uint Checksum(ReadOnlySpan<byte> header) =>
        Crc32C.Compute(header[..ChecksumOffset], header[(ChecksumOffset + 4)..SizeBytes]);
}
