using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Journals;

/// <summary>What a record of the journal says.</summary>
internal enum RecordType : byte
{
    /// <summary>An entry was appended; those of the shard at and after its index are gone.</summary>
    Entry = 1,

    /// <summary>A copy of an entry whose segment is about to be deleted; it truncates nothing.</summary>
    MovedEntry = 2,

    /// <summary>Term, and vote in the place of the index.</summary>
    HardState = 3,

    /// <summary>The shard's log begins after that index; entries behind it stay.</summary>
    Base = 4,

    /// <summary>The shard's log is empty and begins after that index.</summary>
    Reset = 5,

    /// <summary>The shard is gone.</summary>
    Drop = 6,

    /// <summary>
    /// What the batch before held: its sequence in the place of the index, its place in its segment in that of the term, a
    /// <see cref="BatchManifest"/> behind. The first record of a batch, of no shard.
    /// </summary>
    Manifest = 7,

    /// <summary>
    /// With index 1: the replica is being rebuilt from others, and does not vote. With index 0: that is over.
    /// </summary>
    Rebuilding = 8,
}

/// <summary>The head of a record.</summary>
/// <param name="Type">What the record says.</param>
/// <param name="Kind">The entry's kind; 0 for other records.</param>
/// <param name="PayloadBytes">Length of what follows.</param>
/// <param name="Shard">Whose record it is.</param>
/// <param name="Index">The entry's index; the vote in a hard state.</param>
/// <param name="Term">The entry's term; the current one in a hard state.</param>
internal readonly record struct RecordHeader(RecordType Type, EntryKind Kind, int PayloadBytes, ShardId Shard, ulong Index, Term Term)
{
    /// <summary>Bytes of the header.</summary>
    public const int SizeBytes = 36;

    /// <summary>Writes the header in front of a payload that is already there, and the checksum of both.</summary>
    /// <param name="record">Header and payload.</param>
    /// <param name="mask">The segment's mask.</param>
    public void Write(Span<byte> record, uint mask)
    {
        Check.That(record.Length == SizeBytes + PayloadBytes);
        BinaryPrimitives.WriteInt32LittleEndian(record[4..], PayloadBytes);
        record[8] = (byte)Type;
        record[9] = (byte)Kind;
        record[10] = 0;
        record[11] = 0;
        BinaryPrimitives.WriteUInt64LittleEndian(record[12..], Shard.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(record[20..], Index);
        BinaryPrimitives.WriteUInt64LittleEndian(record[28..], Term.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(record, Crc32C.Compute(record[4..]) ^ mask);
    }

    /// <summary>Reads a header; false when it cannot be one. The checksum is another matter: <see cref="IsIntact"/>.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out RecordHeader header)
    {
        header = default;
        if (source.Length < SizeBytes)
        {
            return false;
        }

        header = new RecordHeader(
            (RecordType)source[8],
            (EntryKind)source[9],
            BinaryPrimitives.ReadInt32LittleEndian(source[4..]),
            new ShardId(BinaryPrimitives.ReadUInt64LittleEndian(source[12..])),
            BinaryPrimitives.ReadUInt64LittleEndian(source[20..]),
            new Term(BinaryPrimitives.ReadUInt64LittleEndian(source[28..])));
        return header.Type is >= RecordType.Entry and <= RecordType.Rebuilding
            && header.PayloadBytes >= 0 && header.PayloadBytes <= source.Length - SizeBytes
            && header.Index < ulong.MaxValue / 2;
    }

    /// <summary>True when the checksum fits the record (header and payload, exactly).</summary>
    public static bool IsIntact(ReadOnlySpan<byte> record, uint mask) =>
        record.Length >= SizeBytes && Checksum(record) == (Crc32C.Compute(record[4..]) ^ mask);

    /// <summary>The checksum that a record begins with.</summary>
    public static uint Checksum(ReadOnlySpan<byte> record) => BinaryPrimitives.ReadUInt32LittleEndian(record);
}
