using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.StateMachines;
using Atoll.StateMachines.Directory;
using Atoll.Storage.Sorted;

namespace Atoll.Node.Replicas;

/// <summary>What differs between the kinds of shards, as far as a replica is concerned.</summary>
internal interface IShardPolicy
{
    /// <summary>Whether shards of this kind keep their state in the loop's store; else in memory and in snapshots.</summary>
    bool IsStored { get; }

    /// <summary>
    /// Whether each replica is a group of its own, with a log that is its own: what replicas tell each other goes other ways than the log.
    /// </summary>
    bool IsLeaderless => false;

    /// <summary>An empty state machine of the shard's kind.</summary>
    /// <param name="tree">The shard's place in the store; null for kinds that are not stored.</param>
    IStateMachine NewMachine(IStateTree? tree);

    /// <summary>Looks at a command before it is proposed; null when it may be.</summary>
    /// <param name="command">The command.</param>
    /// <param name="shard">The shard's record; null when the directory is not known here yet.</param>
    Response? Refuse(ReadOnlyMemory<byte> command, ShardInfo? shard);

    /// <summary>
    /// Whether a command may leave the state larger than it was: those are refused while the disk has no room; the others (deletes) are
    /// what makes some.
    /// </summary>
    /// <param name="command">The command; any bytes.</param>
    bool TakesSpace(ReadOnlyMemory<byte> command);

    /// <summary>Whether the answer says "nothing new yet", so that a query that may linger should.</summary>
    bool IsNothingYet(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer);

    /// <summary>The time that a query is about; zero when that is the present.</summary>
    HybridTime TimeOf(ReadOnlyMemory<byte> query);

    /// <summary>
    /// The entries of the log that belong into an answer, ascending, for machines whose data stay there; null when the answer is whole.
    /// </summary>
    IReadOnlyList<LogIndex>? EntriesOf(ReadOnlyMemory<byte> query, ReadOnlyMemory<byte> answer) => null;

    /// <summary>Puts an answer and its entries together; null when they do not fit to each other.</summary>
    /// <param name="answer">The machine's answer.</param>
    /// <param name="entries">The entries that it named, all of them.</param>
    byte[]? Complete(ReadOnlyMemory<byte> answer, IReadOnlyList<LogEntry> entries) => null;

    /// <summary>The replica leads from now on.</summary>
    void BeganToLead()
    {
    }

    /// <summary>A replica that leads has received a command or a query.</summary>
    /// <param name="machine">The replica's machine.</param>
    /// <param name="payload">The command or query; any bytes.</param>
    /// <param name="now">When.</param>
    void Heard(IStateMachine machine, ReadOnlyMemory<byte> payload, Instant now)
    {
    }

    /// <summary>Whether <see cref="FindDue"/> may ever have something.</summary>
    bool HasTimers => false;

    /// <summary>What a replica that leads has to propose because time has passed by its own clock; null for nothing.</summary>
    /// <param name="machine">The replica's machine.</param>
    /// <param name="now">The present.</param>
    byte[]? FindDue(IStateMachine machine, Instant now) => null;

    /// <summary>Records in the state, and their approximate size in bytes.</summary>
    (long Records, long Bytes) Measure(IStateMachine machine);
}
