using Atoll.Foundation.Randomness;
using Atoll.StateMachines.Rows;
using static Atoll.StateMachines.Tests.Rows.RowsReplica;

namespace Atoll.StateMachines.Tests.Eventual;

/// <summary>Mutations drawn so that they often meet: few partitions, few rows, few columns.</summary>
internal static class RandomMutations
{
    public static readonly string[] Partitions = ["b", "bb", "k", "kk", "m", "z"];

    public static List<PartitionMutation> Draw(Prng random)
    {
        var mutation = new List<PartitionMutation>();
        foreach (var partition in Partitions)
        {
            if (random.Chance(250_000))
            {
                mutation.Add(On(partition, [.. Enumerable.Range(0, random.NextInt(1, 3)).Select(_ => Operation(random))]));
            }
        }

        return mutation.Count > 0 ? mutation : [On(random.Pick(Partitions), Operation(random))];
    }

    private static RowOperation Operation(Prng random)
    {
        var row = Bytes($"{random.NextInt(0, 9)}");
        switch (random.NextInt(0, 24))
        {
            case 0:
                return RowOperation.DeletePartition();
            case 1 or 2:
                return RowOperation.DeleteRange(ClusteringRange.Between(row, true, Bytes($"{random.NextInt(0, 9)}"), true));
            case 3 or 4:
                return RowOperation.DeleteRow(row);
            case 5:
                return RowOperation.DeleteStatic();
            case 6 or 7:
                return RowOperation.UpsertStatic([CellWrite.Put(5, Bytes($"{random.NextInt(0, 9)}"))]);
            case 8 or 9:
                return RowOperation.Upsert(row, [CellWrite.Delete((uint)random.NextInt(1, 3))]);
            case 10:
                return RowOperation.Upsert(row, [CellWrite.Replace(4), CellWrite.Append(4, Bytes("o"), Bytes("e"))]);
            case 11:
                return RowOperation.Upsert(row, [CellWrite.Clear(4)]);
            case 12:
                return RowOperation.Upsert(row, [], writesMarker: true) with { MarkerTimeToLiveSeconds = random.NextInt(0, 2) };
            default:
                return RowOperation.Upsert(
                    row,
                    [CellWrite.Put((uint)random.NextInt(1, 3), Bytes($"{random.NextInt(0, 9)}"), random.NextInt(0, 8) == 0 ? 1 : 0)],
                    random.Chance(300_000));
        }
    }
}
