using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Microsoft.Extensions.Logging;

namespace Atoll.Live.Loops;

/// <summary>
/// One thread that runs one body: takes all events that gathered, hands them over, lets what they gave rise to leave, and sleeps until
/// something comes or a tick is due. Other threads reach it only through <see cref="Post"/> and its mailbox.
/// </summary>
public sealed class EventLoop : IDisposable
{
    private readonly string _name;
    private readonly Mailbox _mailbox;
    private readonly IClock _clock;
    private readonly EventLoopOptions _options;
    private readonly ILogger _logger;
    private readonly IReadOnlyList<ILoopPort> _ports;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ILoopBody? _body;
    private Thread? _thread;
    private volatile bool _isStopping;
    private long _eventsHandled;
    private long _batchesHandled;

    // What the loop has taken, and at which of it it is.
    private LoopItem[] _batch = new LoopItem[64];
    private int _batchCount;
    private int _handling;

    /// <summary>A loop that does not run yet.</summary>
    internal EventLoop(
        string name, Mailbox mailbox, IClock clock, EventLoopOptions options, IReadOnlyList<ILoopPort> ports, ILogger logger)
    {
        Check.That(options.TickInterval >= Duration.FromMilliseconds(1) && options.EventsPerBatchMax > 0);
        _name = name;
        _mailbox = mailbox;
        _clock = clock;
        _options = options;
        _ports = ports;
        _logger = logger;
    }

    /// <summary>
    /// Called once, on the loop's thread, when the body threw: the loop has ended, and its node must not go on. Set before the start.
    /// </summary>
    public Action<Exception>? Failed { get; set; }

    /// <summary>Ends when the loop has ended; faulted with what the body threw, if it did.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Events handled so far.</summary>
    public long EventsHandled => Interlocked.Read(ref _eventsHandled);

    /// <summary>Batches handled so far; events by batches says how busy the loop is.</summary>
    public long BatchesHandled => Interlocked.Read(ref _batchesHandled);

    /// <summary>Starts the thread.</summary>
    public void Start(ILoopBody body)
    {
        Check.That(_thread is null);
        _body = body;
        _thread = new Thread(Run) { Name = _name, IsBackground = true };
        _thread.Start();
    }

    /// <summary>Calls the delegate on the loop, soon. Safe on every thread; allocates nothing when the delegate is static.</summary>
    /// <returns>False when the mailbox is full or the loop has ended: the call will not happen.</returns>
    public bool Post(Action<object?, object?> call, object? first, object? second) =>
        _mailbox.TryPost(LoopItem.ForCall(call, first, second));

    /// <summary>Asks the loop to handle what it has, to wait for its last writes and messages, and to end.</summary>
    public Task StopAsync()
    {
        _isStopping = true;
        _mailbox.Wake();
        if (_thread is null)
        {
            _ended.TrySetResult();
        }

        return _ended.Task;
    }

    /// <summary>Ends the loop without waiting for it.</summary>
    public void Dispose()
    {
        _isStopping = true;
        _mailbox.Close();
        _mailbox.Wake();
    }

    private void Run()
    {
        try
        {
            RunUntilStopped(_body!);
            _ended.TrySetResult();
        }
        catch (Exception failure)
        {
            // Whatever it was: state that was half changed must not be acted on, nor served.
            _mailbox.Close();
            LiveLog.LoopFailed(_logger, _name, failure);
            AnswerTheRest(_body!, failure.Message);
            _ended.TrySetException(failure);
            Failed?.Invoke(failure);
        }
    }

    // Nobody may wait for ever for a loop that has ended. The body no longer acts on anything but calls, and on those by refusing them.
    private void AnswerTheRest(ILoopBody body, string why)
    {
        try
        {
            body.Abandon(why);
            for (var next = _handling + 1; next < _batchCount; next++)
            {
                RefuseIfCall(body, _batch[next]);
            }

            // The mailbox is closed: this is all that will ever come.
            var waiting = new LoopItem[64];
            var count = _mailbox.Take(ref waiting, 0);
            for (var i = 0; i < count; i++)
            {
                RefuseIfCall(body, waiting[i]);
            }
        }
        catch (Exception failure)
        {
            LiveLog.LoopFailed(_logger, _name, failure);
        }
    }

    private static void RefuseIfCall(ILoopBody body, in LoopItem item)
    {
        if (item.Kind == LoopItemKind.Call)
        {
            Handle(body, item);
        }
    }

    private void RunUntilStopped(ILoopBody body)
    {
        body.Start();
        EndBatch(body);
        var nextTick = _clock.Now + _options.TickInterval;
        var drainUntil = Instant.Never;
        while (true)
        {
            var count = WaitForItems(nextTick);
            Handle(body, ref nextTick);
            TickWhenDue(body, ref nextTick);
            EndBatch(body);
            if (!_isStopping)
            {
                continue;
            }

            drainUntil = Instant.Min(drainUntil, _clock.Now + _options.DrainTimeout);
            if (count == 0 && (IsQuiet() || _clock.Now >= drainUntil) && _mailbox.TryCloseEmpty())
            {
                return;
            }
        }
    }

    private int WaitForItems(Instant nextTick)
    {
        var untilTick = nextTick - _clock.Now;
        if (_options.SpinBeforeSleep > Duration.Zero && !_mailbox.HasItems)
        {
            var spinUntil = _clock.Now + _options.SpinBeforeSleep;
            while (!_mailbox.HasItems && _clock.Now < spinUntil)
            {
                Thread.SpinWait(20);
            }
        }

        var waitMs = untilTick <= Duration.Zero ? 0 : (int)Math.Max(1, untilTick.Milliseconds);
        _batchCount = _mailbox.Take(ref _batch, waitMs);
        return _batchCount;
    }

    private void Handle(ILoopBody body, ref Instant nextTick)
    {
        for (_handling = 0; _handling < _batchCount; _handling++)
        {
            Handle(body, in _batch[_handling]);
            if ((_handling + 1) % _options.EventsPerBatchMax == 0)
            {
                TickWhenDue(body, ref nextTick);
                EndBatch(body);
            }
        }

        Array.Clear(_batch, 0, _batchCount);
        Interlocked.Add(ref _eventsHandled, _batchCount);
        Interlocked.Increment(ref _batchesHandled);
        _batchCount = 0;
    }

    private static void Handle(ILoopBody body, in LoopItem item)
    {
        switch (item.Kind)
        {
            case LoopItemKind.Message:
                body.MessageReceived(item.From, item.Lane, item.Message);
                break;
            case LoopItemKind.LinkUp:
                body.LinkUp(item.From.Node, item.Lane);
                break;
            case LoopItemKind.LinkDown:
                body.LinkDown(item.From.Node, item.Lane);
                break;
            case LoopItemKind.Completion:
                ((ILoopCompletion)item.Target!).Complete();
                break;
            case LoopItemKind.Call:
                ((Action<object?, object?>)item.Target!)(item.First, item.Second);
                break;
            default:
                Check.Unreachable("an item of no kind");
                break;
        }
    }

    private void TickWhenDue(ILoopBody body, ref Instant nextTick)
    {
        var now = _clock.Now;
        if (now >= nextTick)
        {
            body.Tick(now);
            nextTick = now + _options.TickInterval;
        }
    }

    private void EndBatch(ILoopBody body)
    {
        body.FlushBatch();
        foreach (var port in _ports)
        {
            port.EndBatch();
        }
    }

    private bool IsQuiet()
    {
        foreach (var port in _ports)
        {
            if (!port.IsQuiet)
            {
                return false;
            }
        }

        return true;
    }
}
