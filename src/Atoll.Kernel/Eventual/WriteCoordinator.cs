using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>A write to coordinate.</summary>
public readonly record struct WriteOperation
{
    /// <summary>The coordinator's number for it, never used twice.</summary>
    public required ulong Number { get; init; }

    /// <summary>How many replicas must have it.</summary>
    public required ConsistencyLevel Level { get; init; }

    /// <summary>The host's number for the range that it is about.</summary>
    public ulong Range { get; init; }

    /// <summary>Who keeps the partition.</summary>
    public required ReplicaSet Replicas { get; init; }

    /// <summary>The mutation, with its times in it; opaque.</summary>
    public required ReadOnlyMemory<byte> Mutation { get; init; }

    /// <summary>
    /// The coordinator's hybrid time when it took the write on: later than its floor (<see cref="RangeHorizon"/>), whatever times the
    /// mutation's cells have.
    /// </summary>
    public required HybridTime Stamp { get; init; }

    /// <summary>What kind of write it is, for the error that its client gets.</summary>
    public WriteKind Kind { get; init; }

    /// <summary>When its caller gives up. Replicas that have not answered by then get a hint.</summary>
    public required Instant Deadline { get; init; }
}

/// <summary>
/// Coordinates leaderless writes (Dynamo, 2007, section 4.5): the mutation goes to all replicas at once, the caller is answered when as
/// many as its level asks for have it, and a replica that is absent or silent gets a hint (section 4.6). A write that was sent is never
/// taken back: "timed out" means that it may be seen, and in the end will be, wherever one replica has it.
/// </summary>
public sealed class WriteCoordinator
{
    private readonly EventualOptions _options;
    private readonly Dictionary<ulong, Round> _rounds = [];
    private readonly DeadlineHeap _deadlines = new();

    /// <summary>A coordinator without writes.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public WriteCoordinator(EventualOptions options)
    {
        if (options.Validate() is { } error)
        {
            throw new ArgumentException(error, nameof(options));
        }

        _options = options;
    }

    /// <summary>What the coordinator wants done. The host goes through it after every call, and clears it.</summary>
    public EventualEffects Effects { get; } = new();

    /// <summary>When <see cref="Tick"/> may have something to do.</summary>
    public Instant NextDeadline => _deadlines.Next;

    /// <summary>
    /// The earliest stamp of a write that is under way here, or Max: what holds this node's floor back (<see cref="RangeHorizon"/>).
    /// </summary>
    public HybridTime EarliestStamp => _rounds.Count == 0 ? HybridTime.Max : _rounds.Values.Min(round => round.Operation.Stamp);

    /// <summary>Writes under way, also those that are answered and still wait for the slower replicas.</summary>
    public int Operations => _rounds.Count;

    /// <summary>Begins a write; false when too many are under way.</summary>
    /// <param name="operation">The write.</param>
    /// <param name="isAlive">Which nodes are up, as far as this one knows. Only a guess is needed: it decides who is asked at all.</param>
    /// <param name="now">The time.</param>
    public bool Begin(in WriteOperation operation, Func<NodeId, bool> isAlive, Instant now)
    {
        if (_rounds.Count >= _options.OperationsMax)
        {
            return false;
        }

        var tally = ConsistencyTally.OfWrite(
            operation.Level, operation.Replicas, _options.Region, _options.Sabotage.Has(Sabotage.WriteLacksOne) ? 1 : 0);
        if (!tally.CanBeSatisfiedBy(isAlive, out var alive, out var required) && operation.Level != ConsistencyLevel.Any)
        {
            Effects.Add(new EventualEffect
            {
                Kind = EventualEffectKind.Completed,
                Operation = operation.Number,
                Outcome = EventualOutcome.Unavailable,
                Received = alive,
                Required = required,
                Write = operation.Kind,
            });
            return true;
        }

        var round = new Round(operation, tally);
        _rounds.Add(operation.Number, round);
        var message = new EventualMessage
        {
            Kind = EventualMessageKind.Write,
            Operation = operation.Number,
            Epoch = operation.Replicas.Epoch,
            Range = operation.Range,
            Stamp = operation.Stamp,
            Payload = operation.Mutation,
        };
        foreach (var replica in operation.Replicas.Everyone)
        {
            if (isAlive(replica.Node))
            {
                round.Silent.Add(replica.Node);
                Effects.Send(replica.Node, message);
            }
            else
            {
                StoreHint(round, replica.Node);
            }
        }

        _deadlines.Add(operation.Number, operation.Deadline);
        return true;
    }

    /// <summary>Takes a replica's answer: late, doubled and nonsensical ones change nothing.</summary>
    public void Step(NodeId from, in EventualMessage message, Instant now)
    {
        if (!_rounds.TryGetValue(message.Operation, out var round)
            || message.Kind is not (EventualMessageKind.Written or EventualMessageKind.WriteRefused) || !round.Silent.Remove(from))
        {
            return;
        }

        round.Tally.Record(from, message.Kind == EventualMessageKind.Written);
        if (message.Kind == EventualMessageKind.WriteRefused && !message.Reason.IsFinal())
        {
            StoreHint(round, from);
        }

        Advance(round);
    }

    /// <summary>A hint that a StoreHint effect asked for is durable.</summary>
    public void HintStored(ulong operation)
    {
        if (_rounds.TryGetValue(operation, out var round) && round.Operation.Level == ConsistencyLevel.Any && !round.IsAnswered)
        {
            round.Tally.RecordHint();
            Advance(round);
        }
    }

    /// <summary>Does what is due. Calling it early or often is harmless.</summary>
    public void Tick(Instant now)
    {
        while (_deadlines.TryTake(now, out var number, out _))
        {
            if (_rounds.TryGetValue(number, out var round))
            {
                foreach (var silent in round.Silent)
                {
                    StoreHint(round, silent);
                }

                if (!round.IsAnswered)
                {
                    Complete(round, EventualOutcome.TimedOut);
                }

                _rounds.Remove(number);
            }
        }
    }

    private void Advance(Round round)
    {
        if (!round.IsAnswered)
        {
            if (round.Tally.IsSatisfied)
            {
                Complete(round, EventualOutcome.Done);
            }
            else if (round.Tally.IsLost && round.Operation.Level != ConsistencyLevel.Any)
            {
                Complete(round, EventualOutcome.Failed);
            }
        }

        if (round.IsAnswered && round.Silent.Count == 0)
        {
            _rounds.Remove(round.Operation.Number);
        }
    }

    private void StoreHint(Round round, NodeId peer) => Effects.AddMessage(
        new EventualEffect
        {
            Kind = EventualEffectKind.StoreHint,
            Peer = peer,
            Operation = round.Operation.Number,
            ReportsHint = round.Operation.Level == ConsistencyLevel.Any && !round.IsAnswered,
        },
        new EventualMessage
        {
            Kind = EventualMessageKind.Hinted,
            Operation = round.Operation.Number,
            Epoch = round.Operation.Replicas.Epoch,
            Range = round.Operation.Range,
            Stamp = round.Operation.Stamp,
            Payload = round.Operation.Mutation,
        });

    private void Complete(Round round, EventualOutcome outcome)
    {
        Check.That(!round.IsAnswered);
        round.IsAnswered = true;
        Effects.Add(new EventualEffect
        {
            Kind = EventualEffectKind.Completed,
            Operation = round.Operation.Number,
            Outcome = outcome,
            Received = round.Tally.Received,
            Required = round.Tally.Required,
            Failures = round.Tally.Failed,
            Write = round.Operation.Kind,
        });
    }

    private sealed class Round(WriteOperation operation, ConsistencyTally tally)
    {
        internal WriteOperation Operation { get; } = operation;

        internal ConsistencyTally Tally { get; } = tally;

        /// <summary>Those who were asked and have not answered.</summary>
        internal List<NodeId> Silent { get; } = [];

        internal bool IsAnswered { get; set; }
    }
}
