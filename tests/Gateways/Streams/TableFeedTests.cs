using System.Globalization;
using System.Text;
using System.Text.Json;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Node.Requests;
using Atoll.Services.Errors;
using Atoll.Services.Streams;
using Atoll.Services.Streams.Feeds;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Functions;
using Atoll.Services.Tables.Types;
using Xunit;
using static Atoll.Gateways.Tests.Streams.FeedHost;

namespace Atoll.Gateways.Tests.Streams;

/// <summary>Changes of tables as records of topics, over the real state machines.</summary>
public sealed class TableFeedTests : IAsyncDisposable
{
    private readonly FeedHost _host = new();
    private readonly TablesService _tables;
    private readonly ITableSession _session;

    public TableFeedTests()
    {
        _host.Clock.SetNow(_host.Port.Now);
        _tables = new TablesService(
            _host.Client.Schemas, _host.Client.Rows, TimeProvider.System, FunctionRegistry.BuiltIn,
            TablesOptions.Default with { ShardsPerTable = 2 });
        _session = _tables.OpenSession();
    }

    public async ValueTask DisposeAsync()
    {
        _tables.Dispose();
        await _host.DisposeAsync();
    }

    [Fact]
    public async Task Rows_are_told_as_objects_under_their_keys()
    {
        await BeginAsync("CREATE TABLE ks.t (\"أ\" text, c int, v text, n list<int>, s int static, PRIMARY KEY (\"أ\", c))");
        await RunAsync("INSERT INTO ks.t (\"أ\", c, v, n, s) VALUES ('ب', 1, 'x \"y\"', [1, 2], 7)");
        await RunAsync("INSERT INTO ks.t (\"أ\", c) VALUES ('ب', 2)");
        await RunAsync("INSERT INTO ks.t (\"أ\", s) VALUES ('alone', 8)");
        var feed = await _host.Client.Feeds.CreateAsync("f", "ks.t", "t");
        Assert.True(feed.IsTable);
        _host.Drive();
        await _host.CaughtUpAsync(feed);
        await RunAsync("UPDATE ks.t SET v = 'z' WHERE \"أ\" = 'ب' AND c = 2");
        await RunAsync("DELETE v, n FROM ks.t WHERE \"أ\" = 'ب' AND c = 1");
        await RunAsync("DELETE FROM ks.t WHERE \"أ\" = 'ب' AND c = 1");
        await RunAsync("DELETE s FROM ks.t WHERE \"أ\" = 'alone'");
        await _host.CaughtUpAsync(feed);
        var records = await _host.ReadAsync();
        Assert.Equal(
            [
                """snapshot {"أ": "ب", "c": 1, "n": [1, 2], "v": "x \"y\""}""",
                """put {"أ": "ب", "c": 1, "n": null, "v": null}""",
                "delete -",
            ],
            ToldOf(records, """{"أ": "ب", "c": 1}"""));
        Assert.Equal(
            ["""snapshot {"أ": "ب", "c": 2, "n": null, "v": null}""", """put {"أ": "ب", "c": 2, "n": null, "v": "z"}"""],
            ToldOf(records, """{"أ": "ب", "c": 2}"""));
        Assert.Equal(["""snapshot {"أ": "ب", "s": 7}"""], ToldOf(records, """{"أ": "ب"}"""));
        Assert.Equal(["""snapshot {"أ": "alone", "s": 8}""", "delete -"], ToldOf(records, """{"أ": "alone"}"""));

        // All rows of a partition are in order.
        var partition = KeyPartitioner.PartitionOf(Encoding.UTF8.GetBytes("""{"أ": "ب"}"""), Partitions);
        Assert.All(records.Where(static record => Key(record)!.Contains('ب')), record => Assert.Equal(partition, record.Partition));
    }

    [Fact]
    public async Task A_truncation_is_told_to_every_partition_and_what_is_written_then_comes_behind_it()
    {
        await BeginAsync("CREATE TABLE ks.t (k int PRIMARY KEY, v int)");
        var feed = await _host.Client.Feeds.CreateAsync("f", "ks.t", "t");
        _host.Drive();
        await _host.CaughtUpAsync(feed);
        await RunAsync("INSERT INTO ks.t (k, v) VALUES (1, 1)");
        await RunAsync("TRUNCATE ks.t");
        await RunAsync("INSERT INTO ks.t (k, v) VALUES (1, 2)");
        await _host.CaughtUpAsync(feed);
        var records = await _host.ReadAsync();
        var shards = await _host.Client.Feeds.ProgressAsync(feed);
        Assert.Equal(2, shards.Count);
        foreach (var partition in Enumerable.Range(0, Partitions))
        {
            var marks = records.Where(record => record.Partition == partition && Header(record, "atoll-operation") == "truncate").ToList();
            Assert.Equal(
                shards.Select(static shard => shard.Shard.ToString()).Order(),
                marks.Select(static mark => Header(mark, "atoll-shard")).Order());
            Assert.All(marks, static mark => Assert.Equal((null, null), (Key(mark), Value(mark))));
        }

        var told = records.Where(static record => Key(record) is not null).ToList();
        Assert.Equal(["""put {"k": 1, "v": 1}""", """put {"k": 1, "v": 2}"""], told.Select(Told));
        Assert.Contains(records.SkipWhile(record => record != told[0]).TakeWhile(record => record != told[1]), record =>
            Header(record, "atoll-operation") == "truncate" && Header(record, "atoll-shard") == Header(told[0], "atoll-shard"));
    }

    [Fact]
    public async Task Columns_that_come_and_go_are_told_as_the_table_has_them()
    {
        await BeginAsync("CREATE TABLE ks.t (k int PRIMARY KEY, v int)");
        var feed = await _host.Client.Feeds.CreateAsync("f", "ks.t", "t");
        _host.Drive();
        await _host.CaughtUpAsync(feed);
        await RunAsync("INSERT INTO ks.t (k, v) VALUES (1, 1)");
        await _host.CaughtUpAsync(feed);
        await RunAsync("ALTER TABLE ks.t ADD w set<text>");
        await RunAsync("UPDATE ks.t SET w = {'b', 'a'} WHERE k = 1");
        await _host.CaughtUpAsync(feed);
        await RunAsync("ALTER TABLE ks.t DROP v");
        await RunAsync("UPDATE ks.t SET w = w - {'b'} WHERE k = 1");
        await _host.CaughtUpAsync(feed);
        Assert.Equal(
            ["""put {"k": 1, "v": 1}""", """put {"k": 1, "v": 1, "w": ["a", "b"]}""", """put {"k": 1, "w": ["a"]}"""],
            (await _host.ReadAsync()).Select(Told));
    }

    /// <summary>
    /// Drivers that come and go, two of them at once much of the time, while answers are lost, and a snapshot is taken of what changes.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Whoever_copies_and_whatever_is_lost_each_change_of_a_row_is_there_once_and_in_order(int seed)
    {
        var prng = new Prng((ulong)seed);
        await BeginAsync("CREATE TABLE ks.t (k int, c int, v blob, PRIMARY KEY (k, c))");
        var history = new Dictionary<(int K, int C), List<int>>();
        for (var i = 0; i < 8; i++)
        {
            // Several pages, of which some end within a partition.
            await WriteRowAsync(i / 2, 100 + (i % 2), 300_000);
        }

        await WriteAsync(60);
        var before = history.ToDictionary(static row => row.Key, static row => row.Value.Count);
        var feed = await _host.Client.Feeds.CreateAsync("f", "ks.t", "t");
        var chaos = prng.Fork();
        _host.Port.Disturb = request =>
        {
            var isSpared = request.Shard == ShardId.Directory || request.Kind is not (RequestKind.Read or RequestKind.Write);
            var fate = isSpared ? 99 : chaos.NextInt(0, 59);
            _ = fate == 0 && request.Kind == RequestKind.Write ? _host.Port.Answer(request) : default; // done, and nobody hears of it
            return fate switch
            {
                0 or 1 => new Response(request.Kind == RequestKind.Write ? ResponseStatus.OutcomeUnknown : ResponseStatus.Unavailable),
                2 => new Response(ResponseStatus.NotLeader),
                _ => null,
            };
        };
        for (var round = 0; round < 6; round++)
        {
            _host.Drive();
            await WriteAsync(30);
            await _host.NewsAsync(FeedNewsKind.Copied);
            if (_host.Drivers > 2)
            {
                await _host.StopAsync();
            }
        }

        _host.Port.Disturb = null;
        await _host.CaughtUpAsync(feed);
        var copied = (await _host.ReadAsync()).GroupBy(static record => Key(record)!).ToDictionary(
            static key => key.Key, static key => key.ToList());
        foreach (var ((k, c), written) in history)
        {
            var told = copied.GetValueOrDefault($$"""{"k": {{k}}, "c": {{c}}}""", []);
            Assert.Equal(written.TakeLast(told.Count), told.Select(NumberOf));
            Assert.True(
                told is [var first, ..] && Header(first, "atoll-operation") == "snapshot" || told.Count == written.Count
                || written[^(told.Count + 1)] == 0);
            Assert.DoesNotContain(told.Skip(1), static record => Header(record, "atoll-operation") == "snapshot");
            Assert.True(told.Count <= written.Count - before.GetValueOrDefault((k, c)) + 1);
        }

        async Task WriteAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var row = (K: prng.NextInt(0, 3), C: prng.NextInt(0, 3));
                if (prng.NextInt(0, 3) == 0 && history.GetValueOrDefault(row) is [.., not 0] written)
                {
                    await RunUntilDoneAsync($"DELETE FROM ks.t WHERE k = {row.K} AND c = {row.C}");
                    written.Add(0);
                }
                else
                {
                    await WriteRowAsync(row.K, row.C, paddingBytes: 0);
                }
            }
        }

        async Task WriteRowAsync(int k, int c, int paddingBytes)
        {
            var number = history.Values.Sum(static told => told.Count) + 1;
            var padding = Convert.ToHexStringLower(new byte[paddingBytes]);
            await RunUntilDoneAsync($"INSERT INTO ks.t (k, c, v) VALUES ({k}, {c}, 0x{number:x8}{padding})");
            (history.TryGetValue((k, c), out var written) ? written : history[(k, c)] = []).Add(number);
        }
    }

    [Fact]
    public async Task Only_tables_that_there_are_in_strong_keyspaces_are_fed()
    {
        await BeginAsync("CREATE TABLE ks.t (k int PRIMARY KEY, v int)");
        await RunAsync(
            "CREATE KEYSPACE e WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3} AND fault_model = 'eventual'");
        await RunAsync("CREATE TABLE e.t (k int PRIMARY KEY, v int)");
        var refused = await Assert.ThrowsAsync<InvalidRequestException>(() => _host.Client.Feeds.CreateAsync("f", "e.t", "t").AsTask());
        Assert.Contains("agree on no order", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<UnknownSpaceException>(() => _host.Client.Feeds.CreateAsync("f", "ks.none", "t").AsTask());
    }

    [Fact]
    public async Task A_feed_whose_table_is_dropped_ends_and_one_of_the_same_name_is_not_meant()
    {
        const string table = "CREATE TABLE ks.t (k int PRIMARY KEY, v int)";
        await BeginAsync(table);
        var feed = await _host.Client.Feeds.CreateAsync("f", "ks.t", "t");
        _host.Drive();
        await _host.CaughtUpAsync(feed);
        await RunAsync("DROP TABLE ks.t");
        await RunAsync(table);
        await RunAsync("INSERT INTO ks.t (k, v) VALUES (1, 1)");
        Assert.Empty(await _host.Client.Feeds.ProgressAsync(feed));
        Assert.Empty(await _host.ReadAsync());
    }

    private static IEnumerable<string> ToldOf(List<TopicRecord> records, string key) =>
        records.Where(record => Key(record) == key).Select(Told);

    private static int NumberOf(TopicRecord record) => Value(record) is not { } value ? 0 : int.Parse(
        JsonDocument.Parse(value).RootElement.GetProperty("v").GetString()!.AsSpan(2, 8), NumberStyles.HexNumber,
        CultureInfo.InvariantCulture);

    private async Task BeginAsync(string table)
    {
        await RunAsync("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        await RunAsync(table);
        await _host.CreateTopicAsync();
    }

    private Task RunAsync(string statement) => _session.ExecuteAsync(statement, StatementOptions.Default).AsTask();

    private async Task RunUntilDoneAsync(string statement)
    {
        while (true)
        {
            try
            {
                await RunAsync(statement);
                return;
            }
            catch (CqlException error) when (error.Code is CqlErrorCode.Unavailable or CqlErrorCode.Overloaded)
            {
                // It had no effect.
            }
        }
    }
}
