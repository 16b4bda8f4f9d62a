using System.Buffers.Binary;
using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.Node.Replicas;
using Atoll.Node.Requests;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>
/// The writes that this loop keeps for replicas that were absent, as notes in its own shard (<see cref="ShardId.Local"/>): gathered between
/// two ticks and written together. What cannot be kept comes by exchanges.
/// </summary>
internal sealed class HintedWrites
{
    private const int NotesPerPage = 1024;
    private const int BatchBytesMax = 1024 * 1024;

    private readonly EventualEnvironment _environment;
    private readonly OperationNumbers _numbers;
    private readonly Action<NodeId, EventualMessage> _send;

    // Hints that are on their way to the disk, or have not been forgotten there yet.
    private readonly List<(ulong Sequence, NodeId Peer, EventualMessage Message, ulong ReportTo)> _toStore = [];
    private readonly List<(NodeId Peer, ulong Sequence)> _toDelete = [];
    private readonly SortedDictionary<NodeId, bool> _reachable = [];
    private readonly WireWriter _scratch = new(1024);
    private ShardReplica? _local;
    private int _generation;
    private bool _isLoading;
    private bool _isWriting;
    private int _toStoreBytes;

    // Hints up to here are on the disk, or could not be written.
    private ulong _settledThrough;

    public HintedWrites(EventualEnvironment environment, OperationNumbers numbers, Action<NodeId, EventualMessage> send)
    {
        _environment = environment;
        _numbers = numbers;
        _send = send;
    }

    /// <summary>A hint that a write waits for is durable.</summary>
    public required Action<ulong> Stored { get; init; }

    /// <summary>A replica missed a write of which no hint is kept.</summary>
    public required Action<NodeId> Missed { get; init; }

    /// <summary>What is kept, and when it is handed over; null until it is known what was kept before the start.</summary>
    public HintQueue? Queue { get; private set; }

    /// <summary>The earliest stamp of what is kept, or Max; zero while that is not known.</summary>
    public HybridTime EarliestStamp => Queue is null ? HybridTime.Zero : Queue.EarliestStamp;

    /// <summary>Keeps a write for a replica that did not take it.</summary>
    /// <param name="peer">The replica.</param>
    /// <param name="message">The write, as it is handed over.</param>
    /// <param name="reportTo">The write that waits for the hint; 0 for none.</param>
    public void Keep(NodeId peer, in EventualMessage message, ulong reportTo)
    {
        if (Truncation.Is(message.Payload) || Memberships.IsGone(_environment.Directory.View, peer))
        {
            return;
        }

        var isKept = false;
        if (Queue is not null && _toStoreBytes < BatchBytesMax * 16)
        {
            isKept = Queue.Offer(
                peer, message.Payload.Length, message.Stamp, _environment.MayStore(new ShardId(message.Range)), out var sequence)
                == HintOffer.Kept;
            if (isKept)
            {
                _toStoreBytes += message.Payload.Length;
                _toStore.Add((sequence, peer, message, reportTo));
            }

            CarryOut();
        }

        if (!isKept)
        {
            Missed(peer);
        }
    }

    /// <summary>A peer is there (again), or gone.</summary>
    public void SetReachable(NodeId peer, bool isUp, Instant now)
    {
        _reachable[peer] = isUp;
        Queue?.SetReachable(peer, isUp, now);
    }

    /// <summary>Only these nodes are left in the cluster: hints for others go.</summary>
    public void Follow(ImmutableArray<NodeInfo> nodes)
    {
        if (Queue is null)
        {
            return;
        }

        foreach (var peer in Queue.Peers.Where(peer => !nodes.Any(node => node.Id == peer && node.Standing != NodeStanding.Gone)).ToArray())
        {
            Queue.Forget(peer);
            _reachable.Remove(peer);
            CarryOut();
        }
    }

    /// <summary>The answer to a hint that was handed over.</summary>
    public void Answered(NodeId peer, in EventualMessage answer, Instant now)
    {
        if (Queue is null)
        {
            return;
        }

        var sequence = _numbers.HintOf(answer.Operation);
        if (answer.Kind == EventualMessageKind.Written)
        {
            Queue.Taken(peer, sequence);
        }
        else
        {
            Queue.Refused(peer, sequence, IsForNobody(peer, new ShardId(answer.Range)) ? RefusalReason.WrongReplica
                : answer.Reason == RefusalReason.WrongReplica ? RefusalReason.Overloaded : answer.Reason, now);
        }

        CarryOut();
    }

    // That it is no replica a node says, too, that has just started with an old view of the directory. And it may be the only one.
    private bool IsForNobody(NodeId peer, ShardId shard) => _environment.Directory.IsConfirmed
        && !(_environment.Directory.TryGetShard(shard, out var info) && info!.Keepers.Contains(peer));

    /// <summary>Writes down what has gathered, and hands over what the pace allows.</summary>
    /// <param name="local">The loop's own shard, or null while it is not there.</param>
    /// <param name="now">The time.</param>
    public void Tick(ShardReplica? local, Instant now)
    {
        if (local is null)
        {
            return;
        }

        if (local != _local)
        {
            // Another one, perhaps an empty one: what is kept is what it says.
            _local = local;
            Queue = null;
            _isLoading = false;
            _isWriting = false;
            _settledThrough = 0;
            _generation++;
            foreach (var hint in _toStore)
            {
                Missed(hint.Peer);
            }

            _toStore.Clear();
            _toStoreBytes = 0;
            _toDelete.Clear();
            foreach (var peer in _reachable.Keys)
            {
                Missed(peer);
            }
        }

        if (Queue is null)
        {
            Load();
            return;
        }

        if (now >= Queue.NextDeadline)
        {
            Queue.Tick(now);
            CarryOut();
        }

        Write();
    }

    private void CarryOut()
    {
        // Out of the buffer first: what is carried out may end at once, and have effects of its own.
        var effects = Queue!.Effects.ToArray();
        Queue.ClearEffects();
        foreach (var effect in effects)
        {
            if (effect.Kind == HintEffectKind.HandOff)
            {
                HandOff(effect.Peer, effect.Sequence);
            }
            else if (effect.Kind == HintEffectKind.Delete)
            {
                _toDelete.Add((effect.Peer, effect.Sequence));
            }
        }
    }

    private void HandOff(NodeId peer, ulong sequence)
    {
        var generation = _generation;

        // What was on its way to the disk when it was asked for may be there now, although the answer does not have it.
        var wasSettled = sequence <= _settledThrough;
        _scratch.Reset();
        EventualQuery.WriteNote(_scratch, KeyOf(peer, sequence));
        _environment.Local.Read(
            ShardId.Local,
            _scratch.ToArray(),
            response =>
            {
                if (generation != _generation)
                {
                    return;
                }

                if (response.Status != ResponseStatus.Ok || !EventualQuery.TryReadNote(response.Body, out var note))
                {
                    // As if the peer had refused it: more slowly.
                    Queue!.Refused(peer, sequence, RefusalReason.Overloaded, _environment.Clock.Now);
                    return;
                }

                if (_environment.Options.Sabotage.Has(Sabotage.DropsHints))
                {
                    Queue!.Taken(peer, sequence);
                    CarryOut();
                }
                else if (EventualMessageCodec.TryRead(note, out var message))
                {
                    _send(peer, message with { Operation = _numbers.OfHint(sequence) });
                }
                else if (wasSettled)
                {
                    Queue!.Lost(peer, sequence);
                    CarryOut();
                }
                else
                {
                    Queue!.NotYet(peer, sequence, _environment.Clock.Now);
                }
            },
            _environment.Clock.Now);
    }

    private void Write()
    {
        if (_isWriting || (_toStore.Count == 0 && _toDelete.Count == 0))
        {
            return;
        }

        var notes = new List<Note>();
        var stored = new List<(NodeId Peer, ulong ReportTo)>();
        var bytes = 0;
        var taken = 0;
        for (; taken < _toStore.Count && bytes < BatchBytesMax; taken++)
        {
            var (sequence, peer, message, reportTo) = _toStore[taken];
            _scratch.Reset();
            EventualMessageCodec.Write(_scratch, message);
            notes.Add(new Note(KeyOf(peer, sequence), _scratch.ToArray()));
            bytes += _scratch.Length;
            _toStoreBytes -= message.Payload.Length;
            stored.Add((peer, reportTo));
        }

        var settles = taken == 0 ? _settledThrough : _toStore[taken - 1].Sequence;
        _toStore.RemoveRange(0, taken);

        // Behind what is stored: a hint that was taken before it was written is forgotten all the same.
        notes.AddRange(_toDelete.Select(static hint => new Note(KeyOf(hint.Peer, hint.Sequence), default)));
        _toDelete.Clear();
        _isWriting = true;
        var generation = _generation;
        _scratch.Reset();
        EventualCommand.Write(_scratch, new EventualChange { Notes = notes });
        _environment.Local.Write(
            ShardId.Local,
            _scratch.ToArray(),
            response =>
            {
                _isWriting &= generation != _generation;
                _settledThrough = generation == _generation ? settles : _settledThrough;
                foreach (var (peer, reportTo) in stored)
                {
                    if (response.Status != ResponseStatus.Ok)
                    {
                        Missed(peer);
                    }
                    else if (reportTo != 0)
                    {
                        Stored(reportTo);
                    }
                }
            },
            _environment.Clock.Now);
    }

    private void Load()
    {
        if (!_isLoading)
        {
            _isLoading = true;
            Load([], default);
        }
    }

    private void Load(List<StoredHint> found, ReadOnlyMemory<byte> after)
    {
        var generation = _generation;
        _scratch.Reset();
        EventualQuery.WriteNotes(_scratch, default, after.Span, NotesPerPage);
        _environment.Local.Read(
            ShardId.Local,
            _scratch.ToArray(),
            response =>
            {
                if (generation != _generation)
                {
                    return;
                }

                if (response.Status != ResponseStatus.Ok)
                {
                    _isLoading = false;
                    return;
                }

                var areNotes = EventualQuery.TryReadNotes(response.Body, out var notes, out var isComplete);
                Check.That(areNotes && (isComplete || notes.Length > 0));
                foreach (var note in notes)
                {
                    if (note.Key.Length == KeyBytes && EventualMessageCodec.TryRead(note.Value, out var message))
                    {
                        var key = note.Key.Span;
                        found.Add(new StoredHint(
                            new NodeId(BinaryPrimitives.ReadUInt32BigEndian(key)),
                            BinaryPrimitives.ReadUInt64BigEndian(key[sizeof(uint)..]), message.Payload.Length, message.Stamp));
                    }
                }

                if (!isComplete)
                {
                    Load(found, notes[^1].Key);
                    return;
                }

                Queue = new HintQueue(new HintOptions(), found);
                _settledThrough = found.Select(static hint => hint.Sequence).DefaultIfEmpty().Max();
                foreach (var (peer, isUp) in _reachable)
                {
                    Queue.SetReachable(peer, isUp, _environment.Clock.Now);
                }
            },
            _environment.Clock.Now);
    }

    private const int KeyBytes = sizeof(uint) + sizeof(ulong);

    private static byte[] KeyOf(NodeId peer, ulong sequence)
    {
        var key = new byte[KeyBytes];
        BinaryPrimitives.WriteUInt32BigEndian(key, peer.Value);
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(sizeof(uint)), sequence);
        return key;
    }
}
