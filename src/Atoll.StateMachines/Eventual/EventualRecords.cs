using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Eventual;

/// <summary>
/// Records of an eventual shard. In the tree a row is just its bytes (<see cref="RowDataCodec"/>), as it is in versions; what is known of a
/// partition is format (byte), whether it is swept (byte), the deletions, and in versions only these. A record's hash is that of its key
/// and
/// of what it is in versions.
/// </summary>
internal sealed class EventualRecords : IRowRecords
{
    internal static readonly EventualRecords Stored = new(isStored: true);

    internal static readonly EventualRecords OfVersions = new(isStored: false);

    /// <summary>
    /// Deleted ranges that a partition remembers apart. More than a mutation may bring it to in a strong shard: replicas that took
    /// different ones must still be able to merge them.
    /// </summary>
    internal const int RangeDeletionsMax = Limits.ReplicasMax * Limits.RangeDeletionsMax;

    private const byte FormatVersion = 1;
    private const int PartitionHeadBytes = 2;
    private const ulong HighSeed = 0x8C1F_93A6_52D7_4E0B;
    private const ulong LowSeed = 0x27E4_B15D_F908_6AC3;

    private readonly bool _isStored;

    private EventualRecords(bool isStored) => _isStored = isStored;

    public RowData RowOf(ReadOnlyMemory<byte> value) => _isStored ? Row(value) : ForReaders(Row(value));

    public PartitionDeletions DeletionsOf(ReadOnlyMemory<byte> value)
    {
        var isGood = TryReadDeletions(_isStored ? value[PartitionHeadBytes..] : value, out var deletions);
        Check.That(isGood);
        return deletions;
    }

    public bool IsSwept(ReadOnlyMemory<byte> value) => value.Span[1] != 0;

    /// <summary>What versions have of a record.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="value">Its value in the tree.</param>
    internal static ReadOnlyMemory<byte> InVersion(ReadOnlySpan<byte> key, ReadOnlyMemory<byte> value) =>
        RowKey.KindOf(key) == RowKeyKind.Partition ? value[PartitionHeadBytes..] : value;

    /// <summary>Whether a value in the tree is one.</summary>
    internal static bool IsStored(ReadOnlySpan<byte> key, ReadOnlyMemory<byte> value)
    {
        if (RowKey.KindOf(key) != RowKeyKind.Partition)
        {
            return IsInVersion(key, value);
        }

        return value.Length > PartitionHeadBytes && value.Span[0] == FormatVersion && value.Span[1] <= 1
            && IsInVersion(key, value[PartitionHeadBytes..]);
    }

    /// <summary>Whether a value in a version is one.</summary>
    internal static bool IsInVersion(ReadOnlySpan<byte> key, ReadOnlyMemory<byte> value) => IsInVersion(key, value, out _);

    /// <summary>Whether a value in a version is one.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="value">The value.</param>
    /// <param name="row">The row; null when it is none.</param>
    internal static bool IsInVersion(ReadOnlySpan<byte> key, ReadOnlyMemory<byte> value, out RowData? row)
    {
        row = null;
        if (RowKey.KindOf(key) == RowKeyKind.Partition)
        {
            return TryReadDeletions(value, out _);
        }

        if (!RowDataCodec.TryRead(value, out row) || row.IsEmpty)
        {
            return false;
        }

        foreach (ref readonly var cell in row.Cells.AsSpan())
        {
            var isGood = cell.Kind switch
            {
                CellKind.Counter => CounterValue.TryReadOrigins(cell.Value) is not null,
                CellKind.Siblings => RowKey.IsOfRecord(key) && SiblingsValue.IsValid(cell),
                _ => true,
            };
            if (!isGood)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What is known of a partition, for the tree.</summary>
    internal static byte[] Encode(PartitionDeletions deletions, bool isSwept, WireWriter scratch)
    {
        scratch.Reset();
        scratch.WriteByte(FormatVersion);
        scratch.WriteBool(isSwept);
        deletions.Write(scratch);
        return scratch.ToArray();
    }

    /// <summary>What is known of a partition, for a version.</summary>
    internal static byte[] Encode(PartitionDeletions deletions, WireWriter scratch)
    {
        scratch.Reset();
        deletions.Write(scratch);
        return scratch.ToArray();
    }

    /// <summary>A row, for the tree and for versions.</summary>
    internal static byte[] Encode(RowData row, WireWriter scratch)
    {
        scratch.Reset();
        RowDataCodec.Write(scratch, row);
        return scratch.ToArray();
    }

    /// <summary>A record's hash; never 0, which stands for none.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="value">What it is in versions.</param>
    internal static UInt128 HashOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var high = StableHash.Compute(value, StableHash.Compute(key, HighSeed));
        var low = StableHash.Compute(value, StableHash.Compute(key, LowSeed));
        var hash = new UInt128(high, low);
        return hash == 0 ? 1 : hash;
    }

    /// <summary>The hash of a version.</summary>
    internal static UInt128 HashOf(ReadOnlySpan<byte> version) =>
        new(StableHash.Compute(version, HighSeed), StableHash.Compute(version, LowSeed));

    private static RowData Row(ReadOnlyMemory<byte> value)
    {
        var isGood = RowDataCodec.TryRead(value, out var row);
        Check.That(isGood);
        return row;
    }

    private static bool TryReadDeletions(ReadOnlyMemory<byte> value, out PartitionDeletions deletions)
    {
        var reader = new WireReader(value);
        deletions = PartitionDeletions.Read(ref reader, RangeDeletionsMax);
        return reader.OkAtEnd && !deletions.IsNone;
    }

    // Counters as a shard with a leader has them: who took which increment is nobody's business above.
    private static RowData ForReaders(RowData row)
    {
        if (!row.Cells.Any(static cell => cell.Kind == CellKind.Counter))
        {
            return row;
        }

        return row.Keep(
            static _ => true,
            row.Liveness,
            [.. row.Cells.Select(static cell => cell.Kind == CellKind.Counter
                ? cell with { Value = CounterValue.Of(CounterValue.Sum(cell.Value)) }
                : cell)]);
    }
}
