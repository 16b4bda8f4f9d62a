using Atoll.Foundation;
using Atoll.Foundation.Checks;

namespace Atoll.Live.Loops;

/// <summary>
/// Events on their way from any thread to one loop. Senders append under a short lock; the loop takes everything at once by exchanging
/// the full array for its empty one, so a busy loop takes the lock once a batch. What comes from outside (messages, requests) is
/// bounded: it waits or is refused; what the loop itself asked for (completions) is bounded by its asking, and always taken.
/// </summary>
internal sealed class Mailbox
{
    private const int CapacityAtStart = 64;

    private readonly object _gate = new();
    private readonly long _bytesMax;
    private LoopItem[] _items = new LoopItem[CapacityAtStart];
    private int _count;
    private long _bytes;
    private int _sendersWaiting;
    private bool _isLoopWaiting;
    private bool _isWoken;
    private bool _isClosed;

    /// <summary>An empty mailbox.</summary>
    public Mailbox(long bytesMax = Limits.LoopMailboxBytesMax)
    {
        Check.That(bytesMax > 0);
        _bytesMax = bytesMax;
    }

    /// <summary>True when something waits; a hint for a loop that spins.</summary>
    public bool HasItems => Volatile.Read(ref _count) > 0;

    /// <summary>Appends, whatever the bound: for what the loop itself asked for. Ignored once closed.</summary>
    public void Post(in LoopItem item)
    {
        lock (_gate)
        {
            if (!_isClosed)
            {
                Append(item);
                WakeLoop();
            }
        }
    }

    /// <summary>Appends, or returns false when full or closed.</summary>
    public bool TryPost(in LoopItem item)
    {
        lock (_gate)
        {
            if (_isClosed || IsFullFor(item.SizeBytes))
            {
                return false;
            }

            Append(item);
            WakeLoop();
            return true;
        }
    }

    /// <summary>Appends all in order, waiting for room: back-pressure for threads that read sockets. False when closed.</summary>
    public bool PostWhenRoom(ReadOnlySpan<LoopItem> items)
    {
        lock (_gate)
        {
            foreach (ref readonly var item in items)
            {
                while (!_isClosed && IsFullFor(item.SizeBytes))
                {
                    WakeLoop();
                    _sendersWaiting++;
                    Monitor.Wait(_gate);
                    _sendersWaiting--;
                }

                if (_isClosed)
                {
                    return false;
                }

                Append(item);
            }

            WakeLoop();
            return true;
        }
    }

    /// <summary>Takes everything that waits; when nothing does, waits up to the given time for it.</summary>
    /// <param name="batch">The loop's array, all of it cleared; comes back as the array that holds the items.</param>
    /// <param name="waitMs">Milliseconds; 0 is not to wait.</param>
    /// <returns>How many items came.</returns>
    public int Take(ref LoopItem[] batch, int waitMs)
    {
        lock (_gate)
        {
            if (_count == 0 && waitMs > 0 && !_isWoken)
            {
                _isLoopWaiting = true;
                Monitor.Wait(_gate, waitMs);
                _isLoopWaiting = false;
            }

            _isWoken = false;
            var count = _count;
            if (count > 0)
            {
                (batch, _items) = (_items, batch);
                _count = 0;
                _bytes = 0;
                if (_sendersWaiting > 0)
                {
                    Monitor.PulseAll(_gate);
                }
            }

            return count;
        }
    }

    /// <summary>Lets the loop look around although nothing came.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            _isWoken = true;
            WakeLoop();
        }
    }

    /// <summary>Closes unless something waits: the end of a loop that has handled everything.</summary>
    public bool TryCloseEmpty()
    {
        lock (_gate)
        {
            _isClosed |= _count == 0;
            return _isClosed;
        }
    }

    /// <summary>Takes nothing any more, and lets go of everybody who waits for room.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.PulseAll(_gate);
        }
    }

    // An item larger than the whole bound is taken when nothing else waits: it must not wait for ever.
    private bool IsFullFor(long sizeBytes) => _count > 0 && _bytes + sizeBytes > _bytesMax;

    private void Append(in LoopItem item)
    {
        if (_count == _items.Length)
        {
            Array.Resize(ref _items, _count * 2);
        }

        _items[_count] = item;
        Volatile.Write(ref _count, _count + 1);
        _bytes += item.SizeBytes;
    }

    // Senders wait only while something waits for the loop, so the loop and senders never wait at the same time.
    private void WakeLoop()
    {
        if (_isLoopWaiting)
        {
            Monitor.PulseAll(_gate);
        }
    }
}
