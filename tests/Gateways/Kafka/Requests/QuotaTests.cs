using System.Net;
using Atoll.Gateways.Kafka.Connections;
using Atoll.Gateways.Kafka.Protocol;
using Atoll.Services.Streams.Quotas;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Requests;

/// <summary>Clients that are held to their quotas, by the gateway's clock, and calls that set these.</summary>
public sealed class QuotaTests
{
    private static readonly byte[] Batch = KafkaHost.Batch(-1, -1, new string('x', 1_000));

    [Fact]
    public async Task A_producer_is_told_to_wait_and_is_not_read_until_what_it_sent_is_within_its_rate()
    {
        await using var host = await StartAsync((ClientQuota.ProducerByteRate, 1_200));
        Assert.Equal(0, await ProduceAsync(host)); // less than what a second allows
        var told = await ProduceAsync(host);
        Assert.InRange(told, 500, 1_100);
        Assert.Equal(TimeSpan.FromMilliseconds(told), MutedFor(host));

        host.Time.Advance(TimeSpan.FromMilliseconds(told + 2_000));
        Assert.True(MutedFor(host) < TimeSpan.Zero);
        Assert.Equal(0, await ProduceAsync(host, "another"));
        Assert.Equal(0, await ProduceAsync(host)); // who rested may send as much at once again
        Assert.Equal(0, (await host.AskAsync<MetadataResponse>(KafkaApi.Metadata, 9, new MetadataRequest())).ThrottleMs);
    }

    [Fact]
    public async Task A_consumer_gets_at_once_what_a_second_allows_and_is_told_to_wait()
    {
        await using var host = await StartAsync((ClientQuota.ConsumerByteRate, 2_500));
        for (var i = 0; i < 10; i++)
        {
            await ProduceAsync(host);
        }

        var first = await FetchAsync(host, 0);
        Assert.Equal((2 * Batch.Length, 0), first); // a third would be over it
        var (bytes, told) = await FetchAsync(host, 2);
        Assert.Equal(2 * Batch.Length, bytes);
        Assert.Equal((int)Math.Ceiling(((4 * Batch.Length) - 2_500) / 2.5), told);
        Assert.Equal(TimeSpan.FromMilliseconds(told), MutedFor(host));
    }

    [Fact]
    public async Task Requests_of_every_kind_count_but_those_by_which_a_client_comes_in()
    {
        await using var host = await StartAsync((ClientQuota.RequestRate, 2));
        for (var i = 0; i < 10; i++)
        {
            await host.AskAsync<ApiVersionsResponse>(KafkaApi.ApiVersions, 3, new ApiVersionsRequest());
        }

        var told = new List<int>();
        for (var i = 0; i < 4; i++)
        {
            told.Add((await host.AskAsync<MetadataResponse>(KafkaApi.Metadata, 9, new MetadataRequest())).ThrottleMs);
        }

        Assert.Equal([0, 0, 500, 1_000], told);
        Assert.Equal(0, (await host.AskAsync<ApiVersionsResponse>(KafkaApi.ApiVersions, 3, new ApiVersionsRequest())).ThrottleMs);
    }

    [Fact]
    public async Task A_quota_that_is_another_one_now_holds_at_once()
    {
        await using var host = await StartAsync((ClientQuota.ProducerByteRate, 1_200));
        await ProduceAsync(host);
        Assert.NotEqual(0, await ProduceAsync(host));
        await AlterAsync(host, "test", (ClientQuota.ProducerByteRate, 1_000_000));
        Assert.Equal(0, await ProduceAsync(host));
        await AlterAsync(host, "test", (ClientQuota.ProducerByteRate, null));
        Assert.NotEqual(0, await ProduceAsync(host) + await ProduceAsync(host)); // the default is what holds again
        await AlterAsync(host, null, (ClientQuota.ProducerByteRate, null));
        Assert.Equal(0, await ProduceAsync(host) + await ProduceAsync(host));
    }

    [Fact]
    public async Task Connections_of_a_client_share_its_rate()
    {
        await using var host = await StartAsync((ClientQuota.ProducerByteRate, 1_200));
        await ProduceAsync(host);
        var other = new KafkaClient(IPAddress.Loopback, CancellationToken.None);
        Assert.InRange((await host.AskAsync<ProduceResponse>(KafkaApi.Produce, 9, Produce(), other)).ThrottleMs, 500, 1_100);
        Assert.True(other.MutedUntil > 0);
    }

    [Fact]
    public async Task Quotas_are_described_and_altered()
    {
        await using var host = new KafkaHost();
        Assert.Empty(await DescribeAsync(host));
        Assert.Equal(KafkaError.None, await AlterAsync(host, null, (ClientQuota.RequestRate, 7)));
        Assert.Equal(KafkaError.None, await AlterAsync(host, "a", (ClientQuota.ProducerByteRate, 5), (ClientQuota.ConsumerByteRate, 6)));
        Assert.Equal(
            ["(default): request_rate=7", "a: consumer_byte_rate=6,producer_byte_rate=5"], await DescribeAsync(host));
        Assert.Equal(["a: consumer_byte_rate=6,producer_byte_rate=5"], await DescribeAsync(host, ("client-id", 0, "a")));
        Assert.Equal(["(default): request_rate=7"], await DescribeAsync(host, ("client-id", 1, null)));
        Assert.Equal(2, (await DescribeAsync(host, ("client-id", 2, null))).Count);
        Assert.Empty(await DescribeAsync(host, ("client-id", 0, "b")));
        Assert.Empty(await DescribeAsync(host, ("user", 2, null)));
        Assert.Equal(KafkaError.None, await AlterAsync(host, "a", (ClientQuota.ProducerByteRate, null)));
        Assert.Equal(["a: consumer_byte_rate=6"], await DescribeAsync(host, ("client-id", 0, "a")));
        Assert.Equal(KafkaError.None, await AlterAsync(host, "a", (ClientQuota.ConsumerByteRate, null)));
        Assert.Empty(await DescribeAsync(host, ("client-id", 0, "a")));
    }

    [Theory]
    [InlineData("client-id", "request_percentage", 50)]
    [InlineData("client-id", "producer_byte_rate", 0.5)]
    [InlineData("client-id", "producer_byte_rate", -1)]
    [InlineData("client-id", "producer_byte_rate", double.NaN)]
    [InlineData("client-id", "producer_byte_rate", double.PositiveInfinity)]
    [InlineData("user", "producer_byte_rate", 1)]
    public async Task What_cannot_be_is_refused_and_nothing_is_changed(string type, string name, double rate)
    {
        await using var host = new KafkaHost();
        var answer = await host.AskAsync<AlterClientQuotasResponse>(KafkaApi.AlterClientQuotas, 1, new AlterClientQuotasRequest
        {
            Entries =
            [
                new() { Entity = [new() { EntityType = type, Name = "a" }], Ops = [new() { Key = name, Rate = rate }] },
                new() { Entity = [new() { EntityType = "client-id", Name = "b" }], Ops = [new() { Key = "request_rate", Rate = 1 }] },
            ],
        });
        Assert.Equal([KafkaError.InvalidRequest, KafkaError.None], answer.Entries.Select(static entry => entry.Error));
        Assert.Equal((type, "a"), (answer.Entries[0].Entity[0].EntityType, answer.Entries[0].Entity[0].Name));
        Assert.False(string.IsNullOrEmpty(answer.Entries[0].ErrorText));
        Assert.Equal(["b: request_rate=1"], await DescribeAsync(host));
    }

    [Theory]
    [InlineData(3, "a")]
    [InlineData(0, null)]
    public async Task A_filter_that_is_none_is_refused(sbyte matchType, string? match)
    {
        await using var host = new KafkaHost();
        var answer = await host.AskAsync<DescribeClientQuotasResponse>(KafkaApi.DescribeClientQuotas, 1, new DescribeClientQuotasRequest
        {
            Components = [new() { EntityType = "client-id", MatchType = matchType, Match = match }],
        });
        Assert.Equal((KafkaError.InvalidRequest, null), (answer.Error, answer.Entries));
    }

    private static async Task<KafkaHost> StartAsync((string Name, long? Rate) quota)
    {
        var host = new KafkaHost();
        host.Time.Advance(TimeSpan.FromMinutes(1));
        await host.CreateAsync("t");
        Assert.Equal(KafkaError.None, await AlterAsync(host, null, quota));
        return host;
    }

    private static async Task<KafkaError> AlterAsync(KafkaHost host, string? client, params (string Name, long? Rate)[] rates) =>
        Assert.Single((await host.AskAsync<AlterClientQuotasResponse>(KafkaApi.AlterClientQuotas, 1, new AlterClientQuotasRequest
        {
            Entries =
            [
                new()
                {
                    Entity = [new() { EntityType = "client-id", Name = client }],
                    Ops = [.. rates.Select(static rate => new AlterClientQuotasRequest.Op
                    {
                        Key = rate.Name, Rate = rate.Rate ?? 0, Remove = rate.Rate is null,
                    })],
                },
            ],
        })).Entries).Error;

    private static async Task<IReadOnlyList<string>> DescribeAsync(
        KafkaHost host, params (string Type, sbyte MatchType, string? Match)[] components)
    {
        var answer = await host.AskAsync<DescribeClientQuotasResponse>(KafkaApi.DescribeClientQuotas, 1, new DescribeClientQuotasRequest
        {
            Components = [.. components.Select(static component => new DescribeClientQuotasRequest.Component
            {
                EntityType = component.Type, MatchType = component.MatchType, Match = component.Match,
            })],
        });
        Assert.Equal(KafkaError.None, answer.Error);
        return
        [
            .. answer.Entries!.Select(static entry => $"{Assert.Single(entry.Entity).Name ?? "(default)"}: "
                + string.Join(',', entry.Values.Select(static value => $"{value.Key}={value.Rate}"))),
        ];
    }

    private static ProduceRequest Produce() => new()
    {
        Acks = -1, TimeoutMs = 1_000, Topics = [new() { Name = "t", Partitions = [new() { Records = Batch }] }],
    };

    private static async Task<int> ProduceAsync(KafkaHost host, string client = "test") =>
        (await host.AskAsync<ProduceResponse>(KafkaApi.Produce, 9, Produce(), name: client)).ThrottleMs;

    private static async Task<(int Bytes, int ThrottleMs)> FetchAsync(KafkaHost host, long offset)
    {
        var answer = await host.AskAsync<FetchResponse>(KafkaApi.Fetch, 11, new FetchRequest
        {
            SessionEpoch = -1,
            Topics = [new() { Name = "t", Partitions = [new() { FetchOffset = offset, BytesMax = 1_000_000 }] }],
        });
        return (Assert.Single(Assert.Single(answer.Topics).Partitions).Records!.Value.Length, answer.ThrottleMs);
    }

    private static TimeSpan MutedFor(KafkaHost host) => host.Time.GetElapsedTime(host.Time.GetTimestamp(), host.Client.MutedUntil);
}
