using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Paxos;
using Atoll.Node.Loops;
using Atoll.Node.Replicas;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;

namespace Atoll.Node.Eventual;

/// <summary>
/// Everything that a loop does for shards without leaders: it coordinates requests, keeps hints, has its replicas take part, compares them
/// with others, and says where it is. It carries out the effects of the cores in Kernel/Eventual; docs/eventual.md has the whole.
/// </summary>
internal sealed class EventualShards : IEventualShards
{
    private static readonly Duration MaintenanceInterval = Duration.FromMilliseconds(100);
    private static readonly Duration GossipInterval = Duration.FromMilliseconds(1_000);

    private readonly EventualEnvironment _environment;
    private readonly ReplicaHost _host;
    private readonly SortedDictionary<ShardId, EventualReplica> _replicas = [];
    private readonly CoordinatedRequests _requests;
    private readonly ConditionalRequests _conditional;
    private readonly LedRequests _led;
    private readonly HintedWrites _hints;
    private readonly Exchanges _exchanges;
    private readonly Rejoins _rejoins;
    private readonly ReplicaMoves _moves;
    private readonly Action<LoopAddress, EventualMessage> _sendTo;
    private readonly SortedDictionary<NodeId, bool> _wasUp = [];
    private readonly SortedSet<NodeId> _missed = [];
    private DirectoryView? _view;
    private bool _isDraining;
    private bool _hasShards;
    private Instant _nextMaintenance;
    private Instant _nextGossip;

    public EventualShards(EventualEnvironment environment, ReplicaHost host, Prng random)
    {
        _environment = environment;
        _host = host;
        _sendTo = (to, message) => SendTo(to, message);
        environment.Early.Take = (from, message) => Received(from, message);
        var numbers = new OperationNumbers(random);
        var options = new EventualOptions { Self = environment.Options.Self, Region = environment.Options.Description.RegionName };
        var sets = new ReplicaSets(environment.Directory);
        _conditional = new ConditionalRequests(environment, sets, random.Fork(), SendPaxos);
        _led = new LedRequests(environment, _replicas, random.Fork())
        {
            Write = (pending, shard, version, stamp, told) =>
            {
                _requests!.Write(pending, shard, version, stamp, told, WriteKind.Counter, Now);
                Drain();
            },
        };
        _requests = new CoordinatedRequests(environment, sets, numbers, new PeerLatencies(options))
        {
            Conditional = _conditional,
            Led = _led,
        };
        _hints = new HintedWrites(environment, numbers, Send)
        {
            Stored = operation =>
            {
                _requests!.Writes.HintStored(operation);
                Drain();
            },
            Missed = peer => _missed.Add(peer),
        };
        _rejoins = new Rejoins(environment, host);
        _exchanges = new Exchanges(environment, _replicas, random.NextUInt64() >> 24);
        _moves = new ReplicaMoves(environment, _replicas, peer => _exchanges.Schedule.MissedWrites(peer, Now));
    }

    /// <summary>The replicas of this loop that take part; for observers.</summary>
    public IReadOnlyDictionary<ShardId, EventualReplica> Replicas => _replicas;

    private Instant Now => _environment.Clock.Now;

    /// <inheritdoc />
    public void Take(PendingRequest pending, ShardInfo shard)
    {
        _requests.Take(pending, shard, Now);
        Drain();
    }

    /// <summary>Takes a part of a frame; false when it cannot be read.</summary>
    public bool TryReceive(LoopAddress from, PeerMessageKind kind, ReadOnlyMemory<byte> body)
    {
        var reader = new WireReader(body);
        if (!_environment.IsListenedTo(from.Node))
        {
            return true;
        }

        if (kind == PeerMessageKind.Known)
        {
            var version = new HybridTime(reader.ReadUInt64());
            var time = new HybridTime(reader.ReadUInt64());
            if (reader.OkAtEnd)
            {
                _environment.Stamps.Observe(time);
                _environment.Floors.Known(from, version);
            }

            return reader.OkAtEnd;
        }

        if (kind == PeerMessageKind.PaxosStates)
        {
            return _moves.TryReceive(from, body);
        }

        if (kind == PeerMessageKind.Floor)
        {
            var floor = new HybridTime(reader.ReadUInt64());
            if (reader.OkAtEnd)
            {
                _environment.Stamps.Observe(floor);
                _environment.Floors.Told(from, floor);
            }

            return reader.OkAtEnd;
        }

        if (kind == PeerMessageKind.Eventual)
        {
            var time = new HybridTime(reader.ReadUInt64());
            var isMessage = EventualMessageCodec.TryRead(body[(body.Length - reader.Remaining)..], out var eventual);
            if (isMessage)
            {
                _environment.Stamps.Observe(time);
                Received(from, eventual);
            }

            return isMessage;
        }

        if (kind == PeerMessageKind.Paxos)
        {
            var isMessage = PaxosMessageCodec.TryRead(body, out var paxos);
            if (isMessage)
            {
                Received(from, paxos);
            }

            return isMessage;
        }

        var sent = kind == PeerMessageKind.Sync ? new HybridTime(reader.ReadUInt64()) : HybridTime.Zero;
        var shard = new ShardId(reader.ReadUInt64());
        var flag = reader.ReadBool();
        if (!reader.Ok)
        {
            return false;
        }

        var rest = body[(body.Length - reader.Remaining)..];
        switch (kind)
        {
            case PeerMessageKind.Sync when SyncMessageCodec.TryRead(rest, out var message):
                _environment.Stamps.Observe(sent);
                _exchanges.Step(shard, from.Node, isConductor: flag, message);
                return true;
            case PeerMessageKind.Horizon when HorizonReport.TryRead(rest, out var report):
                _environment.Stamps.Observe(report.Closed);
                _rejoins.Reported(shard, from.Node, isRejoining: flag, Now);
                if (_replicas.TryGetValue(shard, out var replica))
                {
                    replica.Reported(from.Node, report, isRejoining: flag);
                }

                return true;
            default:
                return false;
        }
    }

    /// <summary>Does what is due.</summary>
    public void Tick(Instant now)
    {
        if (now >= _requests.Writes.NextDeadline)
        {
            _requests.Writes.Tick(now);
        }

        if (now >= _requests.Reads.NextDeadline)
        {
            _requests.Reads.Tick(now);
        }

        _requests.Tick(now);

        Drain();
        if (!_hasShards)
        {
            return;
        }

        _conditional.Tick(now);
        _hints.Tick(_host.TakeLocal(), now);
        _exchanges.Tick(now);
        if (now >= _nextMaintenance)
        {
            _nextMaintenance = now + MaintenanceInterval;
            Maintain(now);
        }
    }

    /// <summary>The directory has changed, or replicas of this loop have come or gone.</summary>
    public void Follow()
    {
        var view = _environment.Directory.View;
        if (_view != view)
        {
            _view = view;
            var before = view.Nodes.Where(node => node.Id < _environment.Options.Self).Sum(static node => node.Description.Loops);
            _environment.Stamps.SetLane(before + _environment.Options.Loop, view.Nodes.Sum(static node => node.Description.Loops));
            _requests.Follow();
        }

        _hasShards = view.Spaces.Any(static space => space.Options.FaultModel == FaultModel.Eventual);
        foreach (var (id, known) in _replicas.ToArray())
        {
            if (!_host.Replicas.TryGetValue(id, out var replica) || replica != known.Replica || replica.FaultReason is not null
                || (_environment.Directory.TryGetShard(id, out var info) && !_environment.IsKept(info!)))
            {
                _replicas.Remove(id);
                _exchanges.Forget(id);
            }
        }

        if (!_hasShards)
        {
            return;
        }

        foreach (var (id, replica) in _host.Replicas)
        {
            if (replica.FaultReason is not null || !_environment.Directory.TryGetShard(id, out var shard)
                || !_environment.Directory.IsEventual(shard!) || !_environment.IsKept(shard!))
            {
                continue;
            }

            if (!_replicas.TryGetValue(id, out var known))
            {
                _replicas.Add(id, known = new EventualReplica(_environment, replica, shard!, SendPaxos, _sendTo));
                _exchanges.SetReplicas(id, known.Exchangers);
            }
            else if (known.Shard != shard)
            {
                known.Follow(shard!);
                _exchanges.SetReplicas(id, known.Exchangers);
            }
        }
    }

    /// <summary>What this looks like from outside.</summary>
    public EventualStatus Describe()
    {
        if (!_hasShards)
        {
            return EventualStatus.None;
        }

        var lag = _exchanges.Schedule.Lag(Now);
        var horizon = _replicas.Values.Select(static replica => replica.Report.Horizon).DefaultIfEmpty(HybridTime.Zero).Min();
        return new EventualStatus
        {
            Replicas = _replicas.Count,
            Rejoining = _replicas.Values.Count(static replica => replica.IsRejoining) + _rejoins.Announced.Count(),
            Coordinated = _requests.Writes.Operations + _requests.Reads.Operations,
            Exchanges = _exchanges.Schedule.UnderWay,
            ExchangesDone = _exchanges.Done,
            RecordsExchanged = _exchanges.RecordsExchanged,
            ExchangeLagMilliseconds = lag == Duration.Infinite ? -1 : lag.Milliseconds,
            HorizonLagMilliseconds = horizon == HybridTime.Zero
                ? -1 : Math.Max(0, _environment.Stamps.Peek().UnixMilliseconds - horizon.UnixMilliseconds),
            Hints =
            [
                .. (_hints.Queue?.Describe() ?? []).Select(static hints =>
                    new HintsStatus(hints.Peer, hints.Hints, hints.Bytes, hints.HandedOff, hints.Dropped)),
            ],
        };
    }

    /// <summary>What moves or holds the loop's floor, its exchanges and its replicas, in words; for whoever looks into a stall.</summary>
    public string Explain()
    {
        var lines = new List<string>
        {
            $"floor {_environment.Floors.Own}, under way: writes {_requests.Writes.EarliestStamp}, counters {_led.EarliestStamp}, "
            + $"hints {_hints.EarliestStamp} ({string.Join(", ", _hints.Queue?.Describe() ?? [])}); "
            + $"least {_environment.Floors.Least(_environment.Directory.View)}, confirmed {_environment.Directory.IsConfirmed}",
        };
        lines.AddRange(_host.Replicas.Where(pair => !_replicas.ContainsKey(pair.Key)).Select(static pair =>
            $"replica {pair.Key} takes no part: {pair.Value.FaultReason ?? "whole"}"));
        lines.AddRange(_replicas.Values.Select(static replica => $"replica {replica.Shard.Id}: {replica.Explain()}"));
        lines.AddRange(_exchanges.Schedule.Describe().Select(static status => status.ToString()));
        return string.Join("\n  ", lines);
    }

    private void Maintain(Instant now)
    {
        Follow();
        FollowPeers(now);
        var view = _environment.Directory.View;
        if (now >= _nextGossip)
        {
            _nextGossip = now + GossipInterval;
            if (!_environment.Directory.IsConfirmed)
            {
                // It was lost on its way, say; without it nothing is closed here.
                _environment.Directory.Refresh();
            }

            _led.ForgetAnswered();
            _environment.Floors.Tell(view, EarliestUnderWay(), now);
            if (view.Shards.Any(static shard => shard.Move is not null))
            {
                _environment.Floors.TellKnown(view, _requests.EarliestVersion);
                _moves.Tick();
            }

            foreach (var replica in _replicas.Values)
            {
                if (replica.IsReady)
                {
                    TellHorizon(replica.Shard, replica.Report);
                    replica.Paxos!.Maintain(_environment.Stamps.Peek(), name => _conditional.Repair(replica.Shard, name, now));
                }
            }

            foreach (var id in _rejoins.Announced)
            {
                if (!_replicas.ContainsKey(id) && _environment.Directory.TryGetShard(id, out var shard))
                {
                    TellHorizon(shard!, default);
                }
            }
        }

        _rejoins.Maintain(now);
        var least = _environment.Directory.IsConfirmed ? _environment.Floors.Least(view) : HybridTime.Zero;
        foreach (var replica in _replicas.Values)
        {
            replica.Tick(least, now);
        }

        foreach (var (id, replica) in _replicas.ToArray())
        {
            if (replica.MustBeginEmpty && _host.TryRestartEmpty(id, isOutdated: true))
            {
                _replicas.Remove(id);
                _exchanges.Forget(id);
            }
        }
    }

    // What lies behind the floor is in no round, no hint and no unsettled decree; of replicas that have not been read yet nobody knows.
    // That holds also for one that waits for room, or stands still because it is damaged: it may have accepted something.
    private HybridTime EarliestUnderWay()
    {
        if (!_environment.Directory.IsConfirmed)
        {
            return HybridTime.Zero; // nor of those that only a newer view names
        }

        var earliest = Earliest(
            _requests.Writes.EarliestStamp, Earliest(_hints.EarliestStamp, _led.EarliestStamp));
        foreach (var shard in _environment.Directory.View.Shards)
        {
            var isHere = _environment.IsKept(shard) && (_host.Replicas.ContainsKey(shard.Id)
                || NodeOptions.LoopOf(shard.Id, _environment.Options.LoopCount) == _environment.Options.Loop);
            if (isHere && _environment.Directory.IsEventual(shard))
            {
                earliest = Earliest(earliest, _replicas.TryGetValue(shard.Id, out var known) ? known.EarliestStamp : HybridTime.Zero);
            }
        }

        return earliest;
    }

    private void FollowPeers(Instant now)
    {
        // A replica of this node that was not ready gets its hints, too.
        if (_wasUp.TryAdd(_environment.Options.Self, true))
        {
            _hints.SetReachable(_environment.Options.Self, true, now);
        }

        foreach (var node in _environment.Directory.View.Nodes)
        {
            if (node.Id == _environment.Options.Self)
            {
                continue;
            }

            var isUp = _environment.Liveness.IsAlive(node.Id);
            if (!_wasUp.TryGetValue(node.Id, out var wasUp) || wasUp != isUp)
            {
                _wasUp[node.Id] = isUp;
                _hints.SetReachable(node.Id, isUp, now);
                _exchanges.Schedule.SetReachable(node.Id, isUp, now);
            }

            if (_missed.Remove(node.Id) | _hints.Queue?.TakeDropped(node.Id) > 0)
            {
                _exchanges.Schedule.MissedWrites(node.Id, now);
            }
        }

        if (_environment.Directory.IsConfirmed)
        {
            _hints.Follow(_environment.Directory.View.Nodes);
        }
    }

    private void TellHorizon(ShardInfo shard, in HorizonReport report)
    {
        foreach (var peer in shard.Keepers)
        {
            if (peer != _environment.Options.Self && _environment.Directory.TryLoopOf(peer, shard.Id, out var loop))
            {
                var to = new LoopAddress(peer, loop);
                var frame = _environment.Outbox.Begin(to, Lane.Urgent, PeerMessageKind.Horizon, out var position);
                frame.WriteUInt64(shard.Id.Value);
                frame.WriteBool(_rejoins.IsRejoining(shard.Id));
                report.Write(frame);
                _environment.Outbox.End(to, Lane.Urgent, position);
            }
        }
    }

    private void Received(LoopAddress from, in EventualMessage message)
    {
        var shard = new ShardId(message.Range);
        if (message.Kind is EventualMessageKind.Written or EventualMessageKind.WriteRefused
            or EventualMessageKind.ReadData or EventualMessageKind.Digest or EventualMessageKind.ReadRefused)
        {
            Answered(from.Node, message);
            Drain();
        }
        else if (_replicas.TryGetValue(shard, out var replica))
        {
            replica.Step(from, message);
        }
        else
        {
            SendTo(from, RefusalOf(message, shard));
        }
    }

    // A replica that is being brought back takes the write later, as a hint; one that is no replica never. Who knows nothing of the shard
    // may be behind: what is saved of the directory may be older than the shard.
    private EventualMessage RefusalOf(in EventualMessage message, ShardId shard)
    {
        var isRead = message.Kind is EventualMessageKind.Read or EventualMessageKind.ReadDigest;
        var isOurs = _environment.Directory.TryGetShard(shard, out var info) && info!.Keepers.Contains(_environment.Options.Self);
        return message.Answer(isRead ? EventualMessageKind.ReadRefused : EventualMessageKind.WriteRefused) with
        {
            Reason = isOurs || info is null ? RefusalReason.Overloaded : RefusalReason.WrongReplica,
        };
    }

    private void Answered(NodeId from, in EventualMessage message)
    {
        switch (OperationNumbers.OwnerOf(message.Operation))
        {
            case OperationOwner.Write:
                _requests.Writes.Step(from, message, Now);
                break;
            case OperationOwner.Read:
                _requests.Reads.Step(from, message, Now);
                break;
            case OperationOwner.Hint:
                _hints.Answered(from, message, Now);
                break;
        }
    }

    // What is carried out may end at once and add to the buffers: they are gone through by position, and only by the outermost call.
    private void Drain()
    {
        if (_isDraining)
        {
            return;
        }

        _isDraining = true;
        var writes = _requests.Writes.Effects;
        var reads = _requests.Reads.Effects;
        for (int i = 0, j = 0; i < writes.Count || j < reads.Count;)
        {
            if (i < writes.Count)
            {
                CarryOut(writes, writes[i++], isWrite: true);
            }
            else
            {
                CarryOut(reads, reads[j++], isWrite: false);
            }
        }

        writes.Clear();
        reads.Clear();
        _isDraining = false;
    }

    private void CarryOut(EventualEffects effects, in EventualEffect effect, bool isWrite)
    {
        switch (effect.Kind)
        {
            case EventualEffectKind.Send:
                Send(effect.Peer, effects.MessageOf(effect));
                break;
            case EventualEffectKind.StoreHint:
                _hints.Keep(effect.Peer, effects.MessageOf(effect), effect.ReportsHint ? effect.Operation : 0);
                break;
            case EventualEffectKind.Completed:
                _requests.Completed(effect, isWrite);
                break;
        }
    }

    private void Send(NodeId peer, EventualMessage message)
    {
        if (_environment.Directory.TryLoopOf(peer, new ShardId(message.Range), out var loop))
        {
            SendTo(new LoopAddress(peer, loop), message); // else it is as if it were lost
        }
    }

    private void SendTo(LoopAddress to, in EventualMessage message)
    {
        if (to.Node == _environment.Options.Self && to.Loop == _environment.Options.Loop)
        {
            Received(to, message);
            return;
        }

        // Who is shown a value writes later than it, although another node's clock, which gave it its time, is ahead.
        var frame = _environment.Outbox.Begin(to, Lane.Urgent, PeerMessageKind.Eventual, out var position);
        frame.WriteUInt64(_environment.Stamps.Peek().Value);
        EventualMessageCodec.Write(frame, message);
        _environment.Outbox.End(to, Lane.Urgent, position);
    }

    private void Received(LoopAddress from, in PaxosMessage message)
    {
        _environment.Stamps.Observe(message.Time);
        if (message.Kind is not (PaxosMessageKind.Inspect or PaxosMessageKind.Prepare or PaxosMessageKind.Propose
            or PaxosMessageKind.Commit or PaxosMessageKind.Settled))
        {
            _conditional.Step(from.Node, message, Now);
        }
        else if (_replicas.TryGetValue(PaxosPartition.ShardOf(message.Partition), out var replica)
            && replica is { Paxos: { } paxos, IsRejoining: false, CanVote: true }
            && (message.Kind != PaxosMessageKind.Commit || _environment.Floors.IsPresentDurable()))
        {
            paxos.Step(from, message);
        }
    }

    private void SendPaxos(NodeId peer, PaxosMessage message)
    {
        if (_environment.Directory.TryLoopOf(peer, PaxosPartition.ShardOf(message.Partition), out var loop))
        {
            SendPaxos(new LoopAddress(peer, loop), message); // else it is as if it were lost
        }
    }

    private void SendPaxos(LoopAddress to, PaxosMessage message)
    {
        if (to.Node == _environment.Options.Self && to.Loop == _environment.Options.Loop)
        {
            Received(to, message);
            return;
        }

        var frame = _environment.Outbox.Begin(to, Lane.Urgent, PeerMessageKind.Paxos, out var position);
        PaxosMessageCodec.Write(frame, message);
        _environment.Outbox.End(to, Lane.Urgent, position);
    }

    private static HybridTime Earliest(HybridTime a, HybridTime b) => a < b ? a : b;
}
