using Atoll.Client.Remote;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Native;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.Services.Calls;
using Xunit;

namespace Atoll.Gateways.Tests.Native;

/// <summary>A port that nobody uses is seldom awake; one with something under way looks often enough for deadlines.</summary>
public sealed class RestingPortTests
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan Seldom = TimeSpan.FromMilliseconds(500);

    private static readonly Request Write = new()
    {
        Kind = RequestKind.Write, Space = new SpaceId(1), RoutingHash = 7, Payload = "payload"u8.ToArray(),
    };

    [Fact]
    public async Task It_looks_often_only_while_something_is_under_way()
    {
        var node = new ScriptedPort((request, _) => request.Kind == RequestKind.DirectoryView ? new Response(ResponseStatus.Ok) : null);
        await using var host = await NativeHost.StartAsync(node);
        var time = new TimerPeriods();
        await using var remote = new RemotePort(
            new RemoteOptions { Nodes = [host.Address], Time = time }, new ServerClock(TimeProvider.System));
        Assert.Equal(Seldom, time.Period);

        var call = new Caller(remote, new CallerOptions()).Invoke(Write, null, null, static (in Response _) => true, default).AsTask();
        await node.WhenOpenAsync(1);
        await time.WhenAsync(Often);
        node.CompleteOpen(new Response(ResponseStatus.Ok));
        await call;
        await time.WhenAsync(Seldom);
    }

    [Fact]
    public async Task A_request_that_nobody_answers_ends_although_the_port_was_at_rest()
    {
        var time = new TimerPeriods();
        await using var remote = new RemotePort(
            new RemoteOptions { Nodes = [$"127.0.0.1:{FreePort.Next()}"], Time = time }, new ServerClock(TimeProvider.System));
        Assert.Equal(Seldom, time.Period);
        var refused = new TaskCompletionSource<ResponseStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
        remote.Submit(Write with { Timeout = Foundation.Time.Duration.FromMilliseconds(60) }, new Sink(refused));
        Assert.Equal(Often, time.Period);
        Assert.Equal(ResponseStatus.Unavailable, await refused.Task.WaitAsync(TimeSpan.FromSeconds(30)));
        await time.WhenAsync(Seldom);
    }

    private sealed class Sink(TaskCompletionSource<ResponseStatus> ended) : IResponseSink
    {
        public void Complete(Request request, in Response response) => ended.TrySetResult(response.Status);
    }

    /// <summary>The system's time, which knows the period of the last timer that was made or changed.</summary>
    private sealed class TimerPeriods : TimeProvider
    {
        private readonly Lock _lock = new();
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TimeSpan _period;

        public TimeSpan Period
        {
            get
            {
                lock (_lock)
                {
                    return _period;
                }
            }
        }

        public async Task WhenAsync(TimeSpan period)
        {
            while (true)
            {
                Task changed;
                lock (_lock)
                {
                    if (_period == period)
                    {
                        return;
                    }

                    changed = _changed.Task;
                }

                await changed.WaitAsync(TimeSpan.FromSeconds(30));
            }
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            if (period == Timeout.InfiniteTimeSpan)
            {
                return timer;
            }

            Note(period);
            return new Noted(this, timer);
        }

        private void Note(TimeSpan period)
        {
            lock (_lock)
            {
                _period = period;
                _changed.TrySetResult();
                _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        private sealed class Noted(TimerPeriods periods, ITimer timer) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                periods.Note(period);
                return timer.Change(dueTime, period);
            }

            public void Dispose() => timer.Dispose();

            public ValueTask DisposeAsync() => timer.DisposeAsync();
        }
    }
}
