using System.Buffers.Binary;
using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Paxos;
using Atoll.Node.Replicas;
using Atoll.Node.Requests;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Rows;

namespace Atoll.Node.Eventual;

/// <summary>
/// One replica of an eventual shard, as the other replicas and the coordinators see it: it takes versions into its own log and shows what
/// it has. Its log, its state and its disk are those of a <see cref="ShardReplica"/> whose group is itself alone.
/// </summary>
internal sealed class EventualReplica
{
    private static readonly Probe TooOldRefused = Probe.Define("eventual: a write was refused because its time is closed");
    private static readonly Probe BehindRefused = Probe.Define("eventual: data of a replica that is behind the horizon were refused");

    private const int ExchangedAtOnceMax = 64;

    private readonly EventualEnvironment _environment;
    private readonly Action<LoopAddress, PaxosMessage> _sendPaxos;
    private readonly Action<LoopAddress, EventualMessage> _answer;
    private readonly WireWriter _scratch = new(256);
    private readonly BoundedWork _merges;
    private readonly BoundedWork _reads;
    private RangeHorizon? _horizon;
    private HybridTime _truncated;
    private readonly HashSet<NodeId> _heard = [];
    private readonly HashSet<NodeId> _synced = [];
    private HorizonReport _durable;
    private uint? _generation;
    private bool _isLoading;
    private bool _isSaving;
    private bool _isRaisingFloor;
    private bool _isChanged;
    private bool _hasTaken;
    private UInt128 _rootAtClose;
    private Instant _nextClose;

    public EventualReplica(
        EventualEnvironment environment, ShardReplica replica, ShardInfo shard, Action<LoopAddress, PaxosMessage> sendPaxos,
        Action<LoopAddress, EventualMessage> answer)
    {
        _environment = environment;
        _sendPaxos = sendPaxos;
        _answer = answer;
        Replica = replica;
        Shard = shard;
        Exchangers = Memberships.Exchangers(environment.Directory.View, shard);

        // Clients' requests are served beside them.
        var (requests, proposals) = (environment.Options.RequestsInFlightMax, environment.Options.ProposalsPendingMax);
        _merges = new BoundedWork(Math.Clamp(Math.Min(proposals / 4, requests / 16), 1, ExchangedAtOnceMax));
        _reads = new BoundedWork(Math.Clamp(requests / 16, 1, ExchangedAtOnceMax));
        Responder = new SyncResponder(environment.Options.EventualSync, Machine.Hashes)
        {
            Sabotage = environment.Options.Sabotage,
        };
    }

    /// <summary>The log and the state.</summary>
    public ShardReplica Replica { get; }

    /// <summary>The shard, as the directory has it.</summary>
    public ShardInfo Shard { get; private set; }

    /// <summary>Those with whom it compares what it has, itself included.</summary>
    public ImmutableArray<NodeId> Exchangers { get; private set; }

    /// <summary>Whether it is a new replica of a shard that moves, which has not said yet that it has everything.</summary>
    public bool IsFilling => Shard.Move is { Phase: MovePhase.Filling } move
        && !Shard.Replicas.Contains(_environment.Options.Self) && !move.Ready.Contains(_environment.Options.Self);

    /// <summary>What it has is from when it was a replica before: it cannot be told from what was deleted since.</summary>
    public bool MustBeginEmpty { get; private set; }

    /// <summary>Whether it is durable in which version of the placement it takes part in Paxos.</summary>
    public bool CanVote => Paxos is not null && _durable.Epoch >= Paxos.Epoch;

    /// <summary>Answers other replicas that compare theirs with this one.</summary>
    public SyncResponder Responder { get; }

    /// <summary>The state.</summary>
    public EventualRowsStateMachine Machine => (EventualRowsStateMachine)Replica.State.Machine;

    /// <summary>Whether it knows where it was before the start, and takes part.</summary>
    public bool IsReady => _horizon is not null;

    /// <summary>Whether it was emptied, and does not have everything back yet: it neither answers reads nor votes.</summary>
    public bool IsRejoining => _environment.IsRejoining(Shard.Id);

    /// <summary>What the others may be told: it is durable, with all that it claims.</summary>
    public HorizonReport Report => _durable;

    /// <summary>Where the range is; only to be read from outside.</summary>
    public RangeHorizon? Horizon => _horizon;

    /// <summary>Its side of Paxos; null before it is ready.</summary>
    public PaxosReplica? Paxos { get; private set; }

    /// <summary>What the range has closed.</summary>
    public HybridTime Closed => _horizon is null ? HybridTime.Zero : _horizon.Closed;

    /// <summary>The earliest stamp of what is under way here and not in a round of a coordinator; zero before that is known.</summary>
    public HybridTime EarliestStamp => Paxos is null ? HybridTime.Zero : Paxos.EarliestStamp;

    /// <summary>The stamp of data that are read now.</summary>
    public HybridTime Basis => _horizon is null ? HybridTime.Zero : _horizon.Basis;

    /// <summary>Where it is, in words.</summary>
    public string Explain() =>
        _horizon is null ? "not read yet"
        : $"{_horizon.Report}, durable {_durable}, {(_horizon.IsJoining ? "joining, " : "")}{(IsRejoining ? "rejoining, " : "")}"
        + $"{(_isSaving ? "saving, " : "")}Paxos {Paxos!.EarliestStamp}, commit {Replica.Raft.CommitIndex}, "
        + $"applied {Replica.State.AppliedIndex}, root {Machine.Hashes.Root:x32}";

    /// <summary>The directory has another version of the shard.</summary>
    public void Follow(ShardInfo shard)
    {
        Shard = shard;
        Exchangers = Memberships.Exchangers(_environment.Directory.View, shard);
        if (_horizon is not null && shard.Generation > _horizon.Epoch)
        {
            _horizon.SetReplicas(shard.Generation, Exchangers);
            _isChanged = true;
            if (IsFilling)
            {
                _heard.Clear();
            }
        }

        if (shard.Move is not null)
        {
            _nextClose = Instant.Min(_nextClose, _environment.Clock.Now + EventualEnvironment.CloseInterval);
        }
    }

    /// <summary>Takes a coordinator's message. It is answered now or later, or never: then it counts as lost.</summary>
    public void Step(LoopAddress from, in EventualMessage message)
    {
        switch (message.Kind)
        {
            case EventualMessageKind.Write or EventualMessageKind.Hinted or EventualMessageKind.Repair:
                OnWrite(from, message);
                break;
            case EventualMessageKind.Read or EventualMessageKind.ReadDigest:
                OnRead(from, message);
                break;
        }
    }

    /// <summary>Merges data of another replica; the end says whether it is durable here.</summary>
    /// <param name="version">The data.</param>
    /// <param name="basis">The other's <see cref="RangeHorizon.Basis"/> as they were read.</param>
    /// <param name="done">True when they are merged, false when they may not be, or could not be.</param>
    public void Merge(ReadOnlyMemory<byte> version, HybridTime basis, Action<bool> done) => _merges.Add(ended =>
    {
        if (_horizon is null || !_horizon.AdmitsFrom(basis) || !HasHeardAll || IsUnknownYet || !_environment.Floors.IsPresentDurable())
        {
            BehindRefused.Hit();
            ended(true);
            done(false);
            return;
        }

        _hasTaken = true;
        Apply(new EventualChange { Version = version }, (status, _) =>
        {
            ended(status != ResponseStatus.Overloaded);
            if (status != ResponseStatus.Overloaded)
            {
                done(status == ResponseStatus.Ok);
            }
        });
    });

    /// <summary>A record of this replica, for another one.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="done">Gets the version and its basis; not called when it cannot be read.</param>
    public void ReadRecord(ReadOnlyMemory<byte> key, Action<ReadOnlyMemory<byte>, HybridTime> done) => _reads.Add(ended =>
    {
        var basis = Basis;
        _scratch.Reset();
        EventualQuery.WriteRecord(_scratch, key.Span);
        Query(response =>
        {
            ended(response.Status != ResponseStatus.Overloaded);
            if (response.Status == ResponseStatus.Ok && EventualQuery.TryReadVersion(response.Body, out var version))
            {
                done(version, basis);
            }
        });
    });

    /// <summary>Lists the records of a leaf of the tree, for an exchange; not answered when they cannot be read.</summary>
    public void List(in SyncEffect effect, Action<ImmutableArray<PartitionHash>, bool> done)
    {
        var (first, last) = Machine.Hashes.TokensOf(effect.Leaf);
        if (first > last)
        {
            done([], true);
            return;
        }

        var query = new WireWriter(256);
        EventualQuery.WriteList(
            query, first, last, effect.AfterKey.Span, effect.ThroughKey.Span, effect.Count, _environment.Directory.IsOfRecords(Shard));
        _reads.Add(ended => Query(query.ToArray(), response =>
        {
            ended(response.Status != ResponseStatus.Overloaded);
            if (response.Status == ResponseStatus.Ok && EventualQuery.TryReadList(response.Body, out var partitions, out var isComplete))
            {
                done(partitions, isComplete);
            }
        }));
    }

    /// <summary>An exchange with another replica is over, and what it brought is durable.</summary>
    public void Synced(NodeId peer, HybridTime basis)
    {
        if (_horizon is null || basis > _horizon.Closed)
        {
            return;
        }

        _horizon.Synced(peer, basis);
        Paxos!.Synced(peer);
        _isChanged = true;
        if (IsRejoining)
        {
            _synced.Add(peer);
            RejoinIfComplete();
        }
    }

    /// <summary>Another replica says where it is.</summary>
    /// <param name="peer">Which.</param>
    /// <param name="report">Where.</param>
    /// <param name="isRejoining">Whether it begins anew, or has not everything back yet.</param>
    public void Reported(NodeId peer, in HorizonReport report, bool isRejoining)
    {
        if (_horizon is null)
        {
            return;
        }

        var before = _horizon.Horizon;
        if (!IsFilling || report.Epoch == Shard.Generation)
        {
            _heard.Add(peer); // from that version of the placement on, its horizon stands still until this one has everything
        }

        if (isRejoining)
        {
            _horizon.BeginsAnew(peer);
        }
        else
        {
            _horizon.Reported(peer, report);
        }

        if (_horizon.MustRebuild && IsFilling && _hasTaken)
        {
            MustBeginEmpty = true;
        }
        else if (_horizon.MustRebuild && (IsRejoining || IsFilling))
        {
            // It is empty: what is behind the others' horizon it takes only from them.
            _horizon = new RangeHorizon(
                _environment.Options.Self, Shard.Generation, Exchangers, _horizon.HorizonOfOthers);
            _synced.Clear();
            _isChanged = true;
        }
        else if (_horizon.MustRebuild)
        {
            Replica.Fault("others have dropped deletions that this replica may lack");
        }

        _isChanged |= _horizon.Horizon != before;
        if (report.Closed > _horizon.Closed)
        {
            _nextClose = Instant.Min(_nextClose, _environment.Clock.Now + EventualEnvironment.CloseInterval);
        }
    }

    /// <summary>Closes what may be closed, and makes durable where the range is.</summary>
    /// <param name="leastFloor">The least floor of the cluster.</param>
    /// <param name="now">The time.</param>
    public void Tick(HybridTime leastFloor, Instant now)
    {
        if (_horizon is null)
        {
            Load();
            return;
        }

        if (now >= _nextClose)
        {
            // A shard in which nothing happens need not write down every few seconds that nothing does.
            var isBusy = Machine.Hashes.Root != _rootAtClose || _horizon.Horizon < _horizon.Closed || Shard.Move is not null;
            _nextClose = now + (isBusy ? EventualEnvironment.CloseInterval : EventualEnvironment.CloseIntervalIdle);
            if (leastFloor > _horizon.Closed)
            {
                _rootAtClose = Machine.Hashes.Root;
                _horizon.Close(leastFloor);
                _isChanged = true;
            }
        }

        _merges.Tick();
        _reads.Tick();
        Paxos!.Tick();
        if (IsRejoining)
        {
            RejoinIfComplete(); // what it had to write down may have found no room
        }

        if (Exchangers.Length == 1 && IsRejoining)
        {
            _environment.Rejoined(Shard.Id); // there is nobody who could have more
        }

        if (_isChanged && !_isSaving)
        {
            Save();
        }
    }

    // Before an empty replica takes anything from one of the others it must know what each of them may have dropped.
    private bool HasHeardAll =>
        !(IsRejoining || IsFilling) || Exchangers.All(node => node == _environment.Options.Self || _heard.Contains(node));

    // Before it is durable that it is one of this version of the placement, whatever it took could not be told from older data.
    private bool IsUnknownYet => IsFilling && _durable.Epoch == 0;

    // It has what any of them has. What Paxos had promised is gone: nothing that is older than now gets anything here.
    private void RejoinIfComplete()
    {
        if (_isRaisingFloor || !Exchangers.All(node => node == _environment.Options.Self || _synced.Contains(node)))
        {
            return;
        }

        _isRaisingFloor = true;
        Paxos!.RaiseFloor(_environment.Stamps.Peek(), isDurable =>
        {
            _isRaisingFloor = false;
            if (isDurable)
            {
                _environment.Rejoined(Shard.Id);
            }
        });
    }

    private void OnWrite(LoopAddress from, in EventualMessage message)
    {
        if (_horizon is null || IsUnknownYet)
        {
            _answer(from, message.Answer(EventualMessageKind.WriteRefused) with { Reason = RefusalReason.Overloaded });
            return;
        }

        if (!_environment.Floors.IsPresentDurable())
        {
            if (!_environment.Early.TryHold(from, message))
            {
                _answer(from, message.Answer(EventualMessageKind.WriteRefused) with { Reason = RefusalReason.Overloaded });
            }

            return;
        }

        var isAdmitted = message.Kind == EventualMessageKind.Repair
            ? _horizon.AdmitsFrom(message.Stamp)
            : _horizon.Admits(message.Stamp) && (RowsVersion.BasisOf(message.Payload) is not { } basis || _horizon.AdmitsFrom(basis));
        if (!isAdmitted || Truncation.IsLate(message, _truncated, _environment.Stamps.Peek()))
        {
            TooOldRefused.Hit();
            _answer(from, message.Answer(EventualMessageKind.WriteRefused) with
            {
                Reason = RefusalReason.TooOld, Stamp = _horizon.Closed,
            });
            return;
        }

        if (_environment.Options.Sabotage.Has(Sabotage.ReplicaAcknowledgesBeforeDurable))
        {
            _answer(from, message.Answer(EventualMessageKind.Written));
        }

        BeginCommand();
        EventualCommand.Write(_scratch, Truncation.ChangeOf(message, ref _truncated));
        Submit(new TakenWrite(from, message, _answer));
    }

    private void OnRead(LoopAddress from, in EventualMessage message)
    {
        if (_horizon is null || _horizon.IsJoining || IsRejoining)
        {
            _answer(from, message.Answer(EventualMessageKind.ReadRefused) with { Reason = RefusalReason.Overloaded });
            return;
        }

        var request = message;
        var basis = _horizon.Basis;
        var isCount = RowsQuery.KindOf(message.Payload.Span) == RowsQueryKind.Stats;
        _scratch.Reset();
        _scratch.WriteRaw(message.Payload.Span);
        Query(response =>
        {
            var version = response.Body;
            if (response.Status != ResponseStatus.Ok || (!isCount && !EventualQuery.TryReadVersion(response.Body, out version)))
            {
                _answer(from, request.Answer(EventualMessageKind.ReadRefused) with { Reason = TakenWrite.ReasonOf(response.Status) });
            }
            else if (request.Kind == EventualMessageKind.Read)
            {
                _answer(from, request.Answer(EventualMessageKind.ReadData) with { Payload = version, Stamp = basis });
            }
            else
            {
                _answer(from, request.Answer(EventualMessageKind.Digest) with { VersionDigest = _environment.Data.DigestOf(version) });
            }
        });
    }

    private void Load()
    {
        if (!_isLoading)
        {
            _isLoading = true;
            ReplicaNotes.Load(this, _environment.Options.Self, notes =>
            {
                if (notes is null)
                {
                    _isLoading = false; // the next tick tries again: its log is still being read, say
                }
                else
                {
                    TakeNotes(notes);
                }
            });
        }
    }

    private void TakeNotes(ReplicaNotes notes)
    {
        var self = _environment.Options.Self;
        var horizon = notes.Horizon ?? new RangeHorizon(self, Shard.Generation, Exchangers, HybridTime.Zero);
        var isStored = notes.Horizon is not null;
        if (horizon.Epoch > Shard.Generation)
        {
            // The view of the directory that was saved is older than what this replica knew: it must not go back.
            _isLoading = false;
            _environment.Directory.Refresh();
            return;
        }

        if (IsFilling && (isStored ? horizon.Epoch < Shard.Generation : !notes.AreNone || Machine.RecordCount > 0))
        {
            MustBeginEmpty = true;
            return;
        }

        _generation = notes.Generation;
        _truncated = notes.Truncated;
        _durable = IsFilling && !isStored ? default : horizon.Report;
        _isChanged |= _durable.Epoch < Shard.Generation;
        _environment.Stamps.Observe(horizon.Closed);
        Paxos = new PaxosReplica(
            _environment, this, Memberships.Of(_environment.Directory.View, Shard), notes.PaxosFloor, _sendPaxos)
        {
            IsCatchingUp = IsFilling,
        };
        foreach (var (partition, state) in notes.PaxosStates)
        {
            Paxos.Restore(partition, state);
        }

        _horizon = horizon;
        _isLoading = false;
        horizon.SetReplicas(Shard.Generation, Exchangers);
    }

    // What was taken before the range was closed is in the log before this: whoever sees the report finds it in the tree.
    private void Save()
    {
        Check.That(_horizon is not null);
        _isSaving = true;
        _isChanged = false;
        var report = _horizon.Report;
        var membership = Memberships.Of(_environment.Directory.View, Shard);
        var note = new WireWriter(128);
        _horizon.Write(note);
        Apply(
            new EventualChange { Horizon = report.Horizon, Notes = [new Note(NoteKeys.Horizon, note.ToArray())] },
            (status, _) =>
            {
                _isSaving = false;
                if (status == ResponseStatus.Ok)
                {
                    _durable = report;
                    Paxos!.Follow(membership);
                }
                else
                {
                    _isChanged = true;
                }
            });
    }

    /// <summary>Takes a step of the replica's own; the end says whether it is applied and durable.</summary>
    public void Apply(in EventualChange change, Action<ResponseStatus, EventualResult> done)
    {
        BeginCommand();
        EventualCommand.Write(_scratch, change);
        Submit(new AppliedCommand(done));
    }

    /// <summary>Takes an update under its own name; the result has the version to replicate.</summary>
    /// <param name="write">Writes the command.</param>
    /// <param name="done">The end.</param>
    public void Lead(Action<WireWriter> write, Action<ResponseStatus, EventualResult> done)
    {
        BeginCommand();
        write(_scratch);
        Submit(new AppliedCommand(done));
    }

    /// <summary>
    /// Finds out under which generation this replica leads updates: drawn once, before the first update, and gone with its data. Null
    /// when it cannot be written down now.
    /// </summary>
    public void WithGeneration(Prng random, Action<uint?> done)
    {
        if (_generation is not null)
        {
            done(_generation);
            return;
        }

        var drawn = (uint)random.NextUInt64();
        var value = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(value, drawn);
        Apply(new EventualChange { Notes = [new Note(NoteKeys.Generation, value)] }, (status, _) =>
        {
            // Of two that were drawn at once the one counts that was written down last.
            _generation = status == ResponseStatus.Ok ? drawn : null;
            done(_generation);
        });
    }

    /// <summary>Asks the state, with everything in it that was applied before.</summary>
    public void Query(ReadOnlyMemory<byte> query, Action<Response> done) =>
        _environment.Local.Read(Shard.Id, query, done, _environment.Clock.Now);

    private void Query(Action<Response> done) => Query(_scratch.ToArray(), done);

    // A command is written behind the header of its log entry, and not copied again.
    private void BeginCommand()
    {
        _scratch.Reset();
        CommandEnvelope.WriteHeader(_scratch, HybridTime.Zero, RequestIdentity.None);
    }

    private void Submit(IResponseSink done) =>
        _environment.Local.Write(Shard.Id, _scratch.ToArray(), done, _environment.Clock.Now);
}
