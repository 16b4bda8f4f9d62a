using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Tasks.Sources;
using Atoll.Foundation.Checks;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;
using Atoll.Services.Errors;

namespace Atoll.Services.Calls;

/// <summary>
/// One call under way: takes the port's answers, decides about retries, and is what the caller awaits. Used again after its end,
/// so that a call allocates nothing of its own.
/// </summary>
internal sealed class Call<T> : IResponseSink, IValueTaskSource<T>, IEndedCall
{
    private const int PooledMax = 1024;
    private const int Active = 1;
    private const int Ended = 2;

    private static readonly ConcurrentQueue<Call<T>> Pool = new();

    private ManualResetValueTaskSourceCore<T> _result;
    private Caller _caller = null!;
    private Request _request = null!;
    private ResponseReader<T> _read = null!;
    private Session? _session;
    private Activity? _activity;
    private CancellationTokenRegistration _registration;
    private ITimer? _timer;
    private TimeSpan _timeout;
    private long _startedAt;
    private int _attempt;
    private int _state;
    private bool _ownsIdentity;
    private bool _mayHaveTakenEffect;

    // Who lets the awaiter go on, and with what; null: it goes on when the call ends.
    private CallEnds? _ends;
    private T _endedWith = default!;
    private Exception? _endedBy;

    // Whether something (a late timer, a cancellation, a port) may still touch this object after its end: then it is not used again.
    private bool _tainted;

    /// <summary>A call from the pool, or a new one.</summary>
    public static Call<T> Rent() => Pool.TryDequeue(out var call) ? call : new Call<T>();

    /// <summary>Sends the first try.</summary>
    public ValueTask<T> Start(
        Caller caller, Request request, bool ownsIdentity, TimeSpan timeout, Session? session, ResponseReader<T> read,
        Activity? activity, CancellationToken cancellation)
    {
        Check.That(_state == 0);
        _caller = caller;
        _request = request;
        _ownsIdentity = ownsIdentity;
        _timeout = timeout;
        _session = session;
        _read = read;
        _activity = activity;
        _attempt = 1;
        _mayHaveTakenEffect = false;
        _startedAt = caller.Time.GetTimestamp();
        _ends = request.Kind == RequestKind.Write ? caller.WriteEnds : null;
        _result.RunContinuationsAsynchronously = caller.RunContinuationsAsynchronously && _ends is null;
        var task = new ValueTask<T>(this, _result.Version);
        Volatile.Write(ref _state, Active);
        if (cancellation.CanBeCanceled)
        {
            _registration = cancellation.UnsafeRegister(
                static (call, token) => ((Call<T>)call!).Cancel(token), this);
        }

        // Not when it was cancelled on the way here; the answer, should there be one, finds the call ended.
        if (Volatile.Read(ref _state) == Active)
        {
            caller.Submit(request, this);
        }

        return task;
    }

    /// <inheritdoc />
    public void Complete(Request request, in Response response)
    {
        if (Volatile.Read(ref _state) != Active)
        {
            return;
        }

        if (response.Status == ResponseStatus.Ok)
        {
            Succeed(response);
        }
        else if (!TryAgain(response))
        {
            Fail(response);
        }
    }

    /// <inheritdoc />
    public T GetResult(short token)
    {
        try
        {
            return _result.GetResult(token);
        }
        finally
        {
            Return();
        }
    }

    /// <inheritdoc />
    public void Resume()
    {
        if (_endedBy is { } error)
        {
            _result.SetException(error);
        }
        else
        {
            _result.SetResult(_endedWith);
        }
    }

    /// <inheritdoc />
    public ValueTaskSourceStatus GetStatus(short token) => _result.GetStatus(token);

    /// <inheritdoc />
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _result.OnCompleted(continuation, state, token, flags);

    private void Succeed(in Response response)
    {
        _caller.Budget.Earn();
        if (response.AppliedVersion != default)
        {
            _caller.Clock.ObserveVersion(response.AppliedVersion);
            _session?.Observe(response.Shard, response.AppliedVersion);
        }

        T result;
        try
        {
            result = _read(response);
        }
        catch (AtollException error)
        {
            End(error);
            return;
        }

        if (TryEnd(response, null))
        {
            _endedWith = result;
            ResumeSoon();
        }
    }

    // The last touch: the continuation may run, and give this object back, inside.
    private void ResumeSoon()
    {
        if (_ends is { } ends)
        {
            ends.Add(this);
        }
        else
        {
            Resume();
        }
    }

    private bool TryAgain(in Response response)
    {
        if (response.Status == ResponseStatus.RequestExpired && TryIssueAnew(response))
        {
            return true;
        }

        var unknown = response.Status == ResponseStatus.OutcomeUnknown;
        _mayHaveTakenEffect |= unknown && _request.Kind == RequestKind.Write;

        // After an unknown outcome a retry is safe only when it can be recognised as one. Reads have no effect to double.
        var mayTry = response.Status.IsRetryable()
            || (unknown && (_request.Kind != RequestKind.Write || (_request.IsRepeatable && !_request.Identity.IsNone)));

        // A coordinator has waited for its replicas already, and says how many answered.
        if (!mayTry || response.Shortfall is not null || _attempt >= _caller.Retries.AttemptsMax
            || (response.Status == ResponseStatus.Overloaded && !_caller.Budget.TrySpend()))
        {
            return false;
        }

        var delay = _caller.Retries.Delay(_attempt, response, Random.Shared.NextDouble());
        if (Left() <= delay)
        {
            return false;
        }

        _attempt++;
        if (delay == TimeSpan.Zero)
        {
            Resubmit();
        }
        else
        {
            _tainted = true;
            _timer = _caller.Time.CreateTimer(static call => ((Call<T>)call!).Resubmit(), this, delay, Timeout.InfiniteTimeSpan);
        }

        return true;
    }

    // Not taken, and never to be: this client's clock was too far behind the shard's, which the answer tells.
    private bool TryIssueAnew(in Response response)
    {
        if (_mayHaveTakenEffect || !_ownsIdentity || response.AppliedVersion == default || _attempt >= _caller.Retries.AttemptsMax)
        {
            return false;
        }

        _caller.Clock.ObserveVersion(response.AppliedVersion);
        _ownsIdentity = _caller.TryIssueAnew(_request.Identity, out var identity);
        if (!_ownsIdentity)
        {
            return false;
        }

        _request = _request with { Identity = identity };
        _attempt++;
        Resubmit();
        return true;
    }

    private void Resubmit()
    {
        var left = Left();
        if (Volatile.Read(ref _state) != Active)
        {
            return;
        }

        if (left <= TimeSpan.Zero)
        {
            Fail(new Response(ResponseStatus.Unavailable));
            return;
        }

        // The port may complete inside Submit; nothing of this object is touched after it.
        var request = _request with { Timeout = Caller.ToDuration(left) };
        _request = request;
        _caller.Submit(request, this);
    }

    private void Fail(in Response response)
    {
        // An early try may have taken effect although the last one was refused: then only "unknown" is true. A refusal as expired
        // after that may mean that the answer was forgotten, not that there never was one.
        var isUncertain = _mayHaveTakenEffect && (response.Status.IsRetryable() || response.Status == ResponseStatus.RequestExpired);
        End(isUncertain ? Uncertain(response) : ErrorOf(response));
    }

    private AtollException Uncertain(in Response response)
    {
        var words = $"an earlier try may have taken effect; the last of {_attempt} ended with: {AtollException.From(response).Message}";
        return response.Shortfall is not { } shortfall ? new OutcomeUnknownException(words)
            : new QuorumShortfallException(
                ErrorCode.OutcomeUnknown,
                shortfall.Outcome == EventualOutcome.Unavailable
                    ? shortfall with { Outcome = EventualOutcome.TimedOut, Received = 0 } : shortfall,
                words);
    }

    private AtollException ErrorOf(in Response response) =>
        response.Status == ResponseStatus.OutcomeUnknown && _request.Kind is not (RequestKind.Write or RequestKind.TransferLeadership)
            && response.Shortfall is null
            ? new UnavailableException(response.Detail ?? "no answer came in time")
            : AtollException.From(response);

    private void Cancel(CancellationToken token)
    {
        // The answer is still to come and will touch this object: it is never used again.
        if (Interlocked.CompareExchange(ref _state, Ended, Active) == Active)
        {
            _tainted = true;
            if (_activity is not null)
            {
                CallTracing.Failed(_activity, "cancelled", "the caller waits no longer");
            }

            Release();
            _endedBy = new OperationCanceledException(token);
            ResumeSoon();
        }
    }

    private void End(AtollException error)
    {
        if (error.Code == ErrorCode.UnknownSpace)
        {
            _caller.ReportUnknownSpace();
        }

        if (TryEnd(default, error))
        {
            _endedBy = error;
            ResumeSoon();
        }
    }

    private bool TryEnd(in Response response, AtollException? error)
    {
        if (Interlocked.CompareExchange(ref _state, Ended, Active) != Active)
        {
            return false;
        }

        // False: the cancellation is running right now and will look at the state of this object.
        _tainted |= _registration != default && !_registration.Unregister();
        if (_activity is not null && error is null)
        {
            CallTracing.Answered(_activity, response);
        }
        else if (_activity is not null)
        {
            CallTracing.Failed(_activity, error!.Code.ToString(), error.Message);
        }

        Release();
        return true;
    }

    private void Release()
    {
        if (_ownsIdentity)
        {
            _caller.Answered(_request.Identity);
        }
    }

    private TimeSpan Left() => _timeout - _caller.Time.GetElapsedTime(_startedAt);

    private void Return()
    {
        if (_tainted)
        {
            return;
        }

        _result.Reset();
        _caller = null!;
        _request = null!;
        _read = null!;
        _session = null;
        _activity = null;
        _registration = default;
        _ends = null;
        _endedWith = default!;
        _endedBy = null;
        _state = 0;
        if (Pool.Count < PooledMax)
        {
            Pool.Enqueue(this);
        }
    }
}
