using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Networks;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>A replica of an eventual space whose node has not heard yet that there is such a space: what it must not cost.</summary>
public sealed class OldViewTests : IMessageInterceptor
{
    // What is new in the directory does not get there.
    private NodeId? _uninformed;

    public bool Passes(LoopAddress from, LoopAddress to, Lane lane, ref ReadOnlyMemory<byte> message)
    {
        var reader = new WireReader(message);
        var isView = false;
        if (PeerFrame.TryOpen(ref reader))
        {
            while (PeerFrame.TryNext(ref reader, out var kind, out _))
            {
                isView |= kind == PeerMessageKind.View;
            }
        }

        return !(isView && to.Node == _uninformed);
    }

    // Its replica refuses the hint as one who is none; nobody else has the write.
    [Fact]
    public void What_was_acknowledged_at_ANY_waits_as_a_hint_until_the_replica_knows_that_it_is_one()
    {
        var scene = new EventualScene(1, new ClusterShape { Nodes = 7 }, 3, prepare: cluster =>
        {
            cluster.Run(Duration.FromSeconds(10));
            var ofDirectory = cluster.Directory.Shards.Single(static shard => shard.Id == ShardId.Directory).Replicas;
            var uninformed = cluster.Nodes.First(node => !ofDirectory.Contains(node.Id));
            foreach (var node in ofDirectory)
            {
                cluster.Network.Cut(uninformed.Id, node);
            }

            _uninformed = uninformed.Id;
            cluster.Network.Interceptor = this;
        });
        var replicas = scene.Shard.Replicas;
        var late = scene.Cluster.Node((int)_uninformed!.Value.Value);
        Assert.Contains(late.Id, replicas);
        var outsider = scene.Cluster.Nodes.Last(node => !replicas.Contains(node.Id));
        foreach (var replica in replicas.Where(node => node != late.Id))
        {
            scene.Cluster.Node((int)replica.Value).Stop();
        }

        scene.Cluster.Run(Duration.FromSeconds(5));
        scene.Await(
            () => scene.Write((int)outsider.Id.Value, "a", "1", ConsistencyLevel.Any).Status == ResponseStatus.Ok, "it is acknowledged");
        scene.Cluster.Run(Duration.FromSeconds(20));
        Assert.Empty(late.Loop()!.Eventual!.Replicas);

        _uninformed = null;
        scene.Cluster.Heal();
        scene.Await(() => late.Loop()!.Eventual!.Replicas.Count == 1, "the replica knows that it is one");
        scene.Await(() => scene.ShowsAlone((int)late.Id.Value, "a"), "the hint has arrived");
    }
}
