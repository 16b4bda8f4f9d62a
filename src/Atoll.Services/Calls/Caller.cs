using System.Diagnostics;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.StateMachines.Requests;

namespace Atoll.Services.Calls;

/// <summary>Makes a result of an Ok answer, or throws the <see cref="AtollException"/> that the answer means.</summary>
public delegate T ResponseReader<out T>(in Response response);

/// <summary>
/// Sends requests through a port and waits for their ends: gives writes their identity, tries again what may be tried again, and
/// turns other answers into exceptions. All services of a client share one. Thread-safe.
/// </summary>
public sealed class Caller
{
    private readonly IRequestPort _port;
    private readonly IdentityAllocator _identities;

    /// <summary>A caller over a port.</summary>
    public Caller(IRequestPort port, CallerOptions options)
    {
        _port = port;
        Retries = options.Retries.Validated();
        Time = options.Time;
        Clock = options.Clock;
        RunContinuationsAsynchronously = !options.InlineContinuations;
        WriteEnds = options.GathersWrites ? new CallEnds() : null;
        Budget = new RetryBudget(Retries.OverloadRetriesSaved);
        _identities = new IdentityAllocator(options.ClientId, () => Clock.Now);
    }

    /// <summary>When calls are tried again.</summary>
    public RetryPolicy Retries { get; }

    /// <summary>The time that deadlines and waits are measured by.</summary>
    public TimeProvider Time { get; }

    /// <summary>The cluster's time.</summary>
    public ServerClock Clock { get; }

    /// <summary>Called when a space turns out to be unknown after all: cached directories may be wrong. Set once, by their owner.</summary>
    public Action? UnknownSpaceFound { get; set; }

    internal RetryBudget Budget { get; }

    internal bool RunContinuationsAsynchronously { get; }

    /// <summary>Who lets those go on who await writes; null when each goes on by itself.</summary>
    internal CallEnds? WriteEnds { get; }

    /// <summary>Sends a request until it is answered for good, its deadline has passed, or it is cancelled.</summary>
    /// <param name="request">
    /// The request. A write without identity is given one; a write with one keeps it (and its owner says when it is answered).
    /// </param>
    /// <param name="timeout">How long the whole call may take; null for the default.</param>
    /// <param name="session">The session that sees what is written and read, or null.</param>
    /// <param name="read">Makes the result.</param>
    /// <param name="cancellation">Ends the wait; a write that was sent may still take effect.</param>
    /// <exception cref="AtollException">The call failed; see its code.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public ValueTask<T> Invoke<T>(
        Request request, TimeSpan? timeout, Session? session, ResponseReader<T> read, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<T>(cancellation);
        }

        var allowed = timeout ?? Retries.DefaultTimeout;
        if (allowed <= TimeSpan.Zero)
        {
            return ValueTask.FromException<T>(new InvalidRequestException("the timeout must be longer than nothing"));
        }

        var identity = request.Identity;
        var ownsIdentity = request.Kind == RequestKind.Write && identity.IsNone;
        if (ownsIdentity && !_identities.TryNext(out identity))
        {
            return ValueTask.FromException<T>(new OverloadedException(
                "this client has too many writes under way; wait for some of them", TimeSpan.FromMilliseconds(50)));
        }

        var activity = CallTracing.Start(null, ActivityKind.Client, request, default);
        request = request with
        {
            Identity = identity,
            Timeout = ToDuration(allowed),
            TraceContext = CallTracing.Context(activity ?? Activity.Current, request.TraceContext),
        };
        return Call<T>.Rent().Start(this, request, ownsIdentity, allowed, session, read, activity, cancellation);
    }

    internal void ReportUnknownSpace() => UnknownSpaceFound?.Invoke();

    internal static Duration ToDuration(TimeSpan span) =>
        span.TotalSeconds >= int.MaxValue ? Duration.FromSeconds(int.MaxValue) : Duration.FromMicroseconds((long)span.TotalMicroseconds);

    internal void Submit(Request request, IResponseSink sink) => _port.Submit(request, sink);

    /// <summary>A new identity for a request that was not taken, and never will be under the one that it had.</summary>
    internal bool TryIssueAnew(in RequestIdentity before, out RequestIdentity identity)
    {
        _identities.Answered(before);
        return _identities.TryNext(out identity);
    }

    internal void Answered(in RequestIdentity identity) => _identities.Answered(identity);
}

/// <summary>What a <see cref="Caller"/> needs beside its port.</summary>
public sealed record CallerOptions
{
    /// <summary>Who asks: random and not 0.</summary>
    public ulong ClientId { get; init; } = ((ulong)Random.Shared.NextInt64() << 1) | 1;

    /// <summary>When calls are tried again.</summary>
    public RetryPolicy Retries { get; init; } = new();

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The cluster's time, shared with whoever hears of it.</summary>
    public ServerClock Clock { get; init; } = new(TimeProvider.System);

    /// <summary>
    /// Run what awaits a call right on the thread that received its answer: fastest, and only for code that never blocks, for that
    /// thread serves all other calls too.
    /// </summary>
    public bool InlineContinuations { get; init; }

    /// <summary>
    /// Run what awaits writes on the thread pool, but one after the other, as many as have ended meanwhile: for a node's gateways, whose
    /// code behind a write is short and never blocks.
    /// </summary>
    public bool GathersWrites { get; init; }
}
