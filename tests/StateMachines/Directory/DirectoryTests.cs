using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Directory;
using Xunit;

namespace Atoll.StateMachines.Tests.Directory;

public sealed class DirectoryTests
{
    private readonly Replica _replica = new(new DirectoryStateMachine());

    private DirectoryView View => ((DirectoryStateMachine)_replica.State.Machine).View;

    [Fact]
    public void Nothing_can_be_done_before_the_cluster_has_a_name_and_it_gets_only_one()
    {
        Assert.Equal(DirectoryStatus.NotInitialized, Create(new SpaceOptions("s")).Status);
        Assert.Equal(DirectoryStatus.Ok, Init(3).Status);
        Assert.Equal((3, 99UL), (View.Nodes.Length, View.ClusterId));
        Assert.True(View.TryGetShard(ShardId.Directory, out var directory));
        Assert.Equal([1U, 2U, 3U], directory.Replicas.Select(r => r.Value));
        var version = View.Version;
        Assert.Equal(DirectoryStatus.Ok, Init(3).Status);
        Assert.Equal(version, View.Version);
        Assert.Equal(DirectoryStatus.AlreadyExists, Init(3, clusterId: 98).Status);
    }

    [Fact]
    public void A_first_node_without_sense_is_refused_with_the_reason()
    {
        NodeInfo[] twice = [new(new NodeId(1), Node(1)), new(new NodeId(1), Node(2))];
        Assert.Contains("given twice", Refusal(twice, 1), StringComparison.Ordinal);
        NodeInfo[] same = [new(new NodeId(1), Node(1)), new(new NodeId(2), Node(1))];
        Assert.Contains("same name", Refusal(same, 1), StringComparison.Ordinal);
        NodeInfo[] good = [new(new NodeId(1), Node(1))];
        Assert.Contains("no node 2", Refusal(good, 2), StringComparison.Ordinal);
        Assert.Equal(DirectoryStatus.Invalid, Do(w => DirectoryCommand.WriteInitCluster(w, 9, good, [])).Status);
    }

    [Fact]
    public void A_node_gets_a_number_once_and_keeps_it_when_it_comes_back()
    {
        Init(1);
        var joined = Do(w => DirectoryCommand.WriteRegisterNode(w, Node(50)));
        Assert.Equal((DirectoryStatus.Ok, 2UL), (joined.Status, joined.Id));
        var moved = Node(50) with { PeerAddress = "elsewhere:1" };
        Assert.Equal(2UL, Do(w => DirectoryCommand.WriteRegisterNode(w, moved)).Id);
        Assert.True(View.TryGetNode(new NodeId(2), out var node));
        Assert.Equal("elsewhere:1", node.PeerAddress);
        var impostor = Node(50) with { Incarnation = 777 };
        Assert.Equal(DirectoryStatus.AlreadyExists, Do(w => DirectoryCommand.WriteRegisterNode(w, impostor)).Status);
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteRemoveNode(w, new NodeId(2))).Status);
        Assert.Equal(3UL, Do(w => DirectoryCommand.WriteRegisterNode(w, Node(50))).Id);
        Assert.Equal(DirectoryStatus.NotFound, Do(w => DirectoryCommand.WriteRemoveNode(w, new NodeId(2))).Status);
        Assert.Equal(DirectoryStatus.InUse, Do(w => DirectoryCommand.WriteRemoveNode(w, new NodeId(1))).Status);
        Assert.Equal(DirectoryStatus.Invalid, Do(w => DirectoryCommand.WriteRegisterNode(w, Node(9) with { PeerAddress = "" })).Status);
        Assert.Equal(DirectoryStatus.Invalid, Do(w => DirectoryCommand.WriteRegisterNode(w, Node(9) with { Loops = 65 })).Status);
        var update = Do(w => DirectoryCommand.WriteUpdateNode(w, new NodeInfo(new NodeId(3), Node(50) with { Zone = "z" })));
        Assert.Equal(DirectoryStatus.Ok, update.Status);
        Assert.Equal(
            DirectoryStatus.AlreadyExists,
            Do(w => DirectoryCommand.WriteUpdateNode(w, new NodeInfo(new NodeId(3), Node(50) with { Incarnation = 5 }))).Status);
    }

    [Fact]
    public void A_space_is_created_once_and_its_shards_cover_every_hash()
    {
        Init(3);
        var created = Create(new SpaceOptions("سلام", Replicas: 3, ShardCount: 7));
        Assert.Equal(DirectoryStatus.Ok, created.Status);
        var again = Create(new SpaceOptions("سلام", Replicas: 3, ShardCount: 7));
        Assert.Equal((DirectoryStatus.Ok, created.Id, created.Version), (again.Status, again.Id, again.Version));
        Assert.Equal(DirectoryStatus.AlreadyExists, Create(new SpaceOptions("سلام", Replicas: 3, ShardCount: 8)).Status);
        Assert.True(View.TryGetSpace("سلام", out var space));
        var shards = View.ShardsOf(space.Id).ToArray();
        Assert.Equal(7, shards.Length);
        foreach (var shard in shards)
        {
            foreach (var hash in new[] { shard.HashLow, shard.HashHigh, shard.HashLow + ((shard.HashHigh - shard.HashLow) / 2) })
            {
                Assert.True(View.TryGetShard(space.Id, hash, out var found));
                Assert.Equal(shard.Id, found.Id);
            }
        }

        Assert.False(View.TryGetShard(new SpaceId(77), 5, out _));
        Assert.True(View.ShardsOf(new SpaceId(77)).IsEmpty);
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteDropSpace(w, space.Id)).Status);
        Assert.False(View.TryGetSpace("سلام", out _));
        Assert.Single(View.Shards);
        var anew = Create(new SpaceOptions("سلام", Replicas: 3, ShardCount: 7));
        Assert.True(anew.Id > created.Id);
        Assert.True(View.ShardsOf(new SpaceId(anew.Id))[0].Id > shards[^1].Id);
    }

    [Theory]
    [InlineData("", FaultModel.Strong, 3, Partitioning.Hash, 1, DirectoryStatus.Invalid, "empty")]
    [InlineData("a\tb", FaultModel.Strong, 3, Partitioning.Hash, 1, DirectoryStatus.Invalid, "control")]
    [InlineData("a", FaultModel.Strong, 4, Partitioning.Hash, 1, DirectoryStatus.Invalid, "1, 3, 5 or 7 replicas, not 4")]
    [InlineData("a", FaultModel.Strong, 9, Partitioning.Hash, 1, DirectoryStatus.Invalid, "1, 3, 5 or 7")]
    [InlineData("a", FaultModel.Strong, 3, Partitioning.Hash, 0, DirectoryStatus.Invalid, "1 to 1024 shards, not 0")]
    [InlineData("a", FaultModel.Strong, 3, Partitioning.Hash, 1025, DirectoryStatus.Invalid, "not 1025")]
    [InlineData("a", FaultModel.Strong, 5, Partitioning.Hash, 1, DirectoryStatus.NotEnoughNodes, "need 5 nodes, the cluster has 3")]
    [InlineData("a", FaultModel.Eventual, 16, Partitioning.Hash, 1, DirectoryStatus.Invalid, "1 to 15 replicas, not 16")]
    [InlineData("a", FaultModel.Eventual, 0, Partitioning.Hash, 1, DirectoryStatus.Invalid, "1 to 15 replicas, not 0")]
    [InlineData("a", FaultModel.Byzantine, 3, Partitioning.Hash, 1, DirectoryStatus.NotAvailable, "'byzantine' is not available")]
    [InlineData("a", FaultModel.Strong, 3, Partitioning.Range, 1, DirectoryStatus.NotAvailable, "range is not available in this version")]
    [InlineData("a", (FaultModel)9, 3, Partitioning.Hash, 1, DirectoryStatus.Invalid, "unknown")]
    public void Options_that_cannot_be_are_refused_in_words(
        string name, FaultModel model, int replicas, Partitioning partitioning, int shards, DirectoryStatus status, string words)
    {
        Init(3);
        var version = View.Version;
        var result = Create(new SpaceOptions(name, model, replicas, partitioning, shards));
        Assert.Equal(status, result.Status);
        Assert.Contains(words, result.Detail, StringComparison.Ordinal);
        Assert.Equal((version, version), (result.Version, View.Version));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void An_eventual_space_of_rows_has_any_number_of_replicas(int replicas)
    {
        Init(4);
        var options = new SpaceOptions("ks.t", FaultModel.Eventual, replicas, Partitioning.Hash, 5, SpaceKind.Rows);
        var created = Create(options);
        Assert.Equal(DirectoryStatus.Ok, created.Status);
        Assert.True(View.TryGetSpace(new SpaceId(created.Id), out var space));
        Assert.Equal(options, space.Options);
        Assert.All(View.ShardsOf(space.Id).ToArray(), shard => Assert.Equal(replicas, shard.Replicas.Distinct().Count()));
        Assert.Equal(
            DirectoryStatus.NotAvailable, Create(options with { Name = "ks.u", Partitioning = Partitioning.Range }).Status);
        Assert.Equal(DirectoryStatus.AlreadyExists, Create(options with { FaultModel = FaultModel.Strong, Replicas = 3 }).Status);
    }

    [Fact]
    public void A_stream_gets_more_shards_behind_those_that_it_has_which_stay_what_they_are()
    {
        Init(3);
        Create(new SpaceOptions("other", ShardCount: 2));
        var stream = new SpaceId(Create(new SpaceOptions("t", ShardCount: 2, Kind: SpaceKind.Streams)).Id);
        Create(new SpaceOptions("last", ShardCount: 2));
        var others = View.Shards.Where(shard => shard.Space != stream).ToArray();
        foreach (var (from, to) in new[] { (2, 3), (3, 4), (4, 100), (100, 1024) })
        {
            var before = View.ShardsOf(stream).ToArray();
            var grown = Grow(stream, from, to);
            Assert.Equal((DirectoryStatus.Ok, stream.Value), (grown.Status, grown.Id));
            var after = View.ShardsOf(stream).ToArray();
            Assert.Equal(to, after.Length);
            Assert.True(View.TryGetSpace(stream, out var space) && space.Options.ShardCount == to);
            for (var i = 0; i < to; i++)
            {
                var known = i < from ? before[i] : null;
                Assert.True(known is null ? after[i].Id > before[^1].Id && after[i].Generation == 1
                    : after[i] == known with
                    {
                        HashLow = after[i].HashLow, HashHigh = after[i].HashHigh, Generation = known.Generation + 1,
                    });
            }

            Assert.True(View.IsConsistent());
            Assert.Equal(View.Version, Grow(stream, from, to).Version); // the same again
        }

        Assert.Equal(others, View.Shards.Where(shard => shard.Space != stream));
    }

    [Theory]
    [InlineData(2, 1, DirectoryStatus.Invalid, "more shards, not fewer")]
    [InlineData(2, 1025, DirectoryStatus.Invalid, "not 1025")]
    [InlineData(3, 5, DirectoryStatus.Conflict, "has 2 shards, not 3")]
    [InlineData(1, 5, DirectoryStatus.Conflict, "has 2 shards, not 1")]
    [InlineData(9, 2, DirectoryStatus.Ok, null)]
    public void A_stream_that_cannot_grow_so_stays_as_it_is(int from, int to, DirectoryStatus status, string? words)
    {
        Init(3);
        var stream = new SpaceId(Create(new SpaceOptions("t", ShardCount: 2, Kind: SpaceKind.Streams)).Id);
        var table = new SpaceId(Create(new SpaceOptions("s", ShardCount: 2)).Id);
        var view = View;
        var result = Grow(stream, from, to);
        Assert.Equal(status, result.Status);
        Assert.Contains(words ?? "", result.Detail ?? "", StringComparison.Ordinal);
        Assert.Contains("only streams", Grow(table, 2, 3).Detail, StringComparison.Ordinal);
        Assert.Equal(DirectoryStatus.NotFound, Grow(new SpaceId(77), 2, 3).Status);
        Assert.Same(view, View);
    }

    [Fact]
    public void A_name_is_bounded_in_bytes_not_in_letters()
    {
        Init(1);
        Assert.Equal(DirectoryStatus.Ok, Create(new SpaceOptions(new string('س', 127), Replicas: 1)).Status);
        Assert.Contains("has 256", Create(new SpaceOptions(new string('س', 128), Replicas: 1)).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Replicas_and_preferred_leaders_can_be_set_and_only_to_what_exists()
    {
        Init(4);
        Create(new SpaceOptions("s"));
        var shard = View.Shards[^1];
        ImmutableArray<NodeId> moved = [new(4), new(3), new(1)];
        Assert.Equal(DirectoryStatus.Conflict, Do(w => DirectoryCommand.WriteSetReplicas(w, shard.Id, moved, 9)).Status);
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteSetReplicas(w, shard.Id, moved, 1)).Status);
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteSetReplicas(w, shard.Id, moved, 1)).Status);
        Assert.Equal((2UL, new NodeId(4)), (View.Shards[^1].Generation, View.Shards[^1].PreferredLeader));
        Assert.Equal(DirectoryStatus.Invalid, Do(w => DirectoryCommand.WriteSetReplicas(w, shard.Id, [new(4), new(4)])).Status);
        Assert.Equal(DirectoryStatus.Invalid, Do(w => DirectoryCommand.WriteSetReplicas(w, shard.Id, [new(9)])).Status);
        Assert.Equal(DirectoryStatus.Invalid, Do(w => DirectoryCommand.WriteSetReplicas(w, shard.Id, [])).Status);
        Assert.Equal(DirectoryStatus.NotFound, Do(w => DirectoryCommand.WriteSetReplicas(w, new ShardId(99), moved)).Status);
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteSetPreferredLeader(w, shard.Id, new NodeId(1))).Status);
        Assert.Equal([1U, 4U, 3U], View.Shards[^1].Replicas.Select(r => r.Value));
        Assert.Equal(2UL, View.Shards[^1].Generation);
        Assert.Equal(DirectoryStatus.Invalid, Do(w => DirectoryCommand.WriteSetPreferredLeader(w, shard.Id, new NodeId(2))).Status);
        Assert.Equal(DirectoryStatus.Ok, Do(w => DirectoryCommand.WriteSetReplicas(w, ShardId.Directory, [new(2)])).Status);
    }

    [Fact]
    public void A_view_is_asked_for_by_the_version_one_has()
    {
        Init(3);
        Create(new SpaceOptions("s", ShardCount: 5));
        var answer = _replica.Read(w => DirectoryQuery.WriteView(w, HybridTime.Zero));
        Assert.True(DirectoryQuery.TryReadAnswer(answer, out var view));
        Assert.Equal(View.Version, view!.Version);
        Assert.Equal(View.Nodes, view.Nodes);
        Assert.Equal(View.Spaces, view.Spaces);
        Assert.Equal(View.Shards, view.Shards);
        var unchanged = _replica.Read(w => DirectoryQuery.WriteView(w, view.Version));
        Assert.True(DirectoryQuery.TryReadAnswer(unchanged, out var none));
        Assert.Null(none);
        Assert.False(DirectoryQuery.TryReadAnswer(_replica.Read(w => w.WriteByte(9)), out _));
    }

    [Theory]
    [InlineData(1, 1, 9, 0)]
    [InlineData(3, 3, 16, 0)]
    [InlineData(5, 3, 100, 0)]
    [InlineData(7, 5, 64, 0)]
    [InlineData(9, 3, 60, 3)]
    [InlineData(10, 3, 64, 3)]
    [InlineData(12, 5, 33, 4)]
    public void Replicas_and_leaders_are_spread_evenly_over_nodes_and_zones(int nodes, int replicas, int shards, int zones)
    {
        Init(nodes, zones: zones);
        Create(new SpaceOptions("one", Replicas: replicas, ShardCount: shards));
        for (var i = 0; i < nodes; i++)
        {
            Create(new SpaceOptions($"small {i}", Replicas: replicas));
        }

        var held = new int[nodes + 1];
        var led = new int[nodes + 1];
        foreach (var shard in View.Shards.Skip(1))
        {
            Assert.Equal(replicas, shard.Replicas.Distinct().Count());
            led[shard.PreferredLeader.Value]++;
            var zonesUsed = shard.Replicas.GroupBy(r => ZoneOf(r, zones)).Select(g => g.Count()).ToArray();
            Assert.True(zones == 0 || zonesUsed.Max() - (zonesUsed.Length < Math.Min(zones, replicas) ? 0 : zonesUsed.Min()) <= 1);
            Assert.True(zones == 0 || zonesUsed.Length == Math.Min(zones, replicas));
            foreach (var replica in shard.Replicas)
            {
                held[replica.Value]++;
            }
        }

        Assert.True(led[1..].Max() - led[1..].Min() <= 1 + 1, string.Join(' ', led[1..]));
        if (zones == 0 || nodes % zones == 0)
        {
            Assert.True(held[1..].Max() - held[1..].Min() <= replicas, string.Join(' ', held[1..]));
        }
    }

    [Fact]
    public void Over_random_commands_the_directory_stays_whole_and_replays_to_the_same()
    {
        for (ulong seed = 0; seed < 10; seed++)
        {
            var random = new Prng(seed);
            var replica = new Replica(new DirectoryStateMachine());
            var machine = (DirectoryStateMachine)replica.State.Machine;
            replica.Propose(w => WriteInit(w, 3, 99, 2));
            for (var step = 0; step < 300; step++)
            {
                replica.Propose(w => WriteRandom(w, random));
                Assert.True(machine.View.IsConsistent());
            }

            var second = new Replica(new DirectoryStateMachine());
            replica.Log.ForEach(entry => second.Apply(entry));
            Assert.Equal(replica.State.StateHash(), second.State.StateHash());

            var third = new Replica(new DirectoryStateMachine());
            var target = third.State.BeginRestore(replica.State.AppliedIndex);
            Assert.True(target.Accept(replica.Snapshot()), target.Error);
            Assert.True(target.IsFinished(), target.Error);
            Assert.Equal(replica.State.StateHash(), third.State.StateHash());
        }
    }

    private static void WriteRandom(WireWriter writer, Prng random)
    {
        var node = new NodeId((uint)random.NextInt(1, 9));
        var shard = new ShardId((ulong)random.NextInt(1, 30));
        switch (random.NextInt(0, 7))
        {
            case 0:
                DirectoryCommand.WriteRegisterNode(writer, Node(random.NextInt(1, 8)));
                break;
            case 1:
                var moved = Node((int)node.Value) with { Zone = $"z{random.NextInt(0, 3)}" };
                DirectoryCommand.WriteUpdateNode(writer, new NodeInfo(node, moved));
                break;
            case 2:
                DirectoryCommand.WriteRemoveNode(writer, node);
                break;
            case 3:
                var name = $"s{random.NextInt(0, 9)}";
                DirectoryCommand.WriteCreateSpace(
                    writer,
                    new SpaceOptions(
                        name, Replicas: random.Pick([1, 3, 5]), ShardCount: random.NextInt(1, 6),
                        Kind: random.Pick([SpaceKind.Records, SpaceKind.Streams])));
                break;
            case 4:
                DirectoryCommand.WriteDropSpace(writer, new SpaceId((ulong)random.NextInt(1, 20)));
                break;
            case 5:
                var from = random.NextInt(1, 12);
                DirectoryCommand.WriteGrowSpace(writer, new SpaceId((ulong)random.NextInt(1, 20)), from, from + random.NextInt(0, 6));
                break;
            case 6:
                DirectoryCommand.WriteSetReplicas(writer, shard, [node, new NodeId((uint)random.NextInt(1, 9))]);
                break;
            default:
                DirectoryCommand.WriteSetPreferredLeader(writer, shard, node);
                break;
        }
    }

    private static int ZoneOf(NodeId node, int zones) => zones == 0 ? 0 : (int)node.Value % zones;

    private static NodeDescription Node(int number, int zones = 0) => new(
        $"node {number}",
        $"host{number}:7000",
        $"host{number}:7001",
        "",
        2,
        "",
        zones == 0 ? "" : $"zone {number % zones}",
        1_000UL + (ulong)number);

    private static void WriteInit(WireWriter writer, int nodes, ulong clusterId, int zones) => DirectoryCommand.WriteInitCluster(
        writer,
        clusterId,
        [.. Enumerable.Range(1, nodes).Select(i => new NodeInfo(new NodeId((uint)i), Node(i, zones)))],
        [.. Enumerable.Range(1, Math.Min(3, nodes)).Select(i => new NodeId((uint)i))]);

    private DirectoryResult Init(int nodes, ulong clusterId = 99, int zones = 0) => Do(w => WriteInit(w, nodes, clusterId, zones));

    private string? Refusal(NodeInfo[] nodes, uint replica) =>
        Do(w => DirectoryCommand.WriteInitCluster(w, 9, nodes, [new NodeId(replica)])).Detail;

    private DirectoryResult Grow(SpaceId space, int from, int to) => Do(w => DirectoryCommand.WriteGrowSpace(w, space, from, to));

    private DirectoryResult Create(SpaceOptions options) => Do(w => DirectoryCommand.WriteCreateSpace(w, options));

    private DirectoryResult Do(Action<WireWriter> command)
    {
        var (status, bytes) = _replica.Propose(command);
        Assert.Equal(ApplyStatus.Applied, status);
        Assert.True(DirectoryResult.TryRead(bytes, out var result));
        Assert.Equal(View.Version, result.Version);
        return result;
    }
}
