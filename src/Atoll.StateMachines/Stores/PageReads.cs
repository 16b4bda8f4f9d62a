using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Stores;

/// <summary>A page that is being read.</summary>
/// <param name="Snapshot">What it is read from; disposed of at its end.</param>
/// <param name="Cursor">Where it is; disposed of at its end.</param>
/// <param name="Run">Goes on with it; false when the cursor must load something first.</param>
/// <param name="Fault">What was met that is damaged; null: nothing.</param>
internal sealed record PageRead(ISortedSnapshot Snapshot, ISortedCursor Cursor, Func<bool> Run, Func<StoreFault?> Fault);

/// <summary>
/// The reads of pages that wait for the disk: a few at a time, the others in the order in which they came. Each keeps its blocks and what
/// it has of its page until it is done: a hundred at once would be done no sooner than one after the other, and take a hundred times the
/// memory meanwhile. Their writers are used again, as arrays of that length are what the garbage collector leaves for last.
/// </summary>
internal sealed class PageReads
{
    /// <summary>Pages that are read at the same time: enough for the disk to have something to do while one of them is computed.</summary>
    internal const int UnderWayMax = 16;

    private readonly Queue<Action<WireWriter>> _waiting = new();
    private readonly Stack<WireWriter> _writers = new();
    private int _underWay;
    private bool _isStarting;

    /// <summary>Reads a page as of when its turn comes, whatever is applied while it is read.</summary>
    /// <param name="begin">Begins it; null when what was written is all of the answer.</param>
    /// <param name="now">The state's time.</param>
    /// <param name="done">Gets the answer, which is valid during the call.</param>
    internal void Read(Func<WireWriter, HybridTime, PageRead?> begin, Func<HybridTime> now, Action<StateAnswer> done)
    {
        _waiting.Enqueue(result =>
        {
            var asOf = now();
            var page = begin(result, asOf);
            GoOn();

            void GoOn()
            {
                while (page?.Run() == false)
                {
                    if (!page.Cursor.Load(GoOn))
                    {
                        return;
                    }
                }

                var fault = page?.Fault();
                page?.Cursor.Dispose();
                page?.Snapshot.Dispose();
                done(new StateAnswer(fault is null ? result.WrittenMemory : default, asOf, fault));
                End(result);
            }
        });
        Start();
    }

    private void End(WireWriter result)
    {
        result.Reset();
        _writers.Push(result);
        _underWay--;
        Start();
    }

    // Not from within itself: pages that need nothing from the disk any more end at once, and there may be thousands of them.
    private void Start()
    {
        if (_isStarting)
        {
            return;
        }

        _isStarting = true;
        while (_underWay < UnderWayMax && _waiting.TryDequeue(out var read))
        {
            _underWay++;
            read(_writers.TryPop(out var writer) ? writer : new WireWriter(4096));
        }

        _isStarting = false;
    }
}
