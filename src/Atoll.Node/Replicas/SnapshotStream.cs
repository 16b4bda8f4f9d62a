using Atoll.Foundation;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Storage.Snapshots;

namespace Atoll.Node.Replicas;

/// <summary>
/// Streams one snapshot from the disk to one follower. The kernel's <see cref="SnapshotSender"/> decides which piece is next; this reads
/// it and sends it.
/// </summary>
internal sealed class SnapshotStream
{
    private readonly SnapshotReader _reader;
    private readonly SnapshotSender _sender;
    private readonly Membership _membership;
    private readonly Func<Instant> _now;
    private readonly Action<NodeId, RaftMessage> _send;
    private readonly byte[] _buffer = new byte[Limits.SnapshotChunkBytes];
    private bool _isReading;
    private bool _isClosed;

    public SnapshotStream(
        NodeId peer, SnapshotReader reader, Membership membership, Term term, Func<Instant> now, Action<NodeId, RaftMessage> send)
    {
        Peer = peer;
        Term = term;
        _reader = reader;
        _membership = membership;
        _now = now;
        _send = send;
        var meta = reader.Snapshot.Meta;
        _sender = new SnapshotSender(meta.Index, meta.Term, reader.Snapshot.ContentBytes, now());
        SendMore();
    }

    /// <summary>Who receives.</summary>
    public NodeId Peer { get; }

    /// <summary>The index that the snapshot ends with.</summary>
    public LogIndex Index => _reader.Snapshot.Meta.Index;

    /// <summary>The leader's term in which the transfer began; with it ends the transfer.</summary>
    public Term Term { get; }

    /// <summary>How it stands.</summary>
    public SnapshotSendState State => Failure is not null ? SnapshotSendState.Failed : _sender.State;

    /// <summary>Why the snapshot cannot be read; null as long as it can.</summary>
    public string? Failure { get; private set; }

    /// <summary>The follower has spoken.</summary>
    public void ReplyReceived(in RaftMessage reply)
    {
        _sender.OnReply(reply, _now());
        SendMore();
    }

    /// <summary>Judges the follower's silence.</summary>
    public void Tick(Instant now)
    {
        if (now >= _sender.NextDeadline)
        {
            _sender.Tick(now);
            SendMore();
        }
    }

    /// <summary>Lets go of the file.</summary>
    public void Close()
    {
        _isClosed = true;
        _reader.Close();
    }

    private void SendMore()
    {
        if (_isReading || _isClosed || Failure is not null || !_sender.TryNext(_now(), out var offset, out var bytes))
        {
            return;
        }

        _isReading = true;
        _reader.Read(offset, _buffer.AsMemory(0, bytes), read =>
        {
            _isReading = false;
            if (_isClosed)
            {
                return;
            }

            if (read.Status != Storage.Snapshots.SnapshotStatus.Ok || read.Bytes != bytes)
            {
                Failure = read.Describe();
                return;
            }

            var meta = _reader.Snapshot.Meta;
            _send(Peer, RaftMessage.SnapshotChunk(
                Term, meta.Index, meta.Term, _membership, offset, _reader.Snapshot.ContentBytes, _buffer.AsMemory(0, bytes)));
            SendMore();
        });
    }
}
