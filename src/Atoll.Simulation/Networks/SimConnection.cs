using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Networks;

/// <summary>A connection from one loop to one node on one lane.</summary>
internal sealed class SimConnection(SimNetwork network, SimEndpoint owner, NodeId peer, Lane lane, string address) : ISimEventTarget
{
    // Every change of state makes what was scheduled for the state before void.
    private long _generation;
    private int _peerStart;
    private bool _isAbandoned;
    private Instant _lineFreeAt;
    private Instant _lastArrivalAt;

    public string Address => address;

    public bool IsUp { get; private set; }

    // What waits is what the line has not had time for: no event is needed to let it leave.
    public long QueuedBytes
    {
        get
        {
            var wait = (_lineFreeAt - network.Scheduler.Now).Nanoseconds;
            return wait <= 0 ? 0 : (long)((Int128)wait * network.Faults.BytesPerSecond / 1_000_000_000);
        }
    }

    private long QueueBytesMax => lane == Lane.Urgent ? network.Faults.UrgentQueueBytesMax : network.Faults.BulkQueueBytesMax;

    public void TryToConnect(Duration delay)
    {
        IsUp = false;
        _generation++;
        ScheduleHere(SimEventKind.Connect, delay + network.DrawLatency(owner.Loop.Address.Node, peer) * 2);
    }

    public void Abandon()
    {
        _isAbandoned = true;
        _generation++;
        IsUp = false;
    }

    // The peer died, or the way to it was cut: this side may still believe in the connection for a while.
    public void LosesPeer(bool silently)
    {
        if (IsUp)
        {
            ScheduleHere(
                SimEventKind.Disconnect,
                silently
                    ? network.Prng.NextDuration(network.Faults.SilenceNoticedMin, network.Faults.SilenceNoticedMax)
                    : network.DrawLatency(peer, owner.Loop.Address.Node));
        }
    }

    public SendOutcome Send(LoopAddress to, ReadOnlySpan<byte> message)
    {
        if (!IsUp)
        {
            return SendOutcome.Disconnected;
        }

        var faults = network.Faults;
        var queued = QueuedBytes;
        if (queued > 0 && queued + message.Length > QueueBytesMax)
        {
            network.CountFault(FaultKind.MessageRefused);
            return SendOutcome.Full;
        }

        if (network.Strikes(faults.RefusePartsPerMillion, FaultKind.MessageRefused))
        {
            return SendOutcome.Full;
        }

        if (network.Strikes(faults.ResetPartsPerMillion, FaultKind.ConnectionReset))
        {
            ScheduleHere(SimEventKind.Disconnect, Duration.Zero, reset: true);
        }

        var now = network.Scheduler.Now;
        _lineFreeAt = Instant.Max(_lineFreeAt, now) + new Duration((long)((Int128)message.Length * 1_000_000_000 / faults.BytesPerSecond));
        if (IsBroken())
        {
            network.CountFault(FaultKind.MessageCutOff);
            ExpectRefusal();
            return SendOutcome.Queued;
        }

        if (network.Strikes(faults.LossPartsPerMillion, FaultKind.MessageLost))
        {
            return SendOutcome.Queued;
        }

        ReadOnlyMemory<byte> bytes = message.ToArray();
        if (network.Interceptor is { } interceptor && !interceptor.Passes(owner.Loop.Address, to, lane, ref bytes))
        {
            return SendOutcome.Queued;
        }

        Launch(to, bytes);
        if (network.Strikes(faults.DuplicatePartsPerMillion, FaultKind.MessageDuplicated))
        {
            Launch(to, bytes);
        }

        return SendOutcome.Queued;
    }

    public void Run(in SimEvent happening)
    {
        if (_isAbandoned || !owner.Loop.IsAlive || (happening.Argument >> 1) != _generation)
        {
            return;
        }

        if (owner.Loop.Withholds(network.Scheduler, this, happening))
        {
            return;
        }

        if (happening.Kind == SimEventKind.Connect)
        {
            EndConnect();
        }
        else if (IsBroken() || (happening.Argument & 1) == 1)
        {
            TryToConnect(network.Prng.NextDuration(network.Faults.ReconnectMin, network.Faults.ReconnectMax));
            owner.Events!.LinkDown(peer, lane);
            owner.Loop.Delivered();
        }
    }

    private void Launch(LoopAddress to, ReadOnlyMemory<byte> bytes)
    {
        var at = _lineFreeAt + network.DrawLatency(owner.Loop.Address.Node, peer);
        if (!network.Strikes(network.Faults.ReorderPartsPerMillion, FaultKind.MessageReordered))
        {
            _lastArrivalAt = at = Instant.Max(at, _lastArrivalAt);
        }

        owner.Launch(to, lane, bytes, at);
    }

    private void EndConnect()
    {
        var self = owner.Loop.Address.Node;
        if (network.NodeAt(address) is { } node && node.Id == peer && !network.IsCut(self, peer) && !network.IsCut(peer, self))
        {
            IsUp = true;
            _generation++;
            _peerStart = node.Start;
            _lineFreeAt = _lastArrivalAt = network.Scheduler.Now;
            owner.Events!.LinkUp(peer, lane);
            owner.Loop.Delivered();
        }
        else
        {
            TryToConnect(network.Prng.NextDuration(network.Faults.ReconnectMin, network.Faults.ReconnectMax));
        }
    }

    // A process that started anew refuses what belongs to a connection of the one before it.
    private void ExpectRefusal()
    {
        var self = owner.Loop.Address.Node;
        if (network.StartOf(peer) >= 0 && !network.IsCut(self, peer) && !network.IsCut(peer, self))
        {
            ScheduleHere(SimEventKind.Disconnect, network.DrawLatency(self, peer) * 2);
        }
    }

    private bool IsBroken() => network.IsCut(owner.Loop.Address.Node, peer) || network.StartOf(peer) != _peerStart;

    private void ScheduleHere(SimEventKind kind, Duration delay, bool reset = false) =>
        network.Scheduler.Schedule(
            delay, this, new SimEvent(kind, owner.Loop.Address.Node.Value, (_generation << 1) | (reset ? 1L : 0L), peer.Value, null));
}
