using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Storage.Journals;

/// <summary>
/// A sector in the segment's second block that says how far the journal is known durable when no later batch says it: it turns damage of
/// the last batch of a quiet journal from "torn tail" into corruption. Losing it loses that protection only, so it needs no sync.
/// </summary>
/// <param name="Segment">The number of the segment that it is in.</param>
/// <param name="DurableSequence">All batches up to this one were durable when the mark was written.</param>
/// <param name="HardStates">What the header of that batch says (<see cref="BatchHeader.HardStates"/>).</param>
/// <param name="IsClosing">That batch has nothing but the manifest of the one before: losing it loses nothing.</param>
internal readonly record struct DurableMark(ulong Segment, long DurableSequence, long HardStates, bool IsClosing)
{
    /// <summary>Bytes of the mark.</summary>
    public const int SizeBytes = 32;

    private const uint Magic = 0x4B4D5441; // "ATMK", the first byte lowest
    private const int ChecksumEnd = 8;

    /// <summary>Writes the mark.</summary>
    public void Write(Span<byte> target, uint mask)
    {
        Check.That(target.Length >= SizeBytes && DurableSequence >= 0);
        target = target[..SizeBytes];
        target.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], Segment);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], DurableSequence);
        BinaryPrimitives.WriteInt64LittleEndian(target[24..], (HardStates << 1) | (IsClosing ? 1L : 0L));
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Crc32C.Compute(target[ChecksumEnd..]) ^ mask);
    }

    /// <summary>Reads a mark; false when there is none of this segment's present life.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, ulong segment, uint mask, out DurableMark mark)
    {
        mark = default;
        if (source.Length < SizeBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) != (Crc32C.Compute(source[ChecksumEnd..SizeBytes]) ^ mask))
        {
            return false;
        }

        mark = new DurableMark(
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[24..]) >> 1,
            (source[24] & 1) != 0);
        return mark.Segment == segment && mark.DurableSequence >= 0 && mark.HardStates >= 0;
    }
}
