using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Atoll.Foundation.Bytes;
using Atoll.Gateways.Kafka;
using Atoll.Gateways.Kafka.Connections;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Gateways.Tests.Kafka.Requests;
using Atoll.Services.Streams.Quotas;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Connections;

public sealed class KafkaConnectionTests
{
    [Fact]
    public async Task Answers_come_in_the_order_of_the_requests_also_behind_one_that_waits()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        var (client, served) = Connect(host, new KafkaGatewayOptions { Time = host.Time });
        var wish = new FetchRequest
        {
            WaitMs = 5_000, BytesMin = 1, SessionEpoch = -1, Topics = [new() { Name = "t", Partitions = [new() { BytesMax = 1_000 }] }],
        };
        await client.Output.WriteAsync(Frame(1, KafkaApi.Fetch, 11, wish));
        await client.Output.WriteAsync(Frame(2, KafkaApi.ApiVersions, 0, new ApiVersionsRequest()));
        await host.ProduceAsync("t", KafkaHost.Batch(-1, -1, "a")); // what the first one waits for
        var (first, second) = (await CorrelationAsync(client.Input), await CorrelationAsync(client.Input));
        Assert.Equal((1, 2), (first, second));
        await client.Output.CompleteAsync();
        await served;
    }

    [Fact]
    public async Task What_a_client_sent_before_it_left_is_served()
    {
        await using var host = new KafkaHost();
        await host.CreateAsync("t");
        var (client, served) = Connect(host, new KafkaGatewayOptions { Time = host.Time });
        for (var i = 0; i < 100; i++)
        {
            var silent = new ProduceRequest
            {
                Acks = 0, Topics = [new() { Name = "t", Partitions = [new() { Records = KafkaHost.Batch(5, i, $"{i}") }] }],
            };
            await client.Output.WriteAsync(Frame(i, KafkaApi.Produce, 7, silent));
        }

        await client.Output.CompleteAsync();
        await served;
        Assert.Equal(100, (await host.ProduceAsync("t", KafkaHost.Batch(5, 100, "last"))).BaseOffset);
    }

    [Theory]
    [InlineData(new byte[] { 255, 255, 255, 255 })]
    [InlineData(new byte[] { 127, 0, 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 3, 1, 2, 3 })]
    public async Task Bytes_that_are_no_request_end_the_connection(byte[] bytes)
    {
        await using var host = new KafkaHost();
        var (client, served) = Connect(host, new KafkaGatewayOptions { Time = host.Time });
        await client.Output.WriteAsync(bytes);
        await served;
        Assert.True((await client.Input.ReadAsync()).IsCompleted);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_does_not_wait_as_it_was_told_is_not_read_until_it_may_do_more(bool leaves)
    {
        await using var host = new KafkaHost();
        await host.Quotas.SetAsync(null, new Dictionary<string, long?> { [ClientQuota.RequestRate] = 1 });
        using var gone = new CancellationTokenSource();
        var (client, served) = Connect(host, new KafkaGatewayOptions { Time = host.Time }, gone.Token);
        for (var i = 1; i <= 4; i++)
        {
            await client.Output.WriteAsync(Frame(i, KafkaApi.Metadata, 9, new MetadataRequest()));
        }

        // Of two at once the second is one too many: it is answered, and nothing behind it is read for a second.
        Assert.Equal(1, await CorrelationAsync(client.Input));
        Assert.Equal(2, await CorrelationAsync(client.Input));
        var third = CorrelationAsync(client.Input);
        await host.AskAsync<MetadataResponse>(KafkaApi.Metadata, 9, new MetadataRequest(), name: "another");
        Assert.False(third.IsCompleted);
        if (leaves)
        {
            await gone.CancelAsync(); // who has gone is waited for no longer
            await client.Output.CompleteAsync();
            await served;
            return;
        }

        await PassAsync(host, third);
        Assert.Equal(3, await third);
        var fourth = CorrelationAsync(client.Input);
        await PassAsync(host, fourth);
        Assert.Equal(4, await fourth);
        await client.Output.CompleteAsync();
        await served;
    }

    [Fact]
    public async Task A_budget_is_given_in_turn_and_comes_back()
    {
        var budget = new ByteBudget(100);
        await budget.TakeAsync(60, CancellationToken.None);
        var second = budget.TakeAsync(60, CancellationToken.None).AsTask();
        using var impatient = new CancellationTokenSource();
        var third = budget.TakeAsync(500, impatient.Token).AsTask();
        var fourth = budget.TakeAsync(40, CancellationToken.None).AsTask();
        Assert.False(second.IsCompleted || third.IsCompleted || fourth.IsCompleted);
        budget.Release(60);
        await second;
        Assert.False(fourth.IsCompleted);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => third);
        await fourth;
        budget.Release(60);
        budget.Release(40);
        Assert.Equal(0, budget.Taken);
        await budget.TakeAsync(500, CancellationToken.None); // more than there is: when nobody else has any
    }

    // Time goes on until it is done.
    private static async Task PassAsync(KafkaHost host, Task task)
    {
        while (!task.IsCompleted)
        {
            host.Time.Advance(TimeSpan.FromMilliseconds(50));
            await Task.Yield();
        }
    }

    private static (IDuplexPipe Client, Task Served) Connect(
        KafkaHost host, KafkaGatewayOptions options, CancellationToken closed = default)
    {
        var pair = (ToServer: new Pipe(), ToClient: new Pipe());
        var gateway = new KafkaGateway(host.Table, options, NullLogger<KafkaGateway>.Instance);
        var connection = new DefaultConnectionContext("test")
        {
            Transport = new Duplex(pair.ToServer.Reader, pair.ToClient.Writer), ConnectionClosed = closed,
        };
        return (new Duplex(pair.ToClient.Reader, pair.ToServer.Writer), gateway.OnConnectedAsync(connection));
    }

    private static byte[] Frame(int correlation, KafkaApi api, int version, IKafkaMessage request)
    {
        var frame = new WireWriter();
        var length = frame.ReserveUInt32();
        var writer = new KafkaWriter(frame);
        new KafkaRequestHeader((short)api, (short)version, correlation, "test").Write(writer);
        request.Write(writer, version);
        frame.PatchUInt32(length, BinaryPrimitives.ReverseEndianness((uint)(frame.Length - 4)));
        return frame.ToArray();
    }

    private static async Task<int> CorrelationAsync(PipeReader input)
    {
        var head = await input.ReadAtLeastAsync(8);
        var bytes = head.Buffer.Slice(0, 8).ToArray();
        input.AdvanceTo(head.Buffer.Start);
        var whole = BinaryPrimitives.ReadInt32BigEndian(bytes) + 4;
        var all = await input.ReadAtLeastAsync(whole);
        input.AdvanceTo(all.Buffer.GetPosition(whole));
        return BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(4));
    }

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
