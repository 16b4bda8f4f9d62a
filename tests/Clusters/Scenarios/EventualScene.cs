using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Rows;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>A cluster with one eventual space of one shard of rows, each row a partition of its own.</summary>
internal sealed class EventualScene
{
    private readonly SpaceId _space;

    /// <param name="seed">The seed.</param>
    /// <param name="shape">The cluster.</param>
    /// <param name="replicas">How many replicas the space has.</param>
    /// <param name="regions">Where they are.</param>
    /// <param name="prepare">What happens before there is the space.</param>
    public EventualScene(
        ulong seed, ClusterShape shape, int replicas, SpaceRegions? regions = null, Action<SimCluster>? prepare = null)
    {
        Cluster = new SimCluster(seed, shape);
        Cluster.Start();
        prepare?.Invoke(Cluster);
        _space = Cluster.CreateSpace(new SpaceOptions("ks.t", FaultModel.Eventual, replicas, Kind: SpaceKind.Rows, Regions: regions));
        Cluster.Run(Duration.FromSeconds(3));
    }

    public SimCluster Cluster { get; }

    public ShardInfo Shard => Cluster.Directory.Shards.Single(shard => shard.Space == _space);

    /// <summary>How often the last request was tried.</summary>
    public int LastAttempts { get; private set; }

    public Response Write(int through, string partition, string value, ConsistencyLevel level) => Call(
        through,
        RowsRequests.Mutate(
            _space, partition, [RowOperation.Upsert(default, [CellWrite.Put(1, RowsRequests.Bytes(value))])], [],
            RowsMutation.GraceSecondsDefault),
        level);

    public Response Delete(int through, string partition, ConsistencyLevel level) => Call(
        through,
        RowsRequests.Mutate(_space, partition, [RowOperation.DeletePartition()], [], RowsMutation.GraceSecondsDefault),
        level);

    /// <summary>Removes all rows at every replica, in place.</summary>
    public Response Truncate(int through)
    {
        var writer = new WireWriter();
        RowsCommand.WriteTruncate(writer);
        var request = new Request { Kind = RequestKind.Write, Space = _space, RoutingHash = Shard.HashLow, Payload = writer.ToArray() };
        return Call(through, request, ConsistencyLevel.All);
    }

    public Response Read(int through, string partition, ConsistencyLevel level) =>
        Call(through, RowsRequests.Read(_space, partition, ClusteringRange.All), level);

    /// <summary>Whether a node by itself shows a row: it is cut off from all others meanwhile.</summary>
    public bool ShowsAlone(int node, string partition) => ValueOf(Read(node, partition, ConsistencyLevel.One)) is not null;

    /// <summary>What a read shows of a row; null for nothing.</summary>
    public static string? ValueOf(Response answer)
    {
        Assert.True(answer.Status == ResponseStatus.Ok, answer.Detail);
        Assert.True(RowsResultCodec.TryReadPage(answer.Body, out var page));
        return page.Partitions.SelectMany(static found => found.Rows)
            .Select(static row => Encoding.UTF8.GetString(row.Row.Cells.Single().Value.Span)).SingleOrDefault();
    }

    public long HintsOn(int node) => Cluster.Node(node).Loop()!.Describe().Eventual.Hints.Sum(static hints => (long)hints.Hints);

    public DirectoryResult Administer(Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return Cluster.Administer(Cluster.NewClient(), writer);
    }

    /// <summary>Looks every second; the condition may let time pass itself.</summary>
    public void Await(Func<bool> condition, string what, int seconds = 180)
    {
        for (var end = Cluster.Scheduler.Now + Duration.FromSeconds(seconds); !condition(); Cluster.Run(Duration.FromSeconds(1)))
        {
            Assert.True(Cluster.Scheduler.Now < end, $"{what}: {Simulation.Checkers.ConvergenceChecker.Missing(Cluster)}");
        }
    }

    private Response Call(int through, Request request, ConsistencyLevel level)
    {
        var client = Cluster.NewClient();
        client.Home = Cluster.Node(through);
        client.Patience = Duration.FromSeconds(3);
        var result = client.CallAndWait(request with { Consistency = new RequestConsistency(level) });
        LastAttempts = result.Attempts;
        return result.Response;
    }
}
