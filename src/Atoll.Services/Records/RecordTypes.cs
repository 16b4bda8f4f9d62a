using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;

namespace Atoll.Services.Records;

/// <summary>A record as it was read.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Value">Its value; empty when only keys were asked for.</param>
/// <param name="Version">When it was last written: the version to give to a compare-and-set.</param>
/// <param name="ExpiresAt">When it expires; zero when it never does.</param>
public readonly record struct Record(
    ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, HybridTime Version, HybridTime ExpiresAt)
{
    /// <summary>
    /// In a space that keeps siblings: all concurrent writes of the record, of which the rest here is the latest that has a value. Null in
    /// other spaces, and when only keys were asked for.
    /// </summary>
    public RecordSiblings? Siblings { get; init; }

    /// <summary>
    /// In a space of sets or maps: the elements, in the order of their names; the value is empty then. Null in other spaces, and when only
    /// keys were asked for.
    /// </summary>
    public IReadOnlyList<RecordElement>? Elements { get; init; }
}

/// <summary>How to read. The default is linearizable.</summary>
public readonly record struct ReadOptions
{
    /// <summary>How fresh the answer must be. Session also needs <see cref="Session"/>, Bounded also <see cref="MaxStaleness"/>.</summary>
    public ReadLevel Level { get; init; }

    /// <summary>What the caller has seen so far; it also learns what this read sees.</summary>
    public Session? Session { get; init; }

    /// <summary>
    /// For eventual spaces: how many replicas must answer; null for a majority, and for one where <see cref="Level"/> is Any. With a serial
    /// level a read sees every conditional write that was decided. Strong spaces take no notice of it.
    /// </summary>
    public RequestConsistency? Consistency { get; init; }

    /// <summary>For Bounded: the staleness that is still good enough.</summary>
    public TimeSpan MaxStaleness { get; init; }

    /// <summary>How long the call may take; null for the client's default.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>How to write.</summary>
public readonly record struct WriteOptions
{
    /// <summary>For puts: how long the record lives; null for ever.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>
    /// For eventual spaces: how many replicas must have the write before it is acknowledged; null for a majority. Strong spaces take no
    /// notice of it.
    /// </summary>
    public RequestConsistency? Consistency { get; init; }

    /// <summary>
    /// For spaces that keep siblings: <see cref="RecordSiblings.Context"/> of the get of this record that the write is based on. The write
    /// replaces what that get answered, and is kept beside all else. Empty: nothing was read. A delete needs one.
    /// </summary>
    public ReadOnlyMemory<byte> Context { get; init; }

    /// <summary>A session that reads are to see this write in.</summary>
    public Session? Session { get; init; }

    /// <summary>How long the call may take, retries included; null for the client's default.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>
    /// The request's identity when it must outlive this process (a retry after a crash): the caller vouches for the rules of
    /// <see cref="RequestIdentity"/>. None: the client gives each call its own, which covers its retries.
    /// </summary>
    public RequestIdentity Identity { get; init; }
}

/// <summary>The end of a write that had conditions.</summary>
/// <param name="Succeeded">Whether it was done.</param>
/// <param name="Version">Done: the version written. Not done: the version that the record has instead, zero when there is no
/// record.</param>
/// <param name="FailedOperation">Not done: the position in the batch of the first operation whose condition did not hold; else 0.</param>
public readonly record struct ConditionalOutcome(bool Succeeded, HybridTime Version, int FailedOperation);

/// <summary>Which records a scan reads.</summary>
public readonly record struct ScanRange
{
    /// <summary>The lowest key, included; empty: from the first.</summary>
    public ReadOnlyMemory<byte> From { get; init; }

    /// <summary>Where the range ends, not included; empty: to the last.</summary>
    public ReadOnlyMemory<byte> To { get; init; }

    /// <summary>Only keys that begin with it; combined with the bounds.</summary>
    public ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>The last key that an earlier scan of the same range gave: this one goes on behind it.</summary>
    public ReadOnlyMemory<byte> After { get; init; }

    /// <summary>At most so many records; 0: all.</summary>
    public long Limit { get; init; }

    /// <summary>From the highest key down.</summary>
    public bool Reverse { get; init; }

    /// <summary>Leaves the values out.</summary>
    public bool KeysOnly { get; init; }
}

/// <summary>What a watch reports.</summary>
public enum WatchEventKind
{
    /// <summary>Nothing happened for a while; the token has moved on all the same.</summary>
    Progress = 0,

    /// <summary>A record was written.</summary>
    Put = ChangeKind.Put,

    /// <summary>A record was deleted.</summary>
    Delete = ChangeKind.Delete,

    /// <summary>A record's time to live ended.</summary>
    Expire = ChangeKind.Expire,
}

/// <summary>A change of a record.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Key">The key.</param>
/// <param name="Value">The new value; empty unless put.</param>
/// <param name="Version">The version of the command that made it; changes of one batch share it.</param>
public readonly record struct WatchEvent(
    WatchEventKind Kind, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, HybridTime Version);

/// <summary>What to watch, and from where.</summary>
public readonly record struct WatchOptions
{
    /// <summary>Only keys that begin with it; empty: all.</summary>
    public ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>Where an earlier watch stopped (<see cref="IRecordWatch.Token"/>); null: from now on.</summary>
    public string? Token { get; init; }

    /// <summary>Report progress at once and whenever nothing happened for this long; null: don't.</summary>
    public TimeSpan? ProgressInterval { get; init; }

    /// <summary>How long the cluster may be out of reach before the watch ends with an error; null: one minute.</summary>
    public TimeSpan? PatienceWhenUnavailable { get; init; }
}

/// <summary>
/// The changes of a prefix as a stream without end: each change once, the changes of one key in order. Changes of keys in different shards
/// have no order among each other. Enumerate it once.
/// </summary>
public interface IRecordWatch : IAsyncEnumerable<WatchEvent>
{
    /// <summary>
    /// The position behind the event that the enumeration gave last: a watch that starts with it goes on there. Within a batch's
    /// changes it lies before the batch, so that a batch is never resumed in its middle.
    /// </summary>
    string Token { get; }
}

/// <summary>Counts of a space.</summary>
/// <param name="Records">Records, those that expired and are not yet removed included.</param>
/// <param name="Bytes">Approximate memory of one copy.</param>
/// <param name="Expiring">Records with a time to live.</param>
public readonly record struct SpaceStatistics(long Records, long Bytes, long Expiring);
