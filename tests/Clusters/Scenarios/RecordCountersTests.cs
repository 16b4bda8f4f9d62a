using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>Records of an eventual space that are counters, through whatever node, with nodes away.</summary>
public sealed class RecordCountersTests
{
    private readonly SimCluster _cluster = new(1, new ClusterShape());
    private readonly SpaceId _space;

    public RecordCountersTests()
    {
        _cluster.Start();
        _space = _cluster.CreateSpace(new SpaceOptions("ev", FaultModel.Eventual, 3, ShardCount: 2, Conflicts: ConflictRule.Counters));
    }

    [Fact]
    public void What_is_added_on_both_sides_of_a_cut_adds_up()
    {
        Add(1, 5);
        Add(2, -7);
        Assert.Equal("-2", Get(3));
        foreach (var node in (int[])[1, 2])
        {
            _cluster.Network.Cut(_cluster.Node(3).Id, _cluster.Node(node).Id);
        }

        _cluster.Run(Duration.FromSeconds(3));
        Add(1, 10);
        Add(3, 100, ConsistencyLevel.One);
        Assert.Equal("8", Get(2));
        Assert.Equal("98", Get(3, ConsistencyLevel.One));
        _cluster.Heal();
        Assert.True(_cluster.RunUntil(() => Get(3) == "108" && Get(1) == "108", Duration.FromSeconds(60)));
    }

    [Fact]
    public void Anything_but_additions_is_refused_with_words()
    {
        foreach (var request in (Request[])
            [
                RecordsRequests.Put(_space, "k", "1"u8), RecordsRequests.Delete(_space, "k"),
                RecordsRequests.Put(_space, "k", "1"u8, HybridTime.Zero), RecordsRequests.PutSibling(_space, "k", default, [1]),
            ])
        {
            var refused = Call(1, request);
            Assert.Equal(ResponseStatus.Invalid, refused.Status);
            Assert.Contains("counters", refused.Detail, StringComparison.Ordinal);
        }

        var lastWrite = _cluster.CreateSpace("lww", faultModel: FaultModel.Eventual);
        Assert.Equal(ResponseStatus.Invalid, Call(1, RecordsRequests.Add(lastWrite, "k", 1)).Status);
        var strong = _cluster.CreateSpace("strong");
        Assert.Equal(ResponseStatus.Invalid, Call(1, RecordsRequests.Add(strong, "k", 1)).Status);
    }

    private Response Call(int node, Request request) =>
        _cluster.NewClient(_space).Through(_cluster.Node(node)).Client.CallAndWait(request).Response;

    private void Add(int node, long delta, ConsistencyLevel level = ConsistencyLevel.Quorum)
    {
        var response = Call(node, RecordsRequests.Add(_space, "k", delta) with { Consistency = new RequestConsistency(level) });
        Assert.True(response.Status == ResponseStatus.Ok, response.Detail);
    }

    private string Get(int node, ConsistencyLevel level = ConsistencyLevel.Quorum)
    {
        var response = Call(node, RecordsRequests.Get(_space, "k") with { Consistency = new RequestConsistency(level) });
        Assert.True(response.Status == ResponseStatus.Ok, response.Detail);
        Assert.True(RecordsResultCodec.TryReadGet(response.Body, out var get));
        return Encoding.ASCII.GetString(get.Value.Span);
    }
}
