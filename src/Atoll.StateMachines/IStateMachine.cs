using Atoll.StateMachines.Snapshots;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines;

/// <summary>
/// What a shard's log feeds. Deterministic: replicas that applied the same commands with the same contexts hold the same state and gave the
/// same results, whatever machine and process they ran in. It sees neither clocks nor protocols. Single-threaded. Part of its state may be
/// on disk: what applying a command or answering a query needs is brought into memory first, and then everything happens in one step.
/// </summary>
public interface IStateMachine
{
    /// <summary>Where the machine keeps its state; null when all of it is in memory and only snapshots make it durable.</summary>
    IStateTree? Tree { get; }

    /// <summary>
    /// Nothing expires before this; null when nothing ever does. When the leader's clock has reached it, it calls
    /// <see cref="FindExpired"/>.
    /// </summary>
    HybridTime? NextExpiry { get; }

    /// <summary>Looks for what has expired, and makes the command that removes it; moves <see cref="NextExpiry"/> on.</summary>
    /// <param name="now">What is over at this time has expired.</param>
    /// <param name="done">
    /// The end, now or later on the same loop: the command to propose, or null when there is nothing to do, and what could not be read.
    /// </param>
    void FindExpired(HybridTime now, Action<byte[]?, StoreFault?> done);

    /// <summary>Whether everything that applying a command needs is in memory, until control goes back to the loop.</summary>
    bool IsPrepared(ReadOnlyMemory<byte> command);

    /// <summary>Brings into memory what applying some commands, in order, needs.</summary>
    /// <param name="commands">The commands; any bytes.</param>
    /// <param name="ready">
    /// Called once, later on the same loop: with null when all is in memory, for the length of the call; else with what cannot be read.
    /// </param>
    void Prepare(IReadOnlyList<ReadOnlyMemory<byte>> commands, Action<StoreFault?> ready);

    /// <summary>
    /// Applies one committed command, which was prepared. Any bytes are allowed: garbage has a result that says so, and no effect.
    /// </summary>
    /// <param name="context">When and where in the log.</param>
    /// <param name="command">The command; what is kept of it is copied unless keeping the slice costs about the same.</param>
    /// <param name="result">Receives the result, behind what is already there.</param>
    void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result);

    /// <summary>Answers a query if that needs nothing from the disk. Changes nothing; garbage has a result that says so.</summary>
    /// <param name="query">The query.</param>
    /// <param name="now">The state's time (that of the last applied command), never a clock's.</param>
    /// <param name="result">Receives the answer, behind what is already there; when the answer is false, its length is as before.</param>
    /// <returns>False when something is not in memory: <see cref="ReadLater"/> then brings it.</returns>
    bool TryRead(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result);

    /// <summary>Answers a query that needs something from the disk.</summary>
    /// <param name="query">The query.</param>
    /// <param name="now">The state's time, to be asked when the answer is made.</param>
    /// <param name="done">The end, now or later on the same loop.</param>
    void ReadLater(ReadOnlyMemory<byte> query, Func<HybridTime> now, Action<StateAnswer> done);

    /// <summary>
    /// Writes into the tree what the machine keeps in memory and changed since the last time; all of it is durable with, and as of, the
    /// same command. Only for machines with a tree.
    /// </summary>
    /// <param name="now">The version to write with.</param>
    void Persist(HybridTime now);

    /// <summary>Takes over what the tree holds after a start. Only for machines with a tree.</summary>
    /// <param name="meta">What <see cref="Persist"/> wrote under the machine's key.</param>
    /// <param name="now">The state's time.</param>
    /// <param name="done">The end, now or later on the same loop: null, or why the tree is not the machine's.</param>
    void Recover(ReadOnlyMemory<byte> meta, HybridTime now, Action<string?> done);

    /// <summary>
    /// The entry as of which a snapshot is, for a machine whose data stay in the log: what is behind it is needed there. Commands of such a
    /// machine are not remembered by who sent them. Null for a machine that has all it needs itself: a snapshot is as of the last entry.
    /// </summary>
    SnapshotPoint? SnapshotPoint => null;

    /// <summary>
    /// The state as it is now, or as of <see cref="SnapshotPoint"/>, to be read slice by slice while commands go on being applied.
    /// </summary>
    ISnapshotSource BeginSnapshot();

    /// <summary>
    /// A place beside the state where a snapshot is built up; the state is replaced only by <see cref="IMachineTarget.Install"/>.
    /// </summary>
    /// <param name="now">The state's time in the snapshot: what claims to have happened later makes it a garbled one.</param>
    /// <param name="load">Receives what belongs into the tree, for machines that have one.</param>
    IMachineTarget BeginRestore(HybridTime now, IStateLoad? load);

    /// <summary>A hash over the whole contents: equal on replicas at the same applied index.</summary>
    ulong StateHash();
}

/// <summary>The circumstances of a command.</summary>
/// <param name="Now">The state's time: strictly greater for every command than for the one before it.</param>
/// <param name="Index">The command's position in the log.</param>
/// <param name="Term">The term of the leader that put it there.</param>
public readonly record struct CommandContext(HybridTime Now, LogIndex Index, Term Term = default);

/// <summary>An entry as of which a snapshot is.</summary>
/// <param name="Index">The entry.</param>
/// <param name="Now">The state's time at it.</param>
public readonly record struct SnapshotPoint(LogIndex Index, HybridTime Now);

/// <summary>The end of a read that had to wait for the disk.</summary>
/// <param name="Body">The answer; valid during the call only. Empty after a fault.</param>
/// <param name="AsOf">The state's time that it is of.</param>
/// <param name="Fault">What could not be read; null when all could.</param>
public readonly record struct StateAnswer(ReadOnlyMemory<byte> Body, HybridTime AsOf, StoreFault? Fault);
