using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Node.Loops;
using Atoll.StateMachines;
using Atoll.Storage.Journals;

namespace Atoll.Node.Replicas;

/// <summary>
/// A replica's snapshots: those it takes, those it sends to followers that are too far behind, and the one that it receives.
/// </summary>
internal sealed class SnapshotExchange
{
    private readonly ReplicaEnvironment _environment;
    private readonly ShardId _shard;
    private readonly RaftCore _raft;
    private readonly ShardReplica _replica;
    private readonly SnapshotTaker _taker;
    private readonly SnapshotInstaller _installer;
    private readonly List<SnapshotStream> _streams = [];
    private readonly List<(NodeId Peer, LogIndex Index)> _waiting = [];
    private readonly LogCompactor _compactor;
    private readonly ReplicatedState _state;
    private LogIndex _unreadableThrough;

    public SnapshotExchange(
        ReplicaEnvironment environment, ShardId shard, ShardLog log, ReplicatedState state, RaftCore raft, EntryApplier applier,
        ShardReplica replica)
    {
        _environment = environment;
        _shard = shard;
        _raft = raft;
        _replica = replica;
        _state = state;
        _compactor = new LogCompactor(environment.Options, log, raft);
        _taker = new SnapshotTaker(environment, shard, log, state, raft, applier, _compactor) { Ended = TakingEnded };
        _installer = new SnapshotInstaller(environment, shard, log, state, raft, applier, replica);
    }

    /// <summary>Whether state and log are being replaced, so that their positions do not fit together for the moment.</summary>
    public bool IsInstalling => _installer.IsInstalling;

    /// <summary>Whether none is taken, sent or received.</summary>
    public bool IsIdle => _taker.IsIdle && !IsInstalling && _streams.Count == 0 && _waiting.Count == 0;

    /// <summary>Takes a snapshot soon, to free space.</summary>
    public void WantSnapshot() => _taker.Want();

    /// <summary>
    /// The store has made more of the state durable: the log before it can go, and so can snapshots that no follower needs. While one is
    /// on its way, the log behind it stays: the follower will ask for it.
    /// </summary>
    public void StateDurable()
    {
        if (IsInstalling || _taker.IsBusy || _streams.Count > 0 || _waiting.Count > 0)
        {
            return;
        }

        _compactor.Compact(_state.FindUnneeded());
        if (_environment.Snapshots.Latest(_shard) is { } latest && latest.Meta.Index <= _state.DurableIndex)
        {
            _environment.Snapshots.DropShard(_shard);
        }
    }

    /// <summary>Goes on with everything. True when the core has something new to say.</summary>
    public bool Tick(Instant now)
    {
        if (!IsInstalling)
        {
            _taker.Tick();
        }

        for (var i = _streams.Count - 1; i >= 0; i--)
        {
            var stream = _streams[i];
            stream.Tick(now);
            if (_raft.Role != Role.Leader || _raft.Term != stream.Term)
            {
                stream.Close();
                _streams.RemoveAt(i);
            }
            else if (stream.State != SnapshotSendState.Sending)
            {
                End(stream);
            }
        }

        return _installer.Tick();
    }

    /// <summary>A follower needs a snapshot that reaches at least to that index.</summary>
    public void BeginSending(NodeId peer, LogIndex index)
    {
        if (_streams.Any(stream => stream.Peer == peer) || _waiting.Any(waiting => waiting.Peer == peer))
        {
            return;
        }

        var latest = _environment.Snapshots.Latest(_shard);
        if (latest is null || latest.Meta.Index < index || latest.Meta.Index <= _unreadableThrough)
        {
            _waiting.Add((peer, index));
            _taker.Want();
            return;
        }

        var term = _raft.Term;
        _waiting.Add((peer, index));
        _environment.Snapshots.OpenRead(latest, (status, reader) =>
        {
            _waiting.RemoveAll(waiting => waiting.Peer == peer);
            if (reader is null)
            {
                ReplaceUnreadable(latest.Meta.Index);
            }

            if (reader is null || _raft.Role != Role.Leader || _raft.Term != term || _replica.FaultReason is not null
                || !Membership.TryDecode(latest.Meta.Membership, out var membership))
            {
                reader?.Close();
                if (_replica.FaultReason is null)
                {
                    _raft.SnapshotSent(peer, ok: false, _environment.Clock.Now);
                    _replica.MarkDirty();
                }

                return;
            }

            _streams.Add(new SnapshotStream(
                peer, reader, membership, term, () => _environment.Clock.Now, (to, message) => _replica.Send(to, message)));
        });
    }

    /// <summary>A follower has spoken about a snapshot.</summary>
    public void ReplyReceived(NodeId from, in RaftMessage reply)
    {
        var stream = _streams.Find(candidate => candidate.Peer == from);
        stream?.ReplyReceived(reply);
        if (stream is not null && stream.State != SnapshotSendState.Sending)
        {
            End(stream);
        }
    }

    /// <summary>A chunk for this replica.</summary>
    public void ChunkReceived(NodeId from, in RaftMessage chunk)
    {
        _taker.Abort();
        _installer.ChunkReceived(from, chunk);
    }

    /// <summary>Ends everything: the replica stops.</summary>
    public void Stop()
    {
        _taker.Abort();
        _installer.Stop();
        foreach (var stream in _streams)
        {
            stream.Close();
        }

        _streams.Clear();
        _waiting.Clear();
    }

    private void End(SnapshotStream stream)
    {
        if (stream.Failure is { } failure)
        {
            NodeLog.SnapshotFailed(_environment.Logger, _shard.Value, failure);
            ReplaceUnreadable(stream.Index);
        }

        stream.Close();
        _streams.Remove(stream);
        _raft.SnapshotSent(stream.Peer, stream.State == SnapshotSendState.Done, _environment.Clock.Now);
        _replica.MarkDirty();
    }

    // What was read back damaged will not get better; the state in memory is sound, and makes a new one.
    private void ReplaceUnreadable(LogIndex index)
    {
        _unreadableThrough = LogIndex.Max(_unreadableThrough, index);
        _taker.Want();
    }

    private void TakingEnded(bool ok)
    {
        var waiting = _waiting.ToArray();
        _waiting.Clear();
        foreach (var (peer, index) in waiting)
        {
            if (!ok || (_environment.Snapshots.Latest(_shard)?.Meta.Index ?? LogIndex.Zero) < index)
            {
                _raft.SnapshotSent(peer, ok: false, _environment.Clock.Now);
            }
            else
            {
                BeginSending(peer, index);
            }
        }

        _replica.MarkDirty();
    }
}
