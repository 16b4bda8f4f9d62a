using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Storage.Lsm;
using Microsoft.Extensions.Logging;

namespace Atoll.Node.Loops;

/// <summary>
/// How much room a loop's disk has, and what follows: below what flushes and merges need, new data is refused, merges win space, and old
/// versions are not kept. Without that reserve a store that is overwritten faster than merges give space back fills its disk, and then
/// nothing can be merged any more.
/// </summary>
/// <param name="disk">The loop's disk.</param>
/// <param name="store">The loop's store.</param>
/// <param name="options">The node's options: its loops share the disk, and each takes it by whole segments of its journal.</param>
/// <param name="logger">Told when new data is refused, and when it is taken again.</param>
internal sealed class SpaceWatch(IDisk disk, LsmStore store, NodeOptions options, ILogger logger)
{
    private static readonly Duration FlushInterval = Duration.FromSeconds(1);

    // Files that a merge no longer needs, and segments of the journal, go a little after it.
    private static readonly Duration HopeFor = Duration.FromSeconds(2);

    private bool _isAsking;
    private bool _isTold;
    private Instant _workedAt;
    private Instant _nextFlush;

    /// <summary>Bytes free when last asked; 0 before that.</summary>
    public long FreeBytes { get; private set; }

    /// <summary>
    /// Bytes that must be free for new data to be taken: for flushes and merges, and for the next segment of the journal, which is made
    /// ahead of its need.
    /// </summary>
    public long NeededBytes => options.LoopCount * (store.SpaceNeededBytes + options.SegmentBytes);

    /// <summary>False while the disk has less room than that.</summary>
    public bool HasRoom { get; private set; } = true;

    /// <summary>While there is no room: whether work that is due or under way may make some, so that it is worth waiting for.</summary>
    public bool MayMakeRoom { get; private set; } = true;

    /// <summary>Asks how much is free. While that is too little, what is in memory is flushed once in a while: it may be deletes.</summary>
    public void Tick(Instant now)
    {
        Ask();
        store.IsShortOfSpace = !HasRoom;
        if (HasRoom || store.HasWork)
        {
            _workedAt = now;
        }
        else if (now >= _nextFlush)
        {
            _nextFlush = now + FlushInterval;
            store.Flush();
        }

        MayMakeRoom = now - _workedAt < HopeFor || options.Sabotage.Has(Sabotage.WaitsForRoom);
        Tell();
    }

    /// <summary>Asks again at once while room is scarce: a fast disk takes many megabytes from one tick to the next.</summary>
    public void BatchEnded()
    {
        if (FreeBytes < 2 * NeededBytes)
        {
            Ask();
        }
    }

    // Clients are told with each refusal; whoever looks into the log finds the reason there (museum, row 37).
    private void Tell()
    {
        if (!HasRoom && !MayMakeRoom && !_isTold)
        {
            _isTold = true;
            NodeLog.DiskNearlyFull(logger, FreeBytes, NeededBytes);
        }
        else if (HasRoom && _isTold)
        {
            _isTold = false;
            NodeLog.DiskHasRoom(logger, FreeBytes);
        }
    }

    private void Ask()
    {
        if (_isAsking)
        {
            return;
        }

        _isAsking = true;
        disk.FreeSpace(free =>
        {
            _isAsking = false;
            if (free.IsOk)
            {
                FreeBytes = free.Bytes;
                HasRoom = free.Bytes >= NeededBytes;
            }
        });
    }
}
