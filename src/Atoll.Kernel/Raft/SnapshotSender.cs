using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Raft;

/// <summary>How the sending of a snapshot stands.</summary>
public enum SnapshotSendState : byte
{
    /// <summary>Pieces are under way, or may be sent.</summary>
    Sending = 0,

    /// <summary>The receiver has everything.</summary>
    Done = 1,

    /// <summary>The receiver refused, or was silent for too long.</summary>
    Failed = 2,
}

/// <summary>
/// The sending end of one snapshot for one follower: which piece goes next. It keeps a few pieces under way, goes back to the offset that
/// the receiver names, and sends again from there when the receiver is silent. It holds no bytes and does no I/O.
/// </summary>
public sealed class SnapshotSender
{
    private readonly int _chunkBytes;
    private readonly int _chunksInFlightMax;
    private readonly Duration _resendAfter;
    private readonly Duration _giveUpAfter;
    private long _nextOffset;
    private long _ackedOffset;
    private long _resentFrom = -1;
    private bool _lastChunkSent;
    private bool _isStalled;
    private Instant _heardAt;
    private Instant _sentAt;

    /// <summary>A sender at the start of a snapshot.</summary>
    /// <param name="index">The last index that the snapshot contains.</param>
    /// <param name="term">The term of that entry.</param>
    /// <param name="totalBytes">The snapshot's size.</param>
    /// <param name="now">The time.</param>
    /// <param name="chunkBytes">The size of a piece.</param>
    /// <param name="chunksInFlightMax">Pieces sent and not yet acknowledged, at most.</param>
    /// <param name="resendAfter">Silence after which unacknowledged pieces are sent again; one second by default.</param>
    /// <param name="giveUpAfter">
    /// Silence after which the snapshot is given up; a minute by default, because the receiver may be installing.
    /// </param>
    public SnapshotSender(
        LogIndex index,
        Term term,
        long totalBytes,
        Instant now,
        int chunkBytes = Limits.SnapshotChunkBytes,
        int chunksInFlightMax = 4,
        Duration? resendAfter = null,
        Duration? giveUpAfter = null)
    {
        Check.That(totalBytes >= 0 && chunkBytes > 0 && chunksInFlightMax > 0);
        Index = index;
        Term = term;
        TotalBytes = totalBytes;
        _chunkBytes = chunkBytes;
        _chunksInFlightMax = chunksInFlightMax;
        _resendAfter = resendAfter ?? Duration.FromSeconds(1);
        _giveUpAfter = giveUpAfter ?? Duration.FromSeconds(60);
        _heardAt = now;
        _sentAt = now;
    }

    /// <summary>The last index that the snapshot contains.</summary>
    public LogIndex Index { get; }

    /// <summary>The term of that entry.</summary>
    public Term Term { get; }

    /// <summary>The snapshot's size in bytes.</summary>
    public long TotalBytes { get; }

    /// <summary>How it stands.</summary>
    public SnapshotSendState State { get; private set; }

    /// <summary>The receiver has everything before this offset.</summary>
    public long AcknowledgedBytes => _ackedOffset;

    /// <summary>When <see cref="Tick"/> may have something to do; Never when the transfer is over.</summary>
    public Instant NextDeadline =>
        State != SnapshotSendState.Sending ? Instant.Never : Instant.Min(_sentAt + _resendAfter, _heardAt + _giveUpAfter);

    /// <summary>
    /// Names a piece to send now; false when nothing is to be sent at the moment. The piece counts as sent: if it can't be sent after all,
    /// say so by <see cref="Lost"/>. An empty snapshot is one empty piece.
    /// </summary>
    public bool TryNext(Instant now, out long offset, out int bytes)
    {
        offset = _nextOffset;
        bytes = (int)Math.Min(_chunkBytes, TotalBytes - _nextOffset);
        if (State != SnapshotSendState.Sending
            || _lastChunkSent
            || _nextOffset - _ackedOffset >= (long)_chunksInFlightMax * _chunkBytes)
        {
            return false;
        }

        _nextOffset += bytes;
        _lastChunkSent = _nextOffset == TotalBytes;
        _sentAt = now;
        return true;
    }

    /// <summary>Takes the receiver's answer; answers about other snapshots are ignored.</summary>
    public void OnReply(in RaftMessage reply, Instant now)
    {
        Check.That(reply.Kind == RaftMessageKind.SnapshotReply);
        if (reply.Index != Index || State != SnapshotSendState.Sending)
        {
            return;
        }

        _heardAt = now;
        switch (reply.Status)
        {
            case SnapshotStatus.Done:
                _ackedOffset = TotalBytes;
                State = SnapshotSendState.Done;
                break;
            case SnapshotStatus.Refused:
                State = SnapshotSendState.Failed;
                break;
            default:
                OnWanted(reply.Offset);
                break;
        }
    }

    /// <summary>What was sent lately may be lost: it is sent again from what the receiver has acknowledged.</summary>
    public void Lost()
    {
        _nextOffset = _ackedOffset;
        _lastChunkSent = false;
    }

    /// <summary>Judges the receiver's silence.</summary>
    public void Tick(Instant now)
    {
        if (State != SnapshotSendState.Sending)
        {
            return;
        }

        if (now - _heardAt >= _giveUpAfter)
        {
            State = SnapshotSendState.Failed;
        }
        else if (now - _sentAt >= _resendAfter)
        {
            _sentAt = now;
            _isStalled = true;
            Lost();
        }
    }

    private void OnWanted(long wanted)
    {
        if (wanted > TotalBytes)
        {
            return;
        }

        if (wanted > _ackedOffset)
        {
            _ackedOffset = wanted;
            _nextOffset = Math.Max(_nextOffset, wanted);
            _isStalled = false;
        }
        else if (wanted < _ackedOffset)
        {
            // Late, usually. But when sending again did not help, the receiver has restarted and lost what it had.
            if (_isStalled)
            {
                _isStalled = false;
                _ackedOffset = wanted;
                Lost();
            }
        }
        else if (wanted != _resentFrom && _nextOffset - wanted > _chunkBytes)
        {
            // It got a later piece and still wants this one. Once only: the other pieces under way will say the same.
            _resentFrom = wanted;
            Lost();
        }
    }
}
