using Atoll.StateMachines.Snapshots;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines;

/// <summary>
/// What a shard's log feeds. Deterministic: replicas that applied the same commands with the same contexts hold the same state and gave the
/// same results, whatever machine and process they ran in. It sees neither clocks nor protocols. Single-threaded.
/// </summary>
public interface IStateMachine
{
    /// <summary>
    /// When the machine wants its expiry command (the leader proposes it once its clock has reached this); null when nothing ever expires.
    /// </summary>
    HybridTime? NextExpiry { get; }

    /// <summary>Applies one committed command. Any bytes are allowed: garbage has a result that says so, and no effect.</summary>
    /// <param name="context">When and where in the log.</param>
    /// <param name="command">The command; what is kept of it is copied unless keeping the slice costs about the same.</param>
    /// <param name="result">Receives the result, behind what is already there.</param>
    void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result);

    /// <summary>Answers a query. Changes nothing; garbage has a result that says so.</summary>
    /// <param name="query">The query.</param>
    /// <param name="now">The state's time (that of the last applied command), never a clock's.</param>
    /// <param name="result">Receives the answer, behind what is already there.</param>
    void Read(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result);

    /// <summary>The state as it is now, to be read slice by slice while commands go on being applied.</summary>
    ISnapshotSource BeginSnapshot();

    /// <summary>
    /// A place beside the state where a snapshot is built up; the state is replaced only by <see cref="ISnapshotTarget.Finish"/>.
    /// </summary>
    /// <param name="now">The state's time in the snapshot: what claims to have happened later makes it a garbled one.</param>
    ISnapshotTarget BeginRestore(HybridTime now);

    /// <summary>
    /// A hash over the whole contents, in key order: equal on replicas at the same applied index. Costs a walk over everything.
    /// </summary>
    ulong StateHash();
}

/// <summary>The circumstances of a command.</summary>
/// <param name="Now">The state's time: strictly greater for every command than for the one before it.</param>
/// <param name="Index">The command's position in the log.</param>
public readonly record struct CommandContext(HybridTime Now, LogIndex Index);
