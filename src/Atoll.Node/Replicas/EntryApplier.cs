using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.StateMachines;
using Atoll.Storage.Journals;

namespace Atoll.Node.Replicas;

/// <summary>
/// Feeds committed entries to the state, in order and each once. Entries come from memory, or, after a restart, from the disk in
/// pieces that the loop takes between other work.
/// </summary>
internal sealed class EntryApplier
{
    // After a restart the log is read back in pieces of this size: large enough for the disk, small enough not to hold up the loop.
    private const int ReadBytes = 1024 * 1024;

    private readonly ShardLog _log;
    private readonly ReplicatedState _state;
    private readonly WireWriter _result = new(512);
    private readonly Applied _applied;
    private readonly Action<string> _fault;
    private bool _isReading;
    private bool _isStopped;

    /// <summary>An applier from log to state.</summary>
    /// <param name="log">Where entries come from.</param>
    /// <param name="state">Where they go.</param>
    /// <param name="applied">Told of each applied entry.</param>
    /// <param name="fault">Told why it cannot go on: the log is not what it was.</param>
    public EntryApplier(ShardLog log, ReplicatedState state, Applied applied, Action<string> fault)
    {
        _log = log;
        _state = state;
        _applied = applied;
        _fault = fault;
    }

    /// <summary>Called after each applied entry; the result is only valid during the call.</summary>
    public delegate void Applied(in LogEntry entry, ApplyStatus status, ReadOnlySpan<byte> result);

    /// <summary>How far the log may be applied.</summary>
    public LogIndex CommitIndex { get; private set; }

    /// <summary>Bytes of the payloads applied so far.</summary>
    public long AppliedBytes { get; private set; }

    /// <summary>Everything through here is committed.</summary>
    public void Advance(LogIndex commitIndex)
    {
        Check.That(commitIndex >= CommitIndex);
        CommitIndex = commitIndex;
        Run();
    }

    /// <summary>The state was replaced by a snapshot, and may be ahead of what was committed here.</summary>
    public void Restored()
    {
        CommitIndex = LogIndex.Max(CommitIndex, _state.AppliedIndex);
        Run();
    }

    /// <summary>Applies nothing more.</summary>
    public void Stop() => _isStopped = true;

    private void Run()
    {
        while (!_isReading && !_isStopped && _state.AppliedIndex < CommitIndex)
        {
            var next = _state.AppliedIndex.Next;
            if (_log.TryRead(next, out var entry))
            {
                Apply(entry);
            }
            else
            {
                _isReading = true;
                _log.Read(next, CommitIndex, ReadBytes, ReadDone);
            }
        }
    }

    private void ReadDone(LogReadResult read)
    {
        _isReading = false;
        if (_isStopped)
        {
            return;
        }

        switch (read.Status)
        {
            case LogReadStatus.Ok:
                foreach (var entry in read.Entries)
                {
                    // A snapshot may have been installed while the disk was reading.
                    if (entry.Index == _state.AppliedIndex.Next && !_isStopped)
                    {
                        Apply(entry);
                    }
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
