using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Kernel.Raft;
using Atoll.Node.Eventual;
using Atoll.Node.Replicas;
using Atoll.Node.Requests;
using Atoll.Node.Routing;
using Atoll.StateMachines.Directory;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;
using Atoll.Storage.Snapshots;
using Microsoft.Extensions.Logging;

namespace Atoll.Node.Loops;

/// <summary>
/// One event loop of a node: all its replicas, in one thread of control. Whoever drives it (a real thread, or the simulator) calls in
/// with one event at a time, and calls <see cref="FlushBatch"/> after each batch; nothing here blocks, or happens between the calls.
/// </summary>
public sealed class NodeLoop : INetworkEvents
{
    private static readonly Duration MaintenanceInterval = Duration.FromMilliseconds(100);

    // Flushes and merges take the loop's own time: so much at once that requests hardly notice, and so often that they keep up with what a
    // loop can write. When they fall behind, or nobody waits for the loop, they take more.
    private const long StoreSliceBytes = 64 * 1024;
    private const long StoreHurriedSliceBytes = 256 * 1024;
    private const long StoreLongSliceBytes = 1024 * 1024;
    private static readonly Duration StoreSliceInterval = Duration.FromMilliseconds(1);

    // With more requests than this in its hands, or while the disk writes, a loop does not read what it can read later.
    private const int ScrubInFlightMax = 16;

    private readonly NodeOptions _options;
    private readonly IClock _clock;
    private readonly IDisk _disk;
    private readonly Prng _random;
    private readonly ILogger _logger;
    private readonly IReplicaObserver? _observer;
    private readonly HybridClock _hybrid;
    private readonly PeerOutbox _outbox;
    private readonly PeerLiveness _liveness;
    private readonly SignsOfLife _signs;
    private readonly DirectoryFollower _directory;
    private readonly ViewFile _viewFile;
    private readonly ReplicaHost _replicas;
    private readonly Router _router;
    private readonly WireWriter _answer = new(4096);
    private Journal? _journal;
    private LsmStore? _store;
    private StorageScrub? _scrub;
    private long _faultsFound;
    private Instant _nextMaintenance;
    private Instant _nextStoreSlice;
    private SpaceWatch? _space;
    private EventualShards? _eventual;

    /// <summary>A loop over its part of the world. It does nothing before <see cref="Start"/>.</summary>
    /// <param name="options">What it has to know.</param>
    /// <param name="clock">The node's clocks.</param>
    /// <param name="network">The loop's way to others.</param>
    /// <param name="disk">The loop's own folder.</param>
    /// <param name="random">The loop's own generator.</param>
    /// <param name="logger">Where it says what happens.</param>
    /// <param name="observer">Sees what its replicas do; null in production.</param>
    /// <param name="tracer">Sees the way of traced requests; null where there are no traces.</param>
    /// <exception cref="ArgumentException">The options do not make sense together.</exception>
    public NodeLoop(
        NodeOptions options, IClock clock, INetwork network, IDisk disk, Prng random, ILogger logger, IReplicaObserver? observer = null,
        IRequestTracer? tracer = null)
    {
        _options = options.Validated();
        _clock = clock;
        _disk = disk;
        _random = random;
        _logger = logger;
        _observer = observer;
        _hybrid = new HybridClock(clock);
        _liveness = new PeerLiveness(options.PeerSilence);
        _viewFile = new ViewFile(disk);
        _directory = new DirectoryFollower(options, network, _liveness, _viewFile, logger);
        _outbox = new PeerOutbox(network, FrameRefused);
        _signs = new SignsOfLife(options, _liveness, _directory, _outbox);
        _replicas = new ReplicaHost(options, _directory, logger, AnswerLocally);
        _router = new Router(options, _outbox, _liveness, _directory, _replicas, tracer, clock.Now);
    }

    /// <summary>Whether everything on its disk was read back, and it takes part.</summary>
    public bool IsReady { get; private set; }

    /// <summary>What it does for shards without leaders; null before it is ready. For observers.</summary>
    internal EventualShards? Eventual => _eventual;

    /// <summary>Why the loop has stopped for good; null while it runs.</summary>
    public string? FaultReason { get; private set; }

    /// <summary>Called once when the loop stops for good.</summary>
    public Action<string>? Faulted { get; set; }

    /// <summary>The directory as this loop knows it.</summary>
    public DirectoryView Directory => _directory.View;

    /// <summary>Called on the loop when its view of the directory was replaced.</summary>
    public Action<DirectoryView>? DirectoryChanged { get; set; }

    /// <summary>The loop's replicas, by shard; for observers.</summary>
    internal IReadOnlyDictionary<ShardId, ShardReplica> Replicas => _replicas.Replicas;

    /// <summary>Requests that it holds unanswered.</summary>
    public int RequestsInFlight => _router.InFlight;

    /// <summary>Reads back what is on the disk, then takes part.</summary>
    public void Start()
    {
        _viewFile.Load(() => Journal.Open(
            _disk, "journal",
            new JournalOptions
            {
                SegmentBytes = _options.SegmentBytes,
                Identity = _random.NextUInt64(),
                OpensDamagedShards = true,

                // Entries for followers that are about up to date; it comes from the same memory.
                CacheBytes = Math.Clamp(_options.Store.CacheBytes / 2, 1024 * 1024, 64 * 1024 * 1024),
            },
            JournalOpened));
    }

    /// <inheritdoc />
    public void MessageReceived(LoopAddress from, Lane lane, ReadOnlyMemory<byte> message)
    {
        if (FaultReason is not null)
        {
            return;
        }

        var now = _clock.Now;
        _liveness.Heard(from.Node, now);
        var reader = new WireReader(message);
        if (!PeerFrame.TryOpen(ref reader))
        {
            NodeLog.MalformedMessage(_logger, from.ToString(), "a frame of another version");
            return;
        }

        while (PeerFrame.TryNext(ref reader, out var kind, out var body))
        {
            PartReceived(from, kind, body, now);
        }

        if (!reader.Ok)
        {
            NodeLog.MalformedMessage(_logger, from.ToString(), "a frame that ends in the middle of a part");
        }
    }

    /// <inheritdoc />
    public void LinkUp(NodeId peer, Lane lane)
    {
    }

    /// <inheritdoc />
    public void LinkDown(NodeId peer, Lane lane)
    {
        if (lane == Lane.Urgent && FaultReason is null)
        {
            _router.PeerLost(peer, _clock.Now);
            _replicas.PeerUnreachable(peer);
        }
    }

    /// <summary>Takes a request of this process. The answer comes through the sink, now or later.</summary>
    public void Submit(Request request, IResponseSink sink)
    {
        if (FaultReason is { } why)
        {
            sink.Complete(request, new Response(ResponseStatus.Faulted, Detail: why));
        }
        else
        {
            _router.Submit(request, sink, _clock.Now);
        }
    }

    /// <summary>Lets time pass: to be called about every 10 ms, and harmless at any time.</summary>
    public void Tick()
    {
        if (FaultReason is not null)
        {
            return;
        }

        var now = _clock.Now;
        foreach (var silent in _liveness.Tick(now))
        {
            NodeLog.PeerSilent(_logger, silent.Value, _liveness.SilentFor(silent, now).Milliseconds);
            _router.PeerLost(silent, now);
            _replicas.PeerDied(silent);
        }

        _signs.Tick(now);
        _router.Tick(now);
        if (!IsReady)
        {
            return;
        }

        _directory.Tick(now);
        _replicas.Tick(now);
        _eventual!.Tick(now);
        if (now >= _nextMaintenance)
        {
            _nextMaintenance = now + MaintenanceInterval;
            if (_journal!.State != JournalState.Full || !_options.Sabotage.Has(Sabotage.StaysFull))
            {
                _journal.Maintain();
            }

            _store!.Maintain(StoreSliceBytes);
            _scrub!.Tick(now, _store.HasWork || _journal.PendingBytes > 0 || _router.InFlight > ScrubInFlightMax);
            _replicas.Maintain();
            _space!.Tick(now);
        }
    }

    /// <summary>
    /// Ends a batch of events: proposals and reads that gathered go to the core, the journal gets one write, each other loop one frame.
    /// </summary>
    public void FlushBatch()
    {
        if (FaultReason is not null)
        {
            return;
        }

        _replicas.Flush();
        _journal?.Flush();
        _outbox.Flush();
        MaintainStore();
        _space?.BatchEnded();
    }

    /// <summary>
    /// Hands the leadership of this loop's shards to nodes that are there, so that a node which is about to stop costs nobody an election
    /// time-out. To be called again until it returns 0, or time is up.
    /// </summary>
    /// <returns>Shards that are led here still and could be led elsewhere.</returns>
    public int HandOver() => FaultReason is null && IsReady ? _replicas.HandOver(_clock.Now) : 0;

    /// <summary>Answers everything that is held and lets go of the files. What was acknowledged is durable without this.</summary>
    public void Stop(string why)
    {
        if (FaultReason is null)
        {
            FaultReason = why;
            _router.Stop(why);
            _outbox.Flush();
            _journal?.Close();
        }
    }

    /// <summary>An exception has left this loop: its state counts for nothing, and whoever waits for an answer is told so.</summary>
    public void Abandon(string why)
    {
        if (FaultReason is null)
        {
            FaultReason = why;
            _router.Stop(why);
        }
    }

    private void PartReceived(LoopAddress from, PeerMessageKind kind, ReadOnlyMemory<byte> body, Instant now)
    {
        var reader = new WireReader(body);
        switch (kind)
        {
            case PeerMessageKind.Raft:
                var shard = new ShardId(reader.ReadUInt64());
                if (RaftMessageCodec.TryRead(ref reader, out var message))
                {
                    _replicas.Step(shard, from.Node, message);
                    return;
                }

                break;
            case PeerMessageKind.Request:
                var number = reader.ReadUInt64();
                if (RequestCodec.TryRead(ref reader, out Request request) && reader.OkAtEnd)
                {
                    _router.Received(from, number, request, now);
                    return;
                }

                break;
            case PeerMessageKind.Response:
                var answered = reader.ReadUInt64();
                if (RequestCodec.TryRead(ref reader, out Response response) && reader.OkAtEnd)
                {
                    _router.Answered(from, answered, response, now);
                    return;
                }

                break;
            case PeerMessageKind.Ping:
                var version = new HybridTime(reader.ReadUInt64());
                _signs.Pinged(from, reader.Ok ? version : null);
                return;
            case PeerMessageKind.View:
                if (DirectoryView.TryDecode(body, out var view) && view.ClusterId == _options.ClusterId)
                {
                    _directory.Publish(view);
                    return;
                }

                break;
            case >= PeerMessageKind.Eventual and <= PeerMessageKind.PaxosStates:
                // A loop that is not ready, or one of another version: as if it were lost.
                if (_eventual is null || _eventual.TryReceive(from, kind, body))
                {
                    return;
                }

                break;
            default:
                return; // a sign of life, or something that a newer version says
        }

        NodeLog.MalformedMessage(_logger, from.ToString(), $"a {kind} that cannot be read");
    }

    private void FrameRefused(LoopAddress to, SendOutcome outcome, long frame)
    {
        _router.Refused(to, frame);
        _replicas.PeerUnreachable(to.Node);
    }

    private void JournalOpened(JournalOpening opening)
    {
        if (opening.Journal is not { } journal)
        {
            Fault(opening.Status switch
            {
                JournalOpeningStatus.Corrupt => $"the journal is damaged: {opening.Corruption}",
                JournalOpeningStatus.NewerVersion => $"the data was written by a newer version: {opening.Detail}",
                _ => $"the journal cannot be opened: {opening.Detail} {opening.DiskResult.Detail}",
            });
            return;
        }

        _journal = journal;
        journal.Durable = _replicas.Durable;
        journal.StateChanged = JournalStateChanged;
        foreach (var damage in journal.Damages)
        {
            NodeLog.JournalDamaged(_logger, damage.ToString());
        }

        LsmStore.Open(_disk, "store", _options.Store with { Identity = _random.NextUInt64() }, StoreOpened);
    }

    private void StoreOpened(LsmOpening opening)
    {
        if (opening.Store is not { } store)
        {
            Fault(opening.Status switch
            {
                LsmOpeningStatus.Corrupt => $"the store is damaged: {opening.Corruption}",
                LsmOpeningStatus.NewerVersion => $"the data was written by a newer version: {opening.Corruption}",
                _ => $"the store cannot be opened: {opening.DiskResult.Detail}",
            });
            return;
        }

        _store = store;
        _space = new SpaceWatch(_disk, store, _options, _logger);
        _scrub = new StorageScrub(store, _journal!, _options.ScrubPassTime, _options.ScrubBytesPerSecondMin, _clock.Now);
        store.FaultFound = StoreFaultFound;
        foreach (var missing in opening.Missing)
        {
            StoreFaultFound(missing);
        }

        SnapshotStore.Open(_disk, "snapshots", SnapshotsOpened);
    }

    private void StoreFaultFound(StoreFault fault)
    {
        _faultsFound++;
        NodeLog.StoreDamaged(_logger, fault.ToString());
        _replicas.StoreFaultFound(fault);
    }

    private void MaintainStore()
    {
        if (!IsReady || _store is not { } store)
        {
            return;
        }

        if (store.State == LsmState.Failed)
        {
            // As with the journal: nobody knows what is on that disk. A store that failed has no work any more, so this comes first.
            Fault($"the store's disk has failed: {store.Failure.Detail}");
            return;
        }

        if (!store.HasWork)
        {
            return;
        }

        var pressure = _router.InFlight == 0 ? WritePressure.Stop : store.Pressure;
        if (pressure == WritePressure.None && _clock.Now < _nextStoreSlice)
        {
            return;
        }

        _nextStoreSlice = _clock.Now + StoreSliceInterval;
        store.Maintain(pressure switch
        {
            WritePressure.None => StoreSliceBytes,
            WritePressure.Slow => StoreHurriedSliceBytes,
            _ => StoreLongSliceBytes,
        });
    }

    private void SnapshotsOpened(SnapshotStoreOpening opening)
    {
        if (opening.Store is not { } store)
        {
            Fault($"the snapshots cannot be opened: {opening.Detail} {opening.DiskResult.Detail}");
            return;
        }

        foreach (var damaged in opening.Damaged)
        {
            NodeLog.JournalState(_logger, "missing a snapshot", damaged.ToString());
        }

        var file = new EventualFile(_disk);
        file.Load(() => StartReplicas(store, file));
    }

    private void StartReplicas(SnapshotStore store, EventualFile file)
    {
        _directory.Start(_router, _clock.Now);
        _replicas.Start(
            new ReplicaEnvironment
            {
                Options = _options,
                Clock = _clock,
                Hybrid = _hybrid,
                Random = _random,
                Outbox = _outbox,
                Journal = _journal!,
                Store = _store!,
                Space = _space!,
                Snapshots = store,
                Router = _router,
                Directory = _directory,
                Liveness = _liveness,
                Logger = _logger,
                Observer = _observer,
            },
            () =>
            {
                IsReady = true;
                _eventual = new EventualShards(
                    new EventualEnvironment(_options, _clock, file, _outbox, _router, _directory, _liveness),
                    _replicas, _random.Fork());
                _router.CoordinateWith(_eventual);
                NodeLog.LoopReady(_logger, _options.Loop, _options.Self.Value, _replicas.Replicas.Count, _journal!.DiskBytes);
                _directory.Changed = view =>
                {
                    _replicas.FollowDirectory();
                    _eventual.Follow();
                    DirectoryChanged?.Invoke(view);
                };
                _directory.Refresh();
                _replicas.FollowDirectory();
                _eventual.Follow();
                DirectoryChanged?.Invoke(_directory.View);
                _router.RetryParked(_clock.Now);
            });
    }

    private void JournalStateChanged()
    {
        var journal = _journal!;
        if (journal.State == JournalState.Ready)
        {
            NodeLog.JournalReady(_logger);
        }
        else
        {
            NodeLog.JournalState(_logger, journal.State.ToString(), journal.Corruption?.ToString() ?? journal.LastError.Detail ?? "");
        }

        if (journal.State == JournalState.Failed)
        {
            // After a failed sync nobody knows what is on the disk (museum, row 7): the whole loop stops, the others go on.
            Fault($"the journal's disk has failed: {journal.LastError.Detail}");
        }
    }

    private void Fault(string why)
    {
        if (FaultReason is not null)
        {
            return;
        }

        NodeLog.LoopFaulted(_logger, _options.Loop, _options.Self.Value, why);
        _replicas.FaultAll(why);
        FaultReason = why;
        _router.Stop(why);
        _outbox.Flush();
        Faulted?.Invoke(why);
    }

    private Response AnswerLocally(Request request)
    {
        _answer.Reset();
        if (request.Kind == RequestKind.DirectoryView)
        {
            var reader = new WireReader(request.Payload);
            var have = new HybridTime(reader.Remaining > 0 ? reader.ReadUInt64() : 0);
            if (_directory.View.Version > have)
            {
                _directory.View.Encode(_answer);
            }
        }
        else
        {
            Check.That(request.Kind == RequestKind.Status);
            Describe().Write(_answer);
        }

        return new Response(ResponseStatus.Ok, _answer.ToArray(), AppliedVersion: _hybrid.Peek());
    }

    /// <summary>What the loop looks like at the moment.</summary>
    public LoopStatus Describe()
    {
        var now = _clock.Now;
        return new LoopStatus(
            _options.Self,
            _options.Loop,
            _directory.View.Version.Value,
            _replicas.Describe(),
            [.. _liveness.Peers.Select(peer =>
                new Loops.PeerStatus(peer, _liveness.IsAlive(peer), _liveness.SilentFor(peer, now).Milliseconds))],
            _router.InFlight,
            _router.Served,
            _journal?.DiskBytes ?? 0,
            _space?.FreeBytes ?? 0,
            _journal?.DurableSequence ?? 0,
            FaultReason ?? "")
        {
            Store = DescribeStore(),
            Eventual = _eventual?.Describe() ?? EventualStatus.None,
        };
    }

    /// <summary>The loop's store at this moment.</summary>
    public StoreStatus DescribeStore() => _scrub is null
        ? StoreStatus.Unknown : StoreDescription.Of(_store!, _journal!, _scrub, _faultsFound, _clock.Now);
}
