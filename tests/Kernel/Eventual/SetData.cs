using Atoll.Foundation.Bytes;
using Atoll.Kernel.Eventual;

namespace Atoll.Kernel.Tests.Eventual;

/// <summary>
/// A partition of cells for tests: name to (timestamp, arrival, value or tombstone); the higher timestamp wins, at equal ones the
/// tombstone, then the larger value.
/// </summary>
public sealed class SetData : IReplicatedData
{
    public readonly record struct Cell(ulong Timestamp, bool IsTombstone, long Value)
    {
        public int CompareTo(Cell other) => (Timestamp, IsTombstone, Value).CompareTo((other.Timestamp, other.IsTombstone, other.Value));
    }

    public static byte[] Encode(IEnumerable<KeyValuePair<int, Cell>> cells)
    {
        var writer = new WireWriter();
        foreach (var (name, cell) in cells.OrderBy(pair => pair.Key))
        {
            writer.WriteUInt32((uint)name);
            writer.WriteUInt64(cell.Timestamp);
            writer.WriteBool(cell.IsTombstone);
            writer.WriteUInt64((ulong)cell.Value);
        }

        return writer.ToArray();
    }

    public static byte[] One(int name, ulong timestamp, long? value) =>
        Encode([new(name, new Cell(timestamp, value is null, value ?? 0))]);

    public static SortedDictionary<int, Cell> Decode(ReadOnlyMemory<byte> version)
    {
        var cells = new SortedDictionary<int, Cell>();
        var reader = new WireReader(version);
        while (reader.Remaining > 0)
        {
            cells[(int)reader.ReadUInt32()] = new Cell(reader.ReadUInt64(), reader.ReadBool(), (long)reader.ReadUInt64());
        }

        return cells;
    }

    public static byte[] Union(params ReadOnlySpan<ReadOnlyMemory<byte>> versions)
    {
        var merged = new SortedDictionary<int, Cell>();
        foreach (var version in versions)
        {
            foreach (var (name, cell) in Decode(version))
            {
                merged[name] = merged.TryGetValue(name, out var other) && other.CompareTo(cell) > 0 ? other : cell;
            }
        }

        return Encode(merged);
    }

    public static UInt128 HashOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> version)
    {
        var bytes = (byte[])[.. key, .. version];
        return version.IsEmpty ? 0 : new UInt128(StableHash.Compute(bytes), StableHash.Compute([.. bytes, 1]));
    }

    public ReadOnlyMemory<byte> Merge(ReadOnlySpan<ReadOnlyMemory<byte>> versions) => Union(versions);

    public UInt128 DigestOf(ReadOnlyMemory<byte> version) => HashOf([], version.Span);

    public ReadOnlyMemory<byte> RepairOf(ReadOnlyMemory<byte> merged, ReadOnlyMemory<byte> held)
    {
        var has = Decode(held);
        return Encode(Decode(merged).Where(pair => !has.TryGetValue(pair.Key, out var cell) || cell != pair.Value));
    }
}
