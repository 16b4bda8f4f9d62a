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

    // A thread that has been at one of them for so long may be so for longer: another one starts beside it.
    private const long HeldUpMilliseconds = 5;

    private readonly ConcurrentQueue<IEndedCall> _ended = new();
    private long _takenAtMilliseconds;
    private int _threads;

    /// <summary>Takes a call that has ended.</summary>
    public void Add(IEndedCall call)
    {
        _ended.Enqueue(call);
        if (!TryStart(1) && Environment.TickCount64 - Volatile.Read(ref _takenAtMilliseconds) > HeldUpMilliseconds)
        {
            TryStart(ThreadsMax);
        }
    }

    /// <inheritdoc />
    public void Execute()
    {
        var taken = 0;
        do
        {
            while (_ended.TryDequeue(out var call))
            {
                Volatile.Write(ref _takenAtMilliseconds, Environment.TickCount64);
                if (++taken % OneThreadsMax == 0 && !_ended.IsEmpty)
                {
                    TryStart(ThreadsMax);
                }

                call.Resume();
            }

            // Whoever adds from here on sees one thread less; what was added before must be seen here.
            Interlocked.Decrement(ref _threads);
        }
        while (!_ended.IsEmpty && TryBecome(1));
    }

    private bool TryStart(int threadsMax)
    {
        if (!TryBecome(threadsMax))
        {
            return false;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return true;
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
