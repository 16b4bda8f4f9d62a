using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Paxos;
using Xunit;

namespace Atoll.Kernel.Tests.Paxos;

/// <summary>One replica, message by message.</summary>
public sealed class PaxosAcceptorTests
{
    private static readonly NodeId Coordinator = new(9);

    private readonly PaxosAcceptor _acceptor = new(new NodeId(1), PaxosMembership.Of(3, new(1), new(2), new(3)), Ballot.None);
    private readonly List<(PaxosMessage Message, bool AfterDurable)> _sent = [];
    private readonly List<ulong> _applied = [];
    private PaxosPartitionState _state;

    [Fact]
    public void A_promise_is_durable_before_it_is_told_and_nothing_below_it_is_accepted()
    {
        Step(Of(PaxosMessageKind.Prepare, 5));
        Assert.Equal((PaxosMessageKind.Promise, true), (Last.Message.Kind, Last.AfterDurable));
        Assert.Equal(At(5), _state.Promised);
        Step(Propose(4));
        Assert.Equal((PaxosMessageKind.Refused, At(5), true), (Last.Message.Kind, Last.Message.Bound, Last.Message.WasNeverAccepted));
        Step(Of(PaxosMessageKind.Prepare, 4));
        Assert.Equal(PaxosMessageKind.Refused, Last.Message.Kind);
        Step(Propose(5));
        Assert.Equal((PaxosMessageKind.Accepted, true), (Last.Message.Kind, Last.AfterDurable));
        Step(Of(PaxosMessageKind.Prepare, 7));
        Assert.Equal(At(5), Last.Message.Decree.Ballot);
        Step(Propose(5));
        Assert.False(Last.Message.WasNeverAccepted);
    }

    [Fact]
    public void A_decree_that_was_missed_is_a_gap_until_it_comes()
    {
        Step(Commit(5, after: 0));
        Assert.Equal(At(5), Last.Message.Bound);
        Step(Commit(9, after: 7));
        Assert.Equal(At(5), Last.Message.Bound);
        Assert.Equal(At(9), _state.Committed.Ballot);

        // Settled by others it can't be: this replica lacks one.
        Step(Of(PaxosMessageKind.Settled, 9));
        Assert.False(_state.IsSettled);
        Assert.Equal(new HybridTime(9), _state.EarliestStamp);
        Step(Commit(7, after: 5));
        Assert.Equal(At(9), Last.Message.Bound);
        Assert.Equal([5UL, 9, 7], _applied);
        Step(Of(PaxosMessageKind.Settled, 9));
        Assert.True(_state.IsSettled);
        Assert.Equal(0, _state.Committed.Update.Length);
        Assert.Equal(HybridTime.Max, _state.EarliestStamp);
    }

    [Fact]
    public void A_gap_is_closed_by_a_repair_of_the_data()
    {
        Step(Commit(9, after: 7));
        _acceptor.DataRepaired(new byte[] { 1 }, _state, At(9));
        Drain();
        Assert.Equal(At(9), _state.Whole);
    }

    [Fact]
    public void What_is_forgotten_leaves_a_floor_behind()
    {
        Step(Commit(5, after: 0));
        Assert.False(_acceptor.TryForget(new byte[] { 1 }, _state, HybridTime.Max));
        Step(Of(PaxosMessageKind.Settled, 5));
        Step(Of(PaxosMessageKind.Prepare, 6));
        Assert.False(_acceptor.TryForget(new byte[] { 1 }, _state, new HybridTime(6)));
        Assert.True(_acceptor.TryForget(new byte[] { 1 }, _state, new HybridTime(7)));
        Drain();
        Assert.True(_state.IsNone);
        Assert.Equal(At(6), _acceptor.Floor);
        Step(Propose(5));
        Assert.Equal((PaxosMessageKind.Refused, At(6), false), (Last.Message.Kind, Last.Message.Bound, Last.Message.WasNeverAccepted));

        // A late copy of what all have changes nothing that is remembered.
        Step(Commit(5, after: 0));
        Assert.True(_state.IsNone);
        Step(Of(PaxosMessageKind.Inspect, 8));
        Assert.Equal(At(6), Last.Message.Bound);
    }

    [Fact]
    public void What_is_accepted_and_undecided_is_never_forgotten()
    {
        Step(Propose(5));
        Assert.False(_acceptor.TryForget(new byte[] { 1 }, _state, HybridTime.Max));
        Assert.Equal(new HybridTime(5), _state.EarliestStamp);
    }

    [Fact]
    public void Attempts_of_another_membership_are_turned_away_and_decrees_are_taken()
    {
        Step(Of(PaxosMessageKind.Prepare, 5) with { Epoch = 2 });
        Assert.Equal((PaxosMessageKind.WrongEpoch, 3UL), (Last.Message.Kind, Last.Message.Epoch));
        Assert.True(_state.IsNone);
        Step(Commit(5, after: 0) with { Epoch = 2 });
        Assert.Equal([5UL], _applied);
        Step(Of(PaxosMessageKind.Settled, 5) with { Epoch = 2 });
        Assert.False(_state.IsSettled);
    }

    [Fact]
    public void What_a_floor_has_passed_is_refused_unless_somebody_accepted_it()
    {
        _acceptor.ToldFloor = new HybridTime(6);
        Step(Propose(6));
        Assert.Equal((PaxosMessageKind.Refused, new HybridTime(6)), (Last.Message.Kind, Last.Message.Bound.Time));
        var finished = Propose(8);
        Step(finished with { Decree = finished.Decree with { Original = At(5), Judged = At(5) } });
        Assert.Equal(PaxosMessageKind.Accepted, Last.Message.Kind);
    }

    [Fact]
    public void A_decree_whose_time_is_closed_is_remembered_and_not_merged()
    {
        _acceptor.Closed = new HybridTime(5);
        Step(Commit(5, after: 4));
        Assert.Empty(_applied);
        Assert.Equal(At(5), _state.Committed.Ballot);
    }

    [Fact]
    public void A_replica_that_is_catching_up_claims_nothing_whole()
    {
        _acceptor.IsCatchingUp = true;
        Step(Commit(5, after: 0));
        Assert.Equal(Ballot.None, Last.Message.Bound);
        _acceptor.IsCatchingUp = false;
        Step(Commit(5, after: 0));
        Assert.Equal(At(5), Last.Message.Bound);
    }

    private (PaxosMessage Message, bool AfterDurable) Last => _sent[^1];

    private static Ballot At(ulong time) => time == 0 ? Ballot.None : new Ballot(new HybridTime(time), Coordinator, 0);

    private static PaxosMessage Of(PaxosMessageKind kind, ulong time) =>
        new() { Kind = kind, Operation = 1, Epoch = 3, Partition = new byte[] { 1 }, Ballot = At(time) };

    private static PaxosMessage Propose(ulong time) => Of(PaxosMessageKind.Propose, time) with { Decree = Decree(time, 0) };

    private static PaxosMessage Commit(ulong time, ulong after) => Of(PaxosMessageKind.Commit, time) with { Decree = Decree(time, after) };

    private static PaxosDecree Decree(ulong time, ulong after) => new(At(time), At(time), At(time), At(after), new byte[] { 7 });

    private void Step(in PaxosMessage message)
    {
        _acceptor.Step(Coordinator, message, _state);
        Drain();
    }

    private void Drain()
    {
        var effects = _acceptor.Effects;
        for (var i = 0; i < effects.Count; i++)
        {
            var effect = effects[i];
            switch (effect.Kind)
            {
                case PaxosEffectKind.Send:
                    _sent.Add((effects.MessageOf(effect), effect.AfterDurable));
                    break;
                case PaxosEffectKind.Apply:
                    _applied.Add(effects.MessageOf(effect).Ballot.Time.Value);
                    break;
                case PaxosEffectKind.Save:
                    _state = effects.StateOf(effect);
                    break;
            }
        }

        effects.Clear();
    }
}
