using Atoll.Foundation.Checks;
using Atoll.Node.Requests;

namespace Atoll.Client.Remote;

/// <summary>
/// The requests under way on one connection, in slots that are used again. A correlation number is a slot and a count of its uses,
/// so that an answer that comes after its request was given up finds nothing. Guarded by the link's lock.
/// </summary>
internal sealed class LinkSlots
{
    private readonly Stack<int> _free = new();
    private readonly int _max;
    private Slot[] _slots = new Slot[16];
    private int _used;

    public LinkSlots(int max)
    {
        Check.That(max is > 0 and <= NodeLink.SlotsMax);
        _max = max;
    }

    /// <summary>Requests under way.</summary>
    public int Count { get; private set; }

    /// <summary>Takes a slot; false when all are taken.</summary>
    public bool TryTake(Request request, IResponseSink sink, long deadline, out uint correlation)
    {
        if (!_free.TryPop(out var index))
        {
            if (_used >= _max)
            {
                correlation = 0;
                return false;
            }

            index = _used++;
            if (index == _slots.Length)
            {
                Array.Resize(ref _slots, _slots.Length * 2);
            }
        }

        ref var slot = ref _slots[index];
        Check.That(slot.Sink is null);
        slot.Uses++;
        slot.Request = request;
        slot.Sink = sink;
        slot.Deadline = deadline;
        Count++;
        correlation = ((uint)slot.Uses << 16) | (uint)index;
        return true;
    }

    /// <summary>Gives back the slot of that correlation number; false when it is not under way (any longer).</summary>
    public bool TryRelease(uint correlation, out Request request, out IResponseSink sink)
    {
        var index = (int)(correlation & 0xFFFF);
        if (index < _used && _slots[index].Sink is not null && _slots[index].Uses == (ushort)(correlation >> 16))
        {
            (request, sink) = Release(index);
            return true;
        }

        (request, sink) = (null!, null!);
        return false;
    }

    /// <summary>Gives back every slot whose deadline is at or before <paramref name="now"/>.</summary>
    public void ReleaseExpired(long now, List<(Request Request, IResponseSink Sink)> expired)
    {
        for (var index = 0; index < _used && Count > 0; index++)
        {
            if (_slots[index].Sink is not null && _slots[index].Deadline <= now)
            {
                expired.Add(Release(index));
            }
        }
    }

    /// <summary>Gives back every slot.</summary>
    public void ReleaseAll(List<(Request Request, IResponseSink Sink)> released) => ReleaseExpired(long.MaxValue, released);

    private (Request Request, IResponseSink Sink) Release(int index)
    {
        ref var slot = ref _slots[index];
        var (request, sink) = (slot.Request!, slot.Sink!);
        slot.Request = null;
        slot.Sink = null;
        Count--;
        _free.Push(index);
        return (request, sink);
    }

    private struct Slot
    {
        public Request? Request;
        public IResponseSink? Sink;
        public long Deadline;
        public ushort Uses;
    }
}
