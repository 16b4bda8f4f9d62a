using System.Diagnostics;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Workloads;

namespace Atoll.Simulation.Campaigns;

/// <summary>How fast the simulated world turns.</summary>
/// <param name="SimulatedSeconds">Virtual seconds that passed.</param>
/// <param name="RealSeconds">Real seconds that it took.</param>
/// <param name="ProcessorSeconds">Processor seconds that it took, collector and compiler included: what counts on a busy machine.</param>
/// <param name="Events">Events that happened.</param>
/// <param name="Operations">Client calls that succeeded.</param>
public sealed record SimulationSpeed(double SimulatedSeconds, double RealSeconds, double ProcessorSeconds, long Events, long Operations)
{
    /// <summary>Virtual seconds in a processor second.</summary>
    public double Ratio => SimulatedSeconds / ProcessorSeconds;

    /// <summary>
    /// Measures a cluster of five nodes with production's settings and all checkers, under the load of ten clients that think up to 100 ms
    /// between calls.
    /// </summary>
    public static SimulationSpeed Measure(Duration virtualTime)
    {
        var cluster = new SimCluster(1, new ClusterShape
        {
            Nodes = 5,
            Founders = 5,
            DirectoryReplicas = 5,
            SnapshotAfterLogBytes = 64 * 1024 * 1024,
            LogEntriesKept = 10_000,
            SegmentBytes = 64 * 1024 * 1024,
        });
        cluster.Start();
        var space = cluster.CreateSpace("records", replicas: 3, shards: 3);
        var workload = new RecordsWorkload(cluster, space, new WorkloadShape { Clients = 10 }, new Prng(1));
        workload.Start();
        cluster.Run(Duration.FromSeconds(30));
        var (events, operations) = (cluster.Scheduler.EventsRun, workload.Succeeded);
        var processor = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        cluster.Run(virtualTime);
        return new SimulationSpeed(
            virtualTime.Seconds,
            watch.Elapsed.TotalSeconds,
            (Environment.CpuUsage.TotalTime - processor).TotalSeconds,
            cluster.Scheduler.EventsRun - events,
            workload.Succeeded - operations);
    }
}
