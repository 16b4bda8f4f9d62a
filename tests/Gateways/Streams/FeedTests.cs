using System.Globalization;
using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Feeds;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Streams;
using Xunit;
using static Atoll.Gateways.Tests.Streams.FeedHost;

namespace Atoll.Gateways.Tests.Streams;

/// <summary>Changes of spaces as records of topics, over the real state machines.</summary>
public sealed class FeedTests : IAsyncDisposable
{
    private const int Shards = 2;
    private const int Partitions = FeedHost.Partitions;

    private readonly FeedHost _host = new();
    private readonly Dictionary<string, List<string?>> _history = [];
    private IRecords _records = null!;

    private AtollClient Client => _host.Client;

    private MachinePort Port => _host.Port;

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task What_is_there_comes_first_and_then_every_change_of_it()
    {
        await BeginAsync();
        await PutAsync("a", "1");
        await PutAsync("b", "1");
        await DeleteAsync("b");
        var feed = await Client.Feeds.CreateAsync("f", "s", "t");
        Assert.All(
            await Client.Feeds.ProgressAsync(feed),
            static shard => Assert.Equal((FeedState.Snapshot, 1), (shard.State, shard.Snapshot)));
        _host.Drive();
        await _host.CaughtUpAsync(feed);
        await PutAsync("a", "2");
        await _records.PutAsync(Bytes("a"), Bytes("3"), new WriteOptions { TimeToLive = TimeSpan.FromHours(1) });
        await DeleteAsync("a");
        await PutAsync("b", "2");
        await _host.CaughtUpAsync(feed);
        var records = await _host.ReadAsync();
        Assert.Equal(["snapshot 1", "put 2", "put 3", "delete -"], records.Where(static record => Key(record) == "a").Select(Told));
        Assert.Equal(["put 2"], records.Where(static record => Key(record) == "b").Select(Told));
        Assert.All(records, record => Assert.Equal(KeyPartitioner.PartitionOf(record.Key!.Value.Span, Partitions), record.Partition));
        var last = await _records.GetAsync(Bytes("b"));
        var told = records.Last(static record => Key(record) == "b");
        Assert.Equal(last!.Value.Version.Value.ToString(CultureInfo.InvariantCulture), Header(told, "atoll-version"));
        Assert.Equal(last.Value.Version.UnixMilliseconds, told.Timestamp);

        Assert.Equal(["f"], (await Client.Feeds.ListAsync()).Select(static known => known.Name));
        Assert.True(await Client.Feeds.DeleteAsync("f"));
        Assert.False(await Client.Feeds.DeleteAsync("f"));
    }

    /// <summary>
    /// Drivers that come and go, two of them at once much of the time, while answers are lost, shards have no leader, and a snapshot is
    /// taken of what changes.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Whoever_copies_and_whatever_is_lost_each_change_is_there_once_and_in_order(int seed)
    {
        var prng = new Prng((ulong)seed);
        await BeginAsync();
        for (var i = 0; i < 8; i++)
        {
            // Pages end behind keys that are longer than an offset's text may be.
            await PutAsync(new string('k', 4_000) + i, $"{i}" + new string('v', 300_000));
        }

        await WriteAsync(prng, 100);
        var before = _history.ToDictionary(static pair => pair.Key, static pair => pair.Value.Count);
        var feed = await Client.Feeds.CreateAsync("f", "s", "t");
        var chaos = prng.Fork();
        Port.Disturb = request =>
        {
            var isSpared = request.Shard == ShardId.Directory || request.Kind is not (RequestKind.Read or RequestKind.Write);
            var fate = isSpared ? 99 : chaos.NextInt(0, 59);
            _ = fate == 0 && request.Kind == RequestKind.Write ? Port.Answer(request) : default; // done, and nobody hears of it
            return fate switch
            {
                0 or 1 => new Response(request.Kind == RequestKind.Write ? ResponseStatus.OutcomeUnknown : ResponseStatus.Unavailable),
                2 => new Response(ResponseStatus.NotLeader),
                _ => null,
            };
        };
        for (var round = 0; round < 8; round++)
        {
            _host.Drive();
            await WriteAsync(prng, 60);
            await _host.NewsAsync(FeedNewsKind.Copied);
            if (_host.Drivers > 2)
            {
                await _host.StopAsync();
            }
        }

        Port.Disturb = null;
        await _host.CaughtUpAsync(feed);
        await CheckAsync();
        var told = (await _host.ReadAsync()).CountBy(static record => Key(record)!).ToDictionary();
        Assert.All(_history, key => Assert.True(
            told.GetValueOrDefault(key.Key) <= key.Value.Count - before.GetValueOrDefault(key.Key) + 1));
    }

    /// <summary>Before each answer, a key changes that was copied already, and one that was not.</summary>
    [Fact]
    public async Task What_changes_between_the_pages_of_a_snapshot_is_told_once_and_in_order()
    {
        await BeginAsync(shards: 1);
        foreach (var key in "abcdefgh")
        {
            await PutAsync($"{key}", "0" + new string('v', 300_000));
        }

        var feed = await Client.Feeds.CreateAsync("f", "s", "t");
        var shard = Assert.Single(await Client.Feeds.ProgressAsync(feed)).Shard;
        var left = 20;
        Port.Disturb = request =>
        {
            if (request.Shard == shard && request.Kind == RequestKind.Read && left-- > 0)
            {
                foreach (var key in new[] { "a", "h" })
                {
                    HistoryOf(key).Add($"{left}");
                    _ = _records.PutAsync(Bytes(key), Bytes($"{left}")).AsTask();
                }
            }

            return null;
        };
        _host.Drive();
        await _host.CaughtUpAsync(feed);
        Assert.True(left < 14);
        await CheckAsync();
    }

    [Fact]
    public async Task A_feed_that_falls_behind_says_so_and_tells_what_is_left()
    {
        await BeginAsync(shards: 1);
        await PutAsync("gone", "1");
        await PutAsync("stays", "1");
        var feed = await Client.Feeds.CreateAsync("f", "s", "t");
        _host.Drive();
        await _host.CaughtUpAsync(feed);
        await _host.StopAsync();
        await DeleteAsync("gone");
        for (var i = 0; i < 6; i++)
        {
            await PutAsync("large", i + new string('x', 900_000));
        }

        Assert.Equal(FeedState.Behind, Assert.Single(await Client.Feeds.ProgressAsync(feed)).State);
        _host.Drive();
        await _host.NewsAsync(FeedNewsKind.Behind);
        await _host.CaughtUpAsync(feed);
        await PutAsync("gone", "2");
        await _host.CaughtUpAsync(feed);
        Assert.Equal(2, Assert.Single(await Client.Feeds.ProgressAsync(feed)).Snapshot);
        var records = await _host.ReadAsync();
        foreach (var partition in Enumerable.Range(0, Partitions))
        {
            var marked = records.Where(record => record.Partition == partition && Header(record, "atoll-snapshot") == "2")
                .Select(static record => Header(record, "atoll-operation")).ToList();
            Assert.Equal(("snapshot-begin", "snapshot-end"), (marked[0], marked[^1]));
            Assert.All(marked[1..^1], static operation => Assert.Equal("snapshot", operation));
        }

        Assert.Equal(["snapshot 1", "put 2"], records.Where(static record => Key(record) == "gone").Select(Told));
        Assert.Equal(["snapshot 1", "snapshot 1"], records.Where(static record => Key(record) == "stays").Select(Told));
        Assert.Equal('5', Value(Assert.Single(records, static record => Key(record) == "large"))![0]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("following 0 0 ")]
    [InlineData("following 1 4 AAAA")]
    [InlineData("snapshot 1 9 AAAA")]
    [InlineData("snapshot 1 2 -!")]
    [InlineData("snapshot 99999999999 0 ")]
    [InlineData("else 1 0 ")]
    public async Task A_position_that_somebody_else_has_written_is_none(string words)
    {
        await BeginAsync(shards: 1);
        var feed = await Client.Feeds.CreateAsync("f", "s", "t");
        var shard = Assert.Single(await Client.Feeds.ProgressAsync(feed)).Shard;
        var offset = new OffsetToCommit(new TopicPartition("source", (int)shard.Value), new CommittedOffset(5, -1, words));
        var group = new CommitOffsets(feed.Group, new MemberIdentity("", null), -1, [offset]);
        Assert.Equal(GroupStatus.Ok, await Client.Groups.CommitAsync(group));
        _host.Drive();
        await _host.CaughtUpAsync(feed);
        Assert.Equal(2, Assert.Single(await Client.Feeds.ProgressAsync(feed)).Snapshot);
        Assert.Equal(2 * Partitions, (await _host.ReadAsync()).Count);
    }

    [Fact]
    public async Task Only_strong_spaces_of_records_are_fed_into_topics_that_there_are()
    {
        await BeginAsync();
        await Client.Spaces.CreateAsync(new SpaceOptions("e", FaultModel.Eventual));
        await Client.Spaces.CreateAsync(new SpaceOptions("rows", Kind: SpaceKind.Rows));
        foreach (var space in new[] { "e", "rows", "t" })
        {
            await Assert.ThrowsAsync<InvalidRequestException>(() => Client.Feeds.CreateAsync("f", space, "t").AsTask());
        }

        await Assert.ThrowsAsync<InvalidRequestException>(() => Client.Feeds.CreateAsync("a b", "s", "t").AsTask());
        await Assert.ThrowsAsync<UnknownSpaceException>(() => Client.Feeds.CreateAsync("f", "none", "t").AsTask());
        await Assert.ThrowsAsync<UnknownSpaceException>(() => Client.Feeds.CreateAsync("f", "s", "none").AsTask());
        await Client.Feeds.CreateAsync("f", "s", "t");
        var taken = await Assert.ThrowsAsync<AtollException>(() => Client.Feeds.CreateAsync("f", "s", "t").AsTask());
        Assert.Equal(ErrorCode.SpaceExists, taken.Code);
    }

    [Fact]
    public async Task A_feed_whose_topic_is_gone_waits_and_writes_to_no_other()
    {
        await BeginAsync();
        await PutAsync("a", "1");
        var feed = await Client.Feeds.CreateAsync("f", "s", "t");
        await Client.Streams.DeleteAsync("t");
        await _host.CreateTopicAsync();
        _host.Drive();
        await _host.NewsAsync(FeedNewsKind.Waits);
        Assert.Empty(await _host.ReadAsync());
        Assert.All(await Client.Feeds.ProgressAsync(feed), static shard => Assert.Equal(FeedState.Snapshot, shard.State));
    }

    // Of each key the end of what was written: from what the snapshot found on, or from behind a time at which there was nothing.
    private async Task CheckAsync()
    {
        var copied = (await _host.ReadAsync()).GroupBy(Key).ToDictionary(static key => key.Key!, static key => key.ToList());
        foreach (var (key, history) in _history)
        {
            var told = copied.GetValueOrDefault(key, []);
            Assert.Equal(history.TakeLast(told.Count), told.Select(Value));
            Assert.True(
                told is [var first, ..] && Header(first, "atoll-operation") == "snapshot" || told.Count == history.Count
                || history[^(told.Count + 1)] is null);
            Assert.DoesNotContain(told.Skip(1), static record => Header(record, "atoll-operation") == "snapshot");
        }
    }

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private async Task BeginAsync(int shards = Shards)
    {
        await Client.Spaces.CreateAsync(new SpaceOptions("s", ShardCount: shards));
        _records = Client.Records("s");
        await _host.CreateTopicAsync();
    }

    private async Task PutAsync(string key, string value)
    {
        await EventuallyAsync(async () => await _records.PutAsync(Bytes(key), Bytes(value)));
        HistoryOf(key).Add(value);
    }

    private async Task DeleteAsync(string key)
    {
        if (HistoryOf(key) is { Count: > 0 } told && told[^1] is not null)
        {
            await EventuallyAsync(async () => await _records.DeleteAsync(Bytes(key)));
            told.Add(null);
        }
    }

    private List<string?> HistoryOf(string key) => _history.TryGetValue(key, out var told) ? told : _history[key] = [];

    private async Task WriteAsync(Prng prng, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var key = $"key {prng.NextInt(0, 9)}";
            await (prng.NextInt(0, 3) == 0 ? DeleteAsync(key) : PutAsync(key, $"{_history.Values.Sum(static told => told.Count)}"));
        }
    }
}
