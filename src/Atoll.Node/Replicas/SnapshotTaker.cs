using Atoll.StateMachines.Snapshots;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Kernel.Raft;
using Atoll.Node.Loops;
using Atoll.StateMachines;
using Atoll.Storage.Journals;
using Atoll.Storage.Snapshots;

namespace Atoll.Node.Replicas;

/// <summary>
/// Writes the state to a file, a slice at a time between other work: when a follower needs it, and, for a state that is in memory only,
/// when the log has grown enough; then it drops the log that the snapshot stands for. Only what is durable in this log is put into a
/// snapshot, so that a snapshot is never ahead of its log.
/// </summary>
internal sealed class SnapshotTaker
{
    // Slices a tick, and bytes that may wait for the disk: a snapshot takes what the foreground leaves.
    private const int SlicesPerTick = 4;
    private const long PendingBytesMax = 4L * Limits.SnapshotChunkBytes;

    private static readonly Probe Taken = Probe.Define("snapshot: taken and log compacted");

    private readonly ReplicaEnvironment _environment;
    private readonly ShardId _shard;
    private readonly ShardLog _log;
    private readonly ReplicatedState _state;
    private readonly RaftCore _raft;
    private readonly EntryApplier _applier;
    private readonly LogCompactor _compactor;
    private WireWriter? _slice; // there while one is being taken: of ten thousand replicas few do at a time
    private ISnapshotSource? _source;
    private SnapshotWriter? _writer;
    private bool _isFinishing;
    private bool _isLoading;
    private bool _isWanted;
    private long _appliedBytesAtLast;
    private long _lastContentBytes;

    public SnapshotTaker(
        ReplicaEnvironment environment, ShardId shard, ShardLog log, ReplicatedState state, RaftCore raft, EntryApplier applier,
        LogCompactor compactor)
    {
        _compactor = compactor;
        _environment = environment;
        _shard = shard;
        _log = log;
        _state = state;
        _raft = raft;
        _applier = applier;
    }

    /// <summary>Called when a snapshot has become durable, or could not be taken.</summary>
    public Action<bool>? Ended { get; set; }

    /// <summary>Takes a snapshot as soon as possible, whatever the size of the log: a follower needs one, or space is short.</summary>
    public void Want() => _isWanted = true;

    /// <summary>Whether one is being taken.</summary>
    public bool IsBusy => _writer is not null;

    /// <summary>Whether none is being taken, and none is waited for.</summary>
    public bool IsIdle => _writer is null && !_isWanted;

    /// <summary>Begins, goes on, or does nothing.</summary>
    public void Tick()
    {
        if (_writer is null)
        {
            if (ShouldBegin())
            {
                Begin();
            }

            return;
        }

        for (var i = 0; i < SlicesPerTick && !_isFinishing && !_isLoading && _writer.PendingBytes < PendingBytesMax; i++)
        {
            _slice!.Reset();
            if (!_writer.HasFailed && _source!.TryNext(_slice))
            {
                _writer.Write(_slice.Written);
            }
            else if (!_writer.HasFailed && _source!.IsWaiting)
            {
                var source = _source;
                _isLoading = true;
                source.Load(() => _isLoading = _isLoading && source != _source);
            }
            else if (_source!.Error is { } why)
            {
                Abort();
                NodeLog.SnapshotFailed(_environment.Logger, _shard.Value, why);
                Ended?.Invoke(false);
                return;
            }
            else
            {
                _isFinishing = true;
                _source.Dispose();
                _writer.Finish(Finished);
                return;
            }
        }
    }

    /// <summary>Gives up what is under way: the state is about to be replaced, or the replica stops.</summary>
    public void Abort()
    {
        if (_writer is not null && !_isFinishing)
        {
            _writer.Abort();
            _writer = null;
            _slice = null;
            _source!.Dispose();
            _source = null;
            _isLoading = false;
        }
    }

    private bool ShouldBegin()
    {
        // The log may be compacted through all that is applied: a follower that has less needs the snapshot all the more, and without it
        // nothing more may ever commit.
        var index = _state.SnapshotIndex;
        if (index == LogIndex.Zero || index < _log.CompactedIndex || _state.AppliedIndex > _raft.DurableIndex
            || index <= (_environment.Snapshots.Latest(_shard)?.Meta.Index ?? LogIndex.Zero))
        {
            return false;
        }

        if (_state.Machine.Tree is not null)
        {
            return _isWanted;
        }

        // At least as much log as the state is large: the cost of snapshots stays in proportion to the writes.
        var threshold = Math.Max(_environment.Options.SnapshotAfterLogBytes, _lastContentBytes);
        return _isWanted || _applier.AppliedBytes - _appliedBytesAtLast >= threshold;
    }

    private void Begin()
    {
        var index = _state.SnapshotIndex;
        Check.That(_raft.TryGetTerm(index, out var term));
        _isWanted = false;
        _appliedBytesAtLast = _applier.AppliedBytes;
        _source = _state.BeginSnapshot();
        _slice = new WireWriter(Limits.SnapshotChunkBytes + 1024);
        _writer = _environment.Snapshots.Begin(new SnapshotMeta(_shard, index, term, _raft.MembershipAt(index).ToBytes()));
        _isFinishing = false;
    }

    private void Finished(SnapshotFinished finished)
    {
        var index = _writer!.Meta.Index;
        _writer = null;
        _slice = null;
        _source = null;
        _isFinishing = false;
        if (finished.Snapshot is not { } snapshot)
        {
            NodeLog.SnapshotFailed(_environment.Logger, _shard.Value, finished.DiskResult.Detail ?? finished.Status.ToString());
            Ended?.Invoke(false);
            return;
        }

        Taken.Hit();
        _lastContentBytes = snapshot.ContentBytes;
        NodeLog.SnapshotTaken(_environment.Logger, _shard.Value, index.Value, snapshot.ContentBytes);
        _environment.Snapshots.DeleteOlder(_shard, index);
        if (_state.Machine.Tree is null)
        {
            _compactor.Compact(index);
        }

        Ended?.Invoke(true);
    }
}
