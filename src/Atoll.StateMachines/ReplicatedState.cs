using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines;

/// <summary>
/// A state machine with everything that replication must remember beside it: how far the log was applied, the state's time, and the table
/// of answered requests. All of it changes in one step, and all of it is in a snapshot, and durable in the machine's tree if it has one,
/// as of the same entry; so that no crash can set them apart (museum, row 12).
/// </summary>
public sealed class ReplicatedState
{
    private readonly RequestTableOptions _options;
    private readonly StatePersistence? _persistence;
    private readonly Func<HybridTime> _now;
    private RequestTable _requests;
    private LogIndex _persistedIndex;

    // Of a machine whose data are in the log: the states that the tree took and that were not durable when this was last looked at, each
    // with the entry behind which it needs the log; and the latter of the state that is durable.
    private readonly Queue<(LogIndex Index, LogIndex NeededAfter)> _persistedPoints = new();
    private LogIndex _durablePoint;

    /// <summary>An empty state, before the first entry.</summary>
    /// <param name="machine">The machine, empty.</param>
    /// <param name="options">Bounds of the request table; the same on every replica.</param>
    public ReplicatedState(IStateMachine machine, RequestTableOptions options)
    {
        Machine = machine;
        _options = options;
        _persistence = machine.Tree is { } tree ? new StatePersistence(tree, options) : null;
        _requests = new RequestTable(options) { TracksChanges = _persistence is not null };
        _now = () => Now;
    }

    /// <summary>A planted bug; only simulation sets it.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <summary>The replica's own clock, which the state must not look at; for <see cref="Sabotage.StateReadsClock"/>.</summary>
    internal Func<HybridTime>? ForbiddenClock { get; init; }

    /// <summary>The machine inside; only to be read.</summary>
    public IStateMachine Machine { get; }

    /// <summary>The last entry that was applied.</summary>
    public LogIndex AppliedIndex { get; private set; }

    /// <summary>The last entry that needs no log any more: it is durable in the tree. Zero for a machine without one.</summary>
    public LogIndex DurableIndex => Machine.Tree?.DurableApplied ?? LogIndex.Zero;

    /// <summary>The last entry that the tree holds, durably or not. Zero for a machine without one.</summary>
    public LogIndex StoredIndex => Machine.Tree?.Applied ?? LogIndex.Zero;

    /// <summary>How often a snapshot took the place of the whole state: a query that was begun before knows nothing of it.</summary>
    public ulong Installations { get; private set; }

    /// <summary>Whether something was applied to a machine with a tree since <see cref="Persist"/>.</summary>
    public bool NeedsPersisting => _persistence is not null && AppliedIndex > _persistedIndex;

    /// <summary>The state's time: that of the last applied command. Versions are such times; everything up to it is in the state.</summary>
    public HybridTime Now { get; private set; }

    /// <summary>Requests whose answers are remembered.</summary>
    public int RequestsRemembered => _requests.Count;

    /// <summary>False while memory that waits for the disk is full: nothing more should be applied.</summary>
    public bool TakesWrites => Machine.Tree?.TakesWrites ?? true;

    /// <summary>Whether everything that applying an entry needs is in memory, until control goes back to the loop.</summary>
    public bool IsPrepared(in LogEntry entry) =>
        _persistence is null || !TryGetCommand(entry, out var command) || Machine.IsPrepared(command);

    /// <summary>Brings into memory what applying the next entries needs.</summary>
    /// <param name="entries">The entries.</param>
    /// <param name="ready">See <see cref="IStateMachine.Prepare"/>.</param>
    public void Prepare(IReadOnlyList<LogEntry> entries, Action<StoreFault?> ready)
    {
        var commands = new List<ReadOnlyMemory<byte>>(entries.Count);
        foreach (var entry in entries)
        {
            if (TryGetCommand(entry, out var command))
            {
                commands.Add(command);
            }
        }

        Machine.Prepare(commands, ready);
    }

    /// <summary>Applies the next committed entry, of any kind, which was prepared.</summary>
    /// <param name="entry">The entry with the index after <see cref="AppliedIndex"/>.</param>
    /// <param name="result">
    /// Receives the machine's result behind what is already there when the answer is Applied or Repeated; else nothing.
    /// </param>
    public ApplyStatus Apply(in LogEntry entry, WireWriter result)
    {
        Check.That(entry.Index == AppliedIndex.Next);
        SetApplied(entry.Index);
        if (entry.Kind != EntryKind.Command)
        {
            return ApplyStatus.NoCommand;
        }

        if (!CommandEnvelope.TryRead(entry.Payload, out var envelope))
        {
            return ApplyStatus.Invalid;
        }

        GoOn(envelope.Stamp);
        return envelope.Identity.IsNone || Machine.SnapshotPoint is not null || Sabotage.Has(Sabotage.ForgetsAnswers)
            ? ApplyAlways(entry.Term, envelope.Command, result)
            : ApplyOnce(entry.Term, envelope, result);
    }

    /// <summary>
    /// Passes over a committed entry that cannot be applied because what it needs was lost, on a replica that has no other to get it from.
    /// </summary>
    public ApplyStatus Skip(in LogEntry entry)
    {
        Check.That(entry.Index == AppliedIndex.Next);
        SetApplied(entry.Index);
        if (entry.Kind == EntryKind.Command && CommandEnvelope.TryRead(entry.Payload, out var envelope))
        {
            GoOn(envelope.Stamp);
        }

        return ApplyStatus.Unreadable;
    }

    /// <summary>Answers a query from the state as it is, at the state's own time, if that needs nothing from the disk.</summary>
    /// <returns>False when it does: <see cref="ReadLater"/> then answers.</returns>
    public bool TryRead(ReadOnlyMemory<byte> query, WireWriter result) => Machine.TryRead(query, Now, result);

    /// <summary>Answers a query that needs something from the disk; see <see cref="IStateMachine.ReadLater"/>.</summary>
    public void ReadLater(ReadOnlyMemory<byte> query, Action<StateAnswer> done) => Machine.ReadLater(query, _now, done);

    /// <summary>
    /// What applying a request would find in the table: lets a leader answer a retry, or refuse an expired request, without another entry.
    /// </summary>
    /// <param name="identity">The request's identity; one that is none, or not valid, is unknown.</param>
    /// <param name="result">Receives the remembered result behind what is already there, if that is what the answer is.</param>
    public RequestLookup LookUp(in RequestIdentity identity, WireWriter result) =>
        identity.IsValid ? _requests.LookUp(identity, Now, result) : RequestLookup.Unknown;

    /// <summary>
    /// Writes into the machine's tree what is in memory only, right before the tree is made durable as of the applied index.
    /// </summary>
    /// <param name="note">The owner's own words about the applied index; given back by <see cref="Recover"/>.</param>
    public void Persist(ReadOnlySpan<byte> note)
    {
        Check.That(_persistence is not null);
        if (!Sabotage.Has(Sabotage.PersistsNoAnswers))
        {
            _persistence.WriteRequests(_requests, Now);
        }

        _persistence.WriteMeta(AppliedIndex, Now, note);
        Machine.Persist(Now);
        _persistedIndex = AppliedIndex;
        if (Machine.SnapshotPoint is { } point)
        {
            _persistedPoints.Enqueue((AppliedIndex, point.Index));
        }
    }

    /// <summary>
    /// The last entry that no log need have any more: a start from what is durable in the tree neither applies it nor serves it. Zero for a
    /// machine without a tree.
    /// </summary>
    public LogIndex FindUnneeded()
    {
        if (Machine.SnapshotPoint is null)
        {
            return DurableIndex;
        }

        while (_persistedPoints.TryPeek(out var persisted) && persisted.Index <= DurableIndex)
        {
            _durablePoint = persisted.NeededAfter;
            _persistedPoints.Dequeue();
        }

        return LogIndex.Min(DurableIndex, _durablePoint);
    }

    /// <summary>Takes over what the machine's tree holds, after a start.</summary>
    /// <param name="done">
    /// The end, now or later on the same loop: why the tree cannot be used, or null; and the note of <see cref="Persist"/>.
    /// </param>
    public void Recover(Action<string?, ReadOnlyMemory<byte>> done)
    {
        Check.That(_persistence is not null && AppliedIndex == LogIndex.Zero);
        _persistence.Read(recovered =>
        {
            if (recovered.Error is not null)
            {
                done(recovered.Error, default);
                return;
            }

            Machine.Recover(recovered.MachineMeta, recovered.Now, error =>
            {
                if (error is null)
                {
                    _requests = recovered.Requests!;
                    _requests.TracksChanges = true;
                    Now = recovered.Now;
                    SetApplied(recovered.Index);
                    AppliedIndex = Sabotage.Has(Sabotage.AppliedIndexApart) ? recovered.Index.Previous : recovered.Index;
                    _persistedIndex = recovered.Index;
                    _durablePoint = SnapshotIndex;
                }

                done(error, recovered.Note);
            });
        });
    }

    /// <summary>Says that the empty state is as of that entry: of the one before the first, unless a bug is planted.</summary>
    internal void BeginBehind(LogIndex index)
    {
        Check.That(index == LogIndex.Zero || Sabotage.Has(Sabotage.OverlooksLostState));
        AppliedIndex = index;
    }

    /// <summary>The entry that a snapshot begun now is as of.</summary>
    public LogIndex SnapshotIndex => Machine.SnapshotPoint?.Index ?? AppliedIndex;

    /// <summary>
    /// The whole state as it is now, as a stream of bytes cut into slices of at most <see cref="Foundation.Limits.SnapshotChunkBytes"/>.
    /// The stream may be cut elsewhere on its way: the target takes any slices.
    /// </summary>
    public ISnapshotSource BeginSnapshot()
    {
        var point = Machine.SnapshotPoint;
        var requests = point is null ? _requests : new RequestTable(_options);
        return new ReplicatedSnapshotSource(
            _options, point?.Index ?? AppliedIndex, point?.Now ?? Now, new RequestTableSnapshotSource(requests.Snapshot()),
            Machine.BeginSnapshot());
    }

    /// <summary>
    /// A target for the stream of another replica's (or an own, stored) snapshot. Its Finish replaces machine, table, time and applied
    /// index at once, when the snapshot is further on than the state.
    /// </summary>
    /// <param name="expectedIndex">The applied index that the snapshot must have.</param>
    /// <param name="note">The owner's own words about that index, for a machine with a tree; see <see cref="Persist"/>.</param>
    public ISnapshotTarget BeginRestore(LogIndex expectedIndex, ReadOnlyMemory<byte> note = default)
    {
        var load = Machine.Tree?.BeginLoad();
        return new ReplicatedSnapshotTarget(
            _options, expectedIndex, note, load, now => Machine.BeginRestore(now, load),
            header => header.Index > AppliedIndex ? null
                : $"the snapshot of index {header.Index} is not ahead of the state at {AppliedIndex}",
            Install);
    }

    /// <summary>A hash over everything: equal on replicas with the same applied index. Costs a walk over the request table.</summary>
    public ulong StateHash()
    {
        var hasher = default(StateHasher);
        hasher.Add(AppliedIndex.Value);
        hasher.Add(Now.Value);
        _requests.AddTo(ref hasher);
        hasher.Add(Machine.StateHash());
        return hasher.Value;
    }

    private static bool TryGetCommand(in LogEntry entry, out ReadOnlyMemory<byte> command)
    {
        var isCommand = entry.Kind == EntryKind.Command & CommandEnvelope.TryRead(entry.Payload, out var envelope);
        command = envelope.Command;
        return isCommand;
    }

    private void SetApplied(LogIndex index)
    {
        AppliedIndex = index;
        if (Machine.Tree is { } tree)
        {
            tree.Applied = index;
        }
    }

    // The time goes on whatever becomes of the command: a refusal, too, is decided at a time that no other command has.
    private void GoOn(HybridTime leaderStamp)
    {
        var after = new HybridTime(checked(Now.Value + 1));
        var stamp = Sabotage.Has(Sabotage.StateReadsClock) ? ForbiddenClock!() : leaderStamp;
        Now = stamp > after ? stamp : after;
        _requests.Forget(Now);
    }

    private ApplyStatus ApplyAlways(Term term, ReadOnlyMemory<byte> command, WireWriter result)
    {
        Machine.Apply(new CommandContext(Now, AppliedIndex, term), command, result);
        return ApplyStatus.Applied;
    }

    private ApplyStatus ApplyOnce(Term term, in CommandEnvelope envelope, WireWriter result)
    {
        switch (_requests.LookUp(envelope.Identity, Now, result))
        {
            case RequestLookup.Remembered:
                return ApplyStatus.Repeated;
            case RequestLookup.Expired:
                return ApplyStatus.Expired;
            default:
                if (_requests.IsFromTooFarAhead(envelope.Identity, Now))
                {
                    return ApplyStatus.Expired;
                }

                if (!_requests.MakeRoom(envelope.Identity, Now))
                {
                    return ApplyStatus.Overloaded;
                }

                var start = result.Length;
                ApplyAlways(term, envelope.Command, result);
                _requests.Remember(envelope.Identity, result.Written[start..]);
                return ApplyStatus.Applied;
        }
    }

    // The last part of a restore: everything that could fail is over.
    private void Install(SnapshotHeader header, RequestTable requests, IMachineTarget machine)
    {
        machine.Install();
        Installations++;
        _requests = requests;
        _requests.TracksChanges = _persistence is not null;
        Now = header.Now;
        SetApplied(header.Index);
        _persistedIndex = header.Index;
        _persistedPoints.Clear();
        _durablePoint = SnapshotIndex;
        AppliedIndex = Sabotage.Has(Sabotage.AppliedIndexApart) ? header.Index.Previous : header.Index;
    }
}
