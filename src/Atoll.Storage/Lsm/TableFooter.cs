using System.Buffers.Binary;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>The end of a sorted file: what it is, and where its other parts are.</summary>
/// <param name="FormatVersion">The format that it was written in.</param>
/// <param name="Identity">The store that it belongs to.</param>
/// <param name="Number">Its own number.</param>
/// <param name="LengthBytes">Its length, footer included.</param>
/// <param name="Top">The top of the index.</param>
/// <param name="RangeTombstones">The deleted ranges.</param>
/// <param name="Properties">What the file says of itself.</param>
internal readonly record struct TableFooter(
    uint FormatVersion,
    ulong Identity,
    ulong Number,
    long LengthBytes,
    BlockHandle Top,
    BlockHandle RangeTombstones,
    BlockHandle Properties)
{
    private const ulong Magic = 0x4C42544C4C4F5441; // "ATOLLTBL", the first byte lowest
    private const int ChecksumOffset = 12;
    private const int ChecksumEnd = 16;

    /// <summary>Writes the footer.</summary>
    public void Write(Span<byte> target)
    {
        Check.That(target.Length == TableFormat.FooterBytes);
        target.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(target, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], FormatVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(target[16..], Identity);
        BinaryPrimitives.WriteUInt64LittleEndian(target[24..], Number);
        BinaryPrimitives.WriteInt64LittleEndian(target[32..], LengthBytes);
        WriteHandle(target[40..], Top);
        WriteHandle(target[52..], RangeTombstones);
        WriteHandle(target[64..], Properties);
        BinaryPrimitives.WriteUInt32LittleEndian(target[ChecksumOffset..], Crc32C.Compute(target[..ChecksumOffset], target[ChecksumEnd..]));
    }

    /// <summary>Reads a footer; says why when it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out TableFooter footer, out string why)
    {
        footer = default;
        why = "";
        if (source.Length != TableFormat.FooterBytes || BinaryPrimitives.ReadUInt64LittleEndian(source) != Magic)
        {
            why = "there is no footer of a sorted file";
            return false;
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(source[ChecksumOffset..])
            != Crc32C.Compute(source[..ChecksumOffset], source[ChecksumEnd..]))
        {
            why = "the footer's checksum does not fit";
            return false;
        }

        footer = new TableFooter(
            BinaryPrimitives.ReadUInt32LittleEndian(source[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[32..]),
            ReadHandle(source[40..]),
            ReadHandle(source[52..]),
            ReadHandle(source[64..]));
        if (footer.FormatVersion is 0 or > TableFormat.Version)
        {
            why = $"format {footer.FormatVersion} is not known to this program, which knows {TableFormat.Version}";
            return false;
        }

        // The three parts lie one behind the other, right before the footer.
        if (footer.Top.Offset < 0 || footer.Top.Length < 0 || footer.RangeTombstones.Length < 0 || footer.Properties.Length < 0
            || footer.RangeTombstones.Offset != footer.Top.End || footer.Properties.Offset != footer.RangeTombstones.End
            || footer.Properties.End != footer.LengthBytes - TableFormat.FooterBytes)
        {
            why = "the footer names places that cannot be";
            return false;
        }

        return true;
    }

    private static void WriteHandle(Span<byte> target, BlockHandle handle)
    {
        BinaryPrimitives.WriteInt64LittleEndian(target, handle.Offset);
        BinaryPrimitives.WriteInt32LittleEndian(target[8..], handle.Length);
    }

    private static BlockHandle ReadHandle(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadInt64LittleEndian(source), BinaryPrimitives.ReadInt32LittleEndian(source[8..]));
}
