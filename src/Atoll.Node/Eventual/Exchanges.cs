using System.Collections.Immutable;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Kernel.Eventual;
using Atoll.Node.Routing;

namespace Atoll.Node.Eventual;

/// <summary>
/// Anti-entropy between the replicas on this loop and those elsewhere: conducts exchanges as the schedule has them, and answers those that
/// others conduct.
/// </summary>
internal sealed class Exchanges
{
    private readonly EventualEnvironment _environment;
    private readonly IReadOnlyDictionary<ShardId, EventualReplica> _replicas;
    private readonly SortedDictionary<SyncPair, SyncInitiator> _conducted = [];
    private ulong _lastExchange;

    public Exchanges(EventualEnvironment environment, IReadOnlyDictionary<ShardId, EventualReplica> replicas, ulong firstExchange)
    {
        _environment = environment;
        _replicas = replicas;
        _lastExchange = firstExchange;
        Schedule = new SyncSchedule(environment.Options.EventualSync, environment.Options.Self);
    }

    /// <summary>Which pair is compared next.</summary>
    public SyncSchedule Schedule { get; }

    /// <summary>Exchanges that were conducted here and went well.</summary>
    public long Done { get; private set; }

    /// <summary>Records that the exchanges conducted here moved, either way.</summary>
    public long RecordsExchanged { get; private set; }

    /// <summary>Takes a message of an exchange.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="from">The other side.</param>
    /// <param name="isConductor">Whether this side conducts the exchange.</param>
    /// <param name="message">What it says.</param>
    public void Step(ShardId shard, NodeId from, bool isConductor, in SyncMessage message)
    {
        var pair = new SyncPair(shard.Value, from);
        if (!_replicas.TryGetValue(shard, out var replica) || !replica.IsReady)
        {
            return;
        }

        if (!isConductor)
        {
            replica.Responder.Step(message, replica.Report);
            CarryOutResponse(replica, from);
        }
        else if (_conducted.TryGetValue(pair, out var exchange))
        {
            exchange.Step(message, _environment.Clock.Now);
            CarryOut(pair, exchange);
        }
    }

    /// <summary>The shard's replica is gone, or another one has taken its place: what it conducted is over.</summary>
    public void Forget(ShardId shard) => SetReplicas(shard, []);

    /// <summary>Sets with whom the shard's replica compares what it has: what it conducted with others is over.</summary>
    public void SetReplicas(ShardId shard, ImmutableArray<NodeId> exchangers)
    {
        foreach (var pair in _conducted.Keys.Where(pair => pair.Range == shard.Value && !exchangers.Contains(pair.Peer)).ToArray())
        {
            _conducted.Remove(pair);
        }

        Schedule.SetReplicas(shard.Value, exchangers, _environment.Clock.Now);
    }

    /// <summary>Begins what is due, and goes on with what is under way.</summary>
    public void Tick(Instant now)
    {
        foreach (var (pair, exchange) in _conducted.ToArray())
        {
            if (now >= exchange.NextDeadline)
            {
                exchange.Tick(now);
                CarryOut(pair, exchange);
            }
        }

        while (Schedule.TryBegin(now, out var next))
        {
            if (!_replicas.TryGetValue(new ShardId(next.Range), out var replica) || !replica.IsReady)
            {
                Schedule.Ended(next, isDone: false, now);
                continue;
            }

            var exchange = new SyncInitiator(
                _environment.Options.EventualSync, replica.Machine.Hashes, ++_lastExchange, replica.Report, now);
            _conducted.Add(next, exchange);
            CarryOut(next, exchange);
        }
    }

    private void CarryOut(SyncPair pair, SyncInitiator exchange)
    {
        // What comes late from the disk may be for an exchange that is over, and a replica that is another one.
        var shard = new ShardId(pair.Range);
        if (!_replicas.TryGetValue(shard, out var replica) || _conducted.GetValueOrDefault(pair) != exchange)
        {
            return;
        }

        foreach (var effect in TakeAll(exchange.Effects))
        {
            switch (effect.Kind)
            {
                case SyncEffectKind.Send:
                    Send(shard, pair.Peer, toConductor: false, effect.Message);
                    break;
                case SyncEffectKind.List:
                    replica.List(effect, (partitions, isComplete) =>
                    {
                        exchange.Listed(partitions, isComplete, _environment.Clock.Now);
                        CarryOut(pair, exchange);
                    });
                    break;
                case SyncEffectKind.SendPartition:
                    replica.ReadRecord(effect.AfterKey, (version, basis) => Send(
                        shard, pair.Peer, toConductor: false,
                        effect.Message with { Key = effect.AfterKey, Version = version, Stamp = basis }));
                    break;
                case SyncEffectKind.Merge:
                    replica.Merge(effect.Message.Version, effect.Message.Stamp, isMerged =>
                    {
                        if (isMerged)
                        {
                            exchange.Merged(effect.Message, _environment.Clock.Now);
                        }
                        else
                        {
                            exchange.MergeRefused();
                        }

                        CarryOut(pair, exchange);
                    });
                    break;
                case SyncEffectKind.Done:
                    replica.Synced(pair.Peer, effect.Message.Stamp);
                    End(pair, isDone: true);
                    break;
                case SyncEffectKind.Failed:
                    End(pair, isDone: false);
                    break;
            }
        }
    }

    private void CarryOutResponse(EventualReplica replica, NodeId peer)
    {
        var responder = replica.Responder;
        foreach (var effect in TakeAll(responder.Effects))
        {
            switch (effect.Kind)
            {
                case SyncEffectKind.Send:
                    Send(replica.Shard.Id, peer, toConductor: true, effect.Message);
                    break;
                case SyncEffectKind.List:
                    replica.List(effect, (partitions, isComplete) =>
                    {
                        responder.Listed(effect.Message, partitions, isComplete);
                        CarryOutResponse(replica, peer);
                    });
                    break;
                case SyncEffectKind.SendPartition:
                    replica.ReadRecord(effect.AfterKey, (version, basis) => Send(
                        replica.Shard.Id, peer, toConductor: true,
                        effect.Message with { Key = effect.AfterKey, Version = version, Stamp = basis }));
                    break;
                case SyncEffectKind.Merge:
                    replica.Merge(effect.Message.Version, effect.Message.Stamp, isMerged =>
                    {
                        if (isMerged)
                        {
                            responder.Merged(effect.Message);
                        }
                        else
                        {
                            responder.MergeRefused(effect.Message);
                        }

                        CarryOutResponse(replica, peer);
                    });
                    break;
                case SyncEffectKind.Done:
                    replica.Synced(peer, effect.Message.Stamp);
                    Schedule.EndedByPeer(new SyncPair(replica.Shard.Id.Value, peer), _environment.Clock.Now);
                    break;
            }
        }
    }

    // Out of the buffer first: what is carried out may end at once, and have effects of its own.
    private static SyncEffect[] TakeAll(SyncEffects effects)
    {
        var taken = new SyncEffect[effects.Count];
        for (var i = 0; i < taken.Length; i++)
        {
            taken[i] = effects[i];
        }

        effects.Clear();
        return taken;
    }

    private void End(SyncPair pair, bool isDone)
    {
        if (_conducted.Remove(pair, out var exchange))
        {
            Done += isDone ? 1 : 0;
            RecordsExchanged += exchange.PartitionsSent + exchange.PartitionsTaken;
        }

        Schedule.Ended(pair, isDone, _environment.Clock.Now);
    }

    private void Send(ShardId shard, NodeId peer, bool toConductor, in SyncMessage message)
    {
        if (!_environment.Directory.TryLoopOf(peer, shard, out var loop))
        {
            return;
        }

        // Large, and in no hurry: requests go before it.
        var to = new LoopAddress(peer, loop);
        var frame = _environment.Outbox.Begin(to, Lane.Bulk, PeerMessageKind.Sync, out var position);
        frame.WriteUInt64(_environment.Stamps.Peek().Value);
        frame.WriteUInt64(shard.Value);
        frame.WriteBool(toConductor);
        SyncMessageCodec.Write(frame, message);
        _environment.Outbox.End(to, Lane.Bulk, position);
    }
}
