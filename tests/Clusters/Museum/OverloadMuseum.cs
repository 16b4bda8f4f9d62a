using System.Text;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Xunit;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>Museum, row 41: overload that stays after its cause is gone.</summary>
public sealed class OverloadMuseum
{
    private const ulong Seed = 8;

    [Fact]
    public void Row_41_Once_the_disks_are_fast_again_so_is_the_shard() => DisksStallUnderLoad(Sabotage.None);

    [Fact]
    public void Row_41_is_caught_when_nothing_is_refused() =>
        Exhibit.IsCaught<StalledException>("were served", () => DisksStallUnderLoad(Sabotage.NeverOverloaded));

    // nats-server#4363; Bronson et al., Metastable failures in distributed systems (2021). Clients come at a steady rate that the disks can
    // just carry, and try again soon. The disks stall for some seconds; if every retry were taken, the retries alone would be more than
    // the disks can carry, for ever.
    private static void DisksStallUnderLoad(Sabotage planted)
    {
        var scene = new Scene(Seed, planted, new ClusterShape
        {
            ProposalsPendingMax = 16, SnapshotAfterLogBytes = long.MaxValue / 4, SegmentBytes = 64 * 1024 * 1024,
        });
        foreach (var node in scene.Cluster.Nodes)
        {
            node.Disk().Faults.BytesPerSecond = 400_000;
        }

        var value = Encoding.UTF8.GetBytes(new string('v', 4_000));
        var clients = Enumerable.Range(0, 20).Select(_ =>
        {
            var client = scene.Cluster.NewClient();
            client.AttemptTimeout = Duration.FromMilliseconds(300);
            client.Patience = Duration.FromMilliseconds(1_500);
            return client;
        }).ToArray();
        var (asked, served) = (0, 0);
        for (var tick = 0; tick < 2_000; tick++)
        {
            if (tick == 200)
            {
                foreach (var node in scene.Cluster.Nodes)
                {
                    node.Disk().StallFor(Duration.FromSeconds(5));
                }
            }

            // 50 writes of 4 kB a second: half of what the disks carry. The last 6 s count.
            var counts = tick is >= 1_200 and < 1_800;
            asked += counts ? 1 : 0;
            clients[tick % clients.Length].Call(
                RecordsRequests.Put(scene.Space, $"k{tick % 50}", value),
                result => served += counts && result.Response.Status == ResponseStatus.Ok ? 1 : 0);
            scene.Run(20);
        }

        if (served < asked * 9 / 10)
        {
            throw new StalledException($"of {asked} writes asked for long after the stall, {served} were served");
        }
    }
}
