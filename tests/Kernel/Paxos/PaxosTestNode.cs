using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Paxos;

namespace Atoll.Kernel.Tests.Paxos;

/// <summary>
/// A node of the test cluster: a replica with a disk that is slow and loses at a crash what it had not yet written, and a coordinator,
/// which loses everything.
/// </summary>
public sealed class PaxosTestNode
{
    private readonly PaxosOptions _template;
    private readonly Prng _random;
    private readonly Sabotage _sabotage;
    private readonly Queue<(long Write, Action<Disk> Change)> _writing = new();
    private readonly List<(long After, NodeId To, byte[] Bytes)> _held = [];
    private Disk _durable = new();
    private Disk _current = new();
    private long _writes;
    private long _durableWrites;
    private uint _lives;
    private TestHybridClock _clock = null!;
    private List<Action<Disk>>? _batch;

    internal PaxosTestNode(PaxosOptions template, PaxosMembership membership, Prng random, Sabotage sabotage)
    {
        _template = template;
        _random = random;
        _sabotage = sabotage;
        _durable.Membership = membership;
        Restart();
    }

    public NodeId Id => _template.Self;

    public bool IsUp { get; private set; }

    public PaxosAcceptor Acceptor { get; private set; } = null!;

    public PaxosCoordinator Coordinator { get; private set; } = null!;

    /// <summary>The chance of a write to become durable within a millisecond.</summary>
    public int DiskSpeedPpm { get; set; } = 700_000;

    public Func<Instant> WallTime { get; set; } = () => Instant.Zero;

    public Action<NodeId, byte[]> Send { get; set; } = (_, _) => { };

    public Action<PaxosEffect> OnCoordinatorEffect { get; set; } = _ => { };

    public Action<NodeId, byte[]> OnHint { get; set; } = (_, _) => { };

    public IEnumerable<string> Partitions => _current.States.Keys.Union(_current.Data.Keys).Order(StringComparer.Ordinal).ToArray();

    public int StatesRemembered => _current.States.Count;

    /// <summary>The unsaid part of the disk's work becomes durable, some or all.</summary>
    public void Sync(bool everything)
    {
        while (_writing.Count > 0 && (everything || _random.Chance(DiskSpeedPpm)))
        {
            var (write, change) = _writing.Dequeue();
            change(_durable);
            _durableWrites = write;
        }

        foreach (var (_, to, bytes) in _held.Where(held => held.After <= _durableWrites).ToArray())
        {
            Send(to, bytes);
        }

        _held.RemoveAll(held => held.After <= _durableWrites);
    }

    public void Crash()
    {
        IsUp = false;
        _writing.Clear();
        _held.Clear();
        _current = _durable.Clone();
        _durableWrites = _writes;
    }

    public void Restart()
    {
        IsUp = true;
        _current = _durable.Clone();
        Acceptor = new PaxosAcceptor(Id, _current.Membership, _current.Floor, _sabotage)
        {
            IsCatchingUp = _current.IsCatchingUp, ToldFloor = _current.ToldFloor, Closed = _current.Closed,
        };
        _clock = new TestHybridClock(() => WallTime());
        _clock.Observe(_current.ToldFloor);
        Coordinator = new PaxosCoordinator(
            _template with { Lane = ++_lives }, _clock, new RegisterData(), _random.Fork());
    }

    public void Receive(NodeId from, byte[] bytes, Instant now)
    {
        if (!PaxosMessageCodec.TryRead(bytes, out var message))
        {
            throw new InvalidOperationException("unreadable");
        }

        switch (message.Kind)
        {
            case PaxosMessageKind.Inspect or PaxosMessageKind.Prepare or PaxosMessageKind.Propose
                or PaxosMessageKind.Commit or PaxosMessageKind.Settled:
                Acceptor.Step(from, message, StateOf(Key(message.Partition)));
                Drain(Acceptor.Effects);
                break;
            default:
                Coordinator.Step(from, message, now);
                Drain(Coordinator.Effects);
                break;
        }
    }

    public void Tick(Instant now)
    {
        if (Coordinator.NextDeadline <= now)
        {
            Coordinator.Tick(now);
            Drain(Coordinator.Effects);
        }
    }

    /// <summary>Carries effects out; what one batch of them writes is one write.</summary>
    public void Drain(PaxosEffects effects)
    {
        _batch = [];
        for (var i = 0; i < effects.Count; i++)
        {
            var effect = effects[i];
            switch (effect.Kind)
            {
                case PaxosEffectKind.Send:
                    SendNowOrLater(effect, effects.MessageOf(effect));
                    break;
                case PaxosEffectKind.Apply:
                    Apply(effects.MessageOf(effect));
                    break;
                case PaxosEffectKind.Save:
                    Save(Key(effects.MessageOf(effect).Partition), effects.StateOf(effect));
                    break;
                case PaxosEffectKind.SaveFloor:
                    Write(disk => disk.Floor = effect.Floor);
                    break;
                case PaxosEffectKind.MembershipIsBehind:
                    break;
                case PaxosEffectKind.Hint:
                    OnHint(effect.Peer, Encode(effects.MessageOf(effect)));
                    break;
                default:
                    OnCoordinatorEffect(effect);
                    break;
            }
        }

        effects.Clear();
        if (_batch.Count > 0)
        {
            var changes = _batch;
            _writing.Enqueue((++_writes, disk => changes.ForEach(change => change(disk))));
        }

        _batch = null;
    }

    /// <summary>
    /// Tells a floor: before everything that is not settled here, and before the clock. Everything that is written must be durable first.
    /// </summary>
    public HybridTime TellFloor()
    {
        var clock = _clock.Next();
        var earliest = HoldsNothingBack ? HybridTime.Max
            : _current.States.Keys.Select(key => StateOf(key).EarliestStamp).DefaultIfEmpty(HybridTime.Max).Min();
        var floor = CoordinationFloors.Of(clock, earliest);
        floor = floor > _current.ToldFloor ? floor : _current.ToldFloor;
        Write(disk => disk.ToldFloor = floor);
        Sync(everything: true);
        Acceptor.ToldFloor = floor;
        return floor;
    }

    /// <summary>A planted bug: unsettled decrees do not hold the floor back.</summary>
    public bool HoldsNothingBack { get; init; }

    public HybridTime ToldFloor => _durable.ToldFloor;

    public void Close(HybridTime leastFloor)
    {
        var closed = leastFloor > _current.Closed ? leastFloor : _current.Closed;
        Write(disk => disk.Closed = closed);
        Sync(everything: true);
        Acceptor.Closed = closed;
    }

    /// <summary>Forgets what may be forgotten.</summary>
    public void Sweep()
    {
        foreach (var (key, bytes) in _current.States.ToArray())
        {
            _ = PaxosPartitionState.TryRead(bytes, out var state);
            Acceptor.TryForget(Convert.FromHexString(key), state, HybridTime.Max);
            Drain(Acceptor.Effects);
        }
    }

    public void Install(PaxosMembership membership, bool isCatchingUp)
    {
        if (membership.Epoch <= Acceptor.Membership.Epoch)
        {
            return;
        }

        Write(disk =>
        {
            disk.Membership = membership;
            disk.IsCatchingUp = isCatchingUp;
        });
        Sync(everything: true);
        Acceptor.SetMembership(membership);
        Acceptor.IsCatchingUp = isCatchingUp;
    }

    /// <summary>Takes over what others have.</summary>
    public void Absorb(IEnumerable<PaxosTestNode> sources)
    {
        foreach (var source in sources)
        {
            foreach (var key in source.Partitions)
            {
                var merged = RegisterData.Union(DataOf(key), source.DataOf(key));
                Write(disk => disk.Data[key] = merged);
                var state = StateOf(key).Absorb(source.StateOf(key));
                if (!state.IsNone)
                {
                    Save(key, state);
                }
            }
        }

        Write(disk => disk.IsCatchingUp = false);
        Acceptor.IsCatchingUp = false;
        Sync(everything: true);
    }

    public byte[] DataOf(string key) => _current.Data.GetValueOrDefault(key) ?? [];

    private static string Key(ReadOnlyMemory<byte> partition) => Convert.ToHexString(partition.Span);

    private static byte[] Encode(in PaxosMessage message)
    {
        var writer = new WireWriter();
        PaxosMessageCodec.Write(writer, message);
        return writer.ToArray();
    }

    private PaxosPartitionState StateOf(string key)
    {
        if (!_current.States.TryGetValue(key, out var bytes))
        {
            return PaxosPartitionState.None;
        }

        return PaxosPartitionState.TryRead(bytes, out var state) ? state : throw new InvalidOperationException("unreadable state");
    }

    private void SendNowOrLater(in PaxosEffect effect, in PaxosMessage message)
    {
        var bytes = Encode(effect.ReadsData ? message with { Data = DataOf(Key(message.Partition)) } : message);
        var writes = _writes + (_batch is { Count: > 0 } ? 1 : 0);
        if (effect.AfterDurable && _durableWrites < writes)
        {
            _held.Add((writes, effect.Peer, bytes));
        }
        else
        {
            Send(effect.Peer, bytes);
        }
    }

    private void Apply(in PaxosMessage message)
    {
        var key = Key(message.Partition);
        var update = message.Decree.Update;
        Write(disk => disk.Data[key] = RegisterData.Union(disk.Data.GetValueOrDefault(key) ?? [], update));
    }

    private void Save(string key, in PaxosPartitionState state)
    {
        var writer = new WireWriter();
        state.Write(writer);
        var bytes = state.IsNone ? null : writer.ToArray();
        Write(disk =>
        {
            if (bytes is null)
            {
                disk.States.Remove(key);
            }
            else
            {
                disk.States[key] = bytes;
            }
        });
    }

    private void Write(Action<Disk> change)
    {
        change(_current);
        if (_batch is not null)
        {
            _batch.Add(change);
        }
        else
        {
            _writing.Enqueue((++_writes, change));
        }
    }

    private sealed class Disk
    {
        public SortedDictionary<string, byte[]> States { get; private init; } = new(StringComparer.Ordinal);

        public SortedDictionary<string, byte[]> Data { get; private init; } = new(StringComparer.Ordinal);

        public Ballot Floor { get; set; }

        public PaxosMembership Membership { get; set; } = PaxosMembership.Of(0, new NodeId(1));

        public bool IsCatchingUp { get; set; }

        public HybridTime ToldFloor { get; set; }

        public HybridTime Closed { get; set; }

        public Disk Clone() => new()
        {
            States = new(States, StringComparer.Ordinal),
            Data = new(Data, StringComparer.Ordinal),
            Floor = Floor,
            Membership = Membership,
            IsCatchingUp = IsCatchingUp,
            ToldFloor = ToldFloor,
            Closed = Closed,
        };
    }
}
