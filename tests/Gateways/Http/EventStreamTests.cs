using System.Net;
using System.Net.Sockets;
using System.Text;
using Atoll.Foundation;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Services.Streams;
using Xunit;

namespace Atoll.Gateways.Tests.Http;

/// <summary>Topics as server-sent events, over real sockets and the real state machines.</summary>
public sealed class EventStreamTests : IAsyncLifetime
{
    private HttpHost _host = null!;

    private HttpClient Http => _host.Http;

    public async ValueTask InitializeAsync() => _host = await HttpHost.StartAsync();

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact]
    public async Task A_stream_gives_what_there_is_and_what_comes()
    {
        await CreateAsync(1);
        await AppendAsync(0, "a", "b");
        using var events = await EventLines.OpenAsync(Http, "/v1/topics/t/events?from=earliest");
        var first = await events.NextAsync();
        Assert.Equal(("message", "0:0", "a"), (first!.Name, first.Id, first.Data.GetProperty("value").GetString()));
        Assert.Equal("b", await events.NextValueAsync());
        using var later = await EventLines.OpenAsync(Http, "/v1/topics/t/events");
        await AppendAsync(0, "c");
        Assert.Equal("c", await events.NextValueAsync());
        Assert.Equal("c", await later.NextValueAsync());
    }

    [Fact]
    public async Task Whoever_sends_the_last_id_back_goes_on_exactly_behind_it()
    {
        await CreateAsync(3);
        await AppendAsync(0, "a0", "a1", "a2");
        await AppendAsync(1, "b0", "b1");
        var got = new List<string>();
        string? id = null;

        // One event a connection; what is written to a partition that gave nothing yet, while nobody is connected, is not missed.
        for (var i = 0; i < 6; i++)
        {
            using var events = await EventLines.OpenAsync(Http, "/v1/topics/t/events?from=earliest", id);
            if (i == 5)
            {
                await AppendAsync(2, "c0");
            }

            var next = await events.NextAsync();
            got.Add(next!.Data.GetProperty("value").GetString()!);
            id = next.Id;
            Assert.StartsWith($"{next.Data.GetProperty("partition")}:{next.Data.GetProperty("offset")},", id, StringComparison.Ordinal);
        }

        Assert.Equal(["a0", "a1", "a2", "b0", "b1", "c0"], got.Order(StringComparer.Ordinal));
        Assert.Equal(["a0", "a1", "a2"], got.Where(value => value[0] == 'a'));
        foreach (var wrong in new[] { "x", "0", "0:", "0:-2", "0:1,0:2", "-1:0", "0:9223372036854775807" })
        {
            var refused = await Assert.ThrowsAsync<HttpRequestException>(() => EventLines.OpenAsync(Http, "/v1/topics/t/events", wrong));
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        }
    }

    [Fact]
    public async Task A_stream_without_events_says_that_it_is_there()
    {
        await CreateAsync(1);
        using var events = await EventLines.OpenAsync(Http, "/v1/topics/t/events");
        var next = events.NextAsync();
        for (var i = 0; i < 4; i++)
        {
            _host.Time.Advance(TimeSpan.FromSeconds(10));
        }

        await AppendAsync(0, "a");
        Assert.Equal("a", (await next)!.Data.GetProperty("value").GetString());
        Assert.Contains(": keep-alive", events.Comments);
    }

    [Fact]
    public async Task A_deleted_topic_ends_its_streams_with_an_event_that_says_so()
    {
        await CreateAsync(2);
        using var events = await EventLines.OpenAsync(Http, "/v1/topics/t/events");
        Assert.Equal(HttpStatusCode.NoContent, (await Http.DeleteAsync("/v1/topics/t")).StatusCode);
        var last = await events.NextAsync();
        Assert.Equal(("deleted", "t"), (last!.Name, last.Data.GetProperty("topic").GetString()));
        Assert.Null(await events.NextAsync());
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => EventLines.OpenAsync(Http, "/v1/topics/t/events"));
        Assert.Equal(HttpStatusCode.NotFound, refused.StatusCode);
    }

    [Fact]
    public async Task What_cannot_be_read_ends_a_stream_with_an_error()
    {
        await CreateAsync(1);
        using var events = await EventLines.OpenAsync(Http, "/v1/topics/t/events?from=7");
        var last = await events.NextAsync();
        Assert.Equal(("error", "invalid"), (last!.Name, last.Data.GetProperty("code").GetString()));
        Assert.Null(await events.NextAsync());
    }

    [Fact]
    public async Task A_slow_client_is_not_read_ahead_for()
    {
        const int Records = 480, RecordBytes = 64 * 1024, AheadBytesMax = 12 * 1024 * 1024;
        await CreateAsync(1);
        var value = new string('x', RecordBytes);
        for (var i = 0; i < Records; i++)
        {
            await AppendAsync(0, value);
        }

        using var narrow = new SocketsHttpHandler { ConnectCallback = ConnectNarrowlyAsync };
        using var slow = new HttpClient(narrow) { BaseAddress = Http.BaseAddress };
        using var events = await EventLines.OpenAsync(slow, "/v1/topics/t/events?from=earliest");
        for (var read = 0; read < Records; read++)
        {
            Assert.Equal(RecordBytes, (await events.NextValueAsync()).Length);
            var asked = _host.Port.FetchedUpTo;
            Assert.True((asked - read) * RecordBytes < AheadBytesMax, $"{asked} was asked for when {read} had been read");
        }
    }

    [Fact]
    public async Task A_node_reads_for_so_many_and_no_more_and_stops_when_they_go()
    {
        const int Partitions = 256;
        await CreateAsync(Partitions);
        var streams = new List<EventLines>();
        for (var i = 0; i < Limits.EventReadersMax / Partitions; i++)
        {
            streams.Add(await EventLines.OpenAsync(Http, "/v1/topics/t/events?from=earliest"));
        }

        var refused = await Assert.ThrowsAsync<HttpRequestException>(
            () => EventLines.OpenAsync(Http, "/v1/topics/t/events?partition=0"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        streams.ForEach(static stream => stream.Dispose());
        var deadline = DateTime.UtcNow.AddSeconds(60);
        while (true)
        {
            try
            {
                using var taken = await EventLines.OpenAsync(Http, "/v1/topics/t/events?from=earliest");
                return;
            }
            catch (HttpRequestException error) when (error.StatusCode == HttpStatusCode.ServiceUnavailable && DateTime.UtcNow < deadline)
            {
                // The node has not heard yet that they went.
            }
        }
    }

    private static async ValueTask<Stream> ConnectNarrowlyAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 16 * 1024 };
        await socket.ConnectAsync(context.DnsEndPoint, cancellation);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private async Task CreateAsync(int partitions) =>
        await _host.Client.Streams.CreateAsync(new TopicCreation("t", partitions, null, TopicSettings.Default));

    private async Task AppendAsync(int partition, params string[] values)
    {
        var topic = await _host.Client.Streams.TopicAsync("t");
        await TopicAppend.AppendAsync(
            _host.Client.Streams, topic,
            [.. values.Select(value => new RecordToAppend(partition, 0, null, Encoding.UTF8.GetBytes(value), []))],
            null, TimeSpan.FromSeconds(10), TimeProvider.System);
    }
}
