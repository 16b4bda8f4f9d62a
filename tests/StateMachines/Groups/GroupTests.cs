using Atoll.StateMachines.Groups;
using Atoll.Foundation.Time;
using Xunit;

namespace Atoll.StateMachines.Tests.Groups;

/// <summary>What members of a group may do and see, as Kafka's clients expect it (KIP-134, 345, 394).</summary>
public sealed class GroupTests
{
    private readonly GroupReplica _groups = new();

    [Fact]
    public void Who_comes_without_an_id_gets_one_to_come_back_with()
    {
        var first = _groups.Join("g", isKnown: true);
        Assert.Equal(GroupStatus.MemberIdRequired, first.Status);
        Assert.StartsWith("client-", first.MemberId, StringComparison.Ordinal);
        Assert.Equal(GroupStatus.Ok, _groups.Join("g", first.MemberId, isKnown: true).Status);
        Assert.Equal([first.MemberId], _groups.Group("g").Members.Keys);
        Assert.Empty(_groups.Group("g").Pending);
        Assert.Equal(GroupStatus.UnknownMember, _groups.Join("g", "nobody").Status);
        Assert.Equal(GroupStatus.UnknownMember, _groups.Join("other", "nobody").Status);
    }

    [Fact]
    public void Members_join_one_generation_and_get_what_its_leader_says()
    {
        var (a, b) = (_groups.NewMember("g"), _groups.NewMember("g"));
        Assert.Equal(GroupStatus.Waiting, _groups.Joined("g", a).Status);
        _groups.EndPhase("g");
        var (asLeader, asFollower) = (_groups.Joined("g", a), _groups.Joined("g", b));
        Assert.Equal((GroupStatus.Ok, 1, "range", a), (asLeader.Status, asLeader.Generation, asLeader.Protocol, asLeader.Leader));
        Assert.Equal([a, b], asLeader.Members.Select(static member => member.Identity.MemberId));
        Assert.Equal((1, a), (asFollower.Generation, asFollower.Leader));
        Assert.Empty(asFollower.Members);

        Assert.Equal(GroupStatus.Ok, _groups.Sync("g", b, 1));
        Assert.Equal(GroupStatus.Waiting, _groups.Synced("g", b, 1).Status);
        Assert.Equal(GroupStatus.RebalanceInProgress, _groups.Commit("g", b, 1, 5));
        Assert.Equal(GroupStatus.Ok, _groups.Sync("g", a, 1, (a, 7), (b, 8), ("nobody", 9)));
        Assert.Equal(7, _groups.Synced("g", a, 1).Assignment.Span[0]);
        Assert.Equal(8, _groups.Synced("g", b, 1).Assignment.Span[0]);
        Assert.Equal(GroupStatus.Ok, _groups.Heartbeat("g", b, 1));
        Assert.Equal(GroupStatus.Ok, _groups.Commit("g", b, 1, 5));
    }

    [Fact]
    public void A_new_member_makes_the_others_join_again_and_what_was_assigned_is_over()
    {
        var ids = _groups.Stable("g", 2);
        var c = _groups.NewMember("g");
        Assert.All(ids, id => Assert.Equal(GroupStatus.RebalanceInProgress, _groups.Heartbeat("g", id, 1)));
        Assert.Equal(GroupStatus.RebalanceInProgress, _groups.Synced("g", ids[1], 1).Status);
        Assert.Equal(GroupStatus.Ok, _groups.Commit("g", ids[1], 1, 9)); // as long as nobody else can have its partitions
        Assert.All(ids, id => Assert.Equal(GroupStatus.Ok, _groups.Join("g", id).Status));
        Assert.Equal((GroupState.CompletingRebalance, 2), (_groups.Group("g").State, _groups.Group("g").Generation));
        Assert.Equal(GroupStatus.IllegalGeneration, _groups.Commit("g", ids[1], 1, 4));
        Assert.Equal(GroupStatus.IllegalGeneration, _groups.Heartbeat("g", ids[1], 1));
        Assert.Equal(GroupStatus.IllegalGeneration, _groups.Sync("g", c, 1));
        Assert.Equal(9, _groups.Committed("g").Offset);
    }

    [Fact]
    public void Who_is_too_late_to_join_is_left_out_and_who_leads_is_there()
    {
        var ids = _groups.Stable("g", 3);
        Assert.Equal(GroupStatus.Ok, _groups.Leave("g", new MemberIdentity(ids[2], null)).Parts.Single());
        Assert.Equal(GroupStatus.Ok, _groups.Join("g", ids[1]).Status);
        var phase = _groups.Group("g").Phase;
        _groups.Expire("g", phase - 1);
        Assert.Equal(GroupState.PreparingRebalance, _groups.Group("g").State); // that phase was over long ago
        _groups.Expire("g", phase);
        Assert.Equal((GroupState.CompletingRebalance, ids[1]), (_groups.Group("g").State, _groups.Group("g").Leader));
        Assert.Equal(GroupStatus.UnknownMember, _groups.Joined("g", ids[0]).Status);
        Assert.Equal(GroupStatus.UnknownMember, _groups.Commit("g", ids[0], 1, 1));
    }

    [Fact]
    public void Who_does_not_ask_for_its_assignment_is_left_out()
    {
        var (a, b) = (_groups.NewMember("g"), _groups.NewMember("g"));
        _groups.EndPhase("g");
        Assert.Equal(GroupStatus.Ok, _groups.Sync("g", a, 1, (a, 1), (b, 2)));
        _groups.EndPhase("g");
        Assert.Equal([a], _groups.Group("g").Members.Keys);
        Assert.Equal(GroupState.PreparingRebalance, _groups.Group("g").State);
    }

    [Fact]
    public void A_silent_member_goes_and_the_last_one_leaves_the_offsets_behind()
    {
        var ids = _groups.Stable("g", 2);
        Assert.Equal(GroupStatus.Ok, _groups.Commit("g", ids[0], 1, 12, words: "so far"));
        _groups.Expire("g", 0, ids[1], "never there");
        Assert.Equal(GroupStatus.UnknownMember, _groups.Heartbeat("g", ids[1], 1));
        Assert.Equal(GroupStatus.RebalanceInProgress, _groups.Heartbeat("g", ids[0], 1));
        _groups.Expire("g", 0, ids[0]);
        Assert.Equal((GroupState.Empty, ""), (_groups.Group("g").State, _groups.Group("g").Leader));
        Assert.Equal(new CommittedOffset(12, 3, "so far"), _groups.Committed("g"));
        Assert.Equal(GroupStatus.UnknownMember, _groups.Commit("g", ids[0], 1, 1));
        Assert.Equal(GroupStatus.Ok, _groups.Commit("g", "", -1, 2)); // a tool sets it back
        Assert.Equal(2, _groups.Committed("g").Offset);
        Assert.Equal(CommittedOffset.None, _groups.Committed("g", "another"));
    }

    [Fact]
    public void A_client_that_is_no_member_may_not_commit_for_members()
    {
        _groups.Stable("g", 1);
        Assert.Equal(GroupStatus.UnknownMember, _groups.Commit("g", "", -1, 2));
        Assert.Equal(GroupStatus.IllegalGeneration, _groups.Commit("none", "", 4, 2));
        Assert.Null(_groups.Machine.Find("none"));
        Assert.Equal(GroupStatus.Ok, _groups.Commit("alone", "", -1, 2));
        Assert.Equal(GroupStatus.MetadataTooLarge, _groups.Commit("alone", "", -1, 2, words: new string('x', 5_000)));
    }

    [Fact]
    public void A_static_member_that_starts_anew_goes_on_and_its_former_self_is_fenced()
    {
        var ids = _groups.Stable("g", 2, static i => $"i{i}");
        var again = _groups.Join("g", instance: "i1");
        Assert.Equal((GroupStatus.Ok, false), (again.Status, again.SkipsAssignment));
        Assert.Equal((GroupState.Stable, 1), (_groups.Group("g").State, _groups.Group("g").Generation));
        Assert.Equal(GroupStatus.Ok, _groups.Joined("g", again.MemberId, "i1").Status);
        Assert.Equal(2, _groups.Group("g").Members[again.MemberId].Assignment.Span[0]);
        Assert.Equal(GroupStatus.FencedInstance, _groups.Heartbeat("g", ids[1], 1, "i1"));
        Assert.Equal(GroupStatus.FencedInstance, _groups.Commit("g", ids[1], 1, 1, "i1"));
        Assert.Equal(GroupStatus.FencedInstance, _groups.Join("g", ids[1], "i1").Status);
        Assert.Equal(GroupStatus.FencedInstance, _groups.Leave("g", new MemberIdentity(ids[1], "i1")).Parts.Single());

        var leader = _groups.Join("g", instance: "i0");
        Assert.Equal((true, leader.MemberId), (leader.SkipsAssignment, _groups.Group("g").Leader));
        Assert.Equal(GroupStatus.Ok, _groups.Leave("g", new MemberIdentity("", "i0")).Parts.Single());
        Assert.Equal(GroupState.PreparingRebalance, _groups.Group("g").State);
    }

    [Fact]
    public void Absent_static_members_stay_until_their_sessions_end()
    {
        var ids = _groups.Stable("g", 2, static i => i == 0 ? "i0" : null);
        _groups.Expire("g", 0, ids[1]);
        _groups.EndPhase("g");
        Assert.Equal((GroupState.PreparingRebalance, 1), (_groups.Group("g").State, _groups.Group("g").Generation));
        var b = _groups.NewMember("g");
        _groups.EndPhase("g");
        Assert.Equal((GroupState.CompletingRebalance, b), (_groups.Group("g").State, _groups.Group("g").Leader));
        Assert.Equal(2, _groups.Group("g").Members.Count);
    }

    [Fact]
    public void A_protocol_is_one_that_all_offer_and_most_like_best()
    {
        GroupProtocol[] Offer(params string[] names) => [.. names.Select(static name => new GroupProtocol(name, default))];
        var a = _groups.Join("g", protocols: Offer("range", "sticky")).MemberId;
        Assert.Equal(GroupStatus.InconsistentProtocol, _groups.Join("g", protocols: Offer("own")).Status);
        Assert.Equal(GroupStatus.InconsistentProtocol, _groups.Join("g", type: "connect").Status);
        Assert.Equal(GroupStatus.InconsistentProtocol, _groups.Join("g", protocols: []).Status);
        Assert.Equal(GroupStatus.Ok, _groups.Join("g", protocols: Offer("sticky", "range", "own")).Status);
        Assert.Equal(GroupStatus.Ok, _groups.Join("g", protocols: Offer("sticky", "range")).Status);
        _groups.EndPhase("g");
        Assert.Equal("sticky", _groups.Joined("g", a).Protocol);
        Assert.Equal(GroupStatus.InvalidSessionTimeout, _groups.Join("g", session: 5_999).Status);
    }

    [Fact]
    public void A_follower_that_joins_again_with_nothing_new_disturbs_nobody_and_the_leader_does()
    {
        var ids = _groups.Stable("g", 2);
        Assert.Equal(GroupStatus.Ok, _groups.Join("g", ids[1]).Status);
        Assert.Equal(GroupState.Stable, _groups.Group("g").State);
        Assert.Equal(1, _groups.Joined("g", ids[1]).Generation);
        Assert.Equal(GroupStatus.Ok, _groups.Join("g", ids[0]).Status);
        Assert.Equal(GroupState.PreparingRebalance, _groups.Group("g").State);
    }

    [Fact]
    public void Offsets_of_topics_in_use_stay_and_a_group_with_members_too()
    {
        byte[] subscription = [0, 0, 0, 0, 0, 1, 0, 1, (byte)'t', 0, 0, 0, 0];
        var member = _groups.Join("g", protocols: [new GroupProtocol("range", subscription)]).MemberId;
        _groups.EndPhase("g");
        Assert.Equal(GroupStatus.Ok, _groups.SyncAs("g", member));
        Assert.Equal(GroupStatus.Ok, _groups.Commit("g", member, 1, 4));
        Assert.Equal([GroupStatus.SubscribedToTopic, GroupStatus.Ok], _groups.DeleteOffsets("g", "t", "u").Parts);
        Assert.Equal(GroupStatus.NotEmpty, _groups.Delete("g"));
        _groups.Leave("g", new MemberIdentity(member, null));
        Assert.Equal([GroupStatus.Ok], _groups.DeleteOffsets("g", "t").Parts);
        Assert.Equal(CommittedOffset.None, _groups.Committed("g"));
        Assert.Equal(GroupStatus.Ok, _groups.Delete("g"));
        Assert.Equal(GroupStatus.UnknownGroup, _groups.Delete("g"));
    }

    [Fact]
    public void What_nobody_uses_is_forgotten_offsets_after_a_week()
    {
        _groups.Commit("offsets", "", -1, 2);
        _groups.Join("pending", isKnown: true);
        _groups.Expire("pending", 0, _groups.Group("pending").Pending.Keys.Single());
        Assert.False(Forget(GroupLimits.EmptyGroupMilliseconds - 1));
        Assert.True(Forget(1));
        Assert.Null(_groups.Machine.Find("pending"));
        Assert.False(Forget(GroupLimits.OffsetRetentionMilliseconds - GroupLimits.EmptyGroupMilliseconds - 10));
        Assert.True(Forget(20));
        Assert.Equal(0, _groups.Machine.Count);
        Assert.Null(_groups.Machine.NextExpiry);
    }

    private bool Forget(long later)
    {
        _groups.Replica.Advance(later);
        byte[]? command = null;
        if (_groups.Machine.NextExpiry is { } at && at <= _groups.Replica.Stamp)
        {
            _groups.Machine.FindExpired(_groups.Replica.Stamp, (found, _) => command = found);
            Assert.NotNull(command);
            _groups.Send(writer => writer.WriteRaw(command));
        }

        return command is not null;
    }
}
