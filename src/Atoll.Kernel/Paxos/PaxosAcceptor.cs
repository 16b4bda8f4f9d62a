using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;

namespace Atoll.Kernel.Paxos;

/// <summary>
/// A replica's side of Paxos, for all partitions that it keeps (Lamport, 2001, section 2.2; Cassandra's CEP-14). It holds the version of
/// the membership and the floor; a partition's own state is the host's, given to each step and handed back in a Save effect.
/// </summary>
public sealed class PaxosAcceptor
{
    // Ballots of two coordinators that are this close compete. Only fairness depends on it.
    private const long ContentionMilliseconds = 100;

    private readonly NodeId _self;
    private readonly Sabotage _sabotage;

    /// <summary>A replica that starts.</summary>
    /// <param name="self">This node.</param>
    /// <param name="membership">Who decides, as its disk says.</param>
    /// <param name="floor">The last saved floor, or none.</param>
    public PaxosAcceptor(NodeId self, PaxosMembership membership, Ballot floor)
        : this(self, membership, floor, Sabotage.None)
    {
    }

    internal PaxosAcceptor(NodeId self, PaxosMembership membership, Ballot floor, Sabotage sabotage)
    {
        _self = self;
        _sabotage = sabotage;
        Membership = membership;
        Floor = floor;
    }

    /// <summary>Who decides, as far as this replica knows.</summary>
    public PaxosMembership Membership { get; private set; }

    /// <summary>
    /// Every promise that was forgotten was for a ballot of at most this: a partition without state has promised so much.
    /// </summary>
    public Ballot Floor { get; private set; }

    /// <summary>
    /// Set while a new replica has not received the partitions that it shall keep: until then it claims to have nothing whole.
    /// </summary>
    public bool IsCatchingUp { get; set; }

    /// <summary>
    /// What the partition's range has closed (<see cref="RangeHorizon.Closed"/>), set before each step. What is so old
    /// is in the data of some replica, from where exchanges bring it; merging a late copy of it could bring back what a tombstone, dropped
    /// since, had covered.
    /// </summary>
    public HybridTime Closed { get; set; }

    /// <summary>
    /// The floor that this node has told others (<see cref="CoordinationFloors"/>), durably. A new decree that is so old is refused: nobody
    /// would wait for it any more. One that another replica has accepted is taken all the same: that one holds its floor back for it. Told
    /// floors lag some seconds behind the clock, so that no proposal that is under way is refused.
    /// </summary>
    public HybridTime ToldFloor { get; set; }

    /// <summary>What the replica wants done. The host goes through it after every call, and clears it.</summary>
    public PaxosEffects Effects { get; } = new();

    /// <summary>
    /// Takes a later version of the membership; older ones change nothing. The host makes it durable before anything else is stepped:
    /// a replica that goes back to an older version would let both decide.
    /// </summary>
    public void SetMembership(PaxosMembership membership)
    {
        if (membership.Epoch > Membership.Epoch)
        {
            Membership = membership;
        }
    }

    /// <summary>Takes a coordinator's message, whatever it says.</summary>
    /// <param name="from">The coordinator; may be this node.</param>
    /// <param name="message">What it says.</param>
    /// <param name="state">What this replica remembers about the message's partition, with all earlier Save effects in it.</param>
    public void Step(NodeId from, in PaxosMessage message, in PaxosPartitionState state)
    {
        switch (message.Kind)
        {
            case PaxosMessageKind.Inspect when IsInEpoch(from, message):
                OnInspect(from, message, state);
                break;
            case PaxosMessageKind.Prepare when IsInEpoch(from, message):
                OnPrepare(from, message, state);
                break;
            case PaxosMessageKind.Propose when IsInEpoch(from, message):
                OnPropose(from, message, state);
                break;
            case PaxosMessageKind.Commit:
                // What is decided is decided, in whatever version of the membership.
                OnCommit(from, message, state);
                break;
            case PaxosMessageKind.Settled:
                OnSettled(message, state);
                break;
        }
    }

    /// <summary>
    /// Forgets what is remembered about a partition when nobody can need it: nothing is accepted and undecided, the last decree is on all
    /// replicas, and no ballot of the last moments is promised. The floor then stands for the promise. False: it must be kept; when it is
    /// old, run a <see cref="PaxosOperationKind.Repair"/> on it.
    /// </summary>
    /// <param name="partition">The partition.</param>
    /// <param name="state">What is remembered.</param>
    /// <param name="before">
    /// Forget only promises from before this time. Not for safety: a floor close to the present refuses attempts that are under way.
    /// </param>
    public bool TryForget(ReadOnlyMemory<byte> partition, in PaxosPartitionState state, HybridTime before)
    {
        if (state.IsNone || !state.IsSettled || state.Promised.Time >= before)
        {
            return false;
        }

        if (state.Promised > Floor)
        {
            Floor = state.Promised;
            Effects.Add(new PaxosEffect { Kind = PaxosEffectKind.SaveFloor, Floor = Floor });
        }

        Effects.AddSave(new PaxosMessage { Partition = partition }, PaxosPartitionState.None);
        return true;
    }

    /// <summary>
    /// A replica that has lost its states, and got its data back from all others, promises this much to everyone. The host makes the floor
    /// durable before it steps anything.
    /// </summary>
    public void RaiseFloor(Ballot floor) => Floor = Ballot.Max(Floor, floor);

    /// <summary>
    /// The partition's data was made equal to a majority's, so that it has every decree through the ballot: a gap is closed.
    /// </summary>
    /// <param name="partition">The partition.</param>
    /// <param name="state">What is remembered.</param>
    /// <param name="through">The last decree that this replica knew when the comparison began.</param>
    public void DataRepaired(ReadOnlyMemory<byte> partition, in PaxosPartitionState state, Ballot through)
    {
        if (through > state.Whole && through <= state.Committed.Ballot)
        {
            Effects.AddSave(new PaxosMessage { Partition = partition }, state with { Whole = through });
        }
    }

    private bool IsInEpoch(NodeId from, in PaxosMessage message)
    {
        if (message.Epoch == Membership.Epoch && Membership.Electors.Contains(_self))
        {
            return true;
        }

        if (message.Epoch > Membership.Epoch)
        {
            Effects.Add(new PaxosEffect { Kind = PaxosEffectKind.MembershipIsBehind, Epoch = message.Epoch });
        }

        Reply(from, message.Answer(PaxosMessageKind.WrongEpoch, Membership.Epoch), afterDurable: false);
        return false;
    }

    private void OnInspect(NodeId from, in PaxosMessage message, in PaxosPartitionState state)
    {
        // Nothing here depends on this replica's disk: what is committed was accepted, durably, by a majority before.
        var answer = message.Answer(PaxosMessageKind.Inspected, Membership.Epoch) with
        {
            Decree = state.Accepted.WithoutUpdate(),
            LastCommitted = state.Committed.WithoutUpdate(),
            IsSettled = IsLastEverywhere(state),
            Bound = ForgottenIn(state),
            Data = message.Data,
        };
        Effects.AddMessage(new PaxosEffect { Kind = PaxosEffectKind.Send, Peer = from, ReadsData = true }, answer);
    }

    private void OnPrepare(NodeId from, in PaxosMessage message, in PaxosPartitionState state)
    {
        if (message.Ballot < PromisedIn(state))
        {
            Refuse(from, message, state);
            return;
        }

        if (message.Ballot != state.Promised)
        {
            Effects.AddSave(message, state with { Promised = message.Ballot, Forgotten = ForgottenIn(state) });
        }

        var answer = message.Answer(PaxosMessageKind.Promise, Membership.Epoch) with
        {
            Decree = state.Accepted,
            LastCommitted = state.Committed,
            IsSettled = IsLastEverywhere(state),
            IsContended = state.Promised != Ballot.None && state.Promised.Node != message.Ballot.Node
                && message.Ballot.Time.UnixMilliseconds - state.Promised.Time.UnixMilliseconds < ContentionMilliseconds,
            Bound = ForgottenIn(state),
            Data = message.Data,
        };
        Effects.AddMessage(
            new PaxosEffect
            {
                Kind = PaxosEffectKind.Send,
                Peer = from,
                ReadsData = true,
                AfterDurable = !_sabotage.Has(Sabotage.VotesBeforeDurable),
            },
            answer);
    }

    private void OnPropose(NodeId from, in PaxosMessage message, in PaxosPartitionState state)
    {
        var isKnown = message.Ballot == state.Accepted.Ballot || message.Ballot <= state.Committed.Ballot;
        var isTooOld = message.Decree.Judged == message.Ballot && message.Ballot.Time <= ToldFloor && !isKnown;
        if (message.Ballot < PromisedIn(state) || isTooOld)
        {
            Refuse(from, message, state);
            return;
        }

        if (message.Ballot > state.Committed.Ballot && message.Ballot != state.Accepted.Ballot)
        {
            Effects.AddSave(
                message,
                state with { Promised = message.Ballot, Accepted = message.Decree, Forgotten = ForgottenIn(state) });
        }

        Reply(
            from,
            message.Answer(PaxosMessageKind.Accepted, Membership.Epoch),
            afterDurable: !_sabotage.Has(Sabotage.AcknowledgesBeforeDurable));
    }

    private void OnCommit(NodeId from, in PaxosMessage message, in PaxosPartitionState state)
    {
        var decree = message.Decree;
        var whole = state.Whole;

        // Below the floor, behind nothing that somebody may lack: applied (again, perhaps, which changes nothing), and not remembered.
        if (state.IsNone && decree.Ballot <= Floor && decree.Previous == Ballot.None && !IsCatchingUp)
        {
            Apply(message);
            whole = decree.Ballot;
        }
        else if (decree.Ballot > state.Whole)
        {
            if (decree.Ballot != state.Committed.Ballot)
            {
                // Also one that comes late, behind the last: the merge puts it where it belongs.
                Apply(message);
            }

            var after = WithCommitted(state, decree);
            whole = after.Whole;
            if (after != state)
            {
                Effects.AddSave(message, after);
            }
        }

        Reply(from, message.Answer(PaxosMessageKind.Committed, Membership.Epoch) with { Bound = whole }, afterDurable: true);
    }

    private void Apply(in PaxosMessage message)
    {
        if (message.Decree.Judged.Time > Closed)
        {
            Effects.AddMessage(new PaxosEffect { Kind = PaxosEffectKind.Apply }, message);
        }
    }

    private PaxosPartitionState WithCommitted(in PaxosPartitionState state, in PaxosDecree decree)
    {
        var last = decree.Ballot > state.Committed.Ballot ? decree : state.Committed;

        // The chain of decrees: this one is joined to what is whole when its predecessor is, and so may the last one then be.
        var whole = state.Whole;
        if (!IsCatchingUp)
        {
            whole = decree.Previous <= whole ? Ballot.Max(whole, decree.Ballot) : whole;
            whole = last.Previous <= whole ? Ballot.Max(whole, last.Ballot) : whole;
        }

        return state with
        {
            Promised = Ballot.Max(PromisedIn(state), last.Ballot),
            Accepted = state.Accepted.Ballot <= last.Ballot ? PaxosDecree.None : state.Accepted,
            Committed = last,
            Whole = whole,
            Forgotten = ForgottenIn(state),
        };
    }

    private void OnSettled(in PaxosMessage message, in PaxosPartitionState state)
    {
        // In another version of the membership, "all" were others.
        if (message.Epoch == Membership.Epoch && state.Committed.Ballot == message.Ballot
            && state.Whole >= message.Ballot && state.Everywhere < message.Ballot)
        {
            // Nobody will need the update from here.
            Effects.AddSave(message, state with { Everywhere = message.Ballot, Committed = state.Committed.WithoutUpdate() });
        }
    }

    private static bool IsLastEverywhere(in PaxosPartitionState state) =>
        !state.Committed.IsNone && state.Committed.Ballot <= state.Everywhere;

    private Ballot ForgottenIn(in PaxosPartitionState state) => state.IsNone ? Floor : state.Forgotten;

    private Ballot PromisedIn(in PaxosPartitionState state) => state.IsNone ? Floor : state.Promised;

    private void Refuse(NodeId to, in PaxosMessage message, in PaxosPartitionState state) => Reply(
        to,
        message.Answer(PaxosMessageKind.Refused, Membership.Epoch) with
        {
            // So that the next attempt's ballot is later than both.
            Bound = PromisedIn(state) is var promised && promised.Time > ToldFloor ? promised : new Ballot(ToldFloor, _self, 0),

            // Had it been accepted, what is remembered would be of this ballot or a later one.
            WasNeverAccepted = state.Accepted.Ballot < message.Ballot && state.Committed.Ballot < message.Ballot
                && ForgottenIn(state) < message.Ballot,
        },

        // "Never will be" is a promise.
        afterDurable: true);

    private void Reply(NodeId to, in PaxosMessage message, bool afterDurable) =>
        Effects.AddMessage(new PaxosEffect { Kind = PaxosEffectKind.Send, Peer = to, AfterDurable = afterDurable }, message);
}
