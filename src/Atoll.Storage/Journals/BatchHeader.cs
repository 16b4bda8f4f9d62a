using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Storage.Journals;

/// <summary>
/// The head of a batch: what one write and sync made durable together. It lies within one sector, so it is whole or not there.
/// </summary>
/// <param name="Segment">The number of the segment that it is in.</param>
/// <param name="Sequence">Its number; batches are numbered from 1 without gaps, through all segments.</param>
/// <param name="DurableSequence">
/// All batches up to this one were known durable when this one was written: the proof that a torn tail is not corruption.
/// </param>
/// <param name="OldestNeededSegment">Segments from this one on were needed when this one was written: a missing one is corruption.</param>
/// <param name="PreviousChecksum">
/// The checksum in the header of the batch before: batches that were cut off do not fit behind their successors.
/// </param>
/// <param name="BodyBytes">Length of the records behind the header.</param>
/// <param name="BodyChecksum">CRC-32C of them all: a batch is whole or not there, also over stale bytes.</param>
/// <param name="Records">Their number.</param>
/// <param name="HardStates">
/// One more than the records of term and vote in all batches through this one: it proves that none was in batches that cannot be read.
/// 0 when not known, in batches of version 1.
/// </param>
internal readonly record struct BatchHeader(
    ulong Segment,
    long Sequence,
    long DurableSequence,
    ulong OldestNeededSegment,
    uint PreviousChecksum,
    int BodyBytes,
    uint BodyChecksum,
    int Records,
    long HardStates)
{
    /// <summary>Bytes of the header.</summary>
    public const int SizeBytes = 64;

    /// <summary>The first four bytes: "ATBT", the first byte lowest.</summary>
    public const uint Magic = 0x54425441;

    private const int ChecksumEnd = 8;

    /// <summary>Writes the header.</summary>
    /// <returns>Its checksum, which the next batch carries.</returns>
    public uint Write(Span<byte> target, uint mask)
    {
        Check.That(target.Length >= SizeBytes);
        Check.That(DurableSequence < Sequence && BodyBytes >= 0 && Records >= 0);
        target = target[..SizeBytes];
        target.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(target[8..], Segment);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(target[24..], DurableSequence);
        BinaryPrimitives.WriteUInt64LittleEndian(target[32..], OldestNeededSegment);
        BinaryPrimitives.WriteUInt32LittleEndian(target[40..], PreviousChecksum);
        BinaryPrimitives.WriteInt32LittleEndian(target[44..], BodyBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(target[48..], BodyChecksum);
        BinaryPrimitives.WriteInt32LittleEndian(target[52..], Records);
        BinaryPrimitives.WriteInt64LittleEndian(target[56..], HardStates);
        var checksum = Crc32C.Compute(target[ChecksumEnd..]) ^ mask;
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], checksum);
        return checksum;
    }

    /// <summary>Reads a header; false when there is none of this segment's present life.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, ulong segment, uint mask, out BatchHeader header, out uint checksum)
    {
        header = default;
        checksum = 0;
        if (source.Length < SizeBytes || BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic)
        {
            return false;
        }

        checksum = BinaryPrimitives.ReadUInt32LittleEndian(source[4..]);
        if (checksum != (Crc32C.Compute(source[ChecksumEnd..SizeBytes]) ^ mask))
        {
            return false;
        }

        header = new BatchHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[32..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[40..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[44..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[48..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[52..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[56..]));
        return header.Segment == segment
            && header.Sequence is > 0 and < long.MaxValue / 2
            && header.DurableSequence >= 0 && header.DurableSequence < header.Sequence
            && header.OldestNeededSegment <= segment
            && header.BodyBytes is >= 0 and <= int.MaxValue / 2
            && header.Records >= 0
            && header.HardStates is >= 0 and < long.MaxValue / 2;
    }
}
