using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.StateMachines;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;

namespace Atoll.Node.Replicas;

/// <summary>
/// Feeds committed entries to the state, in order and each once. Entries come from memory, or, after a restart, from the disk in
/// pieces that the loop takes between other work. What applying them needs is brought into memory first.
/// </summary>
internal sealed class EntryApplier
{
    // After a restart the log is read back in pieces of this size: large enough for the disk, small enough not to hold up the loop.
    private const int ReadBytes = 1024 * 1024;

    // Entries that are prepared together when one of them has to wait for the disk: their blocks are read at the same time.
    private const int PreparedTogetherMax = 64;
    private const int PreparedBytesMax = 256 * 1024;

    private readonly ShardLog _log;
    private readonly ReplicatedState _state;
    private readonly WireWriter _result = new(512);
    private readonly Applied _applied;
    private readonly Action<string> _fault;
    private readonly Func<bool> _isLeader;
    private readonly Predicate<StoreFault> _maySkip;
    private readonly Queue<LogEntry> _read = new();
    private bool _isWaiting;
    private bool _isStopped;
    private bool _isRunning;

    /// <summary>An applier from log to state.</summary>
    /// <param name="log">Where entries come from.</param>
    /// <param name="state">Where they go.</param>
    /// <param name="applied">Told of each applied entry.</param>
    /// <param name="fault">Told why it cannot go on: the log is not what it was.</param>
    /// <param name="isLeader">
    /// Whether this replica leads: then everything committed is applied although the store's memory is full, as linearizable reads wait for
    /// it. A leader proposes nothing more in that state, so it is little.
    /// </param>
    /// <param name="maySkip">Asked when what an entry needs was lost: true to pass over it, false when the replica has stopped.</param>
    public EntryApplier(ShardLog log, ReplicatedState state, Applied applied, Action<string> fault, Func<bool> isLeader,
        Predicate<StoreFault> maySkip)
    {
        _isLeader = isLeader;
        _log = log;
        _state = state;
        _applied = applied;
        _fault = fault;
        _maySkip = maySkip;
    }

    /// <summary>Called after each applied entry; the result is only valid during the call.</summary>
    public delegate void Applied(in LogEntry entry, ApplyStatus status, ReadOnlySpan<byte> result);

    /// <summary>How far the log may be applied.</summary>
    public LogIndex CommitIndex { get; private set; }

    /// <summary>
    /// Where the log is the only copy of the data: how far it is durable here, which the state must not be ahead of. Others may have
    /// committed more, and after a power cut the state would speak of data that are not there. Null for no such bound.
    /// </summary>
    public Func<LogIndex>? DurableIndex { get; init; }

    /// <summary>Bytes of the payloads applied so far.</summary>
    public long AppliedBytes { get; private set; }

    /// <summary>While true nothing is applied: the state is being replaced.</summary>
    public bool IsPaused { get; private set; }

    /// <summary>Everything through here is committed.</summary>
    public void Advance(LogIndex commitIndex)
    {
        Check.That(commitIndex >= CommitIndex);
        CommitIndex = commitIndex;
        Run();
    }

    /// <summary>The state is about to be replaced: nothing is applied until <see cref="Resume"/>.</summary>
    public void Pause() => IsPaused = true;

    /// <summary>The state is the one that was, or another one, and may be ahead of what was committed here.</summary>
    public void Resume()
    {
        IsPaused = false;
        _read.Clear();
        CommitIndex = LogIndex.Max(CommitIndex, _state.AppliedIndex);
        Run();
    }

    /// <summary>The store may take writes again, or more of the log is durable.</summary>
    public void Tick() => Run();

    /// <summary>Whether everything that may be applied is.</summary>
    public bool IsIdle => _state.AppliedIndex >= End && !_isWaiting;

    /// <summary>Applies nothing more.</summary>
    public void Stop() => _isStopped = true;

    // How far it may be applied now.
    private LogIndex End => DurableIndex is null ? CommitIndex : LogIndex.Min(CommitIndex, DurableIndex());

    private bool MayApply =>
        !_isWaiting && !_isStopped && !IsPaused && _state.AppliedIndex < End && (_state.TakesWrites || _isLeader());

    private void Run()
    {
        // Applying an entry may lead back here: its answer may be what somebody was waiting for.
        if (_isRunning)
        {
            return;
        }

        _isRunning = true;
        while (MayApply)
        {
            if (!TryNext(_state.AppliedIndex.Next, out var entry))
            {
                _isWaiting = true;
                _log.Read(_state.AppliedIndex.Next, End, ReadBytes, ReadDone);
            }
            else if (_state.IsPrepared(entry))
            {
                Apply(entry);
            }
            else
            {
                Prepare(PreparedTogetherMax);
            }
        }

        _isRunning = false;
    }

    // What was read from the disk first: it was read because memory did not have it.
    private bool TryNext(LogIndex index, out LogEntry entry)
    {
        while (_read.TryPeek(out entry) && entry.Index < index)
        {
            _read.Dequeue();
        }

        return (_read.Count > 0 && entry.Index == index) || _log.TryRead(index, out entry);
    }

    private void Prepare(int entriesMax)
    {
        var entries = new List<LogEntry>();
        var bytes = 0;
        var index = _state.AppliedIndex.Next;
        while (index <= End && entries.Count < entriesMax && bytes < PreparedBytesMax && TryLookAhead(index, out var entry))
        {
            entries.Add(entry);
            bytes += entry.SizeBytes;
            index = index.Next;
        }

        _isWaiting = true;
        _state.Prepare(entries, fault => Prepared(entries, fault));
    }

    private bool TryLookAhead(LogIndex index, out LogEntry entry)
    {
        foreach (var read in _read)
        {
            if (read.Index == index)
            {
                entry = read;
                return true;
            }
        }

        return _log.TryRead(index, out entry);
    }

    private void Prepared(List<LogEntry> entries, StoreFault? fault)
    {
        _isWaiting = false;
        if (_isStopped || IsPaused || entries[0].Index != _state.AppliedIndex.Next)
        {
            Run();
            return;
        }

        if (fault is null)
        {
            // In memory only for the length of this call.
            var wasRunning = _isRunning;
            _isRunning = true;
            foreach (var entry in entries)
            {
                if (!_isStopped && !IsPaused)
                {
                    Apply(entry);
                }
            }

            _isRunning = wasRunning;
        }
        else if (entries.Count > 1)
        {
            // Whose was it?
            Prepare(1);
            return;
        }
        else if (_maySkip(fault))
        {
            var status = _state.Skip(entries[0]);
            _applied(entries[0], status, System.Text.Encoding.UTF8.GetBytes(fault.ToString()));
        }

        Run();
    }

    private void ReadDone(LogReadResult read)
    {
        _isWaiting = false;
        if (_isStopped)
        {
            return;
        }

        switch (read.Status)
        {
            case LogReadStatus.Ok:
                _read.Clear();
                foreach (var entry in read.Entries)
                {
                    _read.Enqueue(entry);
                }

                Run();
                break;
            case LogReadStatus.Unavailable when _log.FirstIndex > _state.AppliedIndex.Next:
                // A snapshot is being installed in the place of what was asked for; it will set the state further on.
                break;
            case LogReadStatus.Unavailable:
                Run();
                break;
            default:
                _fault($"the log cannot be read: {read.Describe()}");
                break;
        }
    }

    private void Apply(in LogEntry entry)
    {
        Check.That(entry.Index == _state.AppliedIndex.Next);
        _result.Reset();
        var status = _state.Apply(entry, _result);
        Check.That(_state.AppliedIndex == entry.Index);
        AppliedBytes += entry.SizeBytes;
        _applied(entry, status, _result.Written);
    }
}
