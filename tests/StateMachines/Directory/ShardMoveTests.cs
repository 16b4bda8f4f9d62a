using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.StateMachines.Tests.Directory;

public sealed class ShardMoveTests
{
    private readonly Replica _replica = new(new DirectoryStateMachine());

    private DirectoryView View => ((DirectoryStateMachine)_replica.State.Machine).View;

    private ShardInfo Shard => View.Shards[^1];

    [Fact]
    public void A_move_goes_through_its_phases_as_the_replicas_of_the_target_say()
    {
        Init(4);
        var shard = Shard;
        ImmutableArray<NodeId> target = [.. shard.Replicas[1..], Outside()];
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteSetReplicas(w, shard.Id, target, 1)).Status);
        Assert.Equal((MovePhase.Filling, 2UL, View.Version), (Shard.Move!.Phase, Shard.Generation, Shard.Move.Since));
        Assert.Equal(shard.Replicas.AsSpan(), Shard.Replicas.AsSpan());
        Assert.Equal(4, Shard.Keepers.Length);
        Assert.Equal([target[2]], Shard.Pending);
        Assert.Equal(DirectoryStatus.InUse, Do(w => DirectoryCommand.WriteRemoveNode(w, target[2])).Status);
        Assert.Equal(DirectoryStatus.Conflict, Ready(1, target[0]).Status);
        Assert.Equal(DirectoryStatus.Conflict, Ready(2, shard.Replicas[0]).Status);
        Read();
        foreach (var (phase, generation) in new[] { (MovePhase.Joint, 3UL), (MovePhase.Switching, 4UL) })
        {
            foreach (var node in target)
            {
                Assert.Equal(DirectoryStatus.Ok, Ready(generation - 1, node).Status);
                Assert.Equal(View.Version, Do(w => DirectoryCommand.WriteSetReplicas(w, shard.Id, target)).Version);
            }

            Assert.Equal((phase, generation, 0), (Shard.Move!.Phase, Shard.Generation, Shard.Move.Ready.Length));
            var back = Do(w => DirectoryCommand.WriteSetReplicas(w, shard.Id, shard.Replicas));
            Assert.Equal(DirectoryStatus.Conflict, back.Status);
        }

        Assert.Equal(DirectoryStatus.Ok, Ready(4, target[1]).Status);
        Assert.Null(Shard.Move);
        Assert.Equal(target.AsSpan(), Shard.Replicas.AsSpan());
        Assert.Equal(5UL, Shard.Generation);
    }

    [Fact]
    public void A_move_that_has_only_begun_can_be_taken_back_and_none_changes_two_at_once()
    {
        Init(5);
        var before = Shard.Replicas;
        var outside = View.Nodes.Select(static node => node.Id).Where(node => !before.Contains(node)).ToArray();
        ImmutableArray<NodeId> two = [before[0], outside[0], outside[1]];
        Assert.Equal(DirectoryStatus.Invalid, Do(w => DirectoryCommand.WriteSetReplicas(w, Shard.Id, two)).Status);
        Assert.Equal(DirectoryStatus.Invalid, Do(w => DirectoryCommand.WriteSetReplicas(w, Shard.Id, [before[0]])).Status);
        Do(w => DirectoryCommand.WriteSetReplicas(w, Shard.Id, before.SetItem(0, outside[0])));
        Assert.NotNull(Shard.Move);
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteSetReplicas(w, Shard.Id, before)).Status);
        Assert.Equal((null, 3UL), (Shard.Move, Shard.Generation));
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteSetReplicas(w, Shard.Id, before.Add(outside[0]))).Status);
        Assert.Equal(4, Shard.Move!.Target.Length);
    }

    [Fact]
    public void A_node_leaves_only_when_others_can_take_what_it_has_and_a_dead_one_always()
    {
        Init(3);
        var refused = Do(w => DirectoryCommand.WriteRetireNode(w, Shard.Replicas[0], isGone: false));
        Assert.Equal(DirectoryStatus.NotEnoughNodes, refused.Status);
        Assert.Contains("no other node that could take it", refused.Detail, StringComparison.Ordinal);
        var dead = Shard.Replicas[0];
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteRetireNode(w, dead, isGone: true)).Status);
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteRetireNode(w, dead, isGone: false)).Status);
        Assert.True(View.TryGetNode(dead, out var gone));
        Assert.Equal((NodeStanding.Gone, 2UL), (gone.Standing, Shard.Generation));
        while (NodeRetirement.Next(View) is { Shard.Id.Value: 1 } next)
        {
            Do(w => DirectoryCommand.WriteSetReplicas(w, next.Shard.Id, next.Replicas)); // the directory's own becomes smaller
        }

        Assert.Null(NodeRetirement.Next(View));
        Read();

        Assert.Equal(4UL, Do(w => DirectoryCommand.WriteRegisterNode(w, Node(4))).Id);
        while (NodeRetirement.Next(View) is { } next)
        {
            Assert.DoesNotContain(dead, next.Replicas);
            Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteSetReplicas(w, next.Shard.Id, next.Replicas)).Status);
        }

        Assert.Equal(new NodeId(4), Assert.Single(Shard.Pending));
        Finish();
        Assert.DoesNotContain(dead, Shard.Replicas);
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteRemoveNode(w, dead)).Status);
    }

    [Fact]
    public void Whatever_is_asked_for_the_directory_stays_whole_and_moves_end()
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            var random = new Prng(seed);
            var test = new ShardMoveTests();
            test.Init(6);
            for (var step = 0; step < 200; step++)
            {
                var node = new NodeId((uint)random.NextInt(1, 7));
                var shard = test.Shard;
                test.Do(w =>
                {
                    switch (random.NextInt(0, 20))
                    {
                        case 0:
                            DirectoryCommand.WriteRetireNode(w, node, random.Chance(300_000));
                            break;
                        case 1:
                            DirectoryCommand.WriteRemoveNode(w, node);
                            break;
                        case < 6:
                            DirectoryCommand.WriteSetReplicas(
                                w, shard.Id, shard.Replicas.SetItem(random.NextInt(0, shard.Replicas.Length - 1), node));
                            break;
                        default:
                            DirectoryCommand.WriteReplicaReady(w, shard.Id, shard.Generation, node);
                            break;
                    }
                });
                Assert.True(test.View.IsConsistent());
                test.Read();
            }

            test.Finish();
            Assert.Null(test.Shard.Move);
        }
    }

    private static NodeDescription Node(int number) => new($"n{number}", $"n{number}:1", "", "", 1, "", "", (ulong)number);

    private NodeId Outside() => View.Nodes.Select(static node => node.Id).First(node => !Shard.Replicas.Contains(node));

    private void Finish()
    {
        while (Shard.Move is { } move)
        {
            Assert.Equal(DirectoryStatus.Ok, Ready(Shard.Generation, move.Target.First(node => !move.Ready.Contains(node))).Status);
        }
    }

    private void Read()
    {
        var writer = new WireWriter();
        View.Encode(writer);
        Assert.True(DirectoryView.TryDecode(writer.ToArray(), out var read));
        Assert.Equal(View.Nodes.AsSpan(), read.Nodes.AsSpan());
        Assert.Equal(View.Shards.AsSpan(), read.Shards.AsSpan());
    }

    private void Init(int nodes)
    {
        ImmutableArray<NodeInfo> all = [.. Enumerable.Range(1, nodes).Select(i => new NodeInfo(new NodeId((uint)i), Node(i)))];
        Do(w => DirectoryCommand.WriteInitCluster(w, 99, all, [new NodeId(1), new NodeId(2), new NodeId(3)]));
        var created = Do(w => DirectoryCommand.WriteCreateSpace(
            w, new SpaceOptions("ks.t", FaultModel.Eventual, 3, Kind: SpaceKind.Rows)));
        Assert.Equal(DirectoryStatus.Ok, created.Status);
    }

    private DirectoryResult Ready(ulong generation, NodeId node) =>
        Do(w => DirectoryCommand.WriteReplicaReady(w, Shard.Id, generation, node));

    private DirectoryResult Do(Action<WireWriter> command)
    {
        var (_, bytes) = _replica.Propose(command);
        Assert.True(DirectoryResult.TryRead(bytes, out var result));
        return result;
    }
}
