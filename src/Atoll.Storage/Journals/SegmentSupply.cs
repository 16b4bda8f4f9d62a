using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>
/// Gives planned segments their files, ahead of need: a full disk is noticed here, before anything depends on the space. Old
/// segments are used again where possible, because their blocks are written already (a sync over fresh blocks also writes file system
/// metadata).
/// </summary>
internal sealed class SegmentSupply
{
    private static readonly Probe RecycledProbe = Probe.Define("journal: segment file used again");
    private static readonly Probe BlockedProbe = Probe.Define("journal: no space for the next segment");

    private readonly Journal _journal;
    private readonly IDisk _disk;
    private readonly long _segmentBytes;
    private Segment? _making;

    /// <summary>A supply of segments for a journal.</summary>
    public SegmentSupply(Journal journal, IDisk disk, long segmentBytes)
    {
        _journal = journal;
        _disk = disk;
        _segmentBytes = segmentBytes;
    }

    /// <summary>True while the disk has no space for the segment that comes next.</summary>
    public bool IsBlocked { get; private set; }

    /// <summary>Gives a segment a new file. Nothing happens when it has one, or when one is being made.</summary>
    /// <param name="segment">The one after the active one.</param>
    /// <param name="isRetry">Whether to try although the last attempt found no space.</param>
    public void Make(Segment segment, bool isRetry = false)
    {
        if (segment.IsReady || _making is not null || (IsBlocked && !isRetry))
        {
            return;
        }

        _making = segment;
        _disk.Create(segment.Name, _segmentBytes, (result, file) =>
        {
            if (_journal.IsStopped)
            {
                file?.Close();
                return;
            }

            switch (result.Status)
            {
                case DiskStatus.Ok:
                    Attach(segment, file!);
                    break;
                case DiskStatus.Full or DiskStatus.Exists: // Exists: what an earlier refusal left behind
                    Withdraw(segment, result);
                    break;
                default:
                    _journal.Fail(result);
                    break;
            }
        });
    }

    /// <summary>True when an old segment could become the one after the active one.</summary>
    public bool CanRecycle(Segment old, Segment next) =>
        _making is null && !next.IsReady && old.LengthBytes == _segmentBytes && next.LengthBytes == _segmentBytes;

    /// <summary>Makes the file of an old segment the file of a planned one.</summary>
    public void Recycle(Segment old, Segment next, Action removed)
    {
        Check.That(CanRecycle(old, next));
        _making = next;
        old.File!.Close();
        _disk.Rename(old.Name, next.Name, renamed =>
        {
            if (_journal.IsStopped)
            {
                return;
            }

            if (!renamed.IsOk)
            {
                _journal.Fail(renamed);
                return;
            }

            removed();
            _disk.Open(next.Name, (opened, file) =>
            {
                if (_journal.IsStopped)
                {
                    file?.Close();
                }
                else if (opened.IsOk)
                {
                    RecycledProbe.Hit();
                    Attach(next, file!);
                }
                else
                {
                    _journal.Fail(opened);
                }
            });
        });
    }

    /// <summary>The first two blocks of a segment.</summary>
    public static byte[] Head(ulong identity, ulong number)
    {
        var head = new byte[JournalFormat.DataOffset];
        var header = new SegmentHeader(identity, number);
        header.Write(head);
        header.Write(head.AsSpan(JournalFormat.HeaderCopyOffset));
        return head;
    }

    private void Attach(Segment segment, IDiskFile file)
    {
        segment.File = file;
        file.Write(0, Head(_journal.Chain.Identity, segment.Number), sync: true, written =>
        {
            if (_journal.IsStopped)
            {
                return;
            }

            if (written.IsOk)
            {
                _making = null;
                IsBlocked = false;
                segment.LengthBytes = file.LengthBytes;
                segment.IsReady = true;
                _journal.SegmentReady();
            }
            else if (written.Status == DiskStatus.Full)
            {
                segment.File = null;
                file.Close();
                Withdraw(segment, written);
            }
            else
            {
                _journal.Fail(written);
            }
        });
    }

    // Nothing was written to the segment yet: what may be left of its file goes, and the next attempt starts afresh.
    private void Withdraw(Segment segment, DiskResult why)
    {
        BlockedProbe.Hit();
        IsBlocked = true;
        _journal.SpaceRefused(why);
        _disk.Delete(segment.Name, deleted =>
        {
            if (_journal.IsStopped)
            {
                return;
            }

            if (deleted.Status is DiskStatus.Ok or DiskStatus.NotFound or DiskStatus.Full)
            {
                _making = null;
            }
            else
            {
                _journal.Fail(deleted);
            }
        });
    }
}
