using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Atoll.StateMachines.Rows;

namespace Atoll.StateMachines.Tests.Rows;

/// <summary>Rows and deletions drawn so that their parts often meet: few columns, few paths, few timestamps.</summary>
internal static class RandomRows
{
    private const uint CounterColumn = 9;

    public static byte[] Bytes(RowData row)
    {
        var writer = new WireWriter();
        RowDataCodec.Write(writer, row);
        return writer.ToArray();
    }

    public static byte[] Bytes(PartitionDeletions deletions)
    {
        var writer = new WireWriter();
        deletions.Write(writer);
        return writer.ToArray();
    }

    public static RowData Row(Prng random)
    {
        var liveness = random.Chance(400_000)
            ? new RowLiveness(Timestamp(random), random.Chance(300_000) ? random.NextInt(1, 5) * 1000 : 0)
            : RowLiveness.None;
        var deletion = random.Chance(150_000) ? Deletion(random) : DeletionTime.None;
        var columns = new List<ColumnDeletion>();
        var cells = new List<RowCell>();
        for (var left = random.NextInt(0, 2); left > 0; left--)
        {
            columns.Add(new ColumnDeletion((uint)random.NextInt(1, 3), Deletion(random)));
        }

        for (var left = random.NextInt(0, 6); left > 0; left--)
        {
            cells.Add(Cell(random));
        }

        return RowData.Create(liveness, deletion, columns, cells);
    }

    public static PartitionDeletions Deletions(Prng random)
    {
        var deletions = random.Chance(200_000) ? PartitionDeletions.OfPartition(Deletion(random)) : PartitionDeletions.None;
        for (var left = random.NextInt(0, 3); left > 0; left--)
        {
            deletions = PartitionDeletions.Merge(deletions, PartitionDeletions.OfRange(Range(random), Deletion(random)));
        }

        return deletions;
    }

    public static DeletionTime Deletion(Prng random) => new(Timestamp(random), random.NextInt(1, 5) * 1000);

    private static long Timestamp(Prng random) => random.NextInt(-3, 8);

    private static ClusteringRange Range(Prng random)
    {
        ReadOnlyMemory<byte> from = random.Chance(200_000) ? default : new[] { (byte)random.NextInt(0, 9) };
        ReadOnlyMemory<byte> to = random.Chance(200_000) ? default : new[] { (byte)random.NextInt(0, 9), (byte)7 };
        return new ClusteringRange(from, to);
    }

    private static RowCell Cell(Prng random)
    {
        var timestamp = Timestamp(random);
        if (random.Chance(200_000))
        {
            ReadOnlyMemory<byte> sum = default;
            for (var left = random.NextInt(1, 4); left > 0; left--)
            {
                // The n-th increment of a writer is the same wherever it is seen.
                var writer = (ulong)random.NextInt(0, 2);
                sum = CounterValue.Add(sum, writer, (long)writer + 5);
            }

            return random.Chance(200_000)
                ? RowCell.OfTombstone(CounterColumn, default, timestamp, random.NextInt(1, 5) * 1000)
                : new RowCell(CounterColumn, default, CellKind.Counter, timestamp, 0, sum);
        }

        var column = (uint)random.NextInt(1, 3);
        ReadOnlyMemory<byte> path = column == 1 ? default : new[] { (byte)random.NextInt(0, 2) };
        ReadOnlyMemory<byte> value = new byte[random.NextInt(0, 2)];
        return random.NextInt(0, 3) switch
        {
            0 => RowCell.OfTombstone(column, path, timestamp, random.NextInt(1, 5) * 1000),
            1 => RowCell.OfExpiring(column, path, timestamp, random.NextInt(1, 5) * 1000, value),
            _ => RowCell.Of(column, path, timestamp, value),
        };
    }
}
