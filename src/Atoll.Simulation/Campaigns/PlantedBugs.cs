using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Clusters;

namespace Atoll.Simulation.Campaigns;

/// <summary>Puts a bug into a cluster without touching the code of production: in the disks, or between the nodes.</summary>
internal static class PlantedBugs
{
    public static void Plant(SimCluster cluster, PlantedBug bug, Prng prng)
    {
        switch (bug)
        {
            case PlantedBug.LyingDisks:
                foreach (var disk in cluster.Nodes.SelectMany(node => node.Disks))
                {
                    disk.Faults.LiesAboutSync = true;
                    disk.Faults.LieTime = Duration.FromSeconds(10);
                }

                break;
            case PlantedBug.SmallerQuorum or PlantedBug.ForgedVotes:
                cluster.Network.Interceptor = new RaftForger(bug, prng);
                break;
            default:
                break;
        }
    }
}
