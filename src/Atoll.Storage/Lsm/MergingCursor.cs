using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>
/// The entries of several cursors as one sequence, by a binary heap. Of equal entries the one of the earlier cursor comes first, also on
/// the way back. The way may only be changed by a seek.
/// </summary>
internal sealed class MergingCursor : EntryCursor
{
    private readonly EntryCursor[] _cursors;
    private readonly int[] _heap;
    private int _count;
    private bool _forward = true;

    /// <summary>A cursor over these, the newest first.</summary>
    public MergingCursor(EntryCursor[] cursors)
    {
        _cursors = cursors;
        _heap = new int[cursors.Length];
    }

    /// <inheritdoc />
    public override ReadOnlySpan<byte> Key => _cursors[_heap[0]].Key;

    /// <inheritdoc />
    public override ulong Version => _cursors[_heap[0]].Version;

    /// <inheritdoc />
    public override EntryKind Kind => _cursors[_heap[0]].Kind;

    /// <inheritdoc />
    public override ulong ExpiresAt => _cursors[_heap[0]].ExpiresAt;

    /// <inheritdoc />
    public override ReadOnlyMemory<byte> Value => _cursors[_heap[0]].Value;

    /// <inheritdoc />
    public override ReadOnlySpan<byte> ValueSpan => _cursors[_heap[0]].ValueSpan;

    /// <inheritdoc />
    public override void SeekAtOrAfter(ReadOnlySpan<byte> key, ulong version)
    {
        _forward = true;
        foreach (var cursor in _cursors)
        {
            cursor.SeekAtOrAfter(key, version);
        }

        Gather();
    }

    /// <inheritdoc />
    public override void SeekBefore(ReadOnlySpan<byte> key)
    {
        _forward = false;
        foreach (var cursor in _cursors)
        {
            cursor.SeekBefore(key);
        }

        Gather();
    }

    /// <inheritdoc />
    public override void Next()
    {
        Check.That(_forward && State == CursorState.On);
        var cursor = _cursors[_heap[0]];
        cursor.Next();
        Moved(cursor);
    }

    /// <inheritdoc />
    public override void Previous()
    {
        Check.That(!_forward && State == CursorState.On);
        var cursor = _cursors[_heap[0]];
        cursor.Previous();
        Moved(cursor);
    }

    /// <inheritdoc />
    public override void Load(Action done)
    {
        var waiting = _cursors.Where(static cursor => cursor.State == CursorState.Waiting).ToList();
        Check.That(waiting.Count > 0);
        var left = waiting.Count;
        foreach (var cursor in waiting)
        {
            cursor.Load(() =>
            {
                if (--left == 0)
                {
                    done();
                }
            });
        }
    }

    /// <inheritdoc />
    public override void Resume()
    {
        if (State != CursorState.Waiting)
        {
            return;
        }

        foreach (var cursor in _cursors)
        {
            cursor.Resume();
        }

        Gather();
    }

    /// <inheritdoc />
    public override void Leave()
    {
        State = CursorState.Nowhere;
        foreach (var cursor in _cursors)
        {
            cursor.Leave();
        }
    }

    private void Moved(EntryCursor cursor)
    {
        switch (cursor.State)
        {
            case CursorState.On:
                SiftDown(0);
                break;
            case CursorState.Nowhere:
                _heap[0] = _heap[--_count];
                SiftDown(0);
                State = _count > 0 ? CursorState.On : CursorState.Nowhere;
                break;
            default:
                State = cursor.State;
                Fault = cursor.Fault;
                break;
        }
    }

    private void Gather()
    {
        _count = 0;
        State = CursorState.Nowhere;
        Fault = null;
        for (var i = 0; i < _cursors.Length; i++)
        {
            switch (_cursors[i].State)
            {
                case CursorState.On:
                    _heap[_count++] = i;
                    break;
                case CursorState.Failed:
                    Fault ??= _cursors[i].Fault;
                    break;
                case CursorState.Waiting:
                    State = CursorState.Waiting;
                    break;
            }
        }

        if (State == CursorState.Waiting)
        {
            // A fault shows once all have ended: nobody's load is under way then.
            return;
        }

        if (Fault is not null)
        {
            State = CursorState.Failed;
            return;
        }

        for (var i = (_count / 2) - 1; i >= 0; i--)
        {
            SiftDown(i);
        }

        State = _count > 0 ? CursorState.On : CursorState.Nowhere;
    }

    private bool IsBefore(int a, int b)
    {
        var (first, second) = (_cursors[a], _cursors[b]);
        var order = EntryOrder.Compare(first.Key, first.Version, second.Key, second.Version);
        return order == 0 ? a < b : _forward ? order < 0 : order > 0;
    }

    private void SiftDown(int hole)
    {
        if (hole >= _count)
        {
            return;
        }

        var moving = _heap[hole];
        while (true)
        {
            var child = (2 * hole) + 1;
            if (child >= _count)
            {
                break;
            }

            if (child + 1 < _count && IsBefore(_heap[child + 1], _heap[child]))
            {
                child++;
            }

            if (!IsBefore(_heap[child], moving))
            {
                break;
            }

            _heap[hole] = _heap[child];
            hole = child;
        }

        _heap[hole] = moving;
    }
}
