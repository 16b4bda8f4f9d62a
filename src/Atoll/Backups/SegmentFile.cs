using System.Buffers.Binary;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;

namespace Atoll.Backups;

/// <summary>
/// A segment of a backup: the records of a range of one shard, in key order. Layout, format 1: "ATOLLSEG", version (4 bytes), records (4),
/// bytes of the content (8); content: of each record key and value (varint length and bytes), version, expiry (8 each, 0 for never); then
/// CRC-32C of everything before (4). Little-endian; nothing follows.
/// </summary>
public static class SegmentFile
{
    /// <summary>The format that this program writes.</summary>
    public const uint Version = 1;

    private const int HeaderBytes = 24;
    private const int TrailerBytes = 4;

    private static ReadOnlySpan<byte> Magic => "ATOLLSEG"u8;

    /// <summary>The bytes of a segment.</summary>
    /// <param name="content">What <see cref="Append"/> has written.</param>
    /// <param name="records">How many records that is.</param>
    public static byte[] Encode(ReadOnlySpan<byte> content, int records)
    {
        var file = new byte[HeaderBytes + content.Length + TrailerBytes];
        Magic.CopyTo(file);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(8), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(12), (uint)records);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(16), (ulong)content.Length);
        content.CopyTo(file.AsSpan(HeaderBytes));
        var checksum = Crc32C.Compute(file.AsSpan(0, file.Length - TrailerBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(file.Length - TrailerBytes), checksum);
        return file;
    }

    /// <summary>Adds a record to a content; its key comes behind the one before.</summary>
    public static void Append(WireWriter content, in ScanRow record)
    {
        content.WriteBytes(record.Key.Span);
        content.WriteBytes(record.Value.Span);
        content.WriteUInt64(record.Version.Value);
        content.WriteUInt64(record.ExpiresAt.Value);
    }

    /// <summary>Reads a segment; keys and values are slices of the bytes. Never throws.</summary>
    /// <returns>Null, or why the bytes are no segment.</returns>
    public static string? TryDecode(ReadOnlyMemory<byte> file, out List<ScanRow> records)
    {
        records = [];
        var span = file.Span;
        if (span.Length < HeaderBytes + TrailerBytes || !span[..8].SequenceEqual(Magic))
        {
            return "it is no segment of a backup";
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(span[8..]) is var version && version != Version)
        {
            return $"its format is {version}, this program reads {Version}";
        }

        if (BinaryPrimitives.ReadUInt64LittleEndian(span[16..]) != (ulong)(span.Length - HeaderBytes - TrailerBytes))
        {
            return "its length is not what its header says";
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(span[^TrailerBytes..]) != Crc32C.Compute(span[..^TrailerBytes]))
        {
            return "its checksum is wrong";
        }

        var count = BinaryPrimitives.ReadUInt32LittleEndian(span[12..]);
        var reader = new WireReader(file[HeaderBytes..^TrailerBytes]);
        while (reader.Remaining > 0 && reader.Ok)
        {
            var row = new ScanRow(
                Value: default, Key: reader.ReadBytes(), Version: default, ExpiresAt: default);
            row = row with
            {
                Value = reader.ReadBytes(),
                Version = new HybridTime(reader.ReadUInt64()),
                ExpiresAt = new HybridTime(reader.ReadUInt64()),
            };
            if (!reader.Ok || row.Key.Length is 0 or > Limits.KeyBytesMax || row.Value.Length > Limits.ValueBytesMax
                || (records.Count > 0 && records[^1].Key.Span.SequenceCompareTo(row.Key.Span) >= 0))
            {
                records = [];
                return "its records are garbled, or not in order";
            }

            records.Add(row);
        }

        if (!reader.OkAtEnd || records.Count != count)
        {
            records = [];
            return "it does not hold as many records as its header says";
        }

        return null;
    }
}
