using System.Diagnostics.CodeAnalysis;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>
/// The logs of all shards of one loop, in one sequence of segments on disk, so that one write and one sync make the work of all of them
/// durable (group commit). See docs/log.md.
/// </summary>
public sealed class Journal
{
    /// <summary>What an append returns that was refused: nothing has changed.</summary>
    public const long Refused = -1;

    private readonly SortedDictionary<ShardId, ShardLog> _logs = [];
    private readonly SortedDictionary<ShardId, LogDamage> _logDamages = [];
    private readonly SegmentCleaner _cleaner;
    private readonly LostBatches? _unseenLost;

    /// <summary>A journal over what recovery found.</summary>
    internal Journal(IDisk disk, JournalOptions options, RecoveredJournal recovered)
    {
        Chain = recovered.Chain;
        Cache = new EntryCache(options.CacheBytes);
        Supply = new SegmentSupply(this, disk, options.SegmentBytes);
        Writer = new BatchWriter(this, options, recovered.Tail);
        Reclaimer = new SegmentReclaimer(this, disk);
        _cleaner = new SegmentCleaner(this);
        _unseenLost = recovered.UnseenLost;
        Damages = [.. recovered.HeaderDamages, .. recovered.Lost.Select(static lost => lost.Corruption)];
        foreach (var shard in recovered.Shards)
        {
            var log = new ShardLog(this, shard);
            _logs.Add(shard.Shard, log);
            if (shard.IsHardStateACopy)
            {
                // The copy is pinned by nothing. A record of its own is.
                log.WriteHardState();
            }
        }

        Writer.Flush();
    }

    /// <summary>What it can do at the moment. Changes in disk completions only, never inside an append.</summary>
    public JournalState State { get; private set; }

    /// <summary>What the disk said when the journal last failed or became full.</summary>
    public DiskResult LastError { get; private set; }

    /// <summary>The last sequence number that was handed to the disk.</summary>
    public long WrittenSequence => Writer.WrittenSequence;

    /// <summary>Everything whose sequence number is at most this is durable.</summary>
    public long DurableSequence => Writer.DurableSequence;

    /// <summary>Bytes of records that are not durable yet: buffered, or under way.</summary>
    public long PendingBytes => Writer.PendingBytes;

    /// <summary>The shards that have a log here, by id. A shard is remembered once its first record is durable.</summary>
    public IReadOnlyList<ShardId> Shards => [.. _logs.Keys];

    /// <summary>
    /// All damage in its durable part that the opening found, also what is harmless; <see cref="ShardLog.Damage"/> says whom it concerns.
    /// </summary>
    public IReadOnlyList<StorageCorruption> Damages { get; }

    /// <summary>The damage of those shards' logs that have some, by shard.</summary>
    public IReadOnlyCollection<LogDamage> LogDamages => _logDamages.Values;

    /// <summary>Damage that was found while moving records out of an old segment; the segment stays. Null when none was found.</summary>
    public StorageCorruption? Corruption { get; private set; }

    /// <summary>Bytes of all segments on disk.</summary>
    public long DiskBytes => Chain.All.Sum(static segment => segment.File is null ? 0 : segment.LengthBytes);

    /// <summary>Bytes of records that are still needed.</summary>
    public long LiveBytes => Chain.All.Sum(static segment => segment.LiveBytes);

    /// <summary>Bytes of entries in memory.</summary>
    public long CachedBytes => Cache.Bytes;

    /// <summary>Called on the loop whenever <see cref="DurableSequence"/> has advanced.</summary>
    public Action? Durable { get; set; }

    /// <summary>Called on the loop whenever <see cref="State"/> or <see cref="Corruption"/> has changed.</summary>
    public Action? StateChanged { get; set; }

    internal SegmentChain Chain { get; }

    internal EntryCache Cache { get; }

    internal SegmentSupply Supply { get; }

    internal BatchWriter Writer { get; }

    internal SegmentReclaimer Reclaimer { get; }

    internal IEnumerable<ShardLog> Logs => _logs.Values;

    internal bool IsClosed { get; private set; }

    /// <summary>True when nothing is written any more: completions of the disk are ignored.</summary>
    internal bool IsStopped => IsClosed || State == JournalState.Failed;

    /// <summary>Opens a journal, or makes it when the folder has none.</summary>
    /// <param name="disk">The loop's files.</param>
    /// <param name="folder">Where the segments are.</param>
    /// <param name="options">The bounds.</param>
    /// <param name="done">The end.</param>
    public static void Open(IDisk disk, string folder, JournalOptions options, Action<JournalOpening> done)
    {
        options.Validate();
        new JournalRecovery(disk, folder, options, done).Start();
    }

    /// <summary>The log of a shard; an empty one comes into being when there is none.</summary>
    public ShardLog Shard(ShardId shard)
    {
        if (!_logs.TryGetValue(shard, out var log))
        {
            _logs.Add(shard, log = new ShardLog(this, shard, _unseenLost));
        }

        return log;
    }

    /// <summary>The log of a shard that has one here.</summary>
    public bool TryGetShard(ShardId shard, [NotNullWhen(true)] out ShardLog? log) => _logs.TryGetValue(shard, out log);

    /// <summary>Forgets a shard: its entries and its hard state. Its <see cref="ShardLog"/> must not be used any more.</summary>
    /// <returns>The sequence number after which that is durable, or <see cref="Refused"/> when the journal has failed.</returns>
    public long DropShard(ShardId shard)
    {
        if (IsStopped)
        {
            return Refused;
        }

        if (!_logs.Remove(shard, out var log))
        {
            return DurableSequence;
        }

        var sequence = Writer.Add(RecordType.Drop, 0, shard, 0, Term.Zero, default, out _, out _);
        log.Drop(sequence);
        return sequence;
    }

    /// <summary>
    /// Hands what was buffered to the disk as one write and sync; while the disk is busy with enough of them, what is buffered waits
    /// and goes
    /// together with the next.
    /// </summary>
    public void Flush()
    {
        if (!IsStopped)
        {
            Writer.Flush();
        }
    }

    /// <summary>
    /// To be called about every 100 ms: protects the last batch of a quiet journal by a durable mark, moves what is left in old
    /// segments, and
    /// tries again to get space when full.
    /// </summary>
    public void Maintain()
    {
        if (IsStopped)
        {
            return;
        }

        if (State == JournalState.Full)
        {
            Supply.Make(Chain.After(Writer.Active), isRetry: true);
            Writer.Retry();
        }

        Reclaimer.Advance();
        _cleaner.Advance();
        if (Reclaimer.IsWaitingForBatch && Writer.IsIdle)
        {
            Writer.WantBatch();
            Writer.Flush();
        }

        Writer.MarkIdle();
    }

    /// <summary>
    /// The shard whose entries hold most of the oldest segment, or <see cref="ShardId.None"/> when it holds none: compacting that shard is
    /// what frees space soonest.
    /// </summary>
    public ShardId LargestHolderOfOldestSegment()
    {
        var holder = ShardId.None;
        var most = 0L;
        foreach (var (shard, log) in _logs)
        {
            var bytes = log.EntryBytesIn(Chain.Oldest);
            (holder, most) = bytes > most ? (shard, bytes) : (holder, most);
        }

        return holder;
    }

    /// <summary>Lets go of the files. What was not durable may be lost; no delegate is called any more.</summary>
    public void Close()
    {
        if (IsClosed)
        {
            return;
        }

        IsClosed = true;
        foreach (var segment in Chain.All)
        {
            segment.File?.Close();
        }
    }

    /// <summary>The journal can write no more (museum, row 7).</summary>
    internal void Fail(DiskResult why)
    {
        Check.That(!why.IsOk);
        LastError = why;
        State = JournalState.Failed;
        StateChanged?.Invoke();
    }

    /// <summary>The disk had no room for something.</summary>
    internal void SpaceRefused(DiskResult why)
    {
        LastError = why;
        StateMayHaveChanged();
    }

    /// <summary>A segment has got its file.</summary>
    internal void SegmentReady()
    {
        StateMayHaveChanged();
        Writer.Dispatch();
    }

    /// <summary>Works out the state anew.</summary>
    internal void StateMayHaveChanged()
    {
        var state = Supply.IsBlocked || Writer.IsRefused ? JournalState.Full : JournalState.Ready;
        if (State != state && State != JournalState.Failed)
        {
            State = state;
            StateChanged?.Invoke();
        }
    }

    /// <summary>More is durable than before.</summary>
    internal void DurableAdvanced()
    {
        Cache.Evict(DurableSequence);
        Reclaimer.Advance();
        _cleaner.Advance();
        Durable?.Invoke();
    }

    /// <summary>A shard's log has damage, or, when null, has none any more.</summary>
    internal void SetDamage(ShardId shard, LogDamage? damage)
    {
        if (damage is null)
        {
            _logDamages.Remove(shard);
        }
        else
        {
            _logDamages[shard] = damage;
        }
    }

    /// <summary>A shard's log has begun anew: what could not be read of it is not needed any more.</summary>
    internal void DamageGone()
    {
        Corruption = null;
        _cleaner.TryAgain();
    }

    /// <summary>A record that has to be moved cannot be read.</summary>
    internal void ReportCorruption(StorageCorruption corruption)
    {
        Corruption = corruption;
        StateChanged?.Invoke();
    }
}
