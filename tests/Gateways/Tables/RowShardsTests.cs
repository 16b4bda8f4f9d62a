using System.Text;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Node.Requests;
using Atoll.Services;
using Atoll.Services.Calls;
using Atoll.Services.Errors;
using Atoll.Services.Tables.Storage;
using Atoll.StateMachines.Rows;
using Xunit;

namespace Atoll.Gateways.Tests.Tables;

/// <summary>Rows and schemas over a request port, in several shards.</summary>
public sealed class RowShardsTests : IAsyncDisposable
{
    private const string Table = "shop.orders";

    private readonly MachinePort _port = new();
    private readonly AtollClient _client;

    public RowShardsTests() => _client = NewClient();

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    [Fact]
    public async Task Rows_are_in_the_shard_of_their_token_and_ranges_go_over_all_shards_in_order()
    {
        await CreateAsync(5);
        var tokens = Enumerable.Range(0, 40).Select(i => unchecked((long)((ulong)i * 0x9E3779B97F4A7C15))).ToArray();
        foreach (var token in tokens)
        {
            await _client.Rows.MutateAsync(Table, RowsMutation.Of(Put(token, "v")), default, Cancellation);
        }

        Assert.True(_port.Requests.Where(request => request.Kind == RequestKind.Write && request.Space.Value != 0)
            .All(request => tokens.Contains(RowTokens.TokenOf(request.RoutingHash))));
        var found = new List<long>();
        var selection = new RowsSelection { RowsMax = 3 };
        for (var more = true; more;)
        {
            var page = await _client.Rows.ReadRangeAsync(
                Table, new TokenRangeRead(long.MinValue, long.MaxValue, selection), default, Cancellation);
            found.AddRange(page.Partitions.Select(partition => partition.Token));
            more = page.HasMore;
            selection = selection with { ResumeAfter = page.ResumeAfter };
        }

        Assert.Equal(tokens.Order(), found);
        var some = await _client.Rows.ReadRangeAsync(
            Table, new TokenRangeRead(found[3], found[4], RowsSelection.All), default, Cancellation);
        Assert.True(some.Partitions.Count is 1 or 2);
        Assert.Equal(40, (await _client.Rows.CountAsync(Table, Cancellation)).Rows);
        await _client.Rows.TruncateAsync(Table, Cancellation);
        Assert.Equal(0, (await _client.Rows.CountAsync(Table, Cancellation)).Rows);
    }

    [Fact]
    public async Task A_mutation_of_many_shards_reaches_all_and_a_conditional_one_is_refused()
    {
        await CreateAsync(4);
        var partitions = new[] { long.MinValue, -1, 0, long.MaxValue }.Select(token => Put(token, "x")).ToArray();
        Assert.True((await _client.Rows.MutateAsync(Table, new RowsMutation(partitions, []), default, Cancellation)).IsApplied);
        foreach (var partition in partitions)
        {
            var read = new PartitionRead(partition.Token, partition.Key, RowsSelection.All);
            var page = await _client.Rows.ReadPartitionAsync(Table, read, default, Cancellation);
            Assert.Equal("x", Encoding.UTF8.GetString(page.Partitions.Single().Rows.Single().Row.Cells[0].Value.Span));
        }

        var conditional = new RowsMutation(partitions, [RowCondition.Exists(default)]);
        await Assert.ThrowsAsync<InvalidRequestException>(
            async () => await _client.Rows.MutateAsync(Table, conditional, default, Cancellation));
    }

    [Fact]
    public async Task A_counter_is_exact_although_answers_are_lost_after_they_took_effect()
    {
        await CreateAsync(1);
        var lost = 0;
        _port.Disturb = request =>
        {
            if (request.Kind == RequestKind.Write && lost++ % 3 != 2)
            {
                _port.Answer(request);
                return new Response(ResponseStatus.OutcomeUnknown);
            }

            return null;
        };
        var increment = RowsMutation.Of(new PartitionMutation(
            5, Bytes("p"), [RowOperation.Upsert(default, [CellWrite.Increment(1, 7)])]));
        for (var i = 0; i < 10; i++)
        {
            await _client.Rows.MutateAsync(Table, increment, default, Cancellation);
        }

        var read = await _client.Rows.ReadPartitionAsync(Table, new PartitionRead(5, Bytes("p"), RowsSelection.All), default, Cancellation);
        Assert.Equal(70, CounterValue.Sum(read.Partitions[0].Rows[0].Row.Cells[0].Value));
    }

    [Fact]
    public async Task A_table_that_was_dropped_and_created_again_is_found()
    {
        await CreateAsync(2);
        await _client.Rows.MutateAsync(Table, RowsMutation.Of(Put(1, "old")), default, Cancellation);
        await using var other = NewClient();
        Assert.True(await other.Rows.DropAsync(Table, Cancellation));
        await other.Rows.CreateAsync(new RowSpaceOptions(Table, 3, 1), Cancellation);
        await _client.Rows.MutateAsync(Table, RowsMutation.Of(Put(1, "new")), default, Cancellation);
        Assert.Equal(1, (await _client.Rows.CountAsync(Table, Cancellation)).Rows);
        Assert.True(await other.Rows.DropAsync(Table, Cancellation));
        await Assert.ThrowsAsync<UnknownSpaceException>(async () => await _client.Rows.CountAsync(Table, Cancellation));
    }

    [Fact]
    public async Task Where_the_directory_is_out_of_reach_the_schema_is_what_the_node_knows()
    {
        Assert.True(await _client.Schemas.TryWriteAsync("ks", 0, Bytes("1"), Cancellation));
        _port.Disturb = request => request.Kind == RequestKind.Read && request.Shard == ShardId.Directory
            ? new Response(ResponseStatus.Unavailable) : null;
        await using var restarted = NewClient();
        Assert.Equal("ks", (await restarted.Schemas.ReadKnownAsync(Cancellation)).Single().Name);
        await Assert.ThrowsAsync<UnavailableException>(async () => await restarted.Schemas.ReadAsync(Cancellation));
    }

    [Fact]
    public async Task Schemas_are_compared_and_set_and_whoever_follows_the_directory_hears_of_changes()
    {
        var told = 0;
        using var subscription = _client.Schemas.Subscribe(() => told++);
        Assert.True(await _client.Schemas.TryWriteAsync("ks", 0, Bytes("1"), Cancellation));
        Assert.False(await _client.Schemas.TryWriteAsync("ks", 0, Bytes("2"), Cancellation));
        Assert.Equal(1, told);
        await using var other = NewClient();
        var read = (await other.Schemas.ReadAsync(Cancellation)).Single();
        Assert.Equal(("ks", "1"), (read.Name, Encoding.UTF8.GetString(read.Bytes.Span)));
        Assert.True(await other.Schemas.TryWriteAsync("ks", read.Version, Bytes("2"), Cancellation));
        Assert.Equal(1, told);
        _client.ObserveDirectory(await other.Cluster.DirectoryAsync(Cancellation));
        Assert.Equal(2, told);
        Assert.True(await other.Schemas.TryWriteAsync("ks", (await other.Schemas.ReadAsync(Cancellation))[0].Version, null, Cancellation));
        Assert.Empty(await _client.Schemas.ReadAsync(Cancellation));
        Assert.Equal(3, told);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private AtollClient NewClient()
    {
        var clock = new ServerClock(TimeProvider.System);
        clock.SetNow(_port.Now);
        return new AtollClient(_port, new CallerOptions { Clock = clock, Retries = new RetryPolicy { AttemptsMax = 4 } });
    }

    private static PartitionMutation Put(long token, string value) =>
        new(token, Bytes($"{token}"), [RowOperation.Upsert(default, [CellWrite.Put(1, Bytes(value))])]);

    private ValueTask CreateAsync(int shards) => _client.Rows.CreateAsync(new RowSpaceOptions(Table, 3, shards), Cancellation);
}
