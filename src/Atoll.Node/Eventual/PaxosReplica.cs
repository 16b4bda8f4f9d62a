using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Kernel.Paxos;
using Atoll.Kernel.Quorums;
using Atoll.Node.Requests;
using Atoll.StateMachines.Eventual;

namespace Atoll.Node.Eventual;

/// <summary>
/// A replica's side of Paxos: one step of a partition after the other, each with its state in memory, and nothing said before what it saves
/// is durable. What is remembered stands in notes of the replica.
/// </summary>
internal sealed class PaxosReplica
{
    // Messages of a partition that wait for the disk; more are as good as lost.
    private const int WaitingMax = 256;

    // Not while attempts that the floor would refuse may be under way.
    private static readonly Duration ForgetAfter = Duration.FromSeconds(5);

    // Exchanges with one replica, one after the other, of which the last has begun after the first was over.
    private const int ExchangesMin = 2;

    // A decree that its coordinator has not brought to everyone by then is brought by whoever finds it.
    private static readonly Duration RepairAfter = Duration.FromSeconds(15);

    private readonly EventualEnvironment _environment;
    private readonly EventualReplica _replica;
    private readonly PaxosAcceptor _acceptor;
    private readonly Action<LoopAddress, PaxosMessage> _send;
    private bool _savingFloor;
    private bool _mustSaveFloor;
    private readonly SortedDictionary<ReadOnlyMemory<byte>, Partition> _partitions = new(KeyOrder.Instance);

    public PaxosReplica(
        EventualEnvironment environment, EventualReplica replica, PaxosMembership membership, Ballot floor,
        Action<LoopAddress, PaxosMessage> send)
    {
        _environment = environment;
        _replica = replica;
        _send = send;
        _acceptor = new PaxosAcceptor(environment.Options.Self, membership, floor);
    }

    /// <summary>The version of the placement in which it takes part.</summary>
    public ulong Epoch => _acceptor.Membership.Epoch;

    /// <summary>Whether it has not received yet what the replicas before it remember, and so claims to have nothing whole.</summary>
    public bool IsCatchingUp
    {
        get => _acceptor.IsCatchingUp;
        set => _acceptor.IsCatchingUp = value;
    }

    /// <summary>Whether something that other replicas remembered is on its way to the disk here.</summary>
    public bool IsAbsorbing =>
        _savingFloor || _partitions.Values.Any(static partition => partition.ToAbsorb is not null || partition.IsAbsorbing);

    /// <summary>The earliest stamp of a decree here that is not settled, or Max.</summary>
    public HybridTime EarliestStamp
    {
        get
        {
            var earliest = HybridTime.Max;
            foreach (var partition in _partitions.Values)
            {
                earliest = Earlier(earliest, Earlier(partition.State.EarliestStamp, partition.Saving.EarliestStamp));
            }

            return earliest;
        }
    }

    /// <summary>Takes back what was remembered of a partition before the start.</summary>
    public void Restore(ReadOnlyMemory<byte> key, in PaxosPartitionState state) =>
        _partitions[key.ToArray()] = new Partition(PaxosPartition.Of(_replica.Shard.Id, key.Span))
        {
            State = state, ChangedAt = _environment.Clock.Now,
        };

    /// <summary>There is another version of the placement, which is durable here.</summary>
    public void Follow(PaxosMembership membership) => _acceptor.SetMembership(membership);

    /// <summary>
    /// What it remembers, for a new replica: partitions behind one, in order, as many as fit, and whether they are the last.
    /// </summary>
    /// <remarks>
    /// What is settled all have in their data: of that only the promise counts, and the floor stands for it. What is on its way to the
    /// disk is told, too: it may be said as soon as it is there.
    /// </remarks>
    public (List<(ReadOnlyMemory<byte> Partition, byte[] State)> States, Ballot Floor, bool IsComplete) Describe(
        ReadOnlyMemory<byte> after, int bytesMax)
    {
        var states = new List<(ReadOnlyMemory<byte>, byte[])>();
        var floor = _acceptor.Floor;
        var bytes = 0;
        var isComplete = true;
        foreach (var (key, partition) in _partitions)
        {
            var state = partition.IsBusy && !partition.Saving.IsNone ? partition.Saving : partition.State;
            if (state.IsSettled)
            {
                floor = Ballot.Max(floor, state.Promised);
            }
            else if (!after.IsEmpty && KeyOrder.Instance.Compare(key, after) <= 0)
            {
                continue;
            }
            else if (bytes >= bytesMax)
            {
                isComplete = false;
            }
            else
            {
                var written = BytesOf(state);
                states.Add((key, written));
                bytes += key.Length + written.Length;
            }
        }

        return (states, floor, isComplete);
    }

    /// <summary>Takes over what an old replica remembers of a partition.</summary>
    public void Absorb(ReadOnlyMemory<byte> key, in PaxosPartitionState state)
    {
        if (!_partitions.TryGetValue(key, out var partition))
        {
            partition = new Partition(PaxosPartition.Of(_replica.Shard.Id, key.Span));
            _partitions.Add(PaxosPartition.WithinShard(partition.Name), partition);
        }

        partition.ToAbsorb = partition.ToAbsorb is { } before ? before.Absorb(state) : state;
        if (!partition.IsBusy)
        {
            SaveAbsorbed(partition);
        }
    }

    /// <summary>Takes over what an old replica has promised for partitions of which it remembers nothing.</summary>
    public void AbsorbFloor(Ballot floor)
    {
        if (floor > _acceptor.Floor)
        {
            _savingFloor = true;
            RaiseFloor(floor, FloorSaved);
        }
    }

    private void FloorSaved(bool isDurable)
    {
        _savingFloor = !isDurable;
        _mustSaveFloor = !isDurable;
    }

    // The data behind a decree come by exchanges, those of the last with it. What is whole is whole only where the data are.
    private void SaveAbsorbed(Partition partition)
    {
        var taken = partition.ToAbsorb!.Value;
        partition.ToAbsorb = null;
        partition.IsAbsorbing = true;
        partition.IsBusy = true;
        var absorbed = partition.State.Absorb(taken) with { Whole = partition.State.Whole };
        var version = absorbed.Committed.Ballot > partition.State.Committed.Ballot && absorbed.Committed.Judged.Time > _replica.Closed
            ? absorbed.Committed.Update : ReadOnlyMemory<byte>.Empty;
        partition.Saving = absorbed;
        var note = new Note(NoteKeys.OfPaxos(PaxosPartition.WithinShard(partition.Name).Span), BytesOf(absorbed));
        _replica.Apply(new EventualChange { Version = version, Notes = [note] }, (status, _) =>
        {
            partition.IsAbsorbing = false;
            if (status == ResponseStatus.Ok)
            {
                partition.State = partition.Saving;
                partition.ChangedAt = _environment.Clock.Now;
                GoOn(partition);
            }
            else
            {
                // Not at once: while the disk stands still every attempt is refused at once, and the loop would do nothing else.
                partition.ToAbsorb = partition.ToAbsorb is { } more ? taken.Absorb(more) : taken;
                partition.MustReload = true;
            }
        });
    }

    /// <summary>Takes a coordinator's message.</summary>
    public void Step(LoopAddress from, in PaxosMessage message)
    {
        var key = PaxosPartition.WithinShard(message.Partition);
        if (!_partitions.TryGetValue(key, out var partition))
        {
            partition = new Partition(message.Partition.ToArray());
            _partitions.Add(PaxosPartition.WithinShard(partition.Name), partition);
        }

        if (!partition.IsBusy)
        {
            Run(partition, from, message);
        }
        else if (partition.Waiting.Count < WaitingMax)
        {
            partition.Waiting.Enqueue((from, message));
        }
    }

    /// <summary>Forgets what nobody needs; names partitions on which something was left undone.</summary>
    /// <param name="now">The time of the clock that ballots come from.</param>
    /// <param name="repair">Called with partitions that a repair should look at.</param>
    public void Maintain(HybridTime now, Action<ReadOnlyMemory<byte>> repair)
    {
        // Ages are the node's own: the clock that ballots come from stands still while it is ahead of all that happens.
        var instant = _environment.Clock.Now;
        var before = new HybridTime(now.Value + 1);
        foreach (var (key, partition) in _partitions.ToArray())
        {
            if (partition.IsBusy)
            {
                continue;
            }

            if (partition.State.IsNone)
            {
                _partitions.Remove(key);
            }
            else if (HasClosedGap(partition))
            {
                CarryOut(partition, default);
            }
            else if (instant - partition.ChangedAt >= ForgetAfter && _acceptor.TryForget(partition.Name, partition.State, before))
            {
                CarryOut(partition, default);
            }
            else if (!partition.State.IsSettled && instant - partition.ChangedAt >= RepairAfter)
            {
                repair(partition.Name);
            }
        }
    }

    /// <summary>An exchange of the shard's data with another replica is over, and what it brought is durable.</summary>
    public void Synced(NodeId peer)
    {
        foreach (var partition in _partitions.Values)
        {
            if (partition.Gap != Ballot.None)
            {
                partition.Exchanges[peer] = partition.Exchanges.GetValueOrDefault(peer) + 1;
            }
        }
    }

    // A decree came here without the ones before it: exchanges with a majority bring them, when they begin after the decree was known.
    private bool HasClosedGap(Partition partition)
    {
        if (partition.State.Whole >= partition.State.Committed.Ballot)
        {
            partition.Gap = Ballot.None;
            return false;
        }

        if (partition.Gap == Ballot.None)
        {
            partition.Gap = partition.State.Committed.Ballot;
            partition.Exchanges.Clear();
        }

        var others = _replica.Shard.Replicas.Count(node =>
            node != _environment.Options.Self && partition.Exchanges.GetValueOrDefault(node) >= ExchangesMin);
        var self = _replica.Shard.Replicas.Contains(_environment.Options.Self) ? 1 : 0;
        if (others + self < Majority.Size(_replica.Shard.Replicas.Length))
        {
            return false;
        }

        _acceptor.DataRepaired(partition.Name, partition.State, partition.Gap);
        partition.Gap = Ballot.None;
        return true;
    }

    private void Run(Partition partition, LoopAddress from, in PaxosMessage message)
    {
        _acceptor.Closed = _replica.Closed;
        _acceptor.ToldFloor = _environment.Floors.Own;
        _acceptor.Step(from.Node, message, partition.State);
        CarryOut(partition, from);
    }

    // What is applied and saved is one command; what is said follows when that is durable. Until then the partition takes nothing else.
    private void CarryOut(Partition partition, LoopAddress to)
    {
        var version = ReadOnlyMemory<byte>.Empty;
        var notes = new List<Note>();
        var said = new List<(PaxosMessage Message, bool ReadsData)>();
        var effects = _acceptor.Effects;
        partition.Saving = partition.State;
        for (var i = 0; i < effects.Count; i++)
        {
            var effect = effects[i];
            switch (effect.Kind)
            {
                case PaxosEffectKind.Apply:
                    version = effects.MessageOf(effect).Decree.Update;
                    break;
                case PaxosEffectKind.Save:
                    partition.Saving = effects.StateOf(effect);
                    notes.Add(new Note(
                        NoteKeys.OfPaxos(PaxosPartition.WithinShard(partition.Name).Span), BytesOf(partition.Saving)));
                    break;
                case PaxosEffectKind.SaveFloor:
                    notes.Add(new Note(NoteKeys.PaxosFloor, BytesOf(effect.Floor)));
                    break;
                case PaxosEffectKind.MembershipIsBehind:
                    _environment.Directory.Refresh();
                    break;
                case PaxosEffectKind.Send:
                    said.Add((effects.MessageOf(effect), effect.ReadsData));
                    break;
            }
        }

        effects.Clear();
        partition.IsBusy = true;
        if (version.IsEmpty && notes.Count == 0)
        {
            Say(partition, to, said);
            return;
        }

        _replica.Apply(new EventualChange { Version = version, Notes = notes }, (status, _) =>
        {
            if (status == ResponseStatus.Ok)
            {
                partition.State = partition.Saving;
                partition.ChangedAt = _environment.Clock.Now;
                Say(partition, to, said);
            }
            else
            {
                // Perhaps it is in the log all the same: what is remembered is what the log says, when it says it.
                Reload(partition);
            }
        });
    }

    private void Say(Partition partition, LoopAddress to, List<(PaxosMessage Message, bool ReadsData)> said)
    {
        partition.Reading = said.Count(static item => item.ReadsData);
        foreach (var (message, readsData) in said)
        {
            if (!readsData)
            {
                _send(to, message);
                continue;
            }

            _replica.Query(message.Data, response =>
            {
                if (response.Status == ResponseStatus.Ok && EventualQuery.TryReadVersion(response.Body, out var version))
                {
                    _send(to, message with { Data = version });
                }

                if (--partition.Reading == 0)
                {
                    GoOn(partition);
                }
            });
        }

        if (said.TrueForAll(static item => !item.ReadsData))
        {
            GoOn(partition);
        }
    }

    private void Reload(Partition partition)
    {
        var query = new WireWriter(64);
        EventualQuery.WriteNote(query, NoteKeys.OfPaxos(PaxosPartition.WithinShard(partition.Name).Span));
        _replica.Query(query.ToArray(), response =>
        {
            if (response.Status != ResponseStatus.Ok || !EventualQuery.TryReadNote(response.Body, out var note))
            {
                // The replica stops, or waits for room: the partition takes nothing until it is known again.
                partition.MustReload = true;
                return;
            }

            var isState = note.IsEmpty || PaxosPartitionState.TryRead(note, out partition.State);
            Check.That(isState); // its bytes are covered by the store's checksums
            partition.State = note.IsEmpty ? PaxosPartitionState.None : partition.State;
            GoOn(partition);
        });
    }

    /// <summary>Promises nothing below a time; the end says whether that is durable.</summary>
    public void RaiseFloor(HybridTime time, Action<bool> done) => RaiseFloor(new Ballot(time, _environment.Options.Self, 0), done);

    private void RaiseFloor(Ballot ballot, Action<bool> done)
    {
        _acceptor.RaiseFloor(ballot);
        _replica.Apply(
            new EventualChange { Notes = [new Note(NoteKeys.PaxosFloor, BytesOf(_acceptor.Floor))] },
            (status, _) => done(status == ResponseStatus.Ok));
    }

    /// <summary>Tries again to learn what the disk did not tell.</summary>
    public void Tick()
    {
        if (_mustSaveFloor)
        {
            _mustSaveFloor = false;
            RaiseFloor(_acceptor.Floor, FloorSaved);
        }

        foreach (var partition in _partitions.Values.Where(static partition => partition.MustReload).ToArray())
        {
            partition.MustReload = false;
            Reload(partition);
        }
    }

    private void GoOn(Partition partition)
    {
        partition.IsBusy = false;
        partition.Saving = PaxosPartitionState.None;
        if (partition.ToAbsorb is not null)
        {
            SaveAbsorbed(partition);
        }
        else if (partition.Waiting.TryDequeue(out var next))
        {
            Run(partition, next.From, next.Message);
        }
    }

    private static byte[] BytesOf(in PaxosPartitionState state)
    {
        if (state.IsNone)
        {
            return [];
        }

        var writer = new WireWriter(128);
        state.Write(writer);
        return writer.ToArray();
    }

    private static byte[] BytesOf(Ballot ballot)
    {
        var writer = new WireWriter(32);
        ballot.Write(writer);
        return writer.ToArray();
    }

    private static HybridTime Earlier(HybridTime a, HybridTime b) => a < b ? a : b;

    private sealed class Partition(byte[] name)
    {
        public PaxosPartitionState State;

        public byte[] Name => name;

        /// <summary>The state that is on its way to the disk.</summary>
        public PaxosPartitionState Saving { get; set; }

        /// <summary>When the state last changed here; the start, for what was restored.</summary>
        public Instant ChangedAt { get; set; }

        public bool IsBusy { get; set; }

        public bool MustReload { get; set; }

        /// <summary>What another replica remembers, and this one shall.</summary>
        public PaxosPartitionState? ToAbsorb { get; set; }

        /// <summary>Whether such a thing is on its way to the disk.</summary>
        public bool IsAbsorbing { get; set; }

        /// <summary>The decree behind a gap that exchanges are to close; none when there is none.</summary>
        public Ballot Gap { get; set; }

        /// <summary>Exchanges since the gap was seen.</summary>
        public Dictionary<NodeId, int> Exchanges { get; } = [];

        public int Reading { get; set; }

        public Queue<(LoopAddress From, PaxosMessage Message)> Waiting { get; } = new();
    }
}
