using System.Collections.Concurrent;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Gateways.Webhooks;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Cluster;
using Atoll.Services.Records;
using Atoll.Services.Spaces;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Feeds;
using Atoll.Services.Streams.Groups;
using Atoll.Services.Streams.Quotas;
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
        await using var faulty = new Faulty(client);
        await using var gateway = new WebhookGateway(faulty, "n1", TimeProvider.System, logger);
        await logger.SaysAsync("looking for subscriptions failed, and is tried again");
        await client.Subscriptions.CreateAsync(new Subscription { Name = "s", Topic = "t", Url = "http://127.0.0.1:9/" });
        await logger.SaysAsync("subscription s failed, and begins anew");
        await faulty.AskedAgain.WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>A client that fails once when it is asked for subscriptions to list, and once when it is asked for topics.</summary>
    private sealed class Faulty(AtollClient client) : IAtollClient
    {
        private readonly TaskCompletionSource _askedAgain = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _lists;
        private int _topics;

        public Task AskedAgain => _askedAgain.Task;

        public ISpaces Spaces => client.Spaces;

        public ICluster Cluster => client.Cluster;

        public IGroups Groups => client.Groups;

        public IQuotas Quotas => client.Quotas;

        public IFeeds Feeds => client.Feeds;

        // The first time somebody wants to hear of changes.
        public ISubscriptions Subscriptions => ++_lists == 2 ? throw new InvalidOperationException("planted") : client.Subscriptions;

        public IStreams Streams
        {
            get
            {
                if (++_topics == 1)
                {
                    throw new InvalidOperationException("planted");
                }

                _askedAgain.TrySetResult();
                return client.Streams;
            }
        }

        public IRecords Records(string space) => client.Records(space);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
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
