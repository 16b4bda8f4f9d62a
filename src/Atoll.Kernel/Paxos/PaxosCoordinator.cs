using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Quorums;

namespace Atoll.Kernel.Paxos;

/// <summary>
/// The coordinator's side of Paxos, for any number of operations: SERIAL reads in one round when nobody interferes, conditional writes in
/// three (prepare and read; propose; commit), and repairs (Lamport, 2001; Cassandra's CEP-14). Nothing of it is durable: when a coordinator
/// dies, whoever comes next finishes or overrules what it left. docs/eventual.md has the protocol and its proof.
/// </summary>
public sealed class PaxosCoordinator
{
    private readonly PaxosOptions _options;
    private readonly IHybridClock _clock;
    private readonly IVersionMerge _merge;
    private readonly PaxosQueues _queues;
    private readonly PaxosRequests _requests;
    private readonly Dictionary<ulong, PaxosRound> _rounds = [];
    private readonly DeadlineHeap _deadlines = new();

    /// <summary>A coordinator without operations.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public PaxosCoordinator(PaxosOptions options, IHybridClock clock, IVersionMerge merge, Prng random)
    {
        if (options.Validate() is { } error)
        {
            throw new ArgumentException(error, nameof(options));
        }

        _options = options;
        _clock = clock;
        _merge = merge;
        _queues = new PaxosQueues(options, random);
        _requests = new PaxosRequests(Effects);
    }

    /// <summary>What the coordinator wants done. The host goes through it after every call, and clears it.</summary>
    public PaxosEffects Effects { get; } = new();

    /// <summary>When <see cref="Tick"/> may have something to do; Never when nothing is under way.</summary>
    public Instant NextDeadline => _deadlines.Next;

    /// <summary>Operations under way, also those that are answered and still spread what was decided.</summary>
    public int Operations => _rounds.Count;

    /// <summary>Begins an operation; false when too many are under way.</summary>
    public bool Begin(in PaxosOperation operation, Instant now)
    {
        if (_rounds.Count >= _options.OperationsMax)
        {
            return false;
        }

        var round = new PaxosRound(operation);
        _rounds.Add(operation.Number, round);
        if (operation.Kind == PaxosOperationKind.Read)
        {
            Ask(round, PaxosPhase.Inspecting, now);
        }
        else
        {
            Enter(round, now);
        }

        Schedule(round);
        return true;
    }

    /// <summary>The condition of an operation held: propose its update. Answers an Evaluate effect.</summary>
    /// <param name="operation">The operation; when it has ended since, nothing happens.</param>
    /// <param name="update">The update, its times those of the effect's ballot.</param>
    /// <param name="now">The time.</param>
    public void Propose(ulong operation, ReadOnlyMemory<byte> update, Instant now)
    {
        if (_rounds.TryGetValue(operation, out var round) && round.Phase == PaxosPhase.Evaluating)
        {
            round.Original = round.Original == Ballot.None ? round.Ballot : round.Original;
            round.LastProposed = round.Ballot;
            StartPropose(
                round, new PaxosDecree(round.Ballot, round.Original, round.Ballot, round.LastCommitted.Ballot, update), isOwn: true, now);
            Schedule(round);
        }
    }

    /// <summary>The condition of an operation did not hold. Answers an Evaluate effect.</summary>
    public void Decline(ulong operation, Instant now)
    {
        if (_rounds.TryGetValue(operation, out var round) && round.Phase == PaxosPhase.Evaluating)
        {
            // What was read is linearizable, as in a SERIAL read.
            Complete(round, PaxosOutcome.Declined, Majority.Size(round.Membership.Voters.Length), now);
            End(round);
        }
    }

    /// <summary>A later version of the membership, for an operation that waits for one.</summary>
    public void SetMembership(ulong operation, PaxosMembership membership, Instant now)
    {
        if (_rounds.TryGetValue(operation, out var round)
            && round.Phase == PaxosPhase.AwaitingMembership && membership.Epoch > round.Membership.Epoch)
        {
            round.Membership = membership;
            if (round.HoldsPartition)
            {
                Ask(round, PaxosPhase.Preparing, now);
            }
            else
            {
                Ask(round, PaxosPhase.Inspecting, now);
            }

            Schedule(round);
        }
    }

    /// <summary>Takes a replica's answer: late, doubled and nonsensical ones change nothing.</summary>
    public void Step(NodeId from, in PaxosMessage message, Instant now)
    {
        _clock.Observe(message.Time);
        if (!_rounds.TryGetValue(message.Operation, out var round))
        {
            return;
        }

        switch (message.Kind)
        {
            case PaxosMessageKind.Inspected when round.IsAnswer(PaxosPhase.Inspecting, from, message):
                OnInspected(round, from, message, now);
                break;
            case PaxosMessageKind.Promise when round.IsAnswer(PaxosPhase.Preparing, from, message):
                OnPromise(round, from, message, now);
                break;
            case PaxosMessageKind.Accepted when round.IsAnswer(PaxosPhase.Proposing, from, message):
                OnAccepted(round, from, message, now);
                break;
            case PaxosMessageKind.Refused
                when round.IsAnswer(PaxosPhase.Preparing, from, message) || round.IsAnswer(PaxosPhase.Proposing, from, message):
                OnRefused(round, from, message, now);
                break;
            case PaxosMessageKind.Committed:
                OnCommitted(round, from, message, now);
                break;
            case PaxosMessageKind.WrongEpoch when message.Epoch > round.Membership.Epoch && message.Ballot == round.Ballot
                && round.Phase is PaxosPhase.Inspecting or PaxosPhase.Preparing or PaxosPhase.Proposing:
                round.EnterPhase(PaxosPhase.AwaitingMembership, Instant.Never);
                Effects.Add(new PaxosEffect
                {
                    Kind = PaxosEffectKind.NeedsMembership, Operation = message.Operation, Epoch = message.Epoch,
                });
                break;
        }

        Schedule(round);
    }

    /// <summary>Does what is due. Calling it early or often is harmless.</summary>
    public void Tick(Instant now)
    {
        while (_deadlines.TryTake(now, out var number, out var at))
        {
            if (_rounds.TryGetValue(number, out var round) && round.ScheduledAt == at)
            {
                round.ScheduledAt = Instant.Never;
                Act(round, now);
                Schedule(round);
            }
        }
    }

    private void Act(PaxosRound round, Instant now)
    {
        if (!round.IsAnswered && round.Operation.Deadline <= now)
        {
            OnDeadline(round, now);
        }
        else if (round.PatienceEndsAt <= now)
        {
            GiveUpSpreading(round, now);
        }
        else if (round.ActAt <= now)
        {
            switch (round.Phase)
            {
                case PaxosPhase.BackingOff:
                    Ask(round, PaxosPhase.Preparing, now);
                    break;
                case PaxosPhase.Refreshing:
                    // Who promised is silent now: others may do.
                    Ask(round, PaxosPhase.Preparing, now);
                    break;
                case PaxosPhase.Inspecting or PaxosPhase.Preparing or PaxosPhase.Proposing when round.Refusals > 0:
                    Lose(round, now);
                    break;
                default:
                    Resend(round, now);
                    break;
            }
        }
    }

    private void Enter(PaxosRound round, Instant now)
    {
        round.HoldsPartition = true;
        round.EnterPhase(PaxosPhase.Queued, Instant.Never);
        if (_queues.Enter(round.Operation.Partition, round.Operation.Number, now, out var startAt))
        {
            Start(round, startAt, now);
        }
    }

    private void Start(PaxosRound round, Instant startAt, Instant now)
    {
        if (startAt <= now)
        {
            Ask(round, PaxosPhase.Preparing, now);
        }
        else
        {
            round.EnterPhase(PaxosPhase.BackingOff, startAt);
        }
    }

    /// <summary>Begins an attempt, under a new ballot.</summary>
    private void Ask(PaxosRound round, PaxosPhase phase, Instant now)
    {
        round.EnterPhase(phase, now + _options.ResendAfter);
        round.Ballot = new Ballot(_clock.Next(), _options.Self, _options.Lane);
        round.Tally = NewTally(round);
        _requests.Broadcast(round);
    }

    private void OnInspected(PaxosRound round, NodeId from, in PaxosMessage message, Instant now)
    {
        if (!round.Counts(from, message))
        {
            return;
        }

        var findings = PaxosFindings.Of(round.Replies);
        var isClean = findings.InProgress.IsNone;
        foreach (var (_, reply) in round.Replies)
        {
            isClean &= !findings.IsBehind(reply);
        }

        if (isClean)
        {
            // A majority has the same last decree and nothing newer. What was decided before this began is in the data; and whoever
            // reads later meets one of these replicas.
            round.Data = round.Merged(_merge);
            Complete(round, PaxosOutcome.Done, round.Replies.Count, now);
            End(round);
        }
        else
        {
            Enter(round, now);
        }
    }

    private void OnPromise(PaxosRound round, NodeId from, in PaxosMessage message, Instant now)
    {
        round.IsContended |= message.IsContended;
        if (!round.Counts(from, message))
        {
            return;
        }

        var findings = PaxosFindings.Of(round.Replies);
        if (Ballot.Max(findings.LastDecided.Ballot, findings.ForgottenThrough).Time >= round.Ballot.Time)
        {
            // Not only the ballot must be later but its time, too: the update's own times are taken from it. The clock has seen it now.
            Ask(round, PaxosPhase.Preparing, now);
            return;
        }

        if (round.LastProposed != Ballot.None && Recognise(round, findings, now))
        {
            return;
        }

        round.LastCommitted = findings.LastCommitted;
        round.Data = round.Merged(_merge);
        round.Decree = _options.Sabotage.Has(Sabotage.OverlooksAccepted) ? PaxosDecree.None : findings.InProgress;
        round.Lacking.Clear();
        foreach (var (replica, reply) in round.Replies)
        {
            if (findings.IsBehind(reply))
            {
                round.Lacking.Add(replica);
            }
        }

        if (round.Lacking.Count == 0)
        {
            OnRefreshed(round, now);
            return;
        }

        // What is decided next must find a majority that has all before it; else a later quorum could miss an update that no decree
        // speaks of any more.
        round.EnterPhase(PaxosPhase.Refreshing, now + _options.ResendAfter);
        _requests.CommitToLacking(round, round.LastCommitted);
    }

    /// <summary>
    /// An earlier proposal of this operation may have been decided without our knowing. True when the answers settle the operation.
    /// </summary>
    private bool Recognise(PaxosRound round, in PaxosFindings findings, Instant now)
    {
        if (findings.LastDecided.Original == round.Original)
        {
            round.Decree = findings.LastDecided;
            round.IsOwnDecree = true;
            if (findings.LastCommitted.IsNone)
            {
                Complete(round, PaxosOutcome.Applied, round.Membership.Everyone.Length, now);
                End(round);
            }
            else
            {
                StartCommit(round, now);
            }

            return true;
        }

        if (Ballot.Max(findings.LastDecided.Ballot, findings.ForgottenThrough) >= round.LastProposed
            && findings.InProgress.Original != round.Original)
        {
            // Others were decided since; ours may have been, before them, or may have died.
            Complete(round, PaxosOutcome.Unknown, round.Replies.Count, now);
            End(round);
            return true;
        }

        return false;
    }

    private void OnRefreshed(PaxosRound round, Instant now)
    {
        if (!round.Decree.IsNone)
        {
            // Accepted somewhere, and decided or not: nobody can tell, so it is finished first, under this ballot.
            var inProgress = round.Decree;
            var isOwn = inProgress.Original == round.Original;
            round.IsContended |= !isOwn;
            round.LastProposed = isOwn ? round.Ballot : round.LastProposed;
            StartPropose(
                round, inProgress with { Ballot = round.Ballot, Previous = round.LastCommitted.Ballot }, isOwn, now);
            return;
        }

        switch (round.Operation.Kind)
        {
            case PaxosOperationKind.CompareAndSet:
                round.EnterPhase(PaxosPhase.Evaluating, Instant.Never);
                Effects.Add(new PaxosEffect
                {
                    Kind = PaxosEffectKind.Evaluate, Operation = round.Operation.Number, Ballot = round.Ballot, Data = round.Data,
                });
                break;
            case PaxosOperationKind.Repair when !round.LastCommitted.IsNone:
                round.Decree = round.LastCommitted;
                round.IsOwnDecree = true;
                StartCommit(round, now);
                break;
            default:
                Complete(round, PaxosOutcome.Done, Majority.Size(round.Membership.Voters.Length), now);
                End(round);
                break;
        }
    }

    private void StartPropose(PaxosRound round, in PaxosDecree decree, bool isOwn, Instant now)
    {
        round.Decree = decree;
        round.IsOwnDecree = isOwn;
        round.EnterPhase(PaxosPhase.Proposing, now + _options.ResendAfter);
        round.Tally = NewTally(round);
        _requests.Broadcast(round);
    }

    private void OnAccepted(PaxosRound round, NodeId from, in PaxosMessage message, Instant now)
    {
        if (round.Counts(from, message))
        {
            StartCommit(round, now);
        }
    }

    private void OnRefused(PaxosRound round, NodeId from, in PaxosMessage message, Instant now)
    {
        round.Replies.Add((from, message));
        round.Refusals++;
        round.Tally!.Record(from, granted: false);

        // A proposal of our own that nobody accepted is worth waiting for the last answer: it is then certain that it never will be.
        var isWaitedFor = round.LastProposed == round.Ballot && round.Replies.Count < round.Membership.Electors.Length
            && round.IsNowhere();
        if (round.Tally.Outcome == VoteOutcome.Lost && !isWaitedFor)
        {
            Lose(round, now);
        }
    }

    /// <summary>Somebody else's ballot is higher: try again with a higher one, after a while.</summary>
    private void Lose(PaxosRound round, Instant now)
    {
        if (round.Phase == PaxosPhase.Proposing && round.Replies.Count == round.Membership.Electors.Length
            && round.LastProposed == round.Original && round.LastProposed == round.Ballot && round.IsNowhere())
        {
            // Nobody accepted it and nobody will: as if it had never been proposed.
            round.LastProposed = Ballot.None;
            round.Original = Ballot.None;
        }

        round.IsContended = true;
        round.Attempts++;
        round.EnterPhase(PaxosPhase.BackingOff, now + _queues.Backoff(round.Attempts));
    }

    private void StartCommit(PaxosRound round, Instant now)
    {
        round.EnterPhase(PaxosPhase.Committing, now + _options.ResendAfter);
        round.Tally = NewTally(round);
        round.IsWholeEverywhere = true;
        round.Lacking.Clear();
        round.Lacking.AddRange(round.Membership.Everyone);
        _requests.CommitToLacking(round, round.Decree);

        if (round.IsOwnDecree)
        {
            round.PatienceEndsAt = now + _options.CommitPatience;
            round.CommitTally = ConsistencyTally.OfWrite(round.Operation.CommitLevel, round.Replicas, _options.Region);
            if (round.Operation is { Kind: PaxosOperationKind.CompareAndSet, CommitLevel: ConsistencyLevel.Any })
            {
                Complete(round, PaxosOutcome.Applied, 0, now);
            }
        }
    }

    private void OnCommitted(PaxosRound round, NodeId from, in PaxosMessage message, Instant now)
    {
        if (round.Phase == PaxosPhase.Refreshing && message.Ballot == round.LastCommitted.Ballot)
        {
            if (round.Lacking.Remove(from) && round.Lacking.Count == 0)
            {
                OnRefreshed(round, now);
            }
        }
        else if (round.Phase == PaxosPhase.Committing && message.Ballot == round.Decree.Ballot && round.Lacking.Remove(from))
        {
            round.Replies.Add((from, message));
            round.Tally!.Record(from, granted: true);
            round.CommitTally?.Record(from, ok: true);
            round.IsWholeEverywhere &= message.Bound >= round.Decree.Ballot && message.Epoch == round.Membership.Epoch;
            if (round.IsOwnDecree)
            {
                OnOwnCommitted(round, now);
            }
            else if (round.Tally.Outcome == VoteOutcome.Won)
            {
                // Somebody else's update is finished; now for our own.
                Ask(round, PaxosPhase.Preparing, now);
            }
        }
    }

    private void OnOwnCommitted(PaxosRound round, Instant now)
    {
        if (!round.IsAnswered && round.Operation.Kind == PaxosOperationKind.CompareAndSet
            && round.CommitTally is { IsSatisfied: true })
        {
            Complete(round, PaxosOutcome.Applied, round.Replies.Count, now);
        }

        if (round.Lacking.Count > 0)
        {
            return;
        }

        if (round.IsWholeEverywhere)
        {
            _requests.Settled(round);
        }

        GiveUpSpreading(round, now);
    }

    private void GiveUpSpreading(PaxosRound round, Instant now)
    {
        _requests.HintToLacking(round);
        if (!round.IsAnswered)
        {
            var isRepair = round.Operation.Kind == PaxosOperationKind.Repair;
            Complete(round, isRepair ? PaxosOutcome.Done : PaxosOutcome.CommitTimedOut, round.Replies.Count, now);
        }

        End(round);
    }

    private void OnDeadline(PaxosRound round, Instant now)
    {
        if (round is { Phase: PaxosPhase.Committing, IsOwnDecree: true })
        {
            // It is decided, and goes on being spread behind the answer.
            var isRepair = round.Operation.Kind == PaxosOperationKind.Repair;
            Complete(round, isRepair ? PaxosOutcome.Done : PaxosOutcome.CommitTimedOut, round.Replies.Count, now);
            return;
        }

        var received = round.Replies.Count - round.Refusals;
        Complete(round, round.LastProposed == Ballot.None ? PaxosOutcome.TimedOut : PaxosOutcome.Unknown, received, now);
        End(round);
    }

    /// <summary>Answers the caller, and lets the next operation on the partition act.</summary>
    private void Complete(PaxosRound round, PaxosOutcome outcome, int received, Instant now)
    {
        Check.That(!round.IsAnswered);
        round.IsAnswered = true;
        var isCommit = outcome is PaxosOutcome.Applied or PaxosOutcome.CommitTimedOut;
        Effects.Add(new PaxosEffect
        {
            Kind = PaxosEffectKind.Completed,
            Operation = round.Operation.Number,
            Outcome = outcome,
            Received = received,
            Required = isCommit ? round.CommitTally?.Required ?? 0 : Majority.Size(round.Membership.Voters.Length),
            Ballot = round.Original,
            Data = outcome is PaxosOutcome.Done or PaxosOutcome.Declined ? round.Data : default,
        });
        if (round.HoldsPartition)
        {
            round.HoldsPartition = false;
            var operation = round.Operation;
            if (_queues.Leave(operation.Partition, operation.Number, round.IsContended, now, out var next, out var startAt))
            {
                var waiting = _rounds[next];
                Start(waiting, startAt, now);
                Schedule(waiting);
            }
        }
    }

    private void End(PaxosRound round)
    {
        Check.That(round.IsAnswered);
        round.Phase = PaxosPhase.Ended;
        _rounds.Remove(round.Operation.Number);
    }

    private void Resend(PaxosRound round, Instant now)
    {
        round.ActAt = now + _options.ResendAfter;
        if (round.Phase == PaxosPhase.Committing)
        {
            _requests.CommitToLacking(round, round.Decree);
        }
        else
        {
            _requests.Broadcast(round);
        }
    }

    private VoteTally NewTally(PaxosRound round) =>
        round.Membership.NewTally(_options.Sabotage.Has(Sabotage.QuorumLacksOne) ? 1 : 0);

    private void Schedule(PaxosRound round)
    {
        if (round.Phase != PaxosPhase.Ended && round.DueAt != round.ScheduledAt)
        {
            round.ScheduledAt = round.DueAt;
            _deadlines.Add(round.Operation.Number, round.DueAt);
        }
    }
}
