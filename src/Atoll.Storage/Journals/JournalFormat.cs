using System.Buffers.Binary;
using System.Globalization;
using Atoll.Foundation.Bytes;

namespace Atoll.Storage.Journals;

/// <summary>The places and sizes in the journal's files, and what all of their parts share (docs/log.md).</summary>
internal static class JournalFormat
{
    /// <summary>
    /// The version of the format that this program writes; it reads 1, too, which has no manifests and no records of rebuilding, and 2,
    /// whose manifests have no checksums of shards' records.
    /// </summary>
    public const uint Version = 3;

    /// <summary>
    /// Batches begin at multiples of this: no block that was synced is ever written again, so a torn write cannot damage what was durable.
    /// </summary>
    public const int BlockBytes = 4096;

    /// <summary>Where the second copy of the segment's header is: a single bad block does not make a segment unreadable.</summary>
    public const int HeaderCopyOffset = BlockBytes;

    /// <summary>Where the durable mark is: a sector of its own, because it alone is overwritten in place.</summary>
    public const int MarkOffset = BlockBytes + 512;

    /// <summary>Where the first batch of a segment begins.</summary>
    public const int DataOffset = 2 * BlockBytes;

    private const int NumberDigits = 16;
    private const string Extension = ".log";

    /// <summary>The file name of a segment.</summary>
    public static string SegmentName(string folder, ulong number) =>
        string.Create(CultureInfo.InvariantCulture, $"{folder}/{number:x16}{Extension}");

    /// <summary>The number of a segment from its name within the folder; false for other files.</summary>
    public static bool TryParseSegmentName(string name, out ulong number)
    {
        number = 0;
        return name.Length == NumberDigits + Extension.Length
            && name.EndsWith(Extension, StringComparison.Ordinal)
            && ulong.TryParse(name.AsSpan(0, NumberDigits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            && string.Equals(name, SegmentName("", number)[1..], StringComparison.Ordinal);
    }

    /// <summary>
    /// What checksums in a segment are combined with (exclusive or): records of an earlier life of a reused file, of another segment,
    /// or made
    /// up by a client have another mask and never pass.
    /// </summary>
    public static uint Mask(ulong identity, ulong segment)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, identity);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], segment);
        var hash = StableHash.Compute(bytes);
        return (uint)(hash ^ (hash >> 32));
    }

    /// <summary>The next multiple of the block size.</summary>
    public static long RoundUp(long bytes) => (bytes + BlockBytes - 1) / BlockBytes * BlockBytes;
}
