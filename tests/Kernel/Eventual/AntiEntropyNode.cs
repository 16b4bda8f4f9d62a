using System.Buffers.Binary;
using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Tests.Paxos;

namespace Atoll.Kernel.Tests.Eventual;

/// <summary>What is wrong with a cluster on purpose.</summary>
public enum AntiEntropyBug
{
    None,

    /// <summary>Who has not reported is not waited for.</summary>
    IgnoresAbsent,

    /// <summary>Tombstones go when they are old (Cassandra's gc_grace_seconds).</summary>
    DropsByAge,

    /// <summary>Hints and late writes get in however old they are, and hold nothing back.</summary>
    AdmitsEverything,
}

/// <summary>A node of the test cluster: a replica of the one range, or a mere coordinator that keeps hints for it.</summary>
public sealed class AntiEntropyNode
{
    private readonly SyncOptions _options;
    private readonly AntiEntropyBug _bug;
    private readonly SortedDictionary<string, byte[]> _store = new(StringComparer.Ordinal);
    private readonly SortedDictionary<ulong, (NodeId Peer, byte[] Mutation, HybridTime Stamp)> _hints = [];
    private readonly Action<NodeId, NodeId, object> _send;
    private readonly CoordinationFloors _floors = new();
    private WriteCoordinator _writes;
    private MerkleTree _tree;
    private SyncResponder _responder;
    private SyncInitiator? _initiator;
    private SyncPair _pair;
    private ulong _exchange;
    private ulong _nextWrite;
    private byte[]? _horizonOnDisk;

    public AntiEntropyNode(
        NodeId id, SyncOptions options, AntiEntropyBug bug, TestHybridClock clock, Action<NodeId, NodeId, object> send)
    {
        Id = id;
        Clock = clock;
        _options = options;
        _bug = bug;
        _send = send;
        _writes = new WriteCoordinator(new EventualOptions { Self = id });
        Hints = new HintQueue(new HintOptions(), []);
        Schedule = new SyncSchedule(options, id);
        _tree = new MerkleTree(0, ulong.MaxValue, options.TreeDepth);
        _responder = new SyncResponder(options, _tree);
    }

    public NodeId Id { get; }

    public bool IsUp { get; set; } = true;

    public TestHybridClock Clock { get; }

    public RangeHorizon? Horizon { get; private set; }

    public HintQueue Hints { get; }

    public SyncSchedule Schedule { get; }

    public int Purged { get; private set; }

    public int Rebuilt { get; private set; }

    public int TombstonesKept => _store.Values.Sum(version => SetData.Decode(version).Values.Count(cell => cell.IsTombstone));

    public Action<ulong, EventualEffect> OnCompleted { get; set; } = (_, _) => { };

    public static string KeyOf(int partition) => ((ulong)partition * 0x0A00_0000_0000_0001UL).ToString("X16");

    /// <summary>What is visible.</summary>
    public SortedDictionary<(string, int), ulong> Visible()
    {
        var visible = new SortedDictionary<(string, int), ulong>();
        foreach (var (key, version) in _store)
        {
            foreach (var (name, cell) in SetData.Decode(version))
            {
                if (!cell.IsTombstone)
                {
                    visible[(key, name)] = cell.Timestamp;
                }
            }
        }

        return visible;
    }

    public void Keep(ulong epoch, IEnumerable<NodeId> replicas, HybridTime horizonOfOthers, Instant now)
    {
        var all = replicas.ToArray();
        if (Horizon is null)
        {
            Horizon = new RangeHorizon(Id, epoch, all, horizonOfOthers) { IgnoresAbsent = _bug == AntiEntropyBug.IgnoresAbsent };
        }
        else if (!Horizon.SetReplicas(epoch, all))
        {
            Empty();
            Horizon = null;
        }

        Schedule.SetReplicas(1, Horizon is null ? [] : all, now);
        SaveHorizon();
    }

    /// <summary>Writes or deletes a cell, with a timestamp that may be ahead of its time; returns the timestamp.</summary>
    public ulong Write(
        string key, int name, bool isDelete, Duration ahead, ConsistencyLevel level, ReplicaSet replicas, Func<NodeId, bool> isAlive,
        Instant now)
    {
        var stamp = Clock.Next();
        var number = (++_nextWrite * 10) + Id.Value;
        var timestamp = stamp.Add(ahead);
        var cell = new SetData.Cell(timestamp.Value, isDelete, (long)stamp.Value);
        var mutation = new WireWriter();
        mutation.WriteString(key);
        mutation.WriteRaw(SetData.Encode([new(name, cell)]));
        _writes.Begin(
            new WriteOperation
            {
                Number = number, Level = level, Replicas = replicas, Mutation = mutation.ToArray(), Stamp = stamp,
                Deadline = now + Duration.FromMilliseconds(100),
            },
            isAlive,
            now);
        DrainWrites();
        return timestamp.Value;
    }

    public ulong LastWrite => (_nextWrite * 10) + Id.Value;

    public void Crash()
    {
        IsUp = false;
        _writes = new WriteCoordinator(new EventualOptions { Self = Id });
        if (_initiator is not null)
        {
            _initiator = null;
            Schedule.Ended(_pair, isDone: false, Instant.Zero);
        }

        if (Horizon is not null)
        {
            Horizon = RangeHorizon.TryRead(Id, _horizonOnDisk) ?? throw new InvalidOperationException("unreadable horizon");
        }
    }

    public void Receive(NodeId from, object message, Instant now)
    {
        switch (message)
        {
            case EventualMessage write when write.Kind is EventualMessageKind.Write or EventualMessageKind.Hinted:
                OnWrite(from, write);
                break;
            case EventualMessage { Kind: EventualMessageKind.Written } answer:
                _writes.Step(from, answer, now);
                Hints.Taken(from, answer.Operation - 1_000_000_000);
                DrainHints();
                DrainWrites();
                break;
            case EventualMessage { Kind: EventualMessageKind.WriteRefused } answer:
                _writes.Step(from, answer, now);
                Hints.Refused(from, answer.Operation - 1_000_000_000, answer.Reason, now);
                DrainHints();
                DrainWrites();
                break;
            case HybridTime floor:
                Clock.Observe(floor);
                _floors.Told(from, floor);
                break;
            case HorizonReport report:
                Horizon?.Reported(from, report);
                SaveHorizon();
                break;
            case (false, SyncMessage toInitiator):
                if (_initiator is not null && _pair.Peer == from)
                {
                    if (toInitiator.Kind == SyncMessageKind.Opened)
                    {
                        Horizon?.Reported(from, toInitiator.Report);
                    }

                    _initiator.Step(toInitiator, now);
                    DrainInitiator(now);
                }

                break;
            case (true, SyncMessage toResponder) when Horizon is not null:
                if (toResponder.Kind is SyncMessageKind.Open or SyncMessageKind.Close)
                {
                    Horizon.Reported(from, toResponder.Report);
                }

                _responder.Step(toResponder, Horizon.Report);
                DrainResponder(from, now);
                break;
        }
    }

    public void Tick(ImmutableArray<NodeId> allNodes, IReadOnlyCollection<NodeId> replicas, Instant now)
    {
        _writes.Tick(now);
        DrainWrites();
        Hints.Tick(now);
        DrainHints();

        var earliest = _bug == AntiEntropyBug.AdmitsEverything ? HybridTime.Max
            : _writes.EarliestStamp < Hints.EarliestStamp ? _writes.EarliestStamp : Hints.EarliestStamp;
        var floor = CoordinationFloors.Of(Clock.Next(), earliest);
        foreach (var node in allNodes)
        {
            Send(node, floor);
        }

        if (Horizon is null)
        {
            return;
        }

        Horizon.Close(_floors.Least(allNodes));
        SaveHorizon();
        if (Horizon.MustRebuild)
        {
            Rebuilt++;
            Empty();
            Horizon = new RangeHorizon(Id, Horizon.Epoch, [.. replicas, Id], Horizon.HorizonOfOthers);
            SaveHorizon();
        }

        foreach (var replica in replicas)
        {
            Send(replica, Horizon.Report);
        }

        if (_initiator is null && Schedule.TryBegin(now, out _pair))
        {
            _initiator = new SyncInitiator(_options, _tree, ++_exchange, Horizon.Report, now);
        }

        _initiator?.Tick(now);
        DrainInitiator(now);
    }

    public void Purge(Instant now)
    {
        foreach (var (key, version) in _store.ToArray())
        {
            var cells = SetData.Decode(version);
            foreach (var (name, cell) in cells.ToArray())
            {
                if (cell.IsTombstone && MayDrop(cell))
                {
                    cells.Remove(name);
                    Purged++;
                }
            }

            Put(key, SetData.Encode(cells));
        }
    }

    private bool MayDrop(SetData.Cell cell) => _bug == AntiEntropyBug.DropsByAge
        ? new HybridTime(cell.Timestamp).Add(Duration.FromMilliseconds(400)) < Clock.Next()
        : Horizon is not null && Horizon.MayDrop(new HybridTime((ulong)cell.Value), new HybridTime(cell.Timestamp));

    private void Send(NodeId to, object message) => _send(Id, to, message);

    private void SaveHorizon()
    {
        var writer = new WireWriter();
        Horizon?.Write(writer);
        _horizonOnDisk = writer.ToArray();
    }

    private void Empty()
    {
        _store.Clear();
        _tree = new MerkleTree(0, ulong.MaxValue, _options.TreeDepth);
        _responder = new SyncResponder(_options, _tree);
        if (_initiator is not null)
        {
            _initiator = null;
            Schedule.Ended(_pair, isDone: false, Instant.Zero);
        }
    }

    private void Put(string key, byte[] version)
    {
        var before = _store.GetValueOrDefault(key) ?? [];
        var bytes = Convert.FromHexString(key);
        _tree.Update(BinaryPrimitives.ReadUInt64BigEndian(bytes), SetData.HashOf(bytes, before), SetData.HashOf(bytes, version));
        if (version.Length == 0)
        {
            _store.Remove(key);
        }
        else
        {
            _store[key] = version;
        }
    }

    private void OnWrite(NodeId from, in EventualMessage message)
    {
        Clock.Observe(message.Stamp);
        var reader = new WireReader(message.Payload);
        var key = reader.ReadString();
        var cells = reader.ReadRaw(reader.Remaining);
        if (Horizon is null)
        {
            Send(from, message.Answer(EventualMessageKind.WriteRefused) with { Reason = RefusalReason.WrongReplica });
        }
        else if (!Horizon.Admits(message.Stamp) && _bug != AntiEntropyBug.AdmitsEverything)
        {
            Send(from, message.Answer(EventualMessageKind.WriteRefused) with { Reason = RefusalReason.TooOld });
        }
        else
        {
            Put(key, SetData.Union(_store.GetValueOrDefault(key) ?? [], cells));
            Send(from, message.Answer(EventualMessageKind.Written));
        }
    }

    private bool TryMerge(in SyncMessage data)
    {
        if (Horizon is null || (!Horizon.AdmitsFrom(data.Stamp) && _bug == AntiEntropyBug.None))
        {
            return false;
        }

        // What is dropped everywhere does not come back.
        var cells = SetData.Decode(data.Version).Where(pair => !(pair.Value.IsTombstone && MayDrop(pair.Value)));
        var key = Convert.ToHexString(data.Key.Span);
        Put(key, SetData.Union(_store.GetValueOrDefault(key) ?? [], SetData.Encode(cells)));
        return true;
    }

    private void DrainWrites()
    {
        var effects = _writes.Effects;
        for (var i = 0; i < effects.Count; i++)
        {
            var effect = effects[i];
            switch (effect.Kind)
            {
                case EventualEffectKind.Send:
                    Send(effect.Peer, effects.MessageOf(effect));
                    break;
                case EventualEffectKind.StoreHint:
                    var hint = effects.MessageOf(effect);
                    if (Hints.Offer(effect.Peer, hint.Payload.Length, hint.Stamp, true, out var sequence) == HintOffer.Kept)
                    {
                        _hints[sequence] = (effect.Peer, hint.Payload.ToArray(), hint.Stamp);
                        if (effect.ReportsHint)
                        {
                            _writes.HintStored(effect.Operation);
                        }
                    }

                    break;
                default:
                    OnCompleted(effect.Operation, effect);
                    break;
            }
        }

        effects.Clear();
        DrainHints();
    }

    private void DrainHints()
    {
        foreach (var effect in Hints.Effects.ToArray())
        {
            if (effect.Kind == HintEffectKind.HandOff)
            {
                var (peer, mutation, stamp) = _hints[effect.Sequence];
                Send(peer, new EventualMessage
                {
                    Kind = EventualMessageKind.Hinted, Operation = effect.Sequence + 1_000_000_000, Payload = mutation, Stamp = stamp,
                });
            }
            else if (effect.Kind == HintEffectKind.Delete)
            {
                _hints.Remove(effect.Sequence);
            }
        }

        Hints.ClearEffects();
    }

    private ImmutableArray<PartitionHash> List(in SyncEffect effect, out bool isComplete)
    {
        var (first, last) = _tree.TokensOf(effect.Leaf);
        var after = Convert.ToHexString(effect.AfterKey.Span);
        var through = Convert.ToHexString(effect.ThroughKey.Span);
        var all = _store.Where(pair => string.CompareOrdinal(pair.Key, after) > 0
                && (through.Length == 0 || string.CompareOrdinal(pair.Key, through) <= 0)
                && first <= last
                && string.CompareOrdinal(pair.Key, first.ToString("X16")) >= 0
                && string.CompareOrdinal(pair.Key, last.ToString("X16")) <= 0)
            .Select(pair => (Key: Convert.FromHexString(pair.Key), pair.Value))
            .Select(pair => new PartitionHash(pair.Key, SetData.HashOf(pair.Key, pair.Value))).ToArray();
        isComplete = all.Length <= effect.Count;
        return [.. all.Take(effect.Count)];
    }

    private SyncMessage DataOf(in SyncEffect effect) => effect.Message with
    {
        Key = effect.AfterKey,
        Version = _store.GetValueOrDefault(Convert.ToHexString(effect.AfterKey.Span)) ?? [],
        Stamp = Horizon?.Basis ?? HybridTime.Zero,
    };

    private void DrainInitiator(Instant now)
    {
        for (var i = 0; _initiator is not null && i < _initiator.Effects.Count; i++)
        {
            var effect = _initiator.Effects[i];
            switch (effect.Kind)
            {
                case SyncEffectKind.Send:
                    Send(_pair.Peer, (true, effect.Message));
                    break;
                case SyncEffectKind.List:
                    var list = List(effect, out var isComplete);
                    _initiator.Listed(list, isComplete, now);
                    break;
                case SyncEffectKind.SendPartition:
                    Send(_pair.Peer, (true, DataOf(effect)));
                    break;
                case SyncEffectKind.Merge when TryMerge(effect.Message):
                    _initiator.Merged(effect.Message, now);
                    break;
                case SyncEffectKind.Merge:
                    _initiator.MergeRefused();
                    break;
                case SyncEffectKind.Done:
                    Horizon!.Synced(_pair.Peer, effect.Message.Stamp);
                    SaveHorizon();
                    End(isDone: true, now);
                    return;
                default:
                    End(isDone: false, now);
                    return;
            }
        }

        _initiator?.Effects.Clear();
    }

    private void End(bool isDone, Instant now)
    {
        _initiator = null;
        Schedule.Ended(_pair, isDone, now);
    }

    private void DrainResponder(NodeId from, Instant now)
    {
        var effects = _responder.Effects;
        for (var i = 0; i < effects.Count; i++)
        {
            var effect = effects[i];
            switch (effect.Kind)
            {
                case SyncEffectKind.Send:
                    Send(from, (false, effect.Message));
                    break;
                case SyncEffectKind.List:
                    var list = List(effect, out var isComplete);
                    _responder.Listed(effect.Message, list, isComplete);
                    break;
                case SyncEffectKind.SendPartition:
                    Send(from, (false, DataOf(effect)));
                    break;
                case SyncEffectKind.Merge when TryMerge(effect.Message):
                    _responder.Merged(effect.Message);
                    break;
                case SyncEffectKind.Merge:
                    _responder.MergeRefused(effect.Message);
                    break;
                case SyncEffectKind.Done:
                    Horizon!.Synced(from, effect.Message.Stamp);
                    SaveHorizon();
                    Schedule.EndedByPeer(new SyncPair(1, from), now);
                    break;
            }
        }

        effects.Clear();
    }
}
