using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>An element of a record that is a set or a map.</summary>
/// <param name="Name">The element of a set, or the key in a map.</param>
/// <param name="Value">What a map has under it; empty in a set.</param>
/// <param name="Version">When it was put there last.</param>
/// <param name="ExpiresAt">When it expires; zero when it never does.</param>
public readonly record struct RecordElement(
    ReadOnlyMemory<byte> Name, ReadOnlyMemory<byte> Value, HybridTime Version, HybridTime ExpiresAt);

/// <summary>
/// The elements of a record as readers get them: in the order of their names. Layout: count (varint), and for each its name (bytes), value
/// (bytes), version (8 bytes), expiry (8 bytes).
/// </summary>
public static class RecordElements
{
    private const int ElementBytesMin = 18;

    /// <summary>Writes elements.</summary>
    public static void Write(WireWriter writer, IReadOnlyList<RecordElement> elements)
    {
        writer.WriteVarint((ulong)elements.Count);
        foreach (var element in elements)
        {
            writer.WriteBytes(element.Name.Span);
            writer.WriteBytes(element.Value.Span);
            writer.WriteUInt64(element.Version.Value);
            writer.WriteUInt64(element.ExpiresAt.Value);
        }
    }

    /// <summary>Reads elements and nothing behind them; names and values are slices of the input.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out IReadOnlyList<RecordElement> elements)
    {
        var reader = new WireReader(bytes);
        var count = reader.ReadCount(Limits.RowCellsMax);
        var found = new List<RecordElement>(Math.Min(count, bytes.Length / ElementBytesMin));
        for (; count > 0 && reader.Ok; count--)
        {
            found.Add(new RecordElement(
                reader.ReadBytes(), reader.ReadBytes(), new HybridTime(reader.ReadUInt64()), new HybridTime(reader.ReadUInt64())));
        }

        elements = found;
        return reader.OkAtEnd;
    }

    /// <summary>The elements of a row that are there; none when it is no set or map.</summary>
    internal static List<RecordElement> Of(RowData row, HybridTime now)
    {
        var elements = new List<RecordElement>();
        foreach (ref readonly var cell in row.Cells.AsSpan())
        {
            if (cell.Column == RecordsVersion.ElementsColumn && cell.IsLive(now.UnixMilliseconds))
            {
                elements.Add(new RecordElement(
                    cell.Path, cell.Value, RecordsVersion.VersionOf(cell.TimestampMicros), RecordsVersion.ExpiryOf(cell)));
            }
        }

        return elements;
    }
}
