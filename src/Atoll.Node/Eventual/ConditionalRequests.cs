using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Paxos;
using Atoll.Kernel.Quorums;
using Atoll.Node.Replicas;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Rows;

namespace Atoll.Node.Eventual;

/// <summary>Conditional writes and SERIAL reads, as this loop coordinates them: Paxos among the replicas of the partition.</summary>
internal sealed class ConditionalRequests
{
    // Repairs under way: there is no hurry.
    private const int RepairsMax = 4;
    private static readonly Duration RepairTimeout = Duration.FromSeconds(5);

    private readonly EventualEnvironment _environment;
    private readonly ReplicaSets _sets;
    private readonly PaxosCoordinator _paxos;
    private readonly Action<NodeId, PaxosMessage> _send;
    private readonly Dictionary<ulong, Held> _held = [];
    private readonly SortedSet<ulong> _awaitingMembership = [];
    private readonly WireWriter _result = new(1024);

    // A repair wants no data: a record that is never there.
    private readonly byte[] _nothing;
    private ulong _lastOperation;
    private int _repairs;
    private bool _isDraining;

    public ConditionalRequests(EventualEnvironment environment, ReplicaSets sets, Prng random, Action<NodeId, PaxosMessage> send)
    {
        _environment = environment;
        _sets = sets;
        _send = send;
        var nothing = new WireWriter(16);
        EventualQuery.WriteRecord(nothing, RowKey.OfPartition(0, []));
        _nothing = nothing.ToArray();
        _lastOperation = random.NextUInt64() >> 16;
        _paxos = new PaxosCoordinator(
            new PaxosOptions
            {
                Self = environment.Options.Self,
                Region = environment.Options.Description.RegionName,
                Lane = (uint)random.NextUInt64(),
                Sabotage = environment.Options.Sabotage,
            },
            environment.Stamps,
            environment.Data,
            random.Fork());
    }

    /// <summary>Takes a conditional write.</summary>
    public void Take(PendingRequest pending, ShardInfo shard, RowsMutation mutation, Instant now)
    {
        if (mutation.Partitions is not [var partition])
        {
            Refuse(pending, "a conditional write is about one partition");
            return;
        }

        if (RowsVersion.HasIncrements(mutation.Partitions))
        {
            Refuse(pending, "a counter has no conditional writes");
            return;
        }

        var query = new WireWriter(256);
        EventualQuery.WriteConditionRows(query, mutation);
        var name = PaxosPartition.Of(shard.Id, partition.Token, partition.Key.Span);
        Begin(
            pending, shard, PaxosOperationKind.CompareAndSet, name, query.ToArray(),
            new ConditionalRows(mutation, _environment.Options.Self), now);
    }

    /// <summary>Takes operations with conditions, all of them on one record.</summary>
    public void Take(PendingRequest pending, ShardInfo shard, IReadOnlyList<RecordOperation> operations, Instant now)
    {
        var key = operations[0].Key.Span;
        var query = new WireWriter(64 + key.Length);
        RecordsVersion.WriteQuery(query, key);
        var name = PaxosPartition.OfRecord(shard.Id, key);
        Begin(
            pending, shard, PaxosOperationKind.CompareAndSet, name, query.ToArray(), new ConditionalRecord(operations), now);
    }

    /// <summary>Takes a SERIAL read.</summary>
    public void TakeRead(PendingRequest pending, ShardInfo shard, Instant now)
    {
        if (RecordsQuery.TryReadGet(pending.Request.Payload, out var record))
        {
            var get = new WireWriter(64 + record.Length);
            RecordsVersion.WriteQuery(get, record.Span);
            Begin(
                pending, shard, PaxosOperationKind.Read, PaxosPartition.OfRecord(shard.Id, record.Span), get.ToArray(), null, now);
            return;
        }

        if (!RowsQuery.TryReadPartition(pending.Request.Payload, out var read))
        {
            Refuse(pending, "SERIAL and LOCAL_SERIAL are for reads of one partition, or one record");
            return;
        }

        var query = new WireWriter(256);
        EventualQuery.WriteRaw(query, pending.Request.Payload.Span, _environment.Stamps.Peek());
        var name = PaxosPartition.Of(shard.Id, read.Token, read.Key.Span);
        Begin(pending, shard, PaxosOperationKind.Read, name, query.ToArray(), null, now);
    }

    /// <summary>The directory has changed.</summary>
    public void Follow()
    {
        foreach (var held in _held.Values.Where(static held => !held.IsRepair).ToArray())
        {
            _environment.AnswerIfDropped(held.Request, held.Shard.Id);
        }
    }

    /// <summary>Finishes what somebody left undone on a partition.</summary>
    public void Repair(ShardInfo shard, ReadOnlyMemory<byte> partition, Instant now)
    {
        if (_repairs >= RepairsMax)
        {
            return;
        }

        var number = ++_lastOperation;
        if (_paxos.Begin(
            new PaxosOperation
            {
                Number = number,
                Kind = PaxosOperationKind.Repair,
                Partition = partition,
                Query = _nothing,
                Membership = MembershipOf(shard, SerialLevel.Serial),
                Deadline = now + RepairTimeout,
            },
            now))
        {
            _repairs++;
            _held[number] = new Held(default, shard, null, default) { IsRepair = true };
            Drain();
        }
    }

    /// <summary>Takes a replica's answer.</summary>
    public void Step(NodeId from, in PaxosMessage message, Instant now)
    {
        _paxos.Step(from, message, now);
        Drain();
    }

    /// <summary>Does what is due.</summary>
    public void Tick(Instant now)
    {
        foreach (var number in _awaitingMembership.ToArray())
        {
            if (!_held.TryGetValue(number, out var held))
            {
                _awaitingMembership.Remove(number);
            }
            else if (_environment.Directory.TryGetShard(held.Shard.Id, out var shard) && shard!.Generation > held.Shard.Generation)
            {
                _awaitingMembership.Remove(number);
                held.Shard = shard;
                _paxos.SetMembership(number, MembershipOf(shard, held.Serial), now);
            }
        }

        if (now >= _paxos.NextDeadline)
        {
            _paxos.Tick(now);
        }

        Drain();
    }

    private void Begin(
        PendingRequest pending, ShardInfo shard, PaxosOperationKind kind, byte[] partition, byte[] query, ConditionalUpdate? update,
        Instant now)
    {
        var consistency = CoordinatedRequests.LevelOf(pending);
        var membership = MembershipOf(shard, consistency.Serial);
        var (needed, alive) = NeededOf(membership.Voters);
        if (alive >= needed && !membership.OutgoingVoters.IsEmpty)
        {
            (needed, alive) = NeededOf(membership.OutgoingVoters);
        }

        if (alive < needed)
        {
            var effect = new EventualEffect
            {
                Outcome = EventualOutcome.Unavailable, Received = alive, Required = needed, Write = WriteKind.CompareAndSet,
            };
            _environment.Router.Complete(pending, CoordinatedRequests.ShortfallOf(effect, update is not null, shard.Id));
            return;
        }

        var number = ++_lastOperation;
        var operation = new PaxosOperation
        {
            Number = number,
            Kind = kind,
            Partition = partition,
            Query = query,
            Membership = membership,
            CommitLevel = consistency.Level,
            Replicas = _sets.OfWrites(shard),
            Deadline = CoordinatedRequests.DeadlineOf(pending, now),
        };
        _held[number] = new Held(new HeldRequest(pending, pending.Number), shard, update, _environment.Stamps.Peek())
        {
            Serial = consistency.Serial,
        };
        if (!_paxos.Begin(operation, now))
        {
            _held.Remove(number);
            _environment.Router.Complete(pending, new Response(
                ResponseStatus.Overloaded, RetryAfter: Duration.FromMilliseconds(50), Shard: shard.Id,
                Detail: "this node coordinates as many conditional requests as it may"));
            return;
        }

        Drain();
    }

    private (int Needed, int Alive) NeededOf(ImmutableArray<NodeId> voters) =>
        (voters.IsEmpty ? 1 : Majority.Size(voters.Length), voters.Count(_environment.IsUp));

    private PaxosMembership MembershipOf(ShardInfo shard, SerialLevel serial) => serial != SerialLevel.LocalSerial
        ? Memberships.Of(_environment.Directory.View, shard)
        : Memberships.In(_environment.Directory.View, shard, _environment.Options.Description.RegionName);

    private void Drain()
    {
        if (_isDraining)
        {
            return;
        }

        _isDraining = true;
        var effects = _paxos.Effects;
        for (var i = 0; i < effects.Count; i++)
        {
            var effect = effects[i];
            switch (effect.Kind)
            {
                case PaxosEffectKind.Send:
                    _send(effect.Peer, effects.MessageOf(effect));
                    break;
                case PaxosEffectKind.Evaluate:
                    Evaluate(effect);
                    break;
                case PaxosEffectKind.NeedsMembership:
                    _awaitingMembership.Add(effect.Operation);
                    _environment.Directory.Refresh();
                    break;
                case PaxosEffectKind.Completed:
                    Completed(effect);
                    break;
                case PaxosEffectKind.Hint:
                    break; // a repair brings it
            }
        }

        effects.Clear();
        _isDraining = false;
    }

    private void Evaluate(in PaxosEffect effect)
    {
        var now = _environment.Clock.Now;
        if (!_held.TryGetValue(effect.Operation, out var held) || held.Update is not { } update)
        {
            _paxos.Decline(effect.Operation, now);
            return;
        }

        var stamp = effect.Ballot.Time;
        _result.Reset();
        if (update.Judge(effect.Data, stamp, _result) || _environment.Options.Sabotage.Has(Sabotage.IgnoresExpectedVersions))
        {
            held.ProposedAt = stamp;
            _paxos.Propose(effect.Operation, update.VersionAt(stamp), now);
        }
        else
        {
            held.NotApplied = _result.ToArray();
            _paxos.Decline(effect.Operation, now);
        }
    }

    private void Completed(in PaxosEffect effect)
    {
        if (!_held.Remove(effect.Operation, out var held))
        {
            return;
        }

        if (held.IsRepair)
        {
            _repairs--;
            return;
        }

        if (!held.Request.IsHeld)
        {
            return;
        }

        var pending = held.Request.Pending;
        _result.Reset();
        switch (effect.Outcome)
        {
            case PaxosOutcome.Applied:
                held.Update!.WriteDone(held.ProposedAt, _environment.Stamps.Peek(), _result);
                break;
            case PaxosOutcome.Declined:
                _result.WriteRaw(held.NotApplied);
                break;
            case PaxosOutcome.Done when RecordsQuery.KindOf(pending.Request.Payload.Span) == RecordsQueryKind.Get:
                RecordsPages.Write(pending.Request.Payload, effect.Data, held.AsOf, _result);
                break;
            case PaxosOutcome.Done:
                RowsPages.Write(pending.Request.Payload, effect.Data, held.AsOf, _result);
                break;
            default:
                _environment.Router.Complete(pending, ShortfallOf(effect, held));
                return;
        }

        _environment.Router.Complete(pending, new Response(ResponseStatus.Ok, _result.ToArray(), Shard: held.Shard.Id));
    }

    private static Response ShortfallOf(in PaxosEffect effect, Held held)
    {
        var isWrite = held.Update is not null;
        var kind = effect.Outcome == PaxosOutcome.CommitTimedOut ? WriteKind.Simple : WriteKind.CompareAndSet;
        var (status, detail) = effect.Outcome switch
        {
            PaxosOutcome.TimedOut => (ResponseStatus.Unavailable, "no majority of the replicas answered in time; nothing was changed"),
            PaxosOutcome.CommitTimedOut =>
                (ResponseStatus.OutcomeUnknown, "it is decided and will be seen, but too few replicas confirmed in time that they have it"),
            _ => (ResponseStatus.OutcomeUnknown, "no majority of the replicas answered in time; it may take effect"),
        };
        return new Response(isWrite ? status : ResponseStatus.Unavailable, Shard: held.Shard.Id, Detail: detail)
        {
            Shortfall = new QuorumShortfall(EventualOutcome.TimedOut, effect.Received, effect.Required, Write: kind),
        };
    }

    private void Refuse(PendingRequest pending, string why) =>
        _environment.Router.Complete(pending, new Response(ResponseStatus.Invalid, Detail: why));

    private sealed class Held(HeldRequest request, ShardInfo shard, ConditionalUpdate? update, HybridTime asOf)
    {
        public HeldRequest Request => request;

        public ConditionalUpdate? Update => update;

        public HybridTime AsOf => asOf;

        public ShardInfo Shard { get; set; } = shard;

        public SerialLevel Serial { get; init; }

        /// <summary>The time of the last proposal: that of the write, when it was done.</summary>
        public HybridTime ProposedAt { get; set; }

        public bool IsRepair { get; init; }

        public byte[] NotApplied { get; set; } = [];
    }
}
