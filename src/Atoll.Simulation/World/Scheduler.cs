using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;

namespace Atoll.Simulation.World;

/// <summary>
/// Virtual time: one queue of events, run one after the other in the order of (time, order of scheduling), so that a run is a function of
/// its seed alone. Not thread-safe: a simulation lives on one thread. A warm scheduler allocates nothing per event.
/// </summary>
public sealed class Scheduler
{
    private const int Arity = 4;

    private HeapEntry[] _heap = new HeapEntry[1024];
    private Slot[] _slots = new Slot[1024];
    private int _count;
    private int _slotsUsed;
    private int _freeSlot = -1;
    private long _sequence;

    /// <summary>A scheduler at the beginning of time.</summary>
    /// <param name="trace">Where every event is recorded.</param>
    public Scheduler(EventTrace? trace = null) => Trace = trace ?? new EventTrace();

    /// <summary>True time, which no node sees. It begins at zero.</summary>
    public Instant Now { get; private set; }

    /// <summary>The record of what happened.</summary>
    public EventTrace Trace { get; }

    /// <summary>Events run so far.</summary>
    public long EventsRun { get; private set; }

    /// <summary>Events that wait.</summary>
    public int Pending => _count;

    /// <summary>When the next event happens; <see cref="Instant.Never"/> when none waits.</summary>
    public Instant NextAt => _count == 0 ? Instant.Never : new Instant(_heap[0].AtNanoseconds);

    /// <summary>Lets an event happen at a moment, which must not have passed.</summary>
    public void Schedule(Instant at, ISimEventTarget target, in SimEvent happening)
    {
        Check.That(at >= Now);
        Check.That(at != Instant.Never);
        var slot = TakeSlot();
        _slots[slot].Target = target;
        _slots[slot].Happening = happening;
        if (_count == _heap.Length)
        {
            Array.Resize(ref _heap, _heap.Length * 2);
        }

        SiftUp(_count++, new HeapEntry(at.Nanoseconds, _sequence++, slot));
    }

    /// <summary>Lets an event happen after a delay.</summary>
    public void Schedule(Duration delay, ISimEventTarget target, in SimEvent happening) => Schedule(Now + delay, target, happening);

    /// <summary>Runs an action at a moment: for scenarios, where an allocation does not matter.</summary>
    public void Schedule(Instant at, Action action, SimEventKind kind = SimEventKind.Script, uint node = 0) =>
        Schedule(at, ActionTarget.Instance, new SimEvent(kind, node, 0, 0, action));

    /// <summary>Runs an action after a delay: for scenarios, where an allocation does not matter.</summary>
    public void Schedule(Duration delay, Action action, SimEventKind kind = SimEventKind.Script, uint node = 0) =>
        Schedule(Now + delay, action, kind, node);

    /// <summary>Runs the next event; false when none waits.</summary>
    public bool RunNext()
    {
        if (_count == 0)
        {
            return false;
        }

        var entry = _heap[0];
        _count--;
        if (_count > 0)
        {
            SiftDown(_heap[_count]);
        }

        ref var slot = ref _slots[entry.Slot];
        var target = slot.Target!;
        var happening = slot.Happening;
        slot.Target = null;
        slot.Happening = default;
        slot.NextFree = _freeSlot;
        _freeSlot = entry.Slot;
        Check.That(entry.AtNanoseconds >= Now.Nanoseconds);
        Now = new Instant(entry.AtNanoseconds);
        EventsRun++;
        Trace.Record(Now, happening.Kind, happening.Node, happening.Argument, happening.PayloadHash);
        target.Run(happening);
        return true;
    }

    /// <summary>Runs all events up to a moment and stands there.</summary>
    public void RunUntil(Instant end)
    {
        while (_count > 0 && _heap[0].AtNanoseconds <= end.Nanoseconds)
        {
            RunNext();
        }

        Now = Instant.Max(Now, end);
    }

    /// <summary>Runs all events of the next stretch of time.</summary>
    public void RunFor(Duration duration) => RunUntil(Now + duration);

    /// <summary>Runs events until the condition holds; false when time runs out before, or nothing waits any more.</summary>
    /// <param name="condition">Asked before each event.</param>
    /// <param name="atMost">Virtual time to spend.</param>
    public bool RunUntil(Func<bool> condition, Duration atMost)
    {
        var end = Now + atMost;
        while (!condition())
        {
            if (NextAt > end || !RunNext())
            {
                return condition();
            }
        }

        return true;
    }

    private int TakeSlot()
    {
        if (_freeSlot >= 0)
        {
            var slot = _freeSlot;
            _freeSlot = _slots[slot].NextFree;
            return slot;
        }

        if (_slotsUsed == _slots.Length)
        {
            Array.Resize(ref _slots, _slots.Length * 2);
        }

        return _slotsUsed++;
    }

    private void SiftUp(int hole, HeapEntry entry)
    {
        while (hole > 0)
        {
            var parent = (hole - 1) / Arity;
            if (_heap[parent].IsBefore(entry))
            {
                break;
            }

            _heap[hole] = _heap[parent];
            hole = parent;
        }

        _heap[hole] = entry;
    }

    private void SiftDown(HeapEntry entry)
    {
        var hole = 0;
        while (true)
        {
            var first = (hole * Arity) + 1;
            if (first >= _count)
            {
                break;
            }

            var least = first;
            for (var child = first + 1; child < Math.Min(first + Arity, _count); child++)
            {
                if (_heap[child].IsBefore(_heap[least]))
                {
                    least = child;
                }
            }

            if (entry.IsBefore(_heap[least]))
            {
                break;
            }

            _heap[hole] = _heap[least];
            hole = least;
        }

        _heap[hole] = entry;
    }

    private readonly record struct HeapEntry(long AtNanoseconds, long Sequence, int Slot)
    {
        public bool IsBefore(in HeapEntry other) =>
            AtNanoseconds < other.AtNanoseconds || (AtNanoseconds == other.AtNanoseconds && Sequence < other.Sequence);
    }

    private struct Slot
    {
        public ISimEventTarget? Target;
        public SimEvent Happening;
        public int NextFree;
    }

    private sealed class ActionTarget : ISimEventTarget
    {
        public static readonly ActionTarget Instance = new();

        public void Run(in SimEvent happening) => ((Action)happening.Payload!)();
    }
}
