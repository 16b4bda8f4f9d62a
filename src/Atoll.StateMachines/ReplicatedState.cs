using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Snapshots;

namespace Atoll.StateMachines;

/// <summary>
/// A state machine with everything that replication must remember beside it: how far the log was applied, the state's time, and the table
/// of answered requests. All of it changes in one step, and all of it is in a snapshot, so that no crash can set them apart.
/// </summary>
public sealed class ReplicatedState
{
    private readonly RequestTableOptions _options;
    private RequestTable _requests;

    /// <summary>An empty state, before the first entry.</summary>
    /// <param name="machine">The machine, empty.</param>
    /// <param name="options">Bounds of the request table; the same on every replica.</param>
    public ReplicatedState(IStateMachine machine, RequestTableOptions options)
    {
        Machine = machine;
        _options = options;
        _requests = new RequestTable(options);
    }

    /// <summary>A planted bug; only simulation sets it.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <summary>The replica's own clock, which the state must not look at; for <see cref="Sabotage.StateReadsClock"/>.</summary>
    internal Func<HybridTime>? ForbiddenClock { get; init; }

    /// <summary>The machine inside; only to be read.</summary>
    public IStateMachine Machine { get; }

    /// <summary>The last entry that was applied.</summary>
    public LogIndex AppliedIndex { get; private set; }

    /// <summary>The state's time: that of the last applied command. Versions are such times; everything up to it is in the state.</summary>
    public HybridTime Now { get; private set; }

    /// <summary>Requests whose answers are remembered.</summary>
    public int RequestsRemembered => _requests.Count;

    /// <summary>Applies the next committed entry, of any kind.</summary>
    /// <param name="entry">The entry with the index after <see cref="AppliedIndex"/>.</param>
    /// <param name="result">
    /// Receives the machine's result behind what is already there when the answer is Applied or Repeated; else nothing.
    /// </param>
    public ApplyStatus Apply(in LogEntry entry, WireWriter result)
    {
        Check.That(entry.Index == AppliedIndex.Next);
        AppliedIndex = entry.Index;
        if (entry.Kind != EntryKind.Command)
        {
            return ApplyStatus.NoCommand;
        }

        if (!CommandEnvelope.TryRead(entry.Payload, out var envelope))
        {
            return ApplyStatus.Invalid;
        }

        // The time goes on whatever becomes of the command: a refusal, too, is decided at a time that no other command has.
        var after = new HybridTime(checked(Now.Value + 1));
        var stamp = Sabotage.Has(Sabotage.StateReadsClock) ? ForbiddenClock!() : envelope.Stamp;
        Now = stamp > after ? stamp : after;
        _requests.Forget(Now);
        return envelope.Identity.IsNone || Sabotage.Has(Sabotage.ForgetsAnswers)
            ? ApplyAlways(envelope.Command, result)
            : ApplyOnce(envelope, result);
    }

    /// <summary>Answers a query from the state as it is, at the state's own time.</summary>
    public void Read(ReadOnlyMemory<byte> query, WireWriter result) => Machine.Read(query, Now, result);

    /// <summary>
    /// What applying a request would find in the table: lets a leader answer a retry, or refuse an expired request, without another entry.
    /// </summary>
    /// <param name="identity">The request's identity; one that is none, or not valid, is unknown.</param>
    /// <param name="result">Receives the remembered result behind what is already there, if that is what the answer is.</param>
    public RequestLookup LookUp(in RequestIdentity identity, WireWriter result) =>
        identity.IsValid ? _requests.LookUp(identity, Now, result) : RequestLookup.Unknown;

    /// <summary>
    /// The whole state as it is now, as a stream of bytes cut into slices of at most <see cref="Foundation.Limits.SnapshotChunkBytes"/>.
    /// The stream may be cut elsewhere on its way: the target takes any slices.
    /// </summary>
    public ISnapshotSource BeginSnapshot() => new ReplicatedSnapshotSource(
        _options, AppliedIndex, Now, new RequestTableSnapshotSource(_requests.Snapshot()), Machine.BeginSnapshot());

    /// <summary>
    /// A target for the stream of another replica's (or an own, stored) snapshot. Its Finish replaces machine, table, time and applied
    /// index at once, when the snapshot is further on than the state.
    /// </summary>
    /// <param name="expectedIndex">The applied index that the snapshot must have.</param>
    public ISnapshotTarget BeginRestore(LogIndex expectedIndex) =>
        new ReplicatedSnapshotTarget(_options, expectedIndex, Machine.BeginRestore, Install);

    /// <summary>A hash over everything: equal on replicas with the same applied index. Costs a walk over the whole state.</summary>
    public ulong StateHash()
    {
        var hasher = default(StateHasher);
        hasher.Add(AppliedIndex.Value);
        hasher.Add(Now.Value);
        _requests.AddTo(ref hasher);
        hasher.Add(Machine.StateHash());
        return hasher.Value;
    }

    private ApplyStatus ApplyAlways(ReadOnlyMemory<byte> command, WireWriter result)
    {
        Machine.Apply(new CommandContext(Now, AppliedIndex), command, result);
        return ApplyStatus.Applied;
    }

    private ApplyStatus ApplyOnce(in CommandEnvelope envelope, WireWriter result)
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
                ApplyAlways(envelope.Command, result);
                _requests.Remember(envelope.Identity, result.Written[start..]);
                return ApplyStatus.Applied;
        }
    }

    /// <summary>
    /// The one step that replaces the state: the machine's own check is the last that can fail, and nothing after it can.
    /// </summary>
    private string? Install(SnapshotHeader header, RequestTable requests, ISnapshotTarget machine)
    {
        if (header.Index <= AppliedIndex)
        {
            return $"the snapshot of index {header.Index} is not ahead of the state at {AppliedIndex}";
        }

        if (!machine.Finish())
        {
            return machine.Error ?? "the machine refused the snapshot";
        }

        _requests = requests;
        Now = header.Now;
        AppliedIndex = Sabotage.Has(Sabotage.AppliedIndexApart) ? header.Index.Previous : header.Index;
        return null;
    }
}
