using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Groups.Assigned;
using Xunit;

namespace Atoll.StateMachines.Tests.Groups;

/// <summary>Groups whose coordinator shares out the partitions: what heartbeats come to, one after the other.</summary>
public sealed class AssignedGroupTests
{
    private static readonly Guid Orders = new("0b0f4d3e-0000-4000-8000-000000000001");
    private static readonly Guid Bills = new("0b0f4d3e-0000-4000-8000-000000000002");

    private readonly GroupReplica _groups = new();
    private readonly SortedDictionary<string, TopicShape> _topics = new(StringComparer.Ordinal) { ["orders"] = new TopicShape(Orders, 6) };
    private ulong _version = 10;

    [Fact]
    public void Who_joins_gets_everything_and_a_second_member_gets_its_half_when_the_first_has_let_go()
    {
        var first = Join("a");
        Assert.Equal((1, 6), (first.Epoch, first.Assigned!.Count));

        var second = Join("b");
        Assert.Equal((2, 0), (second.Epoch, second.Assigned!.Count));

        // The first is told to let go, and keeps its epoch until it says that it did.
        var told = Beat("a", 1, first.Assigned);
        Assert.Equal((1, 3), (told.Epoch, told.Assigned!.Count));
        Assert.Null(Beat("b", 2, null).Assigned);
        Assert.Null(Beat("a", 1, first.Assigned).Assigned);
        Assert.Null(Beat("b", 2, null).Assigned);
        Assert.Equal(2, Beat("a", 1, told.Assigned).Epoch);

        var given = Beat("b", 2, null).Assigned!;
        Assert.Equal(3, given.Count);
        Assert.Empty(given.Intersect(told.Assigned));
        Assert.True(_groups.Group("g").Assigned!.IsSettled);
    }

    [Fact]
    public void A_heartbeat_that_changes_nothing_is_no_command()
    {
        var joined = Join("a");
        var asked = Ask(new ConsumerHeartbeat("g", "a", 1));
        Assert.Equal((GroupStatus.Ok, 1, false), (asked.Status, asked.Epoch, asked.ChangesSomething));
        Assert.Null(asked.Assigned);
        Assert.Equal(["orders"], asked.Names);
        Assert.Equal(Facts(), asked.Known with { Version = _version }, FactsAreSame);
        Assert.True(Ask(new ConsumerHeartbeat("g", "b", 0) { Names = ["orders"], Owned = [], RebalanceMilliseconds = 1 }).ChangesSomething);
        Assert.Null(_groups.Group("g").Assigned!.Members.GetValueOrDefault("b"));
        Assert.NotNull(Ask(Full("a", 1, joined.Assigned)).Assigned);
    }

    [Fact]
    public void A_member_that_did_not_hear_the_answer_goes_on_and_one_from_long_ago_is_fenced()
    {
        var first = Join("a");
        Join("b");
        var told = Beat("a", 1, first.Assigned);
        Assert.Equal(2, Beat("a", 1, told.Assigned).Epoch);

        var again = Beat("a", 1, told.Assigned);
        Assert.Equal((GroupStatus.Ok, 2), (again.Status, again.Epoch));
        Assert.Equal(told.Assigned, again.Assigned);
        Assert.Equal(GroupStatus.FencedEpoch, Beat("a", 1, first.Assigned).Status);
        Assert.Equal(GroupStatus.FencedEpoch, Beat("a", 1, null).Status);
        Assert.Equal(GroupStatus.FencedEpoch, Beat("a", 7, told.Assigned).Status);
        Assert.Equal(GroupStatus.UnknownMember, Beat("c", 1, []).Status);
        Assert.Equal(2, Join("a").Epoch);
    }

    [Fact]
    public void Who_leaves_or_is_silent_frees_what_it_had()
    {
        Join("a");
        Join("b");
        Assert.Equal(GroupStatus.Ok, Send(new ConsumerHeartbeat("g", "a", HeartbeatEpochs.Leave)).Status);
        Assert.Equal(6, Beat("b", 2, null).Assigned!.Count);
        _groups.Expire("g", 0, "b");
        Assert.Equal(GroupStatus.UnknownMember, Beat("b", 3, []).Status);
        Assert.False(_groups.Group("g").IsActive);
        Assert.Equal(GroupStatus.Ok, _groups.Delete("g"));
    }

    [Fact]
    public void Who_does_not_let_go_in_time_is_out()
    {
        var first = Join("a");
        Join("b");
        Assert.False(_groups.Group("g").IsPhaseTimed);
        Beat("a", 1, first.Assigned);
        Assert.True(_groups.Group("g").IsPhaseTimed);
        Assert.Equal(1_000, _groups.Group("g").RebalanceMilliseconds);
        _groups.EndPhase("g");
        Assert.Equal(GroupStatus.UnknownMember, Beat("a", 1, first.Assigned).Status);
        Assert.Equal(6, Beat("b", 2, null).Assigned!.Count);
    }

    [Fact]
    public void A_static_member_that_comes_back_has_what_it_had_and_nobody_else_may_be_it()
    {
        var first = Join("a", "i");
        Assert.Equal(GroupStatus.UnreleasedInstance, Join("b", "i").Status);
        Assert.Equal(GroupStatus.Ok, Send(new ConsumerHeartbeat("g", "a", HeartbeatEpochs.LeaveForNow) { InstanceId = "i" }).Status);
        Assert.Empty(Join("c").Assigned!);
        var back = Join("b", "i");
        Assert.Equal((GroupStatus.Ok, 3), (back.Status, back.Assigned!.Count));
        Assert.Empty(back.Assigned.Except(first.Assigned!));
        Assert.Equal(GroupStatus.FencedInstance, Send(new ConsumerHeartbeat("g", "a", 1) { InstanceId = "i" }).Status);
    }

    [Fact]
    public void New_partitions_and_topics_are_shared_out_and_what_an_older_directory_says_is_not_believed()
    {
        Join("a");
        _topics["orders"] = new TopicShape(Orders, 8);
        _version++;
        Assert.Equal(8, Send(new ConsumerHeartbeat("g", "a", 1) { Facts = Facts() }).Assigned!.Count);

        _topics["orders"] = new TopicShape(Orders, 6);
        _version--;
        Assert.Null(Send(new ConsumerHeartbeat("g", "a", 2) { Facts = Facts() }).Assigned);

        _version += 2;
        _topics["orders"] = new TopicShape(Orders, 8);
        _topics["bills"] = new TopicShape(Bills, 2);
        var more = Send(new ConsumerHeartbeat("g", "a", 2) { Pattern = "b.*", Facts = Facts() with { Matches = ["bills"] } });
        Assert.Equal((3, 10), (more.Epoch, more.Assigned!.Count));
        _topics.Remove("orders");
        Assert.Equal(2, Send(new ConsumerHeartbeat("g", "a", 3)
        {
            Owned = [.. more.Assigned.Where(static partition => partition.Topic == Bills)],
            Facts = new TopicFacts(_version + 1, ["bills"], [.. _topics]),
        }).Assigned!.Count);
    }

    [Theory]
    [InlineData("uniform", new[] { 5, 4 })]
    [InlineData("range", new[] { 5, 4 })]
    public void It_is_shared_out_as_members_ask_for(string assignor, int[] counts)
    {
        _topics["bills"] = new TopicShape(Bills, 3);
        Join("a", names: ["bills", "orders"], assignor: assignor);
        Join("b", names: ["bills", "orders"], assignor: assignor);
        var targets = _groups.Group("g").Assigned!.Members.Values.Select(static member => member.Target).ToArray();
        Assert.Equal(counts, targets.Select(static target => target.Count));
        if (assignor == "range")
        {
            Assert.Equal([0, 1, 2], targets[0].Where(static place => place.Topic == Orders).Select(static place => place.Partition));
            Assert.Equal([0, 1], targets[0].Where(static place => place.Topic == Bills).Select(static place => place.Partition));
        }
    }

    [Fact]
    public void Members_that_read_different_topics_get_about_as_much()
    {
        _topics["bills"] = new TopicShape(Bills, 6);
        Join("a", names: ["bills", "orders"]);
        Join("b", names: ["orders"]);
        var targets = _groups.Group("g").Assigned!.Members.Values.Select(static member => member.Target).ToArray();
        Assert.Equal([6, 6], targets.Select(static target => target.Count));
        Assert.All(targets[1], static place => Assert.Equal(Orders, place.Topic));
    }

    [Fact]
    public void Members_commit_at_their_own_epoch_and_a_group_has_members_of_one_kind()
    {
        Join("a");
        Assert.Equal(GroupStatus.Ok, _groups.Commit("g", "a", 1, 7));
        Assert.Equal(GroupStatus.StaleEpoch, _groups.Commit("g", "a", 0, 8));
        Assert.Equal(GroupStatus.UnknownMember, _groups.Commit("g", "b", 1, 8));
        Assert.Equal(7, _groups.Committed("g", "t").Offset);
        Assert.Equal(GroupStatus.InconsistentProtocol, _groups.Join("g").Status);
        Assert.Equal(GroupStatus.NotEmpty, _groups.Delete("g"));
        Assert.Equal([GroupStatus.SubscribedToTopic], _groups.DeleteOffsets("g", "orders").Parts);
        Assert.Equal(GroupStatus.UnsupportedAssignor, Join("b", assignor: "mine").Status);

        _groups.NewMember("old");
        Assert.Equal(GroupStatus.InconsistentProtocol, Send(Full("a", 0, []) with { Group = "old" }).Status);
        Send(new ConsumerHeartbeat("g", "a", HeartbeatEpochs.Leave));
        Assert.Equal(GroupStatus.Ok, _groups.Join("g").Status);
        Assert.Equal(7, _groups.Committed("g", "t").Offset);
    }

    [Fact]
    public void It_is_described_to_those_who_know_such_groups_and_to_others()
    {
        var first = Join("a", "i");
        Join("b");
        Beat("a", 1, first.Assigned, "i");
        var described = AssignedDescription.TryRead(_groups.Replica.Read(static writer => GroupQuery.WriteDescribeAssigned(writer, "g")))!;
        Assert.Equal((GroupStatus.Ok, GroupState.PreparingRebalance, 2), (described.Status, described.State, described.Group.Epoch));
        var members = described.Members.ToArray();
        Assert.Equal([6, 0], members.Select(static member => member.Assigned.Count));
        Assert.Equal([3, 3], members.Select(static member => member.Target.Count));

        var asOthers = GroupDescription.TryRead(_groups.Replica.Read(static writer => GroupQuery.WriteDescribe(writer, "g")))!;
        Assert.Equal(("consumer", "uniform", 2), (asOthers.ProtocolType, asOthers.Protocol, asOthers.Members.Count));
        Assert.Equal(6, ConsumerAssignment.TryRead(asOthers.Members[0].Assignment.Span)!.Count);
        var page = GroupsPage.TryRead(_groups.Replica.Read(static writer => GroupQuery.WriteList(writer, "")))!;
        Assert.True(Assert.Single(page.Groups).IsAssigned);
        Assert.Equal(2, _groups.Restored().Group("g").Assigned!.Members.Count);
    }

    private static bool FactsAreSame(TopicFacts a, TopicFacts b) =>
        a.Version == b.Version && a.Matches.SequenceEqual(b.Matches) && a.Topics.SequenceEqual(b.Topics);

    private TopicFacts Facts() => new(_version, [], [.. _topics]);

    private ConsumerHeartbeat Full(string member, int epoch, IReadOnlyList<PartitionId>? owned) => new("g", member, epoch)
    {
        Names = ["orders"], Owned = owned, RebalanceMilliseconds = 1_000, Facts = Facts(),
    };

    private AssignedView Join(string member, string? instance = null, string[]? names = null, string? assignor = null) =>
        Send(Full(member, HeartbeatEpochs.Join, []) with { InstanceId = instance, Names = names ?? ["orders"], Assignor = assignor });

    private AssignedView Beat(string member, int epoch, IReadOnlyList<PartitionId>? owned, string? instance = null) =>
        Send(new ConsumerHeartbeat("g", member, epoch) { Owned = owned, InstanceId = instance });

    private AssignedView Send(ConsumerHeartbeat beat) => _groups.Send(writer => GroupCommand.Write(writer, beat)).View!;

    private AssignedView Ask(ConsumerHeartbeat beat) =>
        AssignedView.TryRead(_groups.Replica.Read(writer => GroupQuery.WriteHeartbeat(writer, beat)))!;
}
