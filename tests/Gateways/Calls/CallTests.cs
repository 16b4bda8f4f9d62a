using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Xunit;

namespace Atoll.Gateways.Tests.Calls;

/// <summary>What is tried again, with what identity, for how long, and what the caller is told in the end.</summary>
public sealed class CallTests
{
    private static readonly Request Write = new() { Kind = RequestKind.Write, Space = new SpaceId(1), Payload = new byte[] { 1 } };
    private static readonly Request Read = new() { Kind = RequestKind.Read, Space = new SpaceId(1) };

    private readonly ManualTime _time = new();

    [Theory]
    [InlineData(ResponseStatus.NotLeader)]
    [InlineData(ResponseStatus.StaleRoute)]
    [InlineData(ResponseStatus.Overloaded)]
    [InlineData(ResponseStatus.Unavailable)]
    [InlineData(ResponseStatus.DiskFull)]
    [InlineData(ResponseStatus.OutcomeUnknown)]
    public async Task A_write_that_may_be_tried_again_is_with_the_same_identity(ResponseStatus status)
    {
        var port = new ScriptedPort((_, number) => new Response(number < 3 ? status : ResponseStatus.Ok));
        await RunAsync(port, Write);
        Assert.Equal(4, port.Requests.Count);
        Assert.False(port.Requests[0].Identity.IsNone);
        Assert.All(port.Requests, request => Assert.Equal(port.Requests[0].Identity, request.Identity));
    }

    [Theory]
    [InlineData(ResponseStatus.Invalid, ErrorCode.Invalid)]
    [InlineData(ResponseStatus.TooLarge, ErrorCode.TooLarge)]
    [InlineData(ResponseStatus.RequestExpired, ErrorCode.RequestExpired)]
    [InlineData(ResponseStatus.Unsupported, ErrorCode.Unsupported)]
    [InlineData(ResponseStatus.Unauthenticated, ErrorCode.Unauthenticated)]
    [InlineData(ResponseStatus.Faulted, ErrorCode.Faulted)]
    public async Task A_final_answer_is_reported_at_once(ResponseStatus status, ErrorCode code)
    {
        var port = new ScriptedPort((_, _) => new Response(status, Detail: "why"));
        var error = await Assert.ThrowsAnyAsync<AtollException>(() => RunAsync(port, Write));
        Assert.Equal((code, "why", false), (error.Code, error.Message, error.IsRetryable));
        Assert.Single(port.Requests);
    }

    [Fact]
    public async Task Tries_end_at_the_deadline_and_carry_what_is_left_of_it()
    {
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.Unavailable));
        await Assert.ThrowsAsync<UnavailableException>(() => RunAsync(port, Write, TimeSpan.FromSeconds(3)));
        Assert.InRange(port.Requests.Count, 4, 64);
        for (var i = 1; i < port.Requests.Count; i++)
        {
            Assert.True(port.Requests[i].Timeout < port.Requests[i - 1].Timeout);
        }
    }

    [Fact]
    public async Task Tries_are_bounded_even_when_the_deadline_is_far()
    {
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.Unavailable));
        await Assert.ThrowsAsync<UnavailableException>(() => RunAsync(port, Write, TimeSpan.FromDays(1)));
        Assert.Equal(new RetryPolicy().AttemptsMax, port.Requests.Count);
    }

    [Fact]
    public async Task A_write_whose_outcome_stays_unknown_says_so()
    {
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.OutcomeUnknown));
        var error = await Assert.ThrowsAsync<OutcomeUnknownException>(() => RunAsync(port, Write, TimeSpan.FromSeconds(1)));
        Assert.False(error.IsRetryable);
    }

    [Theory]
    [InlineData(ResponseStatus.Unavailable)]
    [InlineData(ResponseStatus.RequestExpired)]
    public async Task A_refusal_after_an_unknown_outcome_is_still_unknown(ResponseStatus then)
    {
        var port = new ScriptedPort((_, number) => new Response(number == 0 ? ResponseStatus.OutcomeUnknown : then));
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => RunAsync(port, Write, TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public async Task A_write_that_was_issued_by_a_slow_clock_is_issued_anew_by_the_shard_s()
    {
        var present = HybridTime.FromUnixMilliseconds(_time.GetUtcNow().ToUnixTimeMilliseconds() + 3_600_000);
        var port = new ScriptedPort((_, number) =>
            number == 0 ? new Response(ResponseStatus.RequestExpired, AppliedVersion: present) : new Response(ResponseStatus.Ok));
        await RunAsync(port, Write);
        Assert.Equal(2, port.Requests.Count);
        Assert.NotEqual(port.Requests[0].Identity.Sequence, port.Requests[1].Identity.Sequence);
        Assert.True(port.Requests[0].Identity.IssuedAt < present && port.Requests[1].Identity.IssuedAt >= present);
    }

    [Fact]
    public async Task A_read_without_an_answer_is_unavailable_and_never_unknown()
    {
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.OutcomeUnknown));
        await Assert.ThrowsAsync<UnavailableException>(() => RunAsync(port, Read, TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public async Task A_read_has_no_identity()
    {
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.Ok));
        await RunAsync(port, Read);
        Assert.True(port.Requests[0].Identity.IsNone);
    }

    [Fact]
    public async Task A_named_leader_is_asked_without_waiting()
    {
        var port = new ScriptedPort((_, number) =>
            number == 0 ? new Response(ResponseStatus.NotLeader, LeaderHint: new NodeId(2)) : new Response(ResponseStatus.Ok));
        await Caller(port).Invoke(Write, null, null, Done, default);
        Assert.Equal(2, port.Requests.Count);
        Assert.Equal(0, _time.TimersSet);
    }

    [Fact]
    public async Task An_overload_is_not_asked_again_before_its_time()
    {
        var port = new ScriptedPort((_, number) =>
            number == 0 ? new Response(ResponseStatus.Overloaded, RetryAfter: Duration.FromMilliseconds(700))
                : new Response(ResponseStatus.Ok));
        var call = Caller(port).Invoke(Write, null, null, Done, default).AsTask();
        _time.Advance(TimeSpan.FromMilliseconds(699));
        Assert.Single(port.Requests);
        _time.Advance(TimeSpan.FromMilliseconds(702));
        await call;
        Assert.Equal(2, port.Requests.Count);
    }

    /// <summary>Museum, row 41; Bronson et al., HotOS '21: retries must not feed an overload.</summary>
    [Fact]
    public async Task Retries_of_refused_calls_run_out()
    {
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.Overloaded, RetryAfter: Duration.FromMilliseconds(1)));
        var caller = Caller(port, new RetryPolicy { OverloadRetriesSaved = 10, AttemptsMax = 5 });
        for (var i = 0; i < 100; i++)
        {
            await Assert.ThrowsAsync<OverloadedException>(() => RunAsync(caller, Write, null));
        }

        Assert.Equal(110, port.Requests.Count);
    }

    [Fact]
    public async Task An_unknown_space_empties_the_cached_directory()
    {
        var found = false;
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.UnknownSpace));
        var caller = Caller(port);
        caller.UnknownSpaceFound = () => found = true;
        await Assert.ThrowsAsync<UnknownSpaceException>(() => RunAsync(caller, Write, null));
        Assert.Single(port.Requests);
        Assert.True(found);
    }

    [Fact]
    public async Task A_cancelled_call_ends_at_once_and_its_late_answer_disturbs_nobody()
    {
        var port = new ScriptedPort((_, number) => number == 0 ? null : new Response(ResponseStatus.Ok));
        var caller = Caller(port);
        using var cancellation = new CancellationTokenSource();
        var call = caller.Invoke(Write, null, null, Done, cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);

        var next = caller.Invoke(Write, null, null, Done, default);
        port.CompleteOpen(new Response(ResponseStatus.Invalid));
        Assert.True(await next);
    }

    [Fact]
    public async Task Answers_move_what_the_cluster_may_forget()
    {
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.Ok));
        var caller = Caller(port);
        for (var i = 0; i < 3; i++)
        {
            await caller.Invoke(Write, null, null, Done, default);
        }

        Assert.Equal([1UL, 2UL, 3UL], port.Requests.Select(request => request.Identity.AnsweredBelow));
    }

    [Fact]
    public async Task A_session_learns_what_answers_reflect()
    {
        var version = HybridTime.FromUnixMilliseconds(5_000);
        var port = new ScriptedPort((_, _) => new Response(ResponseStatus.Ok, AppliedVersion: version, Shard: new ShardId(9)));
        var session = new Session();
        await Caller(port).Invoke(Write, null, session, Done, default);
        Assert.Equal(version, session.MinVersion(new ShardId(9)));
        Assert.True(Session.TryParse(session.ToToken(), out var copy));
        Assert.Equal(version, copy.MinVersion(new ShardId(9)));
        Assert.False(Session.TryParse("not a token!", out _));
    }

    [Fact]
    public async Task Writes_that_end_together_go_on_after_each_other_and_none_is_forgotten()
    {
        var port = new ScriptedPort((_, _) => null);
        var caller = new Caller(port, new CallerOptions { ClientId = 5, GathersWrites = true });
        using var cancellation = new CancellationTokenSource();
        for (var round = 0; round < 20; round++)
        {
            var gone = caller.Invoke(Write, null, null, Done, cancellation.Token).AsTask();
            var calls = Enumerable.Range(0, 200).Select(_ => caller.Invoke(Write, null, null, Done, default).AsTask()).ToArray();
            if (round == 10)
            {
                await cancellation.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
            }

            port.CompleteOpen(new Response(round % 2 == 0 ? ResponseStatus.Ok : ResponseStatus.Invalid));
            foreach (var call in calls)
            {
                Assert.Equal(round % 2 == 0, await AnsweredAsync(call));
            }
        }
    }

    private static async Task<bool> AnsweredAsync(Task<bool> call)
    {
        try
        {
            return await call.WaitAsync(TimeSpan.FromSeconds(30));
        }
        catch (InvalidRequestException)
        {
            return false;
        }
    }

    private static bool Done(in Response response) => true;

    private Caller Caller(ScriptedPort port, RetryPolicy? retries = null) => new(port, new CallerOptions
    {
        ClientId = 5,
        Time = _time,
        Clock = new ServerClock(_time),
        Retries = retries ?? new RetryPolicy(),
    });

    private Task RunAsync(ScriptedPort port, Request request, TimeSpan? timeout = null) => RunAsync(Caller(port), request, timeout);

    private Task RunAsync(Caller caller, Request request, TimeSpan? timeout)
    {
        var call = caller.Invoke(request, timeout, null, Done, default).AsTask();
        while (!call.IsCompleted && _time.TimersSet > 0)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
        }

        return call;
    }
}
