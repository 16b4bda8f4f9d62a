using Atoll.Interop.Tests.Cql;
using Xunit;

namespace Atoll.Chaos.Tests.Cluster;

/// <summary>A cluster as clients of Kafka see it.</summary>
internal static class KafkaBrokers
{
    private const int Nodes = 3;
    private const int Port = 9092;

    /// <summary>Starts three nodes whose links can be cut; skips the test, and says why, where none can be.</summary>
    /// <param name="test">What the test is called in reports.</param>
    /// <param name="drivers">What has to be installed.</param>
    public static Task<ChaosCluster> StartAsync(string test, params IReadOnlyList<Driver> drivers)
    {
        Require(test, drivers);
        return ChaosCluster.StartAsync(Nodes, shards: 0);
    }

    /// <summary>The same, of nodes that have certificates, and want tokens and passwords.</summary>
    /// <param name="test">What the test is called in reports.</param>
    /// <param name="drivers">What has to be installed.</param>
    public static Task<ChaosCluster> StartSecureAsync(string test, params IReadOnlyList<Driver> drivers)
    {
        Require(test, drivers);
        return ChaosCluster.StartSecureAsync(Nodes);
    }

    /// <summary>The brokers, as clients are told them.</summary>
    public static string[] Of(ChaosCluster cluster) => [.. cluster.Nodes.Select(static node => $"{node.Host}:{Port}")];

    private static void Require(string test, IReadOnlyList<Driver> drivers)
    {
        DriverProcess.Require(drivers);
        if (NodeNetwork.MissingForCuts is { } missing)
        {
            Console.WriteLine($"report: {test}: skipped: {missing}");
            Assert.Skip(missing);
        }
    }
}
