using System.Buffers.Binary;
using Atoll.Backups;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;

namespace Atoll.Fuzz.Targets;

/// <summary>Segments of backups, as a restore finds them on some disk.</summary>
public sealed class BackupSegmentTarget : CodecTarget
{
    /// <inheritdoc />
    public override string Name => "backup-segment";

    /// <inheritdoc />
    public override string About => "SegmentFile: read or refused; what is read can be written again";

    /// <inheritdoc />
    public override AllocationBound Allocation => AllocationBound.Usual;

    /// <inheritdoc />
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        Segment(),
        Segment(("a", "1", 0)),
        Segment(("a", "", 9), ("b", new string('v', 200), 0), ("ba", "2", 0)),
    ];

    /// <inheritdoc />
    public override void FixChecksums(Span<byte> input)
    {
        if (input.Length >= 28)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(input[16..], (ulong)input.Length - 28);
            BinaryPrimitives.WriteUInt32LittleEndian(input[^4..], Crc32C.Compute(input[..^4]));
        }
    }

    /// <inheritdoc />
    protected override bool TryRecode(ReadOnlyMemory<byte> input, WireWriter again, out string outcome)
    {
        outcome = SegmentFile.TryDecode(input, out var records) ?? "";
        if (outcome.Length > 0)
        {
            BrokenPromiseException.Unless(records.Count == 0, "what is refused has no records");
            return false;
        }

        outcome = $"{Math.Min(records.Count, 4)} records";
        var content = new WireWriter();
        foreach (var record in records)
        {
            SegmentFile.Append(content, record);
        }

        again.WriteRaw(SegmentFile.Encode(content.Written, records.Count));
        return true;
    }

    private static byte[] Segment(params (string Key, string Value, ulong ExpiresAt)[] records)
    {
        var content = new WireWriter();
        foreach (var (key, value, expiresAt) in records)
        {
            SegmentFile.Append(content, new ScanRow(
                System.Text.Encoding.UTF8.GetBytes(key), new HybridTime(7), new HybridTime(expiresAt),
                System.Text.Encoding.UTF8.GetBytes(value)));
        }

        return SegmentFile.Encode(content.Written, records.Length);
    }
}
