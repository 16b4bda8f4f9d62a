using System.Collections.Concurrent;

namespace Atoll.Services.Calls;

/// <summary>A call whose end is known, and whom somebody awaits.</summary>
internal interface IEndedCall
{
    /// <summary>Lets whoever awaits it go on, on this thread.</summary>
    void Resume();
}

/// <summary>
/// Lets those go on who await calls, on the thread pool, but not each on its own: a loop ends many calls in one turn, and to wake a thread
/// for each costs more than what is left to do for a write. What waits while a thread is at it is done by that thread; when much does, by
/// one more.
/// </summary>
internal sealed class CallEnds : IThreadPoolWorkItem
{
    /// <summary>So many are one thread's work before another is asked to help.</summary>
    private const int OneThreadsMax = 32;

    private static readonly int ThreadsMax = Math.Max(2, Environment.ProcessorCount);

    private readonly ConcurrentQueue<IEndedCall> _ended = new();
    private int _threads;

    /// <summary>Takes a call that has ended.</summary>
    public void Add(IEndedCall call)
    {
        _ended.Enqueue(call);
        StartWhenNone();
    }

    /// <inheritdoc />
    public void Execute()
    {
        var taken = 0;
        do
        {
            while (_ended.TryDequeue(out var call))
            {
                if (++taken % OneThreadsMax == 0 && !_ended.IsEmpty)
                {
                    StartAnother();
                }

                call.Resume();
            }

            // Whoever adds from here on sees one thread less; what was added before must be seen here.
            Interlocked.Decrement(ref _threads);
        }
        while (!_ended.IsEmpty && TryBecome(1));
    }

    private void StartWhenNone()
    {
        if (TryBecome(1))
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private void StartAnother()
    {
        if (TryBecome(ThreadsMax))
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    // Counts one thread more, if there are fewer than so many.
    private bool TryBecome(int threadsMax)
    {
        // A full barrier before: what was added must not be seen later than the number is read.
        for (var threads = Interlocked.CompareExchange(ref _threads, 0, 0); threads < threadsMax;)
        {
            var seen = Interlocked.CompareExchange(ref _threads, threads + 1, threads);
            if (seen == threads)
            {
                return true;
            }

            threads = seen;
        }

        return false;
    }
}
