using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
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
    private readonly SnapshotReceiver _receiver;
    private readonly List<SnapshotSender> _senders = [];
    private readonly List<(NodeId Peer, LogIndex Index)> _waiting = [];

    public SnapshotExchange(
        ReplicaEnvironment environment, ShardId shard, ShardLog log, ReplicatedState state, RaftCore raft, EntryApplier applier,
        ShardReplica replica)
    {
        _environment = environment;
        _shard = shard;
        _raft = raft;
        _replica = replica;
        _taker = new SnapshotTaker(environment, shard, log, state, raft, applier) { Ended = TakingEnded };
        _receiver = new SnapshotReceiver(environment, shard, log, state, raft, applier, replica);
    }

    /// <summary>Whether state and log are being replaced, so that their positions do not fit together for the moment.</summary>
    public bool IsInstalling => _receiver.IsInstalling;

    /// <summary>Takes a snapshot soon, to free space.</summary>
    public void WantSnapshot() => _taker.Want();

    /// <summary>Goes on with everything. True when the core has something new to say.</summary>
    public bool Tick(Instant now)
    {
        if (!IsInstalling)
        {
            _taker.Tick();
        }

        for (var i = _senders.Count - 1; i >= 0; i--)
        {
            var sender = _senders[i];
            sender.Tick(now);
            if (_raft.Role != Role.Leader || _raft.Term != sender.Term)
            {
                sender.Close();
                _senders.RemoveAt(i);
            }
            else if (sender.Failure is not null)
            {
                End(sender, ok: false);
            }
        }

        return _receiver.Tick();
    }

    /// <summary>A follower needs a snapshot that reaches at least to that index.</summary>
    public void BeginSending(NodeId peer, LogIndex index)
    {
        if (_senders.Any(sender => sender.Peer == peer) || _waiting.Any(waiting => waiting.Peer == peer))
        {
            return;
        }

        var latest = _environment.Snapshots.Latest(_shard);
        if (latest is null || latest.Meta.Index < index)
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

            _senders.Add(new SnapshotSender(
                peer, reader, membership, term, () => _environment.Clock.Now, (to, message) => _replica.Send(to, message)));
        });
    }

    /// <summary>A follower has spoken about a snapshot.</summary>
    public void ReplyReceived(NodeId from, in RaftMessage reply)
    {
        foreach (var sender in _senders)
        {
            if (sender.Peer != from || sender.Index != reply.Index)
            {
                continue;
            }

            if (reply.Status == SnapshotStatus.Wanted)
            {
                sender.Wanted(reply.Offset);
            }
            else
            {
                End(sender, reply.Status == SnapshotStatus.Done);
            }

            return;
        }
    }

    /// <summary>A chunk for this replica.</summary>
    public void ChunkReceived(NodeId from, in RaftMessage chunk)
    {
        _taker.Abort();
        _receiver.ChunkReceived(from, chunk);
    }

    /// <summary>Ends everything: the replica stops.</summary>
    public void Stop()
    {
        _taker.Abort();
        _receiver.Stop();
        foreach (var sender in _senders)
        {
            sender.Close();
        }

        _senders.Clear();
        _waiting.Clear();
    }

    private void End(SnapshotSender sender, bool ok)
    {
        sender.Close();
        _senders.Remove(sender);
        _raft.SnapshotSent(sender.Peer, ok, _environment.Clock.Now);
        _replica.MarkDirty();
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
