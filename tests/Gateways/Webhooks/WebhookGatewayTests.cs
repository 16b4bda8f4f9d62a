using System.Collections.Concurrent;
using System.Reflection;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Gateways.Webhooks;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Subscriptions;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Atoll.Gateways.Tests.Webhooks;

/// <summary>Who serves subscriptions, over the real state machines.</summary>
public sealed class WebhookGatewayTests
{
    // An error of the program, anywhere: it says so, and goes on.
    [Fact]
    public async Task Subscriptions_are_served_again_after_an_exception_that_nobody_expected()
    {
        await using var client = new AtollClient(new MachinePort(), new CallerOptions { Clock = new ServerClock(new ManualTime()) });
        await client.Streams.CreateAsync(new TopicCreation("t", 1, null, TopicSettings.Default));
        using var logger = new Listing();
        var faulty = Faulty.Around(client);
        await using var gateway = new WebhookGateway(faulty, "n1", TimeProvider.System, logger);
        await logger.SaysAsync("looking for subscriptions failed, and is tried again");
        await client.Subscriptions.CreateAsync(new Subscription { Name = "s", Topic = "t", Url = "http://127.0.0.1:9/" });
        await logger.SaysAsync("subscription s failed, and begins anew");
        await ((Faulty)(object)faulty).AskedAgain.WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>A client that fails once when it is asked for subscriptions to list, and once when it is asked for topics.</summary>
    private class Faulty : DispatchProxy
    {
        private IAtollClient _client = null!;
        private readonly TaskCompletionSource _askedAgain = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _asked;
        private int _topics;

        public Task AskedAgain => _askedAgain.Task;

        public static IAtollClient Around(IAtollClient client)
        {
            var made = Create<IAtollClient, Faulty>();
            ((Faulty)(object)made)._client = client;
            return made;
        }

        protected override object? Invoke(MethodInfo? method, object?[]? arguments)
        {
            // The first time it is asked for subscriptions somebody wants to hear of them.
            if ((method!.Name == "get_Subscriptions" && ++_asked == 2) || (method.Name == "get_Streams" && ++_topics == 1))
            {
                throw new InvalidOperationException("planted");
            }

            if (_topics == 2)
            {
                _askedAgain.TrySetResult();
            }

            return method.Invoke(_client, arguments);
        }
    }

    private sealed class Listing : ILogger, IDisposable
    {
        private readonly ConcurrentQueue<string> _lines = new();
        private readonly SemaphoreSlim _more = new(0);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            _lines.Enqueue(formatter(state, exception));
            _more.Release();
        }

        public void Dispose() => _more.Dispose();

        public async Task SaysAsync(string line)
        {
            while (!_lines.Contains(line))
            {
                Assert.True(await _more.WaitAsync(TimeSpan.FromSeconds(60)), $"it never said: {line}");
            }
        }
    }
}
