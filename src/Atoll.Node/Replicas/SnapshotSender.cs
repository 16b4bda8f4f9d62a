using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;
using Atoll.Kernel.Raft;
using Atoll.Storage.Snapshots;

namespace Atoll.Node.Replicas;

/// <summary>
/// Streams one snapshot to one follower: a chunk, then the follower's word where to go on. A lost chunk or answer is repeated, a
/// follower that restarted says how much it has, and a follower that stays silent is given up; the core tries again later.
/// </summary>
internal sealed class SnapshotSender
{
    private static readonly Duration RepeatAfter = Duration.FromMilliseconds(500);
    private const int RepeatsMax = 10;

    private static readonly Probe Resumed = Probe.Define("snapshot: a transfer went on where the receiver wanted");

    private readonly SnapshotReader _reader;
    private readonly Membership _membership;
    private readonly Term _term;
    private readonly Func<Instant> _now;
    private readonly Action<NodeId, RaftMessage> _send;
    private readonly byte[] _buffer = new byte[Limits.SnapshotChunkBytes];
    private long _offset;
    private Instant _repeatAt;
    private int _repeats;
    private bool _isReading;

    public SnapshotSender(
        NodeId peer, SnapshotReader reader, Membership membership, Term term, Func<Instant> now, Action<NodeId, RaftMessage> send)
    {
        Peer = peer;
        _reader = reader;
        _membership = membership;
        _term = term;
        _now = now;
        _send = send;
        SendAt(0);
    }

    /// <summary>Who receives.</summary>
    public NodeId Peer { get; }

    /// <summary>The leader's term in which the transfer began; with it ends the transfer.</summary>
    public Term Term => _term;

    /// <summary>The snapshot's last index.</summary>
    public LogIndex Index => _reader.Snapshot.Meta.Index;

    /// <summary>Set when it cannot go on: the file is damaged, or the follower does not answer.</summary>
    public string? Failure { get; private set; }

    /// <summary>The follower wants to go on at that offset.</summary>
    public void Wanted(long offset)
    {
        if (offset < 0 || offset > _reader.Snapshot.ContentBytes || _isReading)
        {
            return;
        }

        if (offset != _offset + Limits.SnapshotChunkBytes)
        {
            Resumed.Hit();
        }

        _repeats = 0;
        SendAt(offset);
    }

    /// <summary>Repeats what was not answered.</summary>
    public void Tick(Instant now)
    {
        if (_isReading || now < _repeatAt)
        {
            return;
        }

        if (++_repeats > RepeatsMax)
        {
            Failure ??= "the follower does not answer";
        }
        else
        {
            SendAt(_offset);
        }
    }

    /// <summary>Lets go of the file.</summary>
    public void Close() => _reader.Close();

    private void SendAt(long offset)
    {
        _offset = offset;
        _isReading = true;
        _reader.Read(offset, _buffer, read =>
        {
            _isReading = false;
            _repeatAt = _now() + RepeatAfter;
            if (read.Status != Storage.Snapshots.SnapshotStatus.Ok)
            {
                Failure = read.Describe();
                return;
            }

            var meta = _reader.Snapshot.Meta;
            _send(Peer, RaftMessage.SnapshotChunk(
                _term, meta.Index, meta.Term, _membership, offset, _reader.Snapshot.ContentBytes, _buffer.AsMemory(0, read.Bytes)));
        });
    }
}
