using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Simulation.Campaigns;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.Workloads;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;
using Xunit;

namespace Atoll.Clusters.Tests.Scenarios;

/// <summary>Records of an eventual space that are sets or maps, through whatever node, with nodes away.</summary>
public sealed class RecordElementsTests
{
    private readonly SimCluster _cluster = new(1, new ClusterShape());
    private readonly SpaceId _sets;
    private readonly SpaceId _maps;

    public RecordElementsTests()
    {
        _cluster.Start();
        _sets = _cluster.CreateSpace(new SpaceOptions("sets", FaultModel.Eventual, 3, ShardCount: 2, Conflicts: ConflictRule.Sets));
        _maps = _cluster.CreateSpace(new SpaceOptions("maps", FaultModel.Eventual, 3, ShardCount: 2, Conflicts: ConflictRule.Maps));
    }

    [Fact]
    public void What_is_put_on_both_sides_of_a_cut_is_all_there_and_what_one_removed_stays_away()
    {
        Change(1, _maps, Put("a", "1"), Put("b", "2"), Put("c", "3"));
        CutThirdOff();
        Change(1, _maps, Put("a", "11"), Put("d", "4"));
        Change(3, _maps, ConsistencyLevel.One, Remove("b"), Put("e", "5"));
        Assert.Equal("a=11 b=2 c=3 d=4", Get(2, _maps));
        Assert.Equal("a=1 c=3 e=5", Get(3, _maps, ConsistencyLevel.One));
        _cluster.Heal();
        Assert.True(_cluster.RunUntil(
            () => Get(3, _maps, ConsistencyLevel.One) == "a=11 c=3 d=4 e=5" && Get(1, _maps, ConsistencyLevel.One) == "a=11 c=3 d=4 e=5",
            Duration.FromSeconds(60)));
        _cluster.Run(Duration.FromSeconds(120)); // what was removed is forgotten meanwhile
        Assert.Equal("a=11 c=3 d=4 e=5", Get(2, _maps, ConsistencyLevel.All));
    }

    [Fact]
    public void A_deleted_record_takes_only_what_was_there_when_it_was_deleted()
    {
        Change(1, _sets, Put("a"), Put("b"));
        CutThirdOff();
        Assert.Equal(ResponseStatus.Ok, Call(1, RecordsRequests.Delete(_sets, "k")).Status);
        _cluster.Run(Duration.FromSeconds(1));
        Change(3, _sets, ConsistencyLevel.One, Put("c"));
        _cluster.Heal();
        Assert.True(_cluster.RunUntil(() => Get(1, _sets, ConsistencyLevel.One) == "c", Duration.FromSeconds(60)));
        Change(2, _sets, Remove("c"), Remove("z"));
        Assert.Equal("", Get(3, _sets));
    }

    [Fact]
    public void Anything_but_changes_of_elements_is_refused_with_words()
    {
        foreach (var (space, word) in (IEnumerable<(SpaceId, string)>)[(_sets, "sets"), (_maps, "maps")])
        {
            foreach (var request in (Request[])
                [
                    RecordsRequests.Put(space, "k", "1"u8), RecordsRequests.Put(space, "k", "1"u8, HybridTime.Zero),
                    RecordsRequests.Delete(space, "k", HybridTime.Zero), RecordsRequests.PutSibling(space, "k", default, [1]),
                    RecordsRequests.Add(space, "k", 1),
                ])
            {
                Assert.Contains(word, Refused(request), StringComparison.Ordinal);
            }
        }

        Assert.Contains("no values", Refused(RecordsRequests.Change(_sets, "k", Put("a", "1"))), StringComparison.Ordinal);
        foreach (var disordered in (ElementChange[][])[[], [Put("b"), Put("a")], [Put("a"), Remove("a")]])
        {
            Assert.Contains("no", Refused(RecordsRequests.Change(_sets, "k", disordered)), StringComparison.Ordinal);
        }

        var long_ = Call(1, RecordsRequests.Change(_sets, "k", Put(new string('a', 5_000))));
        Assert.Equal(ResponseStatus.TooLarge, long_.Status);
        Refused(RecordsRequests.Change(_cluster.CreateSpace("lww", faultModel: FaultModel.Eventual), "k", Put("a")));
        Refused(RecordsRequests.Change(_cluster.CreateSpace("strong"), "k", Put("a")));
    }

    [Fact]
    public void A_run_under_all_faults_loses_no_element()
    {
        var result = SimulationRun.Run(1, WorkloadKind.Elements);
        Assert.True(result.Outcome == SimulationOutcome.Passed, result.Describe());
    }

    private static ElementChange Put(string name, string value = "") =>
        ElementChange.Put(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));

    private static ElementChange Remove(string name) => ElementChange.Remove(Encoding.UTF8.GetBytes(name));

    private void CutThirdOff()
    {
        foreach (var node in (int[])[1, 2])
        {
            _cluster.Network.Cut(_cluster.Node(3).Id, _cluster.Node(node).Id);
        }

        _cluster.Run(Duration.FromSeconds(3));
    }

    private Response Call(int node, Request request) =>
        _cluster.NewClient(_sets).Through(_cluster.Node(node)).Client.CallAndWait(request).Response;

    private string Refused(Request request)
    {
        var response = Call(1, request);
        Assert.Equal(ResponseStatus.Invalid, response.Status);
        return response.Detail!;
    }

    private void Change(int node, SpaceId space, params ElementChange[] changes) =>
        Change(node, space, ConsistencyLevel.Quorum, changes);

    private void Change(int node, SpaceId space, ConsistencyLevel level, params ElementChange[] changes)
    {
        var response = Call(node, RecordsRequests.Change(space, "k", changes) with { Consistency = new RequestConsistency(level) });
        Assert.True(response.Status == ResponseStatus.Ok, response.Detail);
    }

    private string Get(int node, SpaceId space, ConsistencyLevel level = ConsistencyLevel.Quorum)
    {
        var response = Call(node, RecordsRequests.Get(space, "k") with { Consistency = new RequestConsistency(level) });
        Assert.True(response.Status == ResponseStatus.Ok, response.Detail);
        Assert.True(RecordsResultCodec.TryReadGet(response.Body, out var get));
        if (get.Status == RecordsStatus.NotFound)
        {
            return "";
        }

        Assert.True(RecordElements.TryRead(get.Value, out var elements));
        return string.Join(' ', elements.Select(static element => element.Value.IsEmpty
            ? Encoding.UTF8.GetString(element.Name.Span)
            : $"{Encoding.UTF8.GetString(element.Name.Span)}={Encoding.UTF8.GetString(element.Value.Span)}"));
    }
}
