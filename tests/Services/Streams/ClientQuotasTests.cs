using System.Text;
using Atoll.Services.Streams.Quotas;
using Xunit;

namespace Atoll.Services.Tests.Streams;

public sealed class ClientQuotasTests
{
    [Fact]
    public void A_clients_own_quotas_come_first_and_the_default_fills_in()
    {
        var quotas = ClientQuotas.Empty
            .With(null, Quota((ClientQuota.ProducerByteRate, 1_000), (ClientQuota.RequestRate, 5)))
            .With("a", Quota((ClientQuota.ProducerByteRate, 10), (ClientQuota.ConsumerByteRate, 20)));
        Assert.Equal((10L, 20L, 5L), Rates(quotas.Of("a")));
        Assert.Equal((1_000L, null, 5L), Rates(quotas.Of("b")));
        Assert.Equal((10L, 20L, null), Rates(quotas.SetFor("a")));
        Assert.Equal((null, null, null), Rates(quotas.SetFor("b")));
        quotas = quotas.With("a", ClientQuota.None);
        Assert.Empty(quotas.Clients);
        Assert.False(quotas.IsEmpty);
        Assert.True(quotas.With(null, ClientQuota.None).IsEmpty);
    }

    [Fact]
    public void Quotas_are_the_same_after_a_way_through_the_directory()
    {
        var quotas = ClientQuotas.Empty.With(null, Quota((ClientQuota.RequestRate, 5)))
            .With("", Quota((ClientQuota.ProducerByteRate, 1))).With("\u00e4 \"x\"", Quota((ClientQuota.ConsumerByteRate, 1L << 50)));
        var document = quotas.ToDocument();
        var read = ClientQuotas.OfDocument(document);
        Assert.Equal(document, read.ToDocument());
        Assert.Equal((1L, null, 5L), Rates(read.Of("")));
        Assert.Equal((null, 1L << 50, 5L), Rates(read.Of("\u00e4 \"x\"")));
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("{}", null)]
    [InlineData("[1]", null)]
    [InlineData("{\"Default\":{\"request_rate\":0}}", null)]
    [InlineData("{\"Default\":{\"of_a_newer_version\":3,\"request_rate\":7},\"Clients\":null}", 7L)]
    public void What_cannot_be_taken_of_a_document_is_left_out(string document, long? requests) =>
        Assert.Equal(requests, ClientQuotas.OfDocument(Encoding.UTF8.GetBytes(document)).Of("a").RequestsPerSecond);

    [Theory]
    [InlineData("producer_byte_rate", 1L, null)]
    [InlineData("producer_byte_rate", null, null)]
    [InlineData("producer_byte_rate", 0L, "producer_byte_rate is a whole number from 1 to 1125899906842624, not 0")]
    [InlineData("request_rate", -1L, "request_rate is a whole number from 1 to 1125899906842624, not -1")]
    [InlineData(
        "request_percentage", 1L,
        "there is no quota \"request_percentage\"; there are consumer_byte_rate, producer_byte_rate, request_rate")]
    public void A_quota_is_taken_or_refused_with_a_reason(string name, long? rate, string? whyNot) =>
        Assert.Equal(whyNot, ClientQuota.None.TrySet(name, rate, out _));

    [Fact]
    public void There_are_so_many_and_no_more()
    {
        var quota = Quota((ClientQuota.RequestRate, 1));
        var full = Enumerable.Range(0, ClientQuotas.ClientsMax).Aggregate(ClientQuotas.Empty, (all, i) => all.With($"{i}", quota));
        Assert.Null(full.Fault());
        Assert.NotNull(full.With("one more", quota).Fault());
        Assert.NotNull(ClientQuotas.Empty.With(new string('x', ClientQuotas.ClientIdLengthMax + 1), quota).Fault());
    }

    private static ClientQuota Quota(params (string Name, long Rate)[] rates) => rates.Aggregate(ClientQuota.None, static (quota, rate) =>
    {
        Assert.Null(quota.TrySet(rate.Name, rate.Rate, out var changed));
        return changed;
    });

    private static (long? Produced, long? Consumed, long? Requests) Rates(ClientQuota quota) =>
        (quota.ProducerBytesPerSecond, quota.ConsumerBytesPerSecond, quota.RequestsPerSecond);
}
