using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Eventual;

/// <summary>What a read does about replicas that lack something.</summary>
public enum ReadRepair : byte
{
    /// <summary>
    /// Before the answer, as many replicas as the level asks for have what is answered: two QUORUM reads, one after the other, never go
    /// back in time.
    /// </summary>
    Blocking = 0,

    /// <summary>They are told, and nobody waits: a row that was written as a whole is never seen in part (CASSANDRA-10726).</summary>
    Background = 1,

    /// <summary>Anti-entropy will see to it.</summary>
    None = 2,
}

/// <summary>A read to coordinate.</summary>
public readonly record struct ReadOperation
{
    /// <summary>The coordinator's number for it, never used twice.</summary>
    public required ulong Number { get; init; }

    /// <summary>How many replicas must answer.</summary>
    public required ConsistencyLevel Level { get; init; }

    /// <summary>The host's number for the range that it is about.</summary>
    public ulong Range { get; init; }

    /// <summary>Who keeps the partition.</summary>
    public required ReplicaSet Replicas { get; init; }

    /// <summary>What is read; opaque.</summary>
    public required ReadOnlyMemory<byte> Query { get; init; }

    /// <summary>What is done about replicas that lack something.</summary>
    public ReadRepair Repair { get; init; }

    /// <summary>When its caller gives up.</summary>
    public required Instant Deadline { get; init; }
}

/// <summary>
/// Coordinates leaderless reads (Dynamo, 2007, section 4.5; Cassandra, 2010, section 5.1): the version from one replica and digests from
/// others; where they differ, the whole versions from all that were asked, merged, and written back to those that lack something. A replica
/// that takes longer than another nearly always would is hedged (Dean and Barroso, 2013).
/// </summary>
public sealed class ReadCoordinator
{
    private readonly EventualOptions _options;
    private readonly IReplicatedData _data;
    private readonly Dictionary<ulong, ReadRound> _rounds = [];
    private readonly DeadlineHeap _deadlines = new();

    /// <summary>A coordinator without reads.</summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public ReadCoordinator(EventualOptions options, IReplicatedData data, PeerLatencies latencies)
    {
        if (options.Validate() is { } error)
        {
            throw new ArgumentException(error, nameof(options));
        }

        _options = options;
        _data = data;
        Latencies = latencies;
    }

    /// <summary>How fast peers answer.</summary>
    public PeerLatencies Latencies { get; }

    /// <summary>What the coordinator wants done. The host goes through it after every call, and clears it.</summary>
    public EventualEffects Effects { get; } = new();

    /// <summary>When <see cref="Tick"/> may have something to do.</summary>
    public Instant NextDeadline => _deadlines.Next;

    /// <summary>Reads under way.</summary>
    public int Operations => _rounds.Count;

    /// <summary>Begins a read; false when too many are under way.</summary>
    /// <param name="operation">The read.</param>
    /// <param name="isAlive">Which nodes are up, as far as this one knows.</param>
    /// <param name="now">The time.</param>
    public bool Begin(in ReadOperation operation, Func<NodeId, bool> isAlive, Instant now)
    {
        if (_rounds.Count >= _options.OperationsMax)
        {
            return false;
        }

        Check.That(operation.Level != ConsistencyLevel.Any);
        var tally = ConsistencyTally.OfRead(operation.Level, operation.Replicas, _options.Region);
        if (!tally.CanBeSatisfiedBy(isAlive, out var alive, out var required))
        {
            Effects.Add(new EventualEffect
            {
                Kind = EventualEffectKind.Completed,
                Operation = operation.Number,
                Outcome = EventualOutcome.Unavailable,
                Received = alive,
                Required = required,
            });
            return true;
        }

        var round = new ReadRound(operation, tally, Candidates(operation, isAlive, tally, now));
        _rounds.Add(operation.Number, round);
        round.AskFirst(Effects, now);
        ArmHedge(round, now);
        _deadlines.Add(operation.Number, operation.Deadline);
        return true;
    }

    /// <summary>Takes a replica's answer: late, doubled and nonsensical ones change nothing.</summary>
    public void Step(NodeId from, in EventualMessage message, Instant now)
    {
        if (!_rounds.TryGetValue(message.Operation, out var round) || round.Find(from) is not { } asked)
        {
            return;
        }

        switch (message.Kind)
        {
            case EventualMessageKind.ReadData when asked.Version is null:
                Heard(asked, now);
                asked.Version = message.Payload;
                asked.Basis = message.Stamp;
                asked.Digest = _data.DigestOf(message.Payload);
                round.Tally.Record(from, ok: true);
                Advance(round, now);
                break;
            case EventualMessageKind.Digest when asked.Digest is null && !asked.WantsData:
                Heard(asked, now);
                asked.Digest = message.VersionDigest;
                round.Tally.Record(from, ok: true);
                Advance(round, now);
                break;
            case EventualMessageKind.ReadRefused when asked.Digest is null || (round.IsResolving && asked.Version is null):
                asked.HasFailed = true;
                round.Tally.Record(from, ok: false);
                OnFailure(round, now);
                break;
            case EventualMessageKind.Written when asked.IsBeingRepaired:
                asked.IsBeingRepaired = false;
                asked.IsRepaired = true;
                AdvanceRepair(round);
                break;
        }
    }

    /// <summary>Does what is due. Calling it early or often is harmless.</summary>
    public void Tick(Instant now)
    {
        while (_deadlines.TryTake(now, out var number, out var at))
        {
            if (!_rounds.TryGetValue(number, out var round))
            {
                continue;
            }

            if (round.Operation.Deadline <= now)
            {
                Complete(round, EventualOutcome.TimedOut, default);
            }
            else if (round.HedgeAt == at)
            {
                Hedge(round, now);
            }
        }
    }

    /// <summary>Those who may be asked: this node, its region, then the fastest; as many of each region as a level wants first.</summary>
    private List<NodeId> Candidates(
        in ReadOperation operation, Func<NodeId, bool> isAlive, ConsistencyTally tally, Instant now)
    {
        var region = _options.Region;
        var candidates = operation.Replicas.Members.Where(replica => isAlive(replica.Node) && tally.IsInScope(replica.Node)).ToList();
        candidates.Sort((a, b) =>
        {
            var byRegion = (a.Region != region).CompareTo(b.Region != region);
            var byLatency = byRegion != 0 ? byRegion : LatencyOf(a.Node, now).CompareTo(LatencyOf(b.Node, now));
            return byLatency != 0 ? byLatency : a.Node.CompareTo(b.Node);
        });
        return [.. candidates.Select(replica => replica.Node)];
    }

    // This node's own answer costs no network.
    private Duration LatencyOf(NodeId node, Instant now) =>
        node == _options.Self ? Latencies.Expected(node, now) / 2 : Latencies.Expected(node, now);

    private void Heard(AskedReplica asked, Instant now)
    {
        if (!asked.IsHeard)
        {
            asked.IsHeard = true;
            Latencies.Answered(asked.Node, now - asked.AskedAt, now);
        }
    }

    private void ArmHedge(ReadRound round, Instant now)
    {
        round.HedgeAt = Instant.Never;
        if (_options.Hedges && round.NextCandidate is { } next)
        {
            round.HedgeAt = now + Latencies.HedgeAfter(next);
            _deadlines.Add(round.Operation.Number, round.HedgeAt);
        }
    }

    private void Hedge(ReadRound round, Instant now)
    {
        foreach (var asked in round.Asked)
        {
            if (!asked.IsHeard)
            {
                Latencies.Silent(asked.Node, now - asked.AskedAt, now);
            }
        }

        round.HedgeAt = Instant.Never;
        if (round.IsRepairing)
        {
            round.RepairOther(Effects, now);
        }
        else
        {
            round.AskAnother(Effects, now);
        }

        ArmHedge(round, now);
    }

    private void OnFailure(ReadRound round, Instant now)
    {
        if (round.Tally.IsLost)
        {
            Complete(round, EventualOutcome.Failed, default);
            return;
        }

        // Another one can take its place at once.
        round.AskAnother(Effects, now);
        Advance(round, now);
    }

    private void Advance(ReadRound round, Instant now)
    {
        if (round.IsRepairing)
        {
            return;
        }

        if (round.IsResolving)
        {
            if (round.HasVersionsEnough(_options.Region))
            {
                Merge(round, now);
            }

            return;
        }

        if (!round.Tally.IsSatisfied || round.Data is not { } data)
        {
            return;
        }

        if (round.DigestsAgree)
        {
            Complete(round, EventualOutcome.Done, data);
        }
        else
        {
            round.Resolve(Effects);
            Advance(round, now);
        }
    }

    private void Merge(ReadRound round, Instant now)
    {
        var answered = round.Asked.Where(asked => asked.Version is not null).ToArray();
        var versions = answered.Select(asked => asked.Version!.Value).ToArray();
        var merged = _options.Sabotage.Has(Sabotage.AnswersOneVersion) ? versions[0] : _data.Merge(versions);
        if (round.Operation.Repair == ReadRepair.None)
        {
            Complete(round, EventualOutcome.Done, merged);
            return;
        }

        var digest = _data.DigestOf(merged);
        round.BeginRepair(merged);
        foreach (var asked in answered)
        {
            if (asked.Digest == digest)
            {
                asked.IsRepaired = true;
            }
            else
            {
                round.SendRepair(Effects, asked, _data.RepairOf(merged, asked.Version!.Value));
            }
        }

        if (round.Operation.Repair == ReadRepair.Background)
        {
            Complete(round, EventualOutcome.Done, merged);
            return;
        }

        AdvanceRepair(round);
        if (_rounds.ContainsKey(round.Operation.Number))
        {
            ArmHedge(round, now);
        }
    }

    private void AdvanceRepair(ReadRound round)
    {
        if (round.IsRepairing && round.IsRepairedEnough(_options.Region))
        {
            Complete(round, EventualOutcome.Done, round.Merged);
        }
    }

    private void Complete(ReadRound round, EventualOutcome outcome, ReadOnlyMemory<byte> data)
    {
        _rounds.Remove(round.Operation.Number);
        Effects.Add(new EventualEffect
        {
            Kind = EventualEffectKind.Completed,
            Operation = round.Operation.Number,
            Outcome = outcome,
            Received = round.Tally.Received,
            Required = round.Tally.Required,
            Failures = round.Tally.Failed,
            IsDataPresent = round.Data is not null,
            Data = data,
        });
    }
}
