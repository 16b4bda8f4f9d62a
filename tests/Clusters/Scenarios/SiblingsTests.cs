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

/// <summary>Records of an eventual space that keeps siblings, through whatever node, with nodes away.</summary>
public sealed class SiblingsTests
{
    private readonly SimCluster _cluster = new(1, new ClusterShape());
    private readonly SpaceId _space;

    public SiblingsTests()
    {
        _cluster.Start();
        _space = _cluster.CreateSpace(new SpaceOptions("ev", FaultModel.Eventual, 3, ShardCount: 2, Conflicts: ConflictRule.Siblings));
    }

    [Fact]
    public void Concurrent_writes_are_both_there_until_somebody_who_has_read_them_writes()
    {
        Put(1, default, "one");
        Put(2, default, "two");
        var both = Get(3);
        Assert.Equal("one two", Values(both));
        Put(3, both.Context, "three");
        Assert.Equal("three", Values(Get(1)));

        // Who has read before that replaces only what was there then, which is nothing any more.
        Put(1, both.Context, "four");
        Assert.Equal("four three", Values(Get(2)));
        Put(1, Get(1).Context, null);
        var deleted = Get(2);
        Assert.Equal("", Values(deleted));
        Assert.False(deleted.Context.IsEmpty);
    }

    [Fact]
    public void A_put_and_a_delete_on_two_sides_of_a_cut_are_both_kept()
    {
        Put(1, default, "before");
        var read = Get(3);
        foreach (var node in (int[])[1, 2])
        {
            _cluster.Network.Cut(_cluster.Node(3).Id, _cluster.Node(node).Id);
        }

        _cluster.Run(Duration.FromSeconds(3));
        Put(1, read.Context, "majority");
        Put(3, read.Context, null, ConsistencyLevel.One);
        Assert.Equal("majority", Values(Get(1)));
        Assert.Equal("", Values(Get(3, ConsistencyLevel.One)));

        _cluster.Heal();
        Assert.True(_cluster.RunUntil(() => Get(3).Siblings.Count == 2 && Get(1).Siblings.Count == 2, Duration.FromSeconds(60)));
        var both = Get(2);
        Assert.Equal("majority", Values(both));
        Assert.Single(both.Siblings, static sibling => sibling.IsDeletion);
        Put(2, both.Context, "merged");
        Assert.Single(Get(1).Siblings);
    }

    [Fact]
    public void What_would_lose_writes_is_refused_with_words()
    {
        Put(1, default, "one");
        var other = Get(1, ConsistencyLevel.Quorum, "other").Context;
        Assert.True(other.IsEmpty);
        Assert.Contains("keeps siblings", Refused(RecordsRequests.Put(_space, "k", "1"u8)), StringComparison.Ordinal);
        Assert.Contains("keeps siblings", Refused(RecordsRequests.Put(_space, "k", "1"u8, HybridTime.Zero)), StringComparison.Ordinal);
        Assert.Contains("keeps siblings", Refused(RecordsRequests.Delete(_space, "k")), StringComparison.Ordinal);
        Assert.Contains("was read", Refused(RecordsRequests.PutSibling(_space, "k", default, null)), StringComparison.Ordinal);
        Assert.Contains(
            "of this record", Refused(RecordsRequests.PutSibling(_space, "other", Get(1).Context, [1])), StringComparison.Ordinal);
        var shard = _cluster.Directory.Shards.First(shard => shard.Space == _space);
        Assert.Contains(
            "watches", Refused(RecordsRequests.Changes(shard.Id, "", HybridTime.Max, Duration.Zero)), StringComparison.Ordinal);
        Assert.Contains(
            "serial", Refused(RecordsRequests.Get(_space, "k") with
            {
                Consistency = new RequestConsistency(ConsistencyLevel.Quorum, SerialLevel.Serial),
            }),
            StringComparison.Ordinal);

        var lastWrite = _cluster.CreateSpace("lww", faultModel: FaultModel.Eventual);
        Assert.Contains("no context", Refused(RecordsRequests.PutSibling(lastWrite, "k", default, [1])), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_under_all_faults_loses_no_concurrent_write()
    {
        var result = Simulation.Campaigns.SimulationRun.Run(1, Simulation.Workloads.WorkloadKind.Siblings);
        Assert.True(result.Outcome == Simulation.Campaigns.SimulationOutcome.Passed, result.Describe());
    }

    private static string Values(RecordSiblings siblings) => string.Join(
        ' ', siblings.Values.Select(static sibling => Encoding.UTF8.GetString(sibling.Value.Span)).Order(StringComparer.Ordinal));

    private static Request At(Request request, ConsistencyLevel level) => request with { Consistency = new RequestConsistency(level) };

    private Response Call(int node, Request request) =>
        _cluster.NewClient(_space).Through(_cluster.Node(node)).Client.CallAndWait(request).Response;

    private string Refused(Request request)
    {
        var response = Call(1, request);
        Assert.Equal(ResponseStatus.Invalid, response.Status);
        return response.Detail!;
    }

    private void Put(int node, ReadOnlyMemory<byte> context, string? value, ConsistencyLevel level = ConsistencyLevel.Quorum)
    {
        var bytes = value is null ? null : Encoding.UTF8.GetBytes(value);
        var response = Call(node, At(RecordsRequests.PutSibling(_space, "k", context, bytes), level));
        Assert.True(response.Status == ResponseStatus.Ok, response.Detail);
    }

    private RecordSiblings Get(int node, ConsistencyLevel level = ConsistencyLevel.Quorum, string key = "k")
    {
        var response = Call(node, At(RecordsRequests.Get(_space, key), level));
        Assert.True(response.Status == ResponseStatus.Ok, response.Detail);
        Assert.True(RecordsResultCodec.TryReadGet(response.Body, out var get));
        return get.Status == RecordsStatus.Ok && RecordSiblings.TryRead(get.Value, out var siblings) ? siblings : RecordSiblings.None;
    }
}
