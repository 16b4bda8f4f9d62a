using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Requests;

namespace Atoll.StateMachines;

/// <summary>
/// A state machine with everything that replication must remember beside it: how far the log was applied, the state's time, and the table of
/// answered requests. All of it changes in one step, and all of it is in a snapshot, so that no crash can set them apart.
/// </summary>
public sealed class ReplicatedState
{
    /// <summary>An empty state, before the first entry.</summary>
    /// <param name="machine">The machine, empty.</param>
    /// <param name="options">Bounds of the request table; the same on every replica.</param>
    public ReplicatedState(IStateMachine machine, RequestTableOptions options)
    {
        Machine = machine;
        _ = options;
    }

    /// <summary>The machine inside; only to be read.</summary>
    public IStateMachine Machine { get; }

    /// <summary>The last entry that was applied.</summary>
    public LogIndex AppliedIndex { get; private set; }

    /// <summary>The state's time: that of the last applied command. Versions are such times; everything up to it is in the state.</summary>
    public HybridTime Now { get; private set; }

    /// <summary>Requests whose answers are remembered.</summary>
    public int RequestsRemembered => throw new NotImplementedException();

    /// <summary>Applies the next committed entry, of any kind.</summary>
    /// <param name="entry">The entry with the index after <see cref="AppliedIndex"/>.</param>
    /// <param name="result">
    /// Receives the machine's result behind what is already there when the answer is Applied or Repeated; else nothing.
    /// </param>
    public ApplyStatus Apply(in LogEntry entry, WireWriter result) => throw new NotImplementedException();

    /// <summary>Answers a query from the state as it is, at the state's own time.</summary>
    public void Read(ReadOnlyMemory<byte> query, WireWriter result) => Machine.Read(query, Now, result);

    /// <summary>
    /// What applying a request would find in the table: lets a leader answer a retry, or refuse an expired request, without another entry.
    /// </summary>
    public RequestLookup LookUp(in RequestIdentity identity, WireWriter result) => throw new NotImplementedException();

    /// <summary>
    /// The whole state as it is now, as a stream of bytes cut into slices of at most <see cref="Foundation.Limits.SnapshotChunkBytes"/>. The
    /// stream may be cut elsewhere on its way: the target takes any slices.
    /// </summary>
    public ISnapshotSource BeginSnapshot() => throw new NotImplementedException();

    /// <summary>
    /// A target for the stream of another replica's (or an own, stored) snapshot. Its Finish replaces machine, table, time and applied index
    /// at once, when the snapshot is further on than the state.
    /// </summary>
    /// <param name="expectedIndex">The applied index that the snapshot must have.</param>
    public ISnapshotTarget BeginRestore(LogIndex expectedIndex) => throw new NotImplementedException();

    /// <summary>A hash over everything: equal on replicas with the same applied index.</summary>
    public ulong StateHash() => throw new NotImplementedException();
}
