using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Kernel.Raft;

/// <summary>What the receiver is to do with a piece of a snapshot.</summary>
public enum SnapshotChunkVerdict : byte
{
    /// <summary>Write its bytes at the end of what there is, then answer with <see cref="SnapshotReceiver.NextOffset"/>.</summary>
    Write = 0,

    /// <summary>Drop what there is, if anything: a snapshot begins. Then as <see cref="Write"/>.</summary>
    Begin = 1,

    /// <summary>Write its bytes; the snapshot is whole: verify and install it. Not answered before it is installed.</summary>
    Complete = 2,

    /// <summary>As <see cref="Begin"/>, and it is whole.</summary>
    BeginAndComplete = 3,

    /// <summary>
    /// Nothing is to be written: it is doubled, or something before it is missing. Answer with <see cref="SnapshotReceiver.NextOffset"/>.
    /// </summary>
    Unwanted = 4,

    /// <summary>Nothing at all: the snapshot is whole already and being installed.</summary>
    Ignore = 5,
}

/// <summary>
/// The receiving end of snapshots for one shard: which piece is wanted next. A transfer may be resumed after any loss; when the sender, or
/// its snapshot, changes, the transfer starts over. It holds no bytes and does no I/O.
/// </summary>
public sealed class SnapshotReceiver
{
    private NodeId _from;
    private LogIndex _index;
    private Term _term;
    private Term _leaderTerm;
    private long _totalBytes;
    private bool _isWhole;

    /// <summary>Whether a transfer is under way, or whole and not yet installed.</summary>
    public bool IsActive => _from != NodeId.None;

    /// <summary>The offset wanted next, in bytes.</summary>
    public long NextOffset { get; private set; }

    /// <summary>Judges a piece that the core let through.</summary>
    public SnapshotChunkVerdict Accept(NodeId from, in RaftMessage chunk)
    {
        Check.That(chunk.Kind == RaftMessageKind.SnapshotChunk && from != NodeId.None);
        var isSame = from == _from && chunk.Index == _index && chunk.LogTerm == _term && chunk.TotalBytes == _totalBytes;
        if (_isWhole)
        {
            return SnapshotChunkVerdict.Ignore;
        }

        if (!isSame)
        {
            if (IsActive && chunk.Term == _leaderTerm && chunk.Index < _index)
            {
                // Late, from a transfer that this leader gave up for a newer one. (Another leader's snapshot may well be older.)
                return SnapshotChunkVerdict.Ignore;
            }

            _from = from;
            _index = chunk.Index;
            _term = chunk.LogTerm;
            _totalBytes = chunk.TotalBytes;
            NextOffset = 0;
        }

        _leaderTerm = chunk.Term;
        if (chunk.Offset != NextOffset)
        {
            return SnapshotChunkVerdict.Unwanted;
        }

        var begins = NextOffset == 0;
        NextOffset += chunk.Bytes.Length;
        _isWhole = NextOffset == _totalBytes;
        return (begins, _isWhole) switch
        {
            (true, true) => SnapshotChunkVerdict.BeginAndComplete,
            (true, false) => SnapshotChunkVerdict.Begin,
            (false, true) => SnapshotChunkVerdict.Complete,
            (false, false) => SnapshotChunkVerdict.Write,
        };
    }

    /// <summary>The snapshot is installed, refused, damaged or not needed any more: the next piece begins anew.</summary>
    public void Reset()
    {
        _from = NodeId.None;
        _index = LogIndex.Zero;
        _term = Term.Zero;
        _leaderTerm = Term.Zero;
        _totalBytes = 0;
        _isWhole = false;
        NextOffset = 0;
    }
}
