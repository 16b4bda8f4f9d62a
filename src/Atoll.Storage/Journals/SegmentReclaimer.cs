using Atoll.Foundation.Checks;
using Atoll.Foundation.World;

namespace Atoll.Storage.Journals;

/// <summary>
/// Gives segments back that no shard needs, strictly the oldest first and one at a time. That order is what lets a record speak for
/// all before it (a truncation, a reset, a drop), and makes a gap in the numbers proof of a lost file.
/// </summary>
internal sealed class SegmentReclaimer
{
    private static readonly Probe ReclaimedProbe = Probe.Define("journal: segment reclaimed");

    private readonly Journal _journal;
    private readonly IDisk _disk;
    private ulong _durableOldestNeeded;
    private bool _isRemoving;

    /// <summary>A reclaimer over the segments of a journal.</summary>
    public SegmentReclaimer(Journal journal, IDisk disk)
    {
        _journal = journal;
        _disk = disk;
        OldestNeeded = journal.Chain.Oldest.Number;
        _durableOldestNeeded = OldestNeeded;
    }

    /// <summary>Segments before this one are not needed; batches say so.</summary>
    public ulong OldestNeeded { get; private set; }

    /// <summary>True when a segment waits for a durable batch that says that it is not needed.</summary>
    public bool IsWaitingForBatch => OldestNeeded > _durableOldestNeeded;

    /// <summary>A batch that says so is durable.</summary>
    public void BatchDurable(ulong oldestNeeded) => _durableOldestNeeded = Math.Max(_durableOldestNeeded, oldestNeeded);

    /// <summary>Looks whether more segments have become needless, and gives back those that may go.</summary>
    public void Advance()
    {
        while (OldestNeeded < _journal.Writer.Active.Number)
        {
            var segment = _journal.Chain[OldestNeeded];
            if (segment.LiveBytes > 0 || segment.ReleasedBySequence > _journal.Writer.DurableSequence)
            {
                break;
            }

            OldestNeeded++;
        }

        RemoveNext();
    }

    private void RemoveNext()
    {
        var oldest = _journal.Chain.Oldest;
        if (_isRemoving || oldest.Number >= _durableOldestNeeded || oldest.ReadsInFlight > 0)
        {
            return;
        }

        Check.That(oldest.LiveBytes == 0 && oldest.Number < _journal.Writer.Active.Number);
        _isRemoving = true;
        var next = _journal.Chain.After(_journal.Writer.Active);
        if (_journal.Supply.CanRecycle(oldest, next))
        {
            _journal.Supply.Recycle(oldest, next, Removed);
            return;
        }

        oldest.File!.Close();
        _disk.Delete(oldest.Name, result =>
        {
            if (_journal.IsStopped)
            {
                return;
            }

            if (result.Status is DiskStatus.Ok or DiskStatus.NotFound)
            {
                Removed();
            }
            else if (result.Status == DiskStatus.Full)
            {
                _isRemoving = false; // some file systems need room to delete: tried again later
            }
            else
            {
                _journal.Fail(result);
            }
        });
    }

    private void Removed()
    {
        ReclaimedProbe.Hit();
        _isRemoving = false;
        _journal.Chain.RemoveOldest();
        RemoveNext();
    }
}
