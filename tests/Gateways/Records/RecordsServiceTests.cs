using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Records;
using Atoll.StateMachines.Directory;
using Atoll.StateMachines.Records;
using Xunit;

namespace Atoll.Gateways.Tests.Records;

/// <summary>The records service over the real state machines.</summary>
public sealed class RecordsServiceTests : IAsyncDisposable
{
    private readonly MachinePort _port = new();
    private readonly AtollClient _client;

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    public RecordsServiceTests() => _client = new AtollClient(_port, new CallerOptions { Clock = new ServerClock(new ManualTime()) });

    [Fact]
    public async Task What_was_put_is_got_with_the_version_that_the_put_gave()
    {
        var records = await SpaceAsync(4);
        var version = await records.PutAsync(Bytes("k"), Bytes("v"));
        var found = await records.GetAsync(Bytes("k"));
        Assert.Equal(version, found!.Value.Version);
        Assert.Equal("v", Text(found.Value.Value));
        Assert.Null(await records.GetAsync(Bytes("other")));
        Assert.True(await records.DeleteAsync(Bytes("k")));
        Assert.False(await records.DeleteAsync(Bytes("k")));
    }

    [Fact]
    public async Task A_compare_and_set_needs_the_version_that_is_there()
    {
        var records = await SpaceAsync(1);
        var created = await records.CompareAndSetAsync(Bytes("k"), HybridTime.Zero, Bytes("1"));
        Assert.True(created.Succeeded);
        var again = await records.CompareAndSetAsync(Bytes("k"), HybridTime.Zero, Bytes("2"));
        Assert.Equal((false, created.Version), (again.Succeeded, again.Version));
        Assert.True((await records.CompareAndSetAsync(Bytes("k"), created.Version, Bytes("3"))).Succeeded);
        Assert.False((await records.CompareAndDeleteAsync(Bytes("k"), created.Version)).Succeeded);
    }

    /// <summary>Museum, row 19.</summary>
    [Fact]
    public async Task A_write_whose_answer_is_lost_is_tried_again_and_has_one_effect()
    {
        var records = await SpaceAsync(1);
        var losses = 2;
        _port.Disturb = request =>
        {
            if (request.Kind != RequestKind.Write || losses-- <= 0)
            {
                return null;
            }

            _port.Answer(request);
            return new Response(ResponseStatus.OutcomeUnknown);
        };

        // Applied three times it would conflict with itself.
        var outcome = await records.CompareAndSetAsync(Bytes("k"), HybridTime.Zero, Bytes("v"));
        Assert.True(outcome.Succeeded);
        Assert.Equal(outcome.Version, (await records.GetAsync(Bytes("k")))!.Value.Version);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    public async Task A_scan_gives_all_shards_records_in_key_order(int shards)
    {
        var records = await SpaceAsync(shards);
        var random = new Prng(7);
        var keys = new SortedSet<string>(StringComparer.Ordinal);
        while (keys.Count < 500)
        {
            keys.Add($"{random.NextInt(0, 99_999):00000}");
        }

        foreach (var key in keys)
        {
            await records.PutAsync(Bytes(key), Bytes("v" + key));
        }

        Assert.Equal(keys, await KeysAsync(records, default));
        Assert.Equal(keys.Reverse(), await KeysAsync(records, new ScanRange { Reverse = true }));
        Assert.Equal(keys.Where(key => key[0] == '5'), await KeysAsync(records, new ScanRange { Prefix = Bytes("5") }));
        Assert.Equal(keys.Take(10), await KeysAsync(records, new ScanRange { Limit = 10 }));
        Assert.Equal(
            keys.Where(key => string.CompareOrdinal(key, "3") >= 0 && string.CompareOrdinal(key, "4") < 0),
            await KeysAsync(records, new ScanRange { From = Bytes("3"), To = Bytes("4") }));
        Assert.Empty(await KeysAsync(records, new ScanRange { From = Bytes("4"), To = Bytes("3") }));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_scan_goes_on_behind_the_last_key(bool reverse)
    {
        var records = await SpaceAsync(5);
        for (var i = 0; i < 100; i++)
        {
            await records.PutAsync(Bytes($"{i:000}"), Bytes("v"));
        }

        var all = new List<string>();
        while (true)
        {
            var after = all.Count == 0 ? default : (ReadOnlyMemory<byte>)Bytes(all[^1]);
            var page = await KeysAsync(records, new ScanRange { After = after, Limit = 7, Reverse = reverse });
            all.AddRange(page);
            if (page.Count < 7)
            {
                break;
            }
        }

        var expected = Enumerable.Range(0, 100).Select(i => $"{i:000}");
        Assert.Equal(reverse ? expected.Reverse() : expected, all);
    }

    [Fact]
    public async Task A_scan_of_large_values_goes_over_many_pages()
    {
        var records = await SpaceAsync(3);
        for (var i = 0; i < 60; i++)
        {
            await records.PutAsync(Bytes($"{i:000}"), new byte[200_000]);
        }

        Assert.Equal(60, (await KeysAsync(records, default)).Count);
    }

    [Fact]
    public async Task A_batch_over_several_shards_is_refused_with_words()
    {
        var records = await SpaceAsync(16);
        var operations = Enumerable.Range(0, 20).Select(i => RecordOperation.Put(Bytes($"k{i}"), Bytes("v"))).ToArray();
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => records.BatchAsync(operations).AsTask());
        Assert.Contains("different shards", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_batch_happens_as_a_whole_or_not_at_all()
    {
        var records = await SpaceAsync(1);
        await records.PutAsync(Bytes("a"), Bytes("1"));
        var refused = await records.BatchAsync(
            [RecordOperation.Put(Bytes("b"), Bytes("2")), RecordOperation.Put(Bytes("a"), Bytes("3"), HybridTime.Zero)]);
        Assert.Equal((false, 1), (refused.Succeeded, refused.FailedOperation));
        Assert.Null(await records.GetAsync(Bytes("b")));
        var done = await records.BatchAsync([RecordOperation.Put(Bytes("b"), Bytes("2")), RecordOperation.Delete(Bytes("a"))]);
        Assert.Equal(done.Version, (await records.GetAsync(Bytes("b")))!.Value.Version);
        Assert.Null(await records.GetAsync(Bytes("a")));
    }

    /// <summary>Museum, row 17: nothing missed, nothing twice, each key in order, over a reconnect.</summary>
    [Fact]
    public async Task A_watch_sees_every_change_once_and_goes_on_where_it_stopped()
    {
        var records = await SpaceAsync(4);
        await records.PutAsync(Bytes("before"), Bytes("x"));
        var seen = new List<string>();
        string? token = null;
        for (var round = 0; round < 5; round++)
        {
            using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            var watch = records.Watch(new WatchOptions { Token = token, ProgressInterval = TimeSpan.FromMinutes(1) });
            var count = 0;
            await foreach (var change in watch.WithCancellation(stop.Token))
            {
                if (change.Kind == WatchEventKind.Progress)
                {
                    for (var i = 0; i < 10; i++)
                    {
                        await records.PutAsync(Bytes($"k{i % 3}"), Bytes($"{round}.{i}"), default, stop.Token);
                    }

                    continue;
                }

                seen.Add($"{Text(change.Key)}={Text(change.Value)}");
                if (++count == 10)
                {
                    break;
                }
            }

            token = watch.Token;
        }

        var expected = Enumerable.Range(0, 5).SelectMany(round => Enumerable.Range(0, 10).Select(i => $"k{i % 3}={round}.{i}")).ToArray();
        Assert.Equal(expected.Order(StringComparer.Ordinal), seen.Order(StringComparer.Ordinal));
        foreach (var key in new[] { "k0", "k1", "k2" })
        {
            Assert.Equal(
                expected.Where(change => change.StartsWith(key, StringComparison.Ordinal)),
                seen.Where(change => change.StartsWith(key, StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task A_watch_whose_changes_are_forgotten_says_so()
    {
        var records = await SpaceAsync(1);
        await records.PutAsync(Bytes("k"), Bytes("0"));
        var watch = records.Watch(new WatchOptions { ProgressInterval = TimeSpan.FromMinutes(1) });
        await using (var first = watch.GetAsyncEnumerator())
        {
            await first.MoveNextAsync();
        }

        for (var i = 0; i < Foundation.Limits.ChangesKeptMax + 10; i++)
        {
            await records.PutAsync(Bytes("k"), Bytes("1"));
        }

        var error = await Assert.ThrowsAsync<WatchCompactedException>(async () =>
        {
            await foreach (var change in records.Watch(new WatchOptions { Token = watch.Token }))
            {
                Assert.Fail($"missed what came before {change.Version}");
            }
        });
        Assert.Equal(ErrorCode.Compacted, error.Code);
    }

    [Fact]
    public async Task A_session_read_asks_for_what_the_session_wrote()
    {
        var records = await SpaceAsync(8);
        var session = new Session();
        var version = await records.PutAsync(Bytes("k"), Bytes("v"), new WriteOptions { Session = session });
        await records.GetAsync(Bytes("k"), new ReadOptions { Level = ReadLevel.Session, Session = session });
        var read = _port.Requests.Last(request => request.Kind == RequestKind.Read);
        Assert.Equal((ReadLevel.Session, version), (read.Level, read.MinVersion));
    }

    [Fact]
    public async Task An_unknown_space_is_looked_up_in_the_directory_itself_and_then_reported()
    {
        var error = await Assert.ThrowsAsync<UnknownSpaceException>(() => _client.Records("nowhere").GetAsync(Bytes("k")).AsTask());
        Assert.Contains("nowhere", error.Message, StringComparison.Ordinal);
        Assert.Contains(_port.Requests, request => request.Shard == Foundation.Identity.ShardId.Directory);
    }

    [Fact]
    public async Task Spaces_are_created_listed_described_and_dropped()
    {
        var created = await _client.Spaces.CreateAsync(new SpaceOptions("a", Replicas: 3, ShardCount: 4));
        Assert.Equal(created, await _client.Spaces.CreateAsync(new SpaceOptions("a", Replicas: 3, ShardCount: 4)));
        var taken = await Assert.ThrowsAsync<AtollException>(() => _client.Spaces.CreateAsync(new SpaceOptions("a", Replicas: 1)).AsTask());
        Assert.Equal(ErrorCode.SpaceExists, taken.Code);
        await Assert.ThrowsAsync<InvalidRequestException>(() => _client.Spaces.CreateAsync(new SpaceOptions("b", Replicas: 5)).AsTask());
        Assert.Equal(["a"], (await _client.Spaces.ListAsync()).Select(space => space.Name));
        Assert.Equal(4, (await _client.Spaces.DescribeAsync("a")).Shards.Count);
        Assert.True(await _client.Spaces.DropAsync("a"));
        Assert.False(await _client.Spaces.DropAsync("a"));
        await Assert.ThrowsAsync<UnknownSpaceException>(() => _client.Spaces.DescribeAsync("a").AsTask());
    }

    [Fact]
    public async Task Keys_and_values_over_the_limits_are_refused_with_the_limit_in_words()
    {
        var records = await SpaceAsync(1);
        await Assert.ThrowsAsync<InvalidRequestException>(() => records.PutAsync(default, Bytes("v")).AsTask());
        var key = await Assert.ThrowsAsync<TooLargeException>(() => records.PutAsync(new byte[5_000], Bytes("v")).AsTask());
        Assert.Contains("4096", key.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<TooLargeException>(() => records.GetAsync(new byte[100_000]).AsTask());
    }

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    private static async Task<List<string>> KeysAsync(IRecords records, ScanRange range)
    {
        var keys = new List<string>();
        await foreach (var record in records.ScanAsync(range))
        {
            keys.Add(Text(record.Key));
        }

        return keys;
    }

    private async Task<IRecords> SpaceAsync(int shards)
    {
        await _client.Spaces.CreateAsync(new SpaceOptions("s", ShardCount: shards));
        return _client.Records("s");
    }
}
