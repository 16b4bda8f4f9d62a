using System.Buffers.Binary;
using System.Globalization;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Storage.Snapshots;

/// <summary>
/// The layout of a snapshot's file (docs/log.md): a header block, chunks of one size (the last may be shorter), a trailer.
/// </summary>
internal static class SnapshotFormat
{
    /// <summary>The version of the format that this program writes, and the only one that it reads.</summary>
    public const uint Version = 1;

    /// <summary>Bytes of the header block.</summary>
    public const int HeaderBytes = 4096;

    /// <summary>Content bytes of a chunk: small enough to read a little, large enough that checksums cost little.</summary>
    public const int ChunkContentBytes = 64 * 1024;

    /// <summary>A chunk's checksum stands before its content.</summary>
    public const int ChunkHeaderBytes = 4;

    /// <summary>Bytes of a full chunk.</summary>
    public const int ChunkBytes = ChunkHeaderBytes + ChunkContentBytes;

    /// <summary>Bytes of the trailer.</summary>
    public const int TrailerBytes = 24;

    private const ulong HeaderMagic = 0x4E534C_4C4F5441; // "ATOLLSN" and a zero, the first byte lowest
    private const uint TrailerMagic = 0x52545441; // "ATTR", the first byte lowest
    private const int ChecksumOffset = 12;
    private const int FieldsEnd = 52;

    private const string Extension = ".snap";
    private const string UnfinishedExtension = ".tmp";
    private const int NumberDigits = 16;

    /// <summary>The folder of a shard's snapshots.</summary>
    public static string Folder(string root, ShardId shard) =>
        string.Create(CultureInfo.InvariantCulture, $"{root}/{shard.Value:x16}");

    /// <summary>The name of a finished snapshot.</summary>
    public static string FileName(string root, ShardId shard, LogIndex index) =>
        string.Create(CultureInfo.InvariantCulture, $"{Folder(root, shard)}/{index.Value:x16}{Extension}");

    /// <summary>The name of one that is being written.</summary>
    public static string UnfinishedName(string root, ShardId shard, LogIndex index, long attempt) =>
        string.Create(CultureInfo.InvariantCulture, $"{Folder(root, shard)}/{index.Value:x16}-{attempt}{UnfinishedExtension}");

    /// <summary>True for the name of one that was being written.</summary>
    public static bool IsUnfinished(string name) => name.EndsWith(UnfinishedExtension, StringComparison.Ordinal);

    /// <summary>The shard of a folder's name; false for other folders.</summary>
    public static bool TryParseFolder(string name, out ShardId shard)
    {
        var isShard = TryParseNumber(name, out var number);
        shard = new ShardId(number);
        return isShard;
    }

    /// <summary>The index of a file's name; false for other files.</summary>
    public static bool TryParseFile(string name, out LogIndex index)
    {
        index = LogIndex.Zero;
        if (!name.EndsWith(Extension, StringComparison.Ordinal) || !TryParseNumber(name[..^Extension.Length], out var number))
        {
            return false;
        }

        index = new LogIndex(number);
        return true;
    }

    /// <summary>What the checksums of a snapshot's chunks and trailer are combined with: chunks of another snapshot never pass.</summary>
    public static uint Mask(ShardId shard, LogIndex index, Term term)
    {
        Span<byte> bytes = stackalloc byte[24];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, shard.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], term.Value);
        var hash = StableHash.Compute(bytes);
        return (uint)(hash ^ (hash >> 32));
    }

    /// <summary>Where a chunk begins in the file.</summary>
    public static long ChunkOffset(long chunk) => HeaderBytes + (chunk * ChunkBytes);

    /// <summary>How long the file of a content must be.</summary>
    public static long FileBytes(long contentBytes) =>
        HeaderBytes + contentBytes + (Chunks(contentBytes) * ChunkHeaderBytes) + TrailerBytes;

    /// <summary>How many chunks a content has.</summary>
    public static long Chunks(long contentBytes) => (contentBytes + ChunkContentBytes - 1) / ChunkContentBytes;

    /// <summary>The checksum of a chunk at its place.</summary>
    public static uint ChunkChecksum(ReadOnlySpan<byte> content, long chunk, uint mask)
    {
        Span<byte> place = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(place, chunk);
        return Crc32C.Compute(place, content) ^ mask;
    }

    /// <summary>Writes the header block.</summary>
    public static byte[] Header(SnapshotMeta meta)
    {
        Check.That(meta.Membership.Length <= SnapshotMeta.MembershipBytesMax);
        var header = new byte[HeaderBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(header, HeaderMagic);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(16), meta.Shard.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(24), meta.Index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(32), meta.Term.Value);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(40), ChunkContentBytes);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(48), meta.Membership.Length);
        meta.Membership.Span.CopyTo(header.AsSpan(FieldsEnd));
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(ChecksumOffset), HeaderChecksum(header));
        return header;
    }

    /// <summary>Reads the header block.</summary>
    /// <param name="header">The bytes; whatever they are.</param>
    /// <param name="meta">What it says; null when it is none.</param>
    /// <param name="version">The version, when it is a header of any version; else 0.</param>
    public static bool TryReadHeader(ReadOnlySpan<byte> header, out SnapshotMeta? meta, out uint version)
    {
        meta = null;
        version = 0;
        if (header.Length < HeaderBytes
            || BinaryPrimitives.ReadUInt64LittleEndian(header) != HeaderMagic
            || BinaryPrimitives.ReadUInt32LittleEndian(header[ChecksumOffset..]) != HeaderChecksum(header[..HeaderBytes]))
        {
            return false;
        }

        version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        var membershipBytes = BinaryPrimitives.ReadInt32LittleEndian(header[48..]);
        if (version != Version
            || BinaryPrimitives.ReadInt32LittleEndian(header[40..]) != ChunkContentBytes
            || membershipBytes is < 0 or > SnapshotMeta.MembershipBytesMax)
        {
            return false;
        }

        meta = new SnapshotMeta(
            new ShardId(BinaryPrimitives.ReadUInt64LittleEndian(header[16..])),
            new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(header[24..])),
            new Term(BinaryPrimitives.ReadUInt64LittleEndian(header[32..])),
            header.Slice(FieldsEnd, membershipBytes).ToArray());
        return true;
    }

    /// <summary>Writes the trailer.</summary>
    public static void WriteTrailer(Span<byte> target, long contentBytes, uint mask)
    {
        target = target[..TrailerBytes];
        target.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(target, TrailerMagic);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], contentBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Crc32C.Compute(target[8..]) ^ mask);
    }

    /// <summary>Reads the trailer of a file of that length.</summary>
    public static bool TryReadTrailer(ReadOnlySpan<byte> trailer, long fileBytes, uint mask, out long contentBytes)
    {
        contentBytes = 0;
        if (trailer.Length < TrailerBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(trailer) != TrailerMagic
            || BinaryPrimitives.ReadUInt32LittleEndian(trailer[4..]) != (Crc32C.Compute(trailer[8..TrailerBytes]) ^ mask))
        {
            return false;
        }

        contentBytes = BinaryPrimitives.ReadInt64LittleEndian(trailer[8..]);
        return contentBytes >= 0 && contentBytes <= fileBytes && FileBytes(contentBytes) == fileBytes;
    }

    private static uint HeaderChecksum(ReadOnlySpan<byte> header) =>
        Crc32C.Compute(header[..ChecksumOffset], header[(ChecksumOffset + 4)..]);

    private static bool TryParseNumber(string name, out ulong number)
    {
        number = 0;
        return name.Length == NumberDigits
            && ulong.TryParse(name, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            && string.Equals(name, number.ToString("x16", CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }
}
