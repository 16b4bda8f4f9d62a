using System.Collections.Frozen;
using System.Text;
using System.Threading.Channels;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Feeds;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Streams;

namespace Atoll.Gateways.Tests.Streams;

/// <summary>A cluster over the real state machines, a topic in it, and nodes that copy feeds into it.</summary>
internal sealed class FeedHost : IAsyncDisposable
{
    public const int Partitions = 3;

    private readonly Channel<FeedNews> _news = Channel.CreateUnbounded<FeedNews>();
    private readonly List<FeedDriver> _drivers = [];

    public FeedHost()
    {
        Clock = new ServerClock(new ManualTime());
        Client = NewClient();
    }

    public MachinePort Port { get; } = new();

    public ServerClock Clock { get; }

    public AtollClient Client { get; }

    public int Drivers => _drivers.Count;

    public Topic Topic { get; private set; } = null!;

    public static string? Key(TopicRecord record) => record.Key is { } key ? Encoding.UTF8.GetString(key.Span) : null;

    public static string? Value(TopicRecord record) => record.Value is { } value ? Encoding.UTF8.GetString(value.Span) : null;

    public static string? Header(TopicRecord record, string name) => record.Headers
        .Where(header => Encoding.UTF8.GetString(header.Name.Span) == name)
        .Select(static header => Encoding.UTF8.GetString(header.Value!.Value.Span)).SingleOrDefault();

    public static string Told(TopicRecord record) => $"{Header(record, "atoll-operation")} {Value(record) ?? "-"}";

    // No write is without effect in the end: it is known what became of each.
    public static async Task EventuallyAsync(Func<Task> write)
    {
        while (true)
        {
            try
            {
                await write();
                return;
            }
            catch (AtollException error) when (error.IsRetryable)
            {
                // It had no effect.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Port.Disturb = null;
        foreach (var driver in _drivers)
        {
            await driver.DisposeAsync();
        }

        await Client.DisposeAsync();
    }

    public async Task CreateTopicAsync() =>
        Topic = await Client.Streams.CreateAsync(new TopicCreation("t", Partitions, 1, TopicSettings.Default));

    // Each has a node of its own that takes itself for the leader of all, and gives up soon.
    public void Drive() => _drivers.Add(new FeedDriver(
        NewClient(attempts: 1), new LeaderOfAll(Port), new ImpatientTime(20), news => _news.Writer.TryWrite(news)));

    public async Task StopAsync()
    {
        await _drivers[0].DisposeAsync();
        _drivers.RemoveAt(0);
    }

    public async Task<FeedNews> NewsAsync(FeedNewsKind kind)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            if (await _news.Reader.ReadAsync(deadline.Token) is var news && news.Kind == kind)
            {
                return news;
            }
        }
    }

    public async Task CaughtUpAsync(Feed feed)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while ((await Client.Feeds.ProgressAsync(feed, deadline.Token)).Any(static shard => shard.Lag != TimeSpan.Zero))
        {
            await _news.Reader.ReadAsync(deadline.Token);
        }
    }

    public async Task<List<TopicRecord>> ReadAsync()
    {
        // Whoever decided the end of a transaction may not have told everybody. Nodes tell their clients of shards that are new;
        // this client was told of none, and may have asked before the first transaction made them.
        Client.ObserveDirectory(Port.View);
        foreach (var shard in await Client.Transactions.ShardsAsync())
        {
            await Client.Transactions.FinishAsync(shard);
        }

        var records = new List<TopicRecord>();
        for (var partition = 0; partition < Partitions; partition++)
        {
            var reader = new TopicReader(Client.Streams, Topic, partition);
            await foreach (var record in reader.ReadAsync(0, await reader.FindAsync(PartitionFind.Latest)))
            {
                records.Add(record);
            }
        }

        return records;
    }

    private AtollClient NewClient(int attempts = 64) => new(Port, new CallerOptions
    {
        Clock = Clock,
        Retries = new RetryPolicy
        {
            BackoffBase = TimeSpan.FromTicks(1), BackoffMax = TimeSpan.FromMilliseconds(2), AttemptsMax = attempts,
        },
    });

    private sealed class LeaderOfAll(MachinePort port) : IPartitionLeaders
    {
        public ValueTask<LeaderView> ViewAsync(CancellationToken cancellationToken)
        {
            var self = new NodeId(1);
            var shards = port.View.Spaces.SelectMany(space => port.View.ShardsOf(space.Id).ToArray());
            return new ValueTask<LeaderView>(new LeaderView(
                self, shards.ToFrozenDictionary(static shard => shard.Id, _ => new PartitionLeader(self, 1)), FrozenSet<NodeId>.Empty));
        }

        public ValueTask<IReadOnlyDictionary<ShardId, PartitionLeader>> AskAsync(
            IReadOnlyList<ShardInfo> shards, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
