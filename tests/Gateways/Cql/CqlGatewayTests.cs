using System.Diagnostics;
using System.Net;
using Atoll.Gateways.Cql;
using Atoll.Gateways.Cql.Messages;
using Atoll.Gateways.Cql.Security;
using Atoll.Gateways.Cql.Wire;
using Atoll.Gateways.Security;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Services.Tables;
using Atoll.Services.Tables.Roles;
using Xunit;

namespace Atoll.Gateways.Tests.Cql;

/// <summary>The CQL gateway over real sockets: many statements at once, clients that are slow, silent, or gone.</summary>
public sealed class CqlGatewayTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(CqlVersion.V3, false)]
    [InlineData(CqlVersion.V4, true)]
    [InlineData(CqlVersion.V5, false)]
    [InlineData(CqlVersion.V5, true)]
    public async Task Statements_are_answered_in_every_version_compressed_or_not(CqlVersion version, bool isCompressed)
    {
        await using var host = await CqlHost.StartAsync(new FakeTables());
        using var client = await CqlTestClient.StartAsync(host.Port, version, isCompressed);
        Assert.Equal(2, Assert.IsType<RowsResponse>(await client.AskAsync(1, "SELECT")).Rows.Count);
        Assert.Equal("ks", Assert.IsType<KeyspaceResponse>(await client.AskAsync(2, "USE ks")).Keyspace);
        var big = Assert.IsType<RowsResponse>(await client.AskAsync(3, "BIG"));
        Assert.All(big.Rows, row => Assert.Equal(100_000, row[0]!.Value.Length));
        Assert.Equal(CqlErrorCode.ServerError, Assert.IsType<ErrorResponse>(await client.AskAsync(4, "BREAK")).Code);
        await client.SendAsync(5, new QueryRequest(new string('x', 400_000), StatementOptions.Default, false));
        Assert.IsType<VoidResponse>((await client.ReadAsync()).Response);
    }

    [Fact]
    public async Task Answers_come_in_the_order_in_which_statements_are_done()
    {
        var tables = new FakeTables();
        await using var host = await CqlHost.StartAsync(tables);
        using var client = await CqlTestClient.StartAsync(host.Port);
        await client.SendAsync(1, "HOLD a");
        await client.SendAsync(2, "HOLD b");
        await client.SendAsync(3, "OTHER");
        Assert.Equal(3, (await client.ReadAsync()).Stream);
        await Until(() => tables.HeldCount == 2);
        tables.Release("HOLD b", VoidResult.Instance);
        Assert.Equal(2, (await client.ReadAsync()).Stream);
        tables.Release("HOLD a", VoidResult.Instance);
        Assert.Equal(1, (await client.ReadAsync()).Stream);
    }

    [Fact]
    public async Task No_more_statements_are_taken_than_may_be_under_way()
    {
        var tables = new FakeTables();
        await using var host = await CqlHost.StartAsync(tables, new CqlGatewayOptions { InFlightMax = 2 });
        using var client = await CqlTestClient.StartAsync(host.Port);
        await client.SendAsync(1, "HOLD a");
        await client.SendAsync(2, "HOLD b");
        await client.SendAsync(3, "OTHER");
        await Until(() => tables.HeldCount == 2);
        tables.Release("HOLD a", VoidResult.Instance);
        Assert.Equal(1, (await client.ReadAsync()).Stream); // had the third been taken before, it would have been answered first
        Assert.Equal(3, (await client.ReadAsync()).Stream);
        tables.Release("HOLD b", VoidResult.Instance);
        Assert.Equal(2, (await client.ReadAsync()).Stream);
    }

    [Fact]
    public async Task A_client_that_does_not_read_is_not_read_from()
    {
        var tables = new FakeTables();
        await using var host = await CqlHost.StartAsync(tables, new CqlGatewayOptions { OutgoingBytesMax = 1024 * 1024 });
        using var client = await CqlTestClient.StartAsync(host.Port);
        const int asked = 200; // 400 kB each: far more than sockets and the gateway hold
        for (short stream = 0; stream < asked; stream++)
        {
            await client.SendAsync(stream, "BIG");
        }

        // The gateway comes to a stop with most of them not even begun, and goes on as the client reads.
        var begun = -1;
        await Until(() => Interlocked.Exchange(ref begun, tables.Asked.Count) == tables.Asked.Count && begun > 0);
        Assert.InRange(tables.Asked.Count, 1, asked - 1);
        for (var answers = 0; answers < asked; answers++)
        {
            Assert.IsType<RowsResponse>((await client.ReadAsync()).Response);
        }

        Assert.Equal(asked, tables.Asked.Count);
    }

    [Fact]
    public async Task What_is_under_way_for_a_client_that_has_gone_is_cancelled()
    {
        var tables = new FakeTables();
        await using var host = await CqlHost.StartAsync(tables);
        using (var client = await CqlTestClient.StartAsync(host.Port))
        {
            await client.SendAsync(1, "HOLD a");
            await Until(() => tables.HeldCount == 1);
        }

        await Until(() => tables.CancelledCount == 1);
    }

    [Fact]
    public async Task Events_go_to_those_who_registered_for_them()
    {
        await using var host = await CqlHost.StartAsync(new FakeTables());
        using var all = await CqlTestClient.StartAsync(host.Port, CqlVersion.V5);
        using var schema = await CqlTestClient.StartAsync(host.Port);
        using var none = await CqlTestClient.StartAsync(host.Port);
        await all.SendAsync(1, new RegisterRequest(["TOPOLOGY_CHANGE", "STATUS_CHANGE", "SCHEMA_CHANGE"]));
        Assert.IsType<ReadyResponse>((await all.ReadAsync()).Response);
        await schema.SendAsync(1, new RegisterRequest(["SCHEMA_CHANGE"]));
        Assert.IsType<ReadyResponse>((await schema.ReadAsync()).Response);
        var node = new IPEndPoint(IPAddress.Parse("127.0.0.9"), 9042);
        host.Gateway.Push(new StatusChangeEvent(node, IsUp: false));
        Assert.IsType<SchemaChangeResponse>(await none.AskAsync(2, "CREATE TABLE"));
        Assert.Equal((-1, "event: " + new StatusChangeEvent(node, false)), Say(await all.ReadAsync()));
        Assert.Equal((-1, "event: schema Created Table ks.t"), Say(await all.ReadAsync()));
        Assert.Equal((-1, "event: schema Created Table ks.t"), Say(await schema.ReadAsync()));
    }

    [Fact]
    public async Task Credentials_are_the_access_tokens_of_the_cluster_or_those_of_a_role()
    {
        var tables = new FakeTables();
        var options = new CqlGatewayOptions { Authenticator = new CqlAuthenticator(AccessTokens.Of(["secret"]), tables.Roles) };
        await tables.Roles.ChangeAsync(
            roles => roles.With(new Role("bea", PasswordHash.Of("word"), true, false, [])), TestContext.Current.CancellationToken);
        await using var host = await CqlHost.StartAsync(tables, options);
        using (var client = await CqlTestClient.StartAsync(host.Port, CqlVersion.V5))
        {
            await client.SendAsync(1, new AuthResponseRequest("\0ada\0secret"u8.ToArray()));
            Assert.IsType<AuthSuccessResponse>((await client.ReadAsync()).Response);
            Assert.IsType<RowsResponse>(await client.AskAsync(2, "SELECT"));
            Assert.Equal(new TableUser("ada", IsOperator: true), tables.Asked.Single().Options.User);
        }

        using (var client = await CqlTestClient.StartAsync(host.Port, CqlVersion.V5))
        {
            await client.SendAsync(1, new AuthResponseRequest("\0bea\0word"u8.ToArray()));
            Assert.IsType<AuthSuccessResponse>((await client.ReadAsync()).Response);
            Assert.IsType<RowsResponse>(await client.AskAsync(2, "SELECT"));
            Assert.Equal(new TableUser("bea", IsOperator: false), tables.Asked.Last().Options.User);
        }

        using var other = await CqlTestClient.StartAsync(host.Port);
        await other.SendAsync(1, new AuthResponseRequest("\0ada\0guess"u8.ToArray()));
        Assert.Equal(CqlErrorCode.BadCredentials, Assert.IsType<ErrorResponse>((await other.ReadAsync()).Response).Code);
        Assert.True(await other.IsClosedAsync());
    }

    [Fact]
    public async Task A_length_of_3_gigabytes_is_refused_and_the_connection_closed()
    {
        await using var host = await CqlHost.StartAsync(new FakeTables());
        using var client = await CqlTestClient.StartAsync(host.Port);
        await client.SendAsync(new byte[] { 4, 0, 0, 9, 7, 0xC0, 0, 0, 0 });
        var (stream, answer) = await client.ReadAsync();
        Assert.Equal((9, CqlErrorCode.ProtocolError), (stream, Assert.IsType<ErrorResponse>(answer).Code));
        Assert.True(await client.IsClosedAsync());
    }

    [Fact]
    public async Task Who_does_not_start_is_sent_away_and_so_is_who_stops_in_the_middle_of_a_frame_or_says_nothing()
    {
        var time = new ManualTime();
        await using var host = await CqlHost.StartAsync(new FakeTables(), new CqlGatewayOptions { Time = time });
        using var silent = await CqlTestClient.ConnectAsync(host.Port);
        using var halting = await CqlTestClient.StartAsync(host.Port);
        using var idle = await CqlTestClient.StartAsync(host.Port);
        using var waiting = await CqlTestClient.StartAsync(host.Port);
        await waiting.SendAsync(1, new RegisterRequest(["SCHEMA_CHANGE"]));
        await waiting.ReadAsync();
        time.Advance(TimeSpan.FromSeconds(11));
        Assert.True(await silent.IsClosedAsync());
        await halting.SendAsync(new byte[] { 4, 0, 0 });
        await idle.AskAsync(1, "SELECT");

        // The bytes of the halting one come to the gateway at some moment: from then on its time counts.
        var closed = halting.IsClosedAsync();
        while (!closed.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(31));
            await idle.AskAsync(1, "SELECT");
        }

        Assert.True(await closed);
        time.Advance(TimeSpan.FromMinutes(16));
        Assert.True(await idle.IsClosedAsync());
        Assert.IsType<RowsResponse>(await waiting.AskAsync(2, "SELECT"));
    }

    [Fact]
    public async Task There_are_no_more_connections_than_may_be()
    {
        await using var host = await CqlHost.StartAsync(new FakeTables(), new CqlGatewayOptions { ConnectionsMax = 1 });
        using var first = await CqlTestClient.StartAsync(host.Port);
        using var second = await CqlTestClient.ConnectAsync(host.Port);
        Assert.Equal(CqlErrorCode.Overloaded, Assert.IsType<ErrorResponse>((await second.ReadAsync()).Response).Code);
        Assert.True(await second.IsClosedAsync());
        Assert.IsType<RowsResponse>(await first.AskAsync(1, "SELECT"));
    }

    private static (int Stream, string Text) Say((short Stream, CqlResponse Response) answer) =>
        (answer.Stream, ResponseText.Of(answer.Response));

    private static async Task Until(Func<bool> condition)
    {
        var started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, "it does not come to that");
            using var soon = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
            await soon.WaitForNextTickAsync();
        }
    }
}
