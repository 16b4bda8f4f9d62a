using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.StateMachines.Tests.Directory;

public sealed class CoordinatorGrowthTests
{
    private readonly Replica _replica = new(new DirectoryStateMachine());

    private DirectoryView View => ((DirectoryStateMachine)_replica.State.Machine).View;

    [Fact]
    public void What_the_cluster_keeps_itself_gets_three_replicas_when_there_are_three_nodes_and_nothing_else_does()
    {
        Init();
        Assert.Null(CoordinatorGrowth.Next(View, static _ => true));
        Register(2);
        Assert.Null(CoordinatorGrowth.Next(View, static _ => true));
        Register(3);
        Assert.Null(CoordinatorGrowth.Next(View, static node => node != new NodeId(2))); // who is not there can hold nothing
        Register(4);
        var steps = 0;
        while (CoordinatorGrowth.Next(View, static node => node != new NodeId(2)) is { } next)
        {
            Assert.Equal(3, next.Replicas.Distinct().Count());
            Assert.Equal(next.Shard.Replicas[0], next.Replicas[0]); // who leads goes on
            Assert.DoesNotContain(new NodeId(2), next.Replicas);
            Do(writer => DirectoryCommand.WriteSetReplicas(writer, next.Shard.Id, next.Replicas, next.Shard.Generation));
            Assert.True(++steps <= 12);
        }

        Assert.Equal(12, steps);
        foreach (var space in View.Spaces)
        {
            Assert.All(View.ShardsOf(space.Id).ToArray(), shard => Assert.Equal(space.Name == "users" ? 1 : 3, shard.Replicas.Length));
        }
    }

    [Fact]
    public void A_cluster_can_become_small_again()
    {
        Init();
        Register(2);
        Register(3);
        while (CoordinatorGrowth.Next(View, static _ => true) is { } next)
        {
            Do(writer => DirectoryCommand.WriteSetReplicas(writer, next.Shard.Id, next.Replicas));
        }

        foreach (var leaving in new[] { new NodeId(3), new NodeId(2) })
        {
            Do(writer => DirectoryCommand.WriteRetireNode(writer, leaving, isGone: false));
            while (NodeRetirement.Next(View) is { } next)
            {
                Do(writer => DirectoryCommand.WriteSetReplicas(writer, next.Shard.Id, next.Replicas));
            }

            Assert.Null(CoordinatorGrowth.Next(View, static _ => true));
            Do(writer => DirectoryCommand.WriteRemoveNode(writer, leaving));
        }

        Assert.All(View.Shards, static shard => Assert.Equal([new NodeId(1)], shard.Replicas));
    }

    private static NodeDescription Node(int number) => new($"n{number}", $"n{number}:1", "", "", 1, "", "", (ulong)number);

    private void Init()
    {
        ImmutableArray<NodeInfo> all = [new NodeInfo(new NodeId(1), Node(1))];
        Do(writer => DirectoryCommand.WriteInitCluster(writer, 99, all, [new NodeId(1)]));
        Assert.Equal(1, CoordinatorGrowth.ReplicasIn(View));
        Create("users", SpaceKind.Streams, 2);
        Create("groups", SpaceKind.Groups, 8);
        Create("transactions", SpaceKind.Transactions, 4);
    }

    private void Create(string name, SpaceKind kind, int shards) => Do(writer => DirectoryCommand.WriteCreateSpace(
        writer, new SpaceOptions(name, FaultModel.Strong, 1, ShardCount: shards, Kind: kind)));

    private void Register(int number) => Do(writer => DirectoryCommand.WriteRegisterNode(writer, Node(number)));

    private void Do(Action<WireWriter> command)
    {
        var (_, bytes) = _replica.Propose(command);
        Assert.True(DirectoryResult.TryRead(bytes, out var result));
        Assert.Equal(DirectoryStatus.Ok, result.Status);
    }
}
