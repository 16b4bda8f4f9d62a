using Atoll.Foundation.Checks;

namespace Atoll.Live.Disks;

/// <summary>Something for a disk thread to do; it posts its end to the loop by itself.</summary>
internal interface IDiskWork
{
    /// <summary>Called on a disk thread; may block; does not throw.</summary>
    void Run();
}

/// <summary>A queue of blocking work and the threads that do it.</summary>
internal sealed class DiskThreads : IDisposable
{
    private readonly object _gate = new();
    private readonly Queue<IDiskWork> _work = new();
    private readonly List<Thread> _threads = [];
    private readonly string _name;
    private readonly int _threadsMax;
    private int _idle;
    private bool _isClosed;

    /// <summary>Threads start when there is work for them, up to the number given.</summary>
    public DiskThreads(string name, int threadsMax)
    {
        _name = name;
        _threadsMax = threadsMax;
    }

    /// <summary>Work for one of the threads; what was added before is begun before.</summary>
    public void Add(IDiskWork work)
    {
        lock (_gate)
        {
            Check.That(!_isClosed);
            _work.Enqueue(work);
            if (_idle > 0)
            {
                Monitor.Pulse(_gate);
            }

            // More work than threads about to wake: one that was pulsed counts as idle until it runs.
            if (_work.Count > _idle && _threads.Count < _threadsMax)
            {
                var thread = new Thread(Run, 256 * 1024) { Name = $"{_name}-{_threads.Count}", IsBackground = true };
                _threads.Add(thread);
                thread.Start();
            }
        }
    }

    /// <summary>Ends the threads; there must be no work left, and none may be added any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.PulseAll(_gate);
        }

        _threads.ForEach(thread => thread.Join());
    }

    private void Run()
    {
        while (true)
        {
            IDiskWork work;
            lock (_gate)
            {
                while (_work.Count == 0)
                {
                    if (_isClosed)
                    {
                        return;
                    }

                    _idle++;
                    Monitor.Wait(_gate);
                    _idle--;
                }

                work = _work.Dequeue();
            }

            work.Run();
        }
    }
}
