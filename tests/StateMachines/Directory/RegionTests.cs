using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.StateMachines.Tests.Directory;

public sealed class RegionTests
{
    private readonly Replica _replica = new(new DirectoryStateMachine());

    private DirectoryView View => ((DirectoryStateMachine)_replica.State.Machine).View;

    [Fact]
    public void Replicas_are_placed_as_the_factors_say_and_spread_over_the_nodes_of_a_region()
    {
        Init("eu", "eu", "eu", "eu", "us", "us", "us", "");
        var regions = SpaceRegions.Of([new("us", 2), new("eu", 3)], []);
        var created = Create(Eventual("ks.t", 5, regions) with { ShardCount = 12 });
        Assert.Equal(DirectoryStatus.Ok, created.Status);
        var held = new SortedDictionary<NodeId, int>();
        foreach (var shard in View.ShardsOf(new SpaceId(created.Id)))
        {
            Assert.Equal(["eu", "eu", "eu", "us", "us"], shard.Replicas.Distinct().Select(RegionOf).Order(StringComparer.Ordinal));
            foreach (var node in shard.Replicas)
            {
                held[node] = held.GetValueOrDefault(node) + 1;
            }
        }

        Assert.Equal([9, 9, 9, 9, 8, 8, 8], held.Values);
        Assert.True(View.TryGetSpace(new SpaceId(created.Id), out var space));
        Assert.Equal(regions, space.Options.Regions);
    }

    [Theory]
    [InlineData(FaultModel.Strong)]
    [InlineData(FaultModel.Eventual)]
    public void Replicas_are_only_where_the_space_may_be(FaultModel model)
    {
        Init("eu", "us", "eu", "us", "eu", "");
        var options = Eventual("ks.t", 3, SpaceRegions.Of([], ["eu"])) with { FaultModel = model, ShardCount = 4 };
        var created = Create(options);
        Assert.Equal(DirectoryStatus.Ok, created.Status);
        var shards = View.ShardsOf(new SpaceId(created.Id)).ToArray();
        Assert.All(shards, shard => Assert.All(shard.Replicas, node => Assert.Equal("eu", RegionOf(node))));
        var moved = Do(w => DirectoryCommand.WriteSetReplicas(w, shards[0].Id, [new(1), new(3), new(2)]));
        Assert.Equal(DirectoryStatus.Invalid, moved.Status);
        Assert.Contains("region 'us', where data of space 'ks.t' may not be", moved.Detail, StringComparison.Ordinal);
        var moves = Do(w => DirectoryCommand.WriteUpdateNode(w, new NodeInfo(new NodeId(1), Node(1, "us"))));
        Assert.Equal(DirectoryStatus.InUse, moves.Status);
    }

    [Fact]
    public void What_a_region_lacks_is_said_in_words()
    {
        Init("eu", "eu", "us", "");
        Assert.Equal(
            (DirectoryStatus.NotEnoughNodes, "3 replicas in region 'eu' need 3 nodes there, the cluster has 2"),
            Why(Eventual("s", 3, SpaceRegions.Of([new("eu", 3)], []))));
        Assert.Equal(
            (DirectoryStatus.NotEnoughNodes, "3 replicas need 3 nodes in the regions us, the cluster has 1"),
            Why(Eventual("s", 3, SpaceRegions.Of([], ["us"]))));
        Assert.Equal(DirectoryStatus.Ok, Why(Eventual("s", 1, SpaceRegions.Of([new(NodeDescription.DefaultRegion, 1)], []))).Status);
        Assert.Equal(DirectoryStatus.Invalid, Why(Eventual("r", 2, SpaceRegions.Of([new("eu", 1)], []))).Status);
        Assert.Equal(DirectoryStatus.Invalid, Why(Eventual("r", 2, SpaceRegions.Of([new("eu", 1), new("eu", 1)], []))).Status);
        Assert.Equal(DirectoryStatus.Invalid, Why(Eventual("r", 1, SpaceRegions.Of([new("eu", 1)], ["us"]))).Status);
        Assert.Equal(DirectoryStatus.Invalid, Why(Eventual("r", 1, SpaceRegions.Of([], ["", "us"]))).Status);
    }

    [Fact]
    public void A_view_with_regions_is_read_as_it_was_written()
    {
        Init("eu", "us");
        Create(Eventual("ks.t", 2, SpaceRegions.Of([new("us", 1), new("eu", 1)], ["us", "eu"])));
        var writer = new WireWriter();
        View.Encode(writer);
        Assert.True(DirectoryView.TryDecode(writer.ToArray(), out var read));
        Assert.Equal(View.Spaces.AsSpan(), read.Spaces.AsSpan());
        Assert.Equal(View.Shards.AsSpan(), read.Shards.AsSpan());
    }

    private static SpaceOptions Eventual(string name, int replicas, SpaceRegions? regions) =>
        new(name, FaultModel.Eventual, replicas, Kind: SpaceKind.Rows, Regions: regions);

    private static NodeDescription Node(int number, string region) =>
        new($"n{number}", $"n{number}:1", "", "", 1, region, "", (ulong)number);

    private string RegionOf(NodeId node) => View.Nodes.First(n => n.Id == node).Description.RegionName;

    private (DirectoryStatus Status, string? Detail) Why(SpaceOptions options)
    {
        var result = Create(options);
        return (result.Status, result.Detail);
    }

    private void Init(params string[] regions)
    {
        ImmutableArray<NodeInfo> nodes = [.. regions.Select((region, i) => new NodeInfo(new NodeId((uint)i + 1), Node(i + 1, region)))];
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteInitCluster(w, 99, nodes, [new NodeId(1)])).Status);
    }

    private DirectoryResult Create(SpaceOptions options) => Do(w => DirectoryCommand.WriteCreateSpace(w, options));

    private DirectoryResult Do(Action<WireWriter> command)
    {
        var (_, bytes) = _replica.Propose(command);
        Assert.True(DirectoryResult.TryRead(bytes, out var result));
        return result;
    }
}
