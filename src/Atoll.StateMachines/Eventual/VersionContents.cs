using System.Buffers.Binary;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>A record of a version.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Value">What it is in versions.</param>
/// <param name="Row">The value taken apart, where it was looked at and is a row's.</param>
internal readonly record struct VersionRecord(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, RowData? Row = null);

/// <summary>
/// A version, taken apart. It says all there is from one key up to another, but for gaps: the rows of a partition from a key on.
/// </summary>
internal sealed class VersionContents
{
    private const byte FormatVersion = 1;
    private const byte EndItem = 0;
    private const byte RecordItem = 1;
    private const byte GapItem = 2;
    private const byte BasisItem = 3;
    private const int HeadBytesOfBasis = 10;
    private const int ItemBytesMax = 24;

    /// <summary>The records, in the order of keys.</summary>
    internal List<VersionRecord> Records { get; } = new(1);

    /// <summary>Keys of rows from which on nothing is said of the rest of their partition; in order, one for a partition.</summary>
    internal List<ReadOnlyMemory<byte>> Gaps { get; } = [];

    /// <summary>
    /// The first key of which nothing is said: a row's with a zero byte behind it, or that of what is known of a partition; empty when all
    /// is said.
    /// </summary>
    internal ReadOnlyMemory<byte> End { get; set; }

    /// <summary>The first row of which anything is said, of a partition that was read backwards; empty for all.</summary>
    internal ReadOnlyMemory<byte> From { get; set; }

    /// <summary>See <see cref="RowsVersion.BasisOf"/>; zero for none. It stands first.</summary>
    internal HybridTime Basis { get; set; }

    /// <summary>True when it says all there is in its slice.</summary>
    internal bool IsComplete => End.IsEmpty && From.IsEmpty && Gaps.Count == 0;

    /// <summary>Begins a version; then come records and gaps in the order of keys, and <see cref="WriteEnd"/>.</summary>
    internal static void WriteHead(WireWriter writer) => writer.WriteByte(FormatVersion);

    internal static void WriteRecord(WireWriter writer, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        writer.WriteByte(RecordItem);
        writer.WriteBytes(key);
        writer.WriteBytes(value);
    }

    internal static void WriteGap(WireWriter writer, ReadOnlySpan<byte> key)
    {
        writer.WriteByte(GapItem);
        writer.WriteBytes(key);
    }

    internal static void WriteEnd(WireWriter writer, ReadOnlySpan<byte> end, ReadOnlySpan<byte> from)
    {
        writer.WriteByte(EndItem);
        writer.WriteBytes(end);
        writer.WriteBytes(from);
    }

    internal static HybridTime? BasisOf(ReadOnlySpan<byte> bytes) =>
        bytes.Length >= HeadBytesOfBasis && bytes[0] == FormatVersion && bytes[1] == BasisItem
            ? new HybridTime(BinaryPrimitives.ReadUInt64LittleEndian(bytes[2..])) : null;

    /// <summary>Reads a version; keys and values are slices of it. The empty one is complete and has no records.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="contents">What it says.</param>
    /// <param name="checksValues">Whether values are looked at, too: for bytes that nobody has checked.</param>
    /// <returns>False when the bytes are none.</returns>
    internal static bool TryRead(ReadOnlyMemory<byte> bytes, out VersionContents contents, bool checksValues)
    {
        contents = new VersionContents();
        if (bytes.IsEmpty)
        {
            return true;
        }

        var reader = new WireReader(bytes);
        if (reader.ReadByte() != FormatVersion)
        {
            return false;
        }

        for (var more = true; more && reader.Ok;)
        {
            switch (reader.ReadByte())
            {
                case RecordItem:
                    contents.ReadRecord(ref reader, checksValues);
                    break;
                case GapItem:
                    contents.ReadGap(ref reader);
                    break;
                case BasisItem:
                    contents.ReadBasis(ref reader);
                    break;
                case EndItem:
                    contents.ReadEnd(ref reader);
                    more = false;
                    break;
                default:
                    reader.Fail();
                    break;
            }
        }

        if (reader.OkAtEnd && contents is not { Records.Count: 0, IsComplete: true })
        {
            return true;
        }

        contents = new VersionContents();
        return false;
    }

    /// <summary>Writes a version of one record.</summary>
    internal static ReadOnlyMemory<byte> Encode(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var writer = new WireWriter((2 * ItemBytesMax) + key.Length + value.Length);
        WriteHead(writer);
        WriteRecord(writer, key, value);
        WriteEnd(writer, default, default);
        return writer.WrittenMemory;
    }

    /// <summary>Writes it; nothing when there is nothing in it.</summary>
    internal ReadOnlyMemory<byte> Encode()
    {
        if (IsComplete && Records.Count == 0)
        {
            return default;
        }

        // A writer for this alone, with room for all of it: the bytes are given away as they are.
        var bytes = ItemBytesMax + End.Length + From.Length;
        foreach (var record in Records)
        {
            bytes += record.Key.Length + record.Value.Length + ItemBytesMax;
        }

        var writer = new WireWriter(bytes);
        WriteHead(writer);
        if (Basis != HybridTime.Zero)
        {
            writer.WriteByte(BasisItem);
            writer.WriteUInt64(Basis.Value);
        }

        var gap = 0;
        foreach (var record in Records)
        {
            while (gap < Gaps.Count && Gaps[gap].Span.SequenceCompareTo(record.Key.Span) <= 0)
            {
                WriteGap(writer, Gaps[gap++].Span);
            }

            WriteRecord(writer, record.Key.Span, record.Value.Span);
        }

        while (gap < Gaps.Count)
        {
            WriteGap(writer, Gaps[gap++].Span);
        }

        WriteEnd(writer, End.Span, From.Span);
        return writer.WrittenMemory;
    }

    private static bool IsKey(ReadOnlyMemory<byte> key) => key.Length <= Limits.KeyBytesMax && RowKey.IsKey(key.Span);

    // A row's key and a zero byte behind it.
    private static bool IsBehindRow(ReadOnlyMemory<byte> key) =>
        key.Length > 1 && key.Span[^1] == 0 && IsKey(key[..^1]) && RowKey.KindOf(key.Span) == RowKeyKind.Row;

    private void ReadRecord(ref WireReader reader, bool checksValues)
    {
        var record = new VersionRecord(reader.ReadBytes(), reader.ReadBytes());
        RowData? row = null;
        var isGood = IsKey(record.Key)
            && record.Value.Length is > 0 and <= Limits.ValueBytesMax
            && (Records.Count == 0 || Records[^1].Key.Span.SequenceCompareTo(record.Key.Span) < 0)
            && (Gaps.Count == 0 || (Gaps[^1].Span.SequenceCompareTo(record.Key.Span) <= 0
                && !record.Key.Span.StartsWith(Gaps[^1].Span[..RowKey.PrefixBytes(Gaps[^1].Span)])))
            && (!checksValues || EventualRecords.IsInVersion(record.Key.Span, record.Value, out row));
        if (!isGood)
        {
            reader.Fail();
        }

        Records.Add(record with { Row = row });
    }

    private void ReadGap(ref WireReader reader)
    {
        var gap = reader.ReadBytes();
        var isGood = IsBehindRow(gap)
            && (Records.Count == 0 || Records[^1].Key.Span.SequenceCompareTo(gap.Span) < 0)
            && (Gaps.Count == 0 || (Gaps[^1].Span.SequenceCompareTo(gap.Span) < 0
                && !gap.Span.StartsWith(Gaps[^1].Span[..RowKey.PrefixBytes(Gaps[^1].Span)])));
        if (!isGood)
        {
            reader.Fail();
        }

        Gaps.Add(gap);
    }

    private void ReadBasis(ref WireReader reader)
    {
        var isFirst = Records.Count == 0 && Gaps.Count == 0 && Basis == HybridTime.Zero;
        Basis = new HybridTime(reader.ReadUInt64());
        if (!isFirst || Basis == HybridTime.Zero)
        {
            reader.Fail();
        }
    }

    private void ReadEnd(ref WireReader reader)
    {
        End = reader.ReadBytes();
        From = reader.ReadBytes();
        var isGood = (End.IsEmpty || IsBehindRow(End) || (IsKey(End) && RowKey.KindOf(End.Span) == RowKeyKind.Partition))
            && (From.IsEmpty || (IsKey(From) && RowKey.KindOf(From.Span) == RowKeyKind.Row))
            && (End.IsEmpty || ((Records.Count == 0 || Records[^1].Key.Span.SequenceCompareTo(End.Span) < 0)
                && (Gaps.Count == 0 || Gaps[^1].Span.SequenceCompareTo(End.Span) < 0)));
        if (!isGood)
        {
            reader.Fail();
        }
    }
}
