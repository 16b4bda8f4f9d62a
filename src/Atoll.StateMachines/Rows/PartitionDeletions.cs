using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Rows;

/// <summary>A deletion of the rows of a range.</summary>
/// <param name="From">The lowest clustering key, included; empty for the first.</param>
/// <param name="To">Where the range ends, not included; empty for behind the last.</param>
/// <param name="Deletion">The deletion.</param>
public readonly record struct RangeDeletion(ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> To, DeletionTime Deletion);

/// <summary>
/// The deletions of a partition as a whole and of ranges of its rows. Immutable. The ranges are in order and do not overlap: where several
/// deletions met, the latest is left; nothing is in it that the partition's own deletion covers. So equal knowledge is equal bytes, and
/// <see cref="Merge"/> is commutative, associative and idempotent.
/// </summary>
public sealed class PartitionDeletions
{
    /// <summary>Nothing was deleted.</summary>
    public static readonly PartitionDeletions None = new(DeletionTime.None, []);

    private const byte FormatVersion = 1;

    private PartitionDeletions(DeletionTime partition, ImmutableArray<RangeDeletion> ranges)
    {
        Partition = partition;
        Ranges = ranges;
    }

    /// <summary>The deletion of all of it, the static row included.</summary>
    public DeletionTime Partition { get; }

    /// <summary>The deleted ranges.</summary>
    public ImmutableArray<RangeDeletion> Ranges { get; }

    /// <summary>True when nothing was deleted.</summary>
    public bool IsNone => Partition.IsNone && Ranges.IsEmpty;

    /// <summary>A deletion of the whole partition.</summary>
    public static PartitionDeletions OfPartition(DeletionTime deletion) => new(deletion, []);

    /// <summary>A deletion of a range.</summary>
    public static PartitionDeletions OfRange(ClusteringRange range, DeletionTime deletion) =>
        range.IsNothing || deletion.IsNone || (!range.To.IsEmpty && range.From.Span.SequenceCompareTo(range.To.Span) >= 0)
            ? None
            : new(DeletionTime.None, [new RangeDeletion(range.From, range.To, deletion)]);

    /// <summary>What covers a row: the later of the partition's deletion and that of a range that it is in.</summary>
    public DeletionTime Covering(ReadOnlySpan<byte> clustering) =>
        DeletionTime.Later(Partition, RangeCovering(clustering));

    /// <summary>What both know together.</summary>
    public static PartitionDeletions Merge(PartitionDeletions a, PartitionDeletions b)
    {
        if (a.IsNone || b.IsNone)
        {
            return a.IsNone ? b : a;
        }

        // Each end of a range of either is an end of a piece, in which one deletion of each may hold.
        var ends = new List<ReadOnlyMemory<byte>>(2 * (a.Ranges.Length + b.Ranges.Length));
        AddEnds(a, ends);
        AddEnds(b, ends);
        ends.Sort(KeyOrder.Instance);
        var partition = DeletionTime.Later(a.Partition, b.Partition);
        var merged = ImmutableArray.CreateBuilder<RangeDeletion>(ends.Count);
        for (var i = 0; i < ends.Count; i++)
        {
            if (i > 0 && ends[i].Span.SequenceEqual(ends[i - 1].Span))
            {
                continue;
            }

            var deletion = DeletionTime.Later(a.RangeCovering(ends[i].Span), b.RangeCovering(ends[i].Span));
            if (deletion.IsNone)
            {
                continue;
            }

            var next = i + 1;
            while (next < ends.Count && ends[next].Span.SequenceEqual(ends[i].Span))
            {
                next++;
            }

            Append(merged, partition, new RangeDeletion(ends[i], next < ends.Count ? ends[next] : default, deletion));
        }

        return new PartitionDeletions(partition, merged.DrainToImmutable());
    }

    /// <summary>Drops the deletions that were made at or before a time, in Unix milliseconds.</summary>
    public PartitionDeletions Purge(long dropMilliseconds) => new(
        Partition.DeletedAtMilliseconds <= dropMilliseconds ? DeletionTime.None : Partition,
        Ranges.RemoveAll(range => range.Deletion.DeletedAtMilliseconds <= dropMilliseconds));

    /// <summary>Drops all that do not belong to those to keep.</summary>
    internal PartitionDeletions Keep(Predicate<DeletionTime> keeps) => new(
        !Partition.IsNone && keeps(Partition) ? Partition : DeletionTime.None, Ranges.RemoveAll(range => !keeps(range.Deletion)));

    /// <summary>When the first of the deletions was made, in Unix milliseconds; null when there is none.</summary>
    public long? FirstDeletedAtMilliseconds
    {
        get
        {
            long? first = Partition.IsNone ? null : Partition.DeletedAtMilliseconds;
            foreach (var range in Ranges)
            {
                first = first is { } known && known <= range.Deletion.DeletedAtMilliseconds ? known : range.Deletion.DeletedAtMilliseconds;
            }

            return first;
        }
    }

    /// <summary>
    /// Writes them: format (byte), whether the partition is deleted (byte), if so its deletion (timestamp, when; zigzag varints); the
    /// number of ranges (varint), each as from, to (bytes), timestamp, when (zigzag varints).
    /// </summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte(FormatVersion);
        writer.WriteBool(!Partition.IsNone);
        if (!Partition.IsNone)
        {
            Write(writer, Partition);
        }

        writer.WriteVarint((ulong)Ranges.Length);
        foreach (var range in Ranges)
        {
            writer.WriteBytes(range.From.Span);
            writer.WriteBytes(range.To.Span);
            Write(writer, range.Deletion);
        }
    }

    /// <summary>Reads what <see cref="Write(WireWriter)"/> wrote. The reader fails when it is not that.</summary>
    public static PartitionDeletions Read(ref WireReader reader) => Read(ref reader, Limits.RangeDeletionsMax);

    /// <summary>Reads what <see cref="Write(WireWriter)"/> wrote, with another bound on the number of ranges.</summary>
    internal static PartitionDeletions Read(ref WireReader reader, int rangesMax)
    {
        var version = reader.ReadByte();
        var partition = reader.ReadBool() ? ReadDeletion(ref reader) : DeletionTime.None;
        var ranges = ImmutableArray.CreateBuilder<RangeDeletion>();
        for (var left = reader.ReadCount(rangesMax); left > 0 && reader.Ok; left--)
        {
            var range = new RangeDeletion(reader.ReadBytes(), reader.ReadBytes(), ReadDeletion(ref reader));
            var isInOrder = (range.To.IsEmpty || range.From.Span.SequenceCompareTo(range.To.Span) < 0)
                && !partition.Covers(range.Deletion.TimestampMicros)
                && (ranges.Count == 0
                    || (!ranges[^1].To.IsEmpty
                        && ranges[^1].To.Span.SequenceCompareTo(range.From.Span) <= 0
                        && !AreOne(ranges[^1], range)));
            if (!isInOrder)
            {
                reader.Fail();
            }

            ranges.Add(range);
        }

        if (version != FormatVersion)
        {
            reader.Fail();
        }

        return reader.Ok ? new PartitionDeletions(partition, ranges.ToImmutable()) : None;
    }

    private static void AddEnds(PartitionDeletions deletions, List<ReadOnlyMemory<byte>> ends)
    {
        foreach (var range in deletions.Ranges)
        {
            ends.Add(range.From);
            if (!range.To.IsEmpty)
            {
                ends.Add(range.To);
            }
        }
    }

    private static void Append(ImmutableArray<RangeDeletion>.Builder merged, in DeletionTime partition, in RangeDeletion range)
    {
        if (partition.Covers(range.Deletion.TimestampMicros))
        {
            return;
        }

        if (merged.Count > 0 && AreOne(merged[^1], range))
        {
            merged[^1] = merged[^1] with { To = range.To };
        }
        else
        {
            merged.Add(range);
        }
    }

    private static bool AreOne(in RangeDeletion before, in RangeDeletion range) =>
        before.Deletion == range.Deletion && !before.To.IsEmpty && before.To.Span.SequenceEqual(range.From.Span);

    private static void Write(WireWriter writer, in DeletionTime deletion)
    {
        writer.WriteVarint(ZigZag.Encode(deletion.TimestampMicros));
        writer.WriteVarint(ZigZag.Encode(deletion.DeletedAtMilliseconds));
    }

    private static DeletionTime ReadDeletion(ref WireReader reader)
    {
        var deletion = new DeletionTime(ZigZag.Decode(reader.ReadVarint()), ZigZag.Decode(reader.ReadVarint()));
        if (deletion.IsNone)
        {
            reader.Fail();
        }

        return deletion;
    }

    private DeletionTime RangeCovering(ReadOnlySpan<byte> clustering)
    {
        var low = 0;
        var high = Ranges.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (Ranges[middle].From.Span.SequenceCompareTo(clustering) <= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low > 0 && (Ranges[low - 1].To.IsEmpty || clustering.SequenceCompareTo(Ranges[low - 1].To.Span) < 0)
            ? Ranges[low - 1].Deletion
            : DeletionTime.None;
    }
}
