using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Rows;

namespace Atoll.Simulation.Workloads;

/// <summary>The rows of a partition that workloads of rows write to, and how they draw them.</summary>
internal static class WorkloadRows
{
    /// <summary>The rows with a clustering key, in its order.</summary>
    internal static readonly string[] Names = ["a", "b", "c"];

    /// <summary>The same, and the partition's static row.</summary>
    internal static readonly string[] All = [.. Names, RowsRecorder.StaticRow];

    /// <summary>One of them; seldom the static one.</summary>
    internal static string Draw(Prng prng) => prng.Chance(100_000) ? RowsRecorder.StaticRow : prng.Pick(Names);

    /// <summary>Two or three rows that stand together, or one, and the range that they are.</summary>
    internal static (ClusteringRange Range, string[] Covered) DrawRange(Prng prng)
    {
        var (first, last) = (prng.NextInt(0, 1), prng.NextInt(1, 2));
        var range = ClusteringRange.Between(RowsRequests.Bytes(Names[first]), true, RowsRequests.Bytes(Names[last]), true);
        return (range, Names[first..(last + 1)]);
    }

    /// <summary>All of them, shuffled.</summary>
    internal static string[] InAnyOrder(Prng prng)
    {
        var rows = (string[])All.Clone();
        prng.Shuffle<string>(rows);
        return rows;
    }

    /// <summary>A row to each shard of a space through a node, into partitions that no checker looks at.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="space">The space.</param>
    /// <param name="client">Who writes.</param>
    /// <param name="through">The node.</param>
    /// <param name="newNumber">Gives each value its number.</param>
    /// <param name="done">The end: what is wrong, or null.</param>
    internal static void Probe(
        SimCluster cluster, SpaceId space, SimClient client, SimNode through, Func<long> newNumber, Action<string?> done) =>
        ProvingCalls.Probe(
            cluster,
            space,
            client,
            through,
            (shard, position) => RowsRequests.Mutate(
                space,
                ProvingCalls.KeyIn(shard, $"probe{through.Id}-{position}-", RowsRequests.HashOf),
                [RowOperation.Upsert(default, [CellWrite.Put(1, NumberedValue.Make(newNumber(), 8))])],
                [],
                RowsMutation.GraceSecondsDefault),
            done);
}
