using Atoll.Foundation.Checks;

namespace Atoll.Node.Eventual;

/// <summary>
/// Steps that a replica takes for others, in order, a few at a time: exchanges bring more at once than a log or a loop takes beside its
/// clients' requests. What is refused for lack of room is tried again and not given up, or two replicas that differ by much would never be
/// equal.
/// </summary>
/// <param name="atOnceMax">How many are under way at once.</param>
internal sealed class BoundedWork(int atOnceMax)
{
    private readonly Queue<Action<Action<bool>>> _waiting = [];
    private int _underWay;
    private bool _isHeldUp;
    private bool _isStarting;

    /// <summary>Steps that wait.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>Takes a step, now or later.</summary>
    /// <param name="step">
    /// Gets what it must call exactly once, at its end: with false when there was no room for it, and it is to be taken again.
    /// </param>
    public void Add(Action<Action<bool>> step)
    {
        _waiting.Enqueue(step);
        Start();
    }

    /// <summary>Some time has passed: there may be room again.</summary>
    public void Tick()
    {
        _isHeldUp = false;
        Start();
    }

    private void Start()
    {
        // A step may end before it returns; the outermost call goes on with the next.
        if (_isStarting)
        {
            return;
        }

        _isStarting = true;
        while (!_isHeldUp && _underWay < atOnceMax && _waiting.TryDequeue(out var step))
        {
            _underWay++;
            step(hadRoom => Ended(step, hadRoom));
        }

        _isStarting = false;
    }

    private void Ended(Action<Action<bool>> step, bool hadRoom)
    {
        _underWay--;
        Check.That(_underWay >= 0);
        if (!hadRoom)
        {
            _isHeldUp = true;
            _waiting.Enqueue(step);
        }

        Start();
    }
}
