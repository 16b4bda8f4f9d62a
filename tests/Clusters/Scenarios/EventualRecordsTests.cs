using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>Records of an eventual space, through whatever node, with nodes away.</summary>
public sealed class EventualRecordsTests
{
    private readonly SimCluster _cluster = new(1, new ClusterShape());
    private readonly SpaceId _space;

    public EventualRecordsTests()
    {
        _cluster.Start();
        _space = _cluster.CreateSpace("ev", shards: 2, faultModel: FaultModel.Eventual);
    }

    [Fact]
    public void What_is_written_through_one_node_is_read_through_another()
    {
        var (one, other) = (Through(1), Through(3));
        var version = one.Put("k", "1");
        Assert.Equal(("1", version), other.GetWithVersion("k"));
        Assert.True(other.Put("k", "2") > version);
        Assert.Equal("2", one.Get("k"));
        Assert.True(one.Delete("k"));
        Assert.Null(other.Get("k"));
    }

    [Fact]
    public void A_compare_and_set_needs_the_version_that_is_there()
    {
        var (one, other) = (Through(1), Through(2));
        Assert.True(one.CompareAndSet("k", HybridTime.Zero, "1"));
        Assert.False(other.CompareAndSet("k", HybridTime.Zero, "2"));
        var (value, version) = other.GetWithVersion("k")!.Value;
        Assert.Equal("1", value);
        Assert.True(other.CompareAndSet("k", version, "2"));
        Assert.False(one.CompareAndSet("k", version, "3"));
        Assert.Equal("2", one.Get("k"));
    }

    [Fact]
    public void Both_sides_of_a_cut_go_on_and_are_one_again_afterwards()
    {
        var away = _cluster.Node(3);
        Through(1).Put("before", "1");
        foreach (var node in _cluster.Nodes.Where(node => node != away))
        {
            _cluster.Network.Cut(away.Id, node.Id);
        }

        _cluster.Run(Duration.FromSeconds(3));
        Through(1).Put("majority", "1");
        Write(3, RecordsRequests.Put(_space, "minority", "1"u8), ConsistencyLevel.One);
        Assert.Equal("1", Through(3).Get("before", ReadLevel.Any));
        var refused = Through(3).Client.CallAndWait(RecordsRequests.Put(_space, "refused", "1"u8)).Response;
        Assert.Equal(ResponseStatus.Unavailable, refused.Status);
        Assert.Equal((1, 2), (refused.Shortfall!.Value.Received, refused.Shortfall.Value.Required));

        _cluster.Heal();
        Assert.True(_cluster.RunUntil(
            () => Through(1).Get("minority") == "1" && Through(3).Get("majority", ReadLevel.Any) == "1", Duration.FromSeconds(60)));
    }

    [Fact]
    public void A_batch_without_conditions_is_taken_and_one_with_conditions_on_two_keys_is_refused()
    {
        var shard = _cluster.Directory.Shards.First(shard => shard.Space == _space);
        var keys = Enumerable.Range(0, 100).Select(i => $"k{i}")
            .Where(key => shard.Holds(Foundation.Bytes.StableHash.Compute(System.Text.Encoding.UTF8.GetBytes(key)))).Take(2)
            .Select(static key => new ReadOnlyMemory<byte>(System.Text.Encoding.UTF8.GetBytes(key))).ToArray();
        var client = Through(2).Client;
        var done = client.CallAndWait(RecordsRequests.Batch(
            _space, [RecordOperation.Put(keys[0], keys[0]), RecordOperation.Put(keys[1], keys[1])])).Response;
        Assert.Equal(ResponseStatus.Ok, done.Status);
        var refused = client.CallAndWait(RecordsRequests.Batch(
            _space, [RecordOperation.Check(keys[0], HybridTime.Zero), RecordOperation.Put(keys[1], keys[1])])).Response;
        Assert.Equal(ResponseStatus.Invalid, refused.Status);
        Assert.Contains("one key", refused.Detail, StringComparison.Ordinal);
        var rows = client.CallAndWait(RecordsRequests.ScanPrefix(shard.Id, "k")).Response;
        Assert.True(RecordsResultCodec.TryReadScan(rows.Body, out var page));
        Assert.Equal(2, page.Rows.Count);
    }

    [Fact]
    public void A_watch_goes_on_with_another_replica_when_the_one_it_follows_stops()
    {
        var shard = _cluster.Directory.Shards.First(shard => shard.Space == _space);
        var key = Enumerable.Range(0, 100).Select(i => $"k{i}")
            .First(key => shard.Holds(Foundation.Bytes.StableHash.Compute(System.Text.Encoding.UTF8.GetBytes(key))));
        var watch = new ChangesQuery(default, HybridTime.Max);
        Assert.Empty(Ask(1).Changes);
        Through(2).Put(key, "1");
        Assert.Equal("1", Values(Ask(1)));
        _cluster.Node(1).LosePower(Simulation.Disks.PowerLossStyle.KeepNothing);
        Through(2).Put(key, "2");
        Assert.Equal("2", Values(Ask(3)).Split(' ')[^1]);
        _cluster.Node(1).Start();
        Assert.True(_cluster.RunUntil(() => _cluster.Node(1).IsReady, Duration.FromSeconds(30)));
        Through(2).Put(key, "3");
        Assert.Equal("3", Values(Ask(1)).Split(' ')[^1]);

        ChangesPage Ask(int node)
        {
            var writer = new Foundation.Bytes.WireWriter();
            RecordsQuery.WriteChanges(writer, watch);
            var request = new Request
            {
                Kind = RequestKind.Read, Shard = shard.Id, Payload = writer.ToArray(), Linger = Duration.FromSeconds(1),
            };
            var client = Through(node).Client;
            client.Patience = Duration.FromSeconds(30);
            var answer = client.CallAndWait(request).Response;
            Assert.Equal(ResponseStatus.Ok, answer.Status);
            Assert.True(RecordsResultCodec.TryReadChanges(answer.Body, out var page));
            Assert.Equal(RecordsStatus.Ok, page.Status);
            watch = watch with { After = page.Through, Cursor = page.Cursor.ToArray() };
            return page;
        }

        static string Values(ChangesPage page) =>
            string.Join(' ', page.Changes.Select(static change => System.Text.Encoding.UTF8.GetString(change.Value.Span)));
    }

    [Fact]
    public void A_run_under_all_faults_keeps_what_was_promised()
    {
        var result = Simulation.Campaigns.SimulationRun.Run(1, Simulation.Workloads.WorkloadKind.EventualRecords);
        Assert.True(result.Outcome == Simulation.Campaigns.SimulationOutcome.Passed, result.Describe());
    }

    private ScenarioClient Through(int node) => _cluster.NewClient(_space).Through(_cluster.Node(node));

    private void Write(int node, Request request, ConsistencyLevel level)
    {
        var result = Through(node).Client.CallAndWait(request with { Consistency = new RequestConsistency(level) });
        Assert.Equal(ResponseStatus.Ok, result.Response.Status);
    }
}
