using Atoll.Foundation;
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
/// Takes a snapshot from the leader: chunks into a file beside, the file into place, the state from the file, the log emptied, and
/// only then
/// "done". A crash at any point leaves either the old state and log, or a snapshot that the next start prefers to an older log.
/// </summary>
internal sealed class SnapshotInstaller
{
    private static readonly Probe Installed = Probe.Define("snapshot: installed from a leader");
    private static readonly Probe OutOfPlace = Probe.Define("snapshot: a chunk came out of place");

    private readonly SnapshotReceiver _receiver = new();

    private readonly ReplicaEnvironment _environment;
    private readonly ShardId _shard;
    private readonly ShardLog _log;
    private readonly ReplicatedState _state;
    private readonly RaftCore _raft;
    private readonly EntryApplier _applier;
    private readonly ShardReplica _replica;
    private SnapshotWriter? _writer;
    private RaftMessage _last;
    private NodeId _from;
    private bool _isFinishing;
    private long _resetSequence = long.MaxValue;

    public SnapshotInstaller(
        ReplicaEnvironment environment, ShardId shard, ShardLog log, ReplicatedState state, RaftCore raft, EntryApplier applier,
        ShardReplica replica)
    {
        _environment = environment;
        _shard = shard;
        _log = log;
        _state = state;
        _raft = raft;
        _applier = applier;
        _replica = replica;
    }

    /// <summary>Between the state's replacement and the core's knowing of it.</summary>
    public bool IsInstalling { get; private set; }

    /// <summary>A chunk has come.</summary>
    public void ChunkReceived(NodeId from, in RaftMessage chunk)
    {
        if (IsInstalling || _isFinishing)
        {
            return; // the answer follows when it is done; the sender repeats itself meanwhile
        }

        var verdict = _receiver.Accept(from, chunk);
        switch (verdict)
        {
            case SnapshotChunkVerdict.Ignore:
                return;
            case SnapshotChunkVerdict.Unwanted:
                OutOfPlace.Hit();
                Reply(from, chunk, Kernel.Raft.SnapshotStatus.Wanted, _receiver.NextOffset);
                return;
            case SnapshotChunkVerdict.Begin or SnapshotChunkVerdict.BeginAndComplete:
                _writer?.Abort();
                _writer = _environment.Snapshots.Begin(
                    new SnapshotMeta(_shard, chunk.Index, chunk.LogTerm, (chunk.Membership ?? Membership.Empty).ToBytes()));
                _from = from;
                break;
            default:
                break;
        }

        Check.That(_writer is not null);
        _writer.Write(chunk.Bytes.Span);
        if (verdict is SnapshotChunkVerdict.Write or SnapshotChunkVerdict.Begin)
        {
            if (_writer.HasFailed)
            {
                GiveUp();
                Reply(from, chunk, Kernel.Raft.SnapshotStatus.Refused, 0);
            }
            else
            {
                Reply(from, chunk, Kernel.Raft.SnapshotStatus.Wanted, _receiver.NextOffset);
            }

            return;
        }

        _last = chunk with { Bytes = default };
        _isFinishing = true;
        _writer.Finish(FileFinished);
    }

    /// <summary>Looks whether the emptied log is durable. True when that changed something.</summary>
    public bool Tick()
    {
        if (_environment.Journal.DurableSequence < _resetSequence)
        {
            return false;
        }

        _resetSequence = long.MaxValue;
        IsInstalling = false;
        _receiver.Reset();
        _raft.SnapshotInstalled(_last.Index, _last.LogTerm, _last.Membership ?? Membership.Empty, _environment.Clock.Now);
        _applier.Resume();
        _replica.SkippedBySnapshot(_last.Index);
        Installed.Hit();
        NodeLog.SnapshotInstalled(_environment.Logger, _shard.Value, _last.Index.Value, _from.Value);
        return true;
    }

    /// <summary>Gives up what is under way: the replica stops.</summary>
    public void Stop()
    {
        if (!_isFinishing)
        {
            GiveUp();
        }
    }

    private void GiveUp()
    {
        _writer?.Abort();
        _writer = null;
        _receiver.Reset();
    }

    private void FileFinished(SnapshotFinished finished)
    {
        _isFinishing = false;
        _writer = null;
        if (_replica.FaultReason is not null)
        {
            return;
        }

        if (finished.Snapshot is not { } snapshot)
        {
            Refuse(finished.DiskResult.Detail ?? finished.Status.ToString());
            return;
        }

        if (!_raft.TryBeginSnapshotInstall(_last.Index, _last.LogTerm, _environment.Clock.Now))
        {
            // Everything is here already; the core says so to the leader, once that is durable.
            _receiver.Reset();
            _replica.MarkDirty();
            return;
        }

        IsInstalling = true;
        _applier.Pause();
        _environment.Snapshots.OpenRead(snapshot, (status, reader) =>
        {
            if (reader is null)
            {
                FailInstall(status.ToString());
                return;
            }

            var note = new ReplicaNote(_last.LogTerm, _last.Membership ?? Membership.Empty);
            SnapshotLoader.Load(reader, _state, _last.Index, note.ToBytes(), error =>
            {
                reader.Close();
                if (error is not null)
                {
                    FailInstall(error.Why);
                }
                else
                {
                    StateReplaced(snapshot);
                }
            });
        });
    }

    private void StateReplaced(SnapshotInfo snapshot)
    {
        if (_replica.FaultReason is not null)
        {
            return;
        }

        Check.That(_state.AppliedIndex == snapshot.Meta.Index);
        _environment.Observer?.SnapshotInstalled(
            _environment.Options.Self, _shard, snapshot.Meta.Index, snapshot.Meta.Term, _state);
        var sequence = _log.ResetTo(snapshot.Meta.Index, snapshot.Meta.Term);
        if (sequence == Journal.Refused)
        {
            _replica.Fault($"the journal refuses writes: {_environment.Journal.LastError.Detail}");
            return;
        }

        _resetSequence = sequence;
        _environment.Snapshots.DeleteOlder(_shard, snapshot.Meta.Index);
        _replica.MarkDirty();
    }

    private void FailInstall(string why)
    {
        IsInstalling = false;
        if (_replica.FaultReason is null)
        {
            _applier.Resume();
            _raft.SnapshotInstallFailed(_environment.Clock.Now);
            Refuse(why);
        }
    }

    private void Refuse(string why)
    {
        _receiver.Reset();
        NodeLog.SnapshotFailed(_environment.Logger, _shard.Value, why);
        Reply(_from, _last, Kernel.Raft.SnapshotStatus.Refused, 0);
        _replica.MarkDirty();
    }

    private void Reply(NodeId to, in RaftMessage chunk, Kernel.Raft.SnapshotStatus status, long offset) =>
        _replica.Send(to, RaftMessage.SnapshotReply(_raft.Term, chunk.Index, offset, status));
}
