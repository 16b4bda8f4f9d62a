using System.Buffers.Binary;
using Atoll.Foundation.Bytes;

namespace Atoll.Storage.Lsm;

/// <summary>What a manifest's bytes say.</summary>
internal enum ManifestReading : byte
{
    /// <summary>They are whole, up to a torn end perhaps.</summary>
    Ok = 0,

    /// <summary>They are damaged.</summary>
    Corrupt = 1,

    /// <summary>A newer program wrote them.</summary>
    NewerVersion = 2,
}

/// <summary>
/// The layout of the manifest: edits, each written twice, one copy behind the other, each copy at a multiple of the block size. An edit is
/// one write and one sync, and the next begins only after it. So a copy that is damaged while the other is whole is rot, and harmless; an
/// edit of which neither is whole is a torn end when no later one is there, else corruption.
/// </summary>
internal static class ManifestFormat
{
    /// <summary>The name within the store's folder.</summary>
    public const string Name = "MANIFEST";

    /// <summary>The name under which a new one is written.</summary>
    public const string NewName = "MANIFEST.tmp";

    /// <summary>Copies begin at multiples of this, so that no damaged block is part of both.</summary>
    public const int BlockBytes = 4096;

    /// <summary>Bytes in front of a copy's content.</summary>
    public const int HeaderBytes = 64;

    private const ulong Magic = 0x4E414D4C4C4F5441; // "ATOLLMAN", the first byte lowest
    private const uint Version = TableFormat.Version;
    private const int ChecksumOffset = 12;
    private const int ChecksumEnd = 16;

    /// <summary>The two copies of an edit.</summary>
    public static byte[] Encode(ManifestEdit edit, ulong identity, ulong sequence, long offset)
    {
        var writer = new WireWriter();
        edit.Write(writer);
        var copyBytes = (HeaderBytes + writer.Length + BlockBytes - 1) / BlockBytes * BlockBytes;
        var bytes = new byte[2 * copyBytes];
        for (var copy = 0; copy < 2; copy++)
        {
            var target = bytes.AsSpan(copy * copyBytes, copyBytes);
            writer.Written.CopyTo(target[HeaderBytes..]);
            BinaryPrimitives.WriteUInt64LittleEndian(target, Magic);
            BinaryPrimitives.WriteUInt32LittleEndian(target[8..], Version);
            BinaryPrimitives.WriteUInt64LittleEndian(target[16..], identity);
            BinaryPrimitives.WriteUInt64LittleEndian(target[24..], sequence);
            BinaryPrimitives.WriteInt64LittleEndian(target[32..], offset + (copy * copyBytes));
            BinaryPrimitives.WriteInt32LittleEndian(target[40..], writer.Length);
            BinaryPrimitives.WriteInt32LittleEndian(target[44..], copy);
            var checksum = Crc32C.Compute(target[..ChecksumOffset], target[ChecksumEnd..(HeaderBytes + writer.Length)]);
            BinaryPrimitives.WriteUInt32LittleEndian(target[ChecksumOffset..], checksum);
        }

        return bytes;
    }

    /// <summary>Reads a whole manifest.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="identity">The store's identity.</param>
    /// <param name="edits">The edits in order.</param>
    /// <param name="offset">Where it is damaged.</param>
    /// <param name="why">What does not fit.</param>
    public static ManifestReading Read(
        ReadOnlyMemory<byte> bytes, out ulong identity, out List<ManifestEdit> edits, out long offset, out string why)
    {
        var found = new SortedDictionary<ulong, (uint Version, ReadOnlyMemory<byte> Content)>();
        identity = 0;
        edits = [];
        (offset, why) = (0, "");
        for (long at = 0; at + HeaderBytes <= bytes.Length; at += BlockBytes)
        {
            var rest = bytes[(int)at..];
            var span = rest.Span;
            if (BinaryPrimitives.ReadUInt64LittleEndian(span) != Magic)
            {
                continue;
            }

            var length = BinaryPrimitives.ReadInt32LittleEndian(span[40..]);
            if (length < 0 || length > span.Length - HeaderBytes || BinaryPrimitives.ReadInt64LittleEndian(span[32..]) != at
                || BinaryPrimitives.ReadUInt32LittleEndian(span[ChecksumOffset..])
                    != Crc32C.Compute(span[..ChecksumOffset], span[ChecksumEnd..(HeaderBytes + length)]))
            {
                continue;
            }

            var version = BinaryPrimitives.ReadUInt32LittleEndian(span[8..]);
            if (version > Version)
            {
                (offset, why) = (at, $"format {version} is not known to this program");
                return ManifestReading.NewerVersion;
            }

            identity = BinaryPrimitives.ReadUInt64LittleEndian(span[16..]);
            found[BinaryPrimitives.ReadUInt64LittleEndian(span[24..])] = (version, rest.Slice(HeaderBytes, length));
        }

        if (found.Count == 0)
        {
            why = "no edit is whole";
            return ManifestReading.Corrupt;
        }

        foreach (var (sequence, (version, content)) in found)
        {
            if (sequence != (ulong)edits.Count)
            {
                why = $"edit {edits.Count} is damaged, and a later one is whole";
                return ManifestReading.Corrupt;
            }

            if (!ManifestEdit.TryRead(content, version, out var edit))
            {
                why = $"edit {sequence} is not one";
                return ManifestReading.Corrupt;
            }

            edits.Add(edit);
        }

        return ManifestReading.Ok;
    }

    /// <summary>Bytes of one copy of an edit, up to where the next begins.</summary>
    public static long CopyBytes(int contentBytes) => (HeaderBytes + (long)contentBytes + BlockBytes - 1) / BlockBytes * BlockBytes;

    /// <summary>Reads the head of the copy at an offset; false when no whole copy is there.</summary>
    public static bool TryReadCopy(ReadOnlyMemory<byte> bytes, long offset, out ManifestCopy copy)
    {
        copy = default;
        if (offset < 0 || offset + HeaderBytes > bytes.Length)
        {
            return false;
        }

        var span = bytes.Span[(int)offset..];
        var length = BinaryPrimitives.ReadInt32LittleEndian(span[40..]);
        if (BinaryPrimitives.ReadUInt64LittleEndian(span) != Magic || length < 0 || length > span.Length - HeaderBytes
            || BinaryPrimitives.ReadInt64LittleEndian(span[32..]) != offset
            || BinaryPrimitives.ReadUInt32LittleEndian(span[ChecksumOffset..])
                != Crc32C.Compute(span[..ChecksumOffset], span[ChecksumEnd..(HeaderBytes + length)]))
        {
            return false;
        }

        copy = new ManifestCopy(
            BinaryPrimitives.ReadUInt32LittleEndian(span[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(span[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(span[24..]),
            length,
            BinaryPrimitives.ReadInt32LittleEndian(span[44..]));
        return true;
    }

    /// <summary>Reads the edit of a copy that is whole; false when it is none that this program knows.</summary>
    public static bool TryReadEdit(ReadOnlyMemory<byte> bytes, long offset, in ManifestCopy copy, out ManifestEdit edit) =>
        ManifestEdit.TryRead(bytes.Slice((int)offset + HeaderBytes, copy.ContentBytes), copy.Version, out edit) && copy.Version <= Version;
}

/// <summary>The head of one copy of an edit in a manifest.</summary>
/// <param name="Version">The format that it was written in.</param>
/// <param name="Identity">The store's identity.</param>
/// <param name="Sequence">The edit's number, from 0.</param>
/// <param name="ContentBytes">Bytes of the edit.</param>
/// <param name="Copy">0 or 1.</param>
internal readonly record struct ManifestCopy(uint Version, ulong Identity, ulong Sequence, int ContentBytes, int Copy);
