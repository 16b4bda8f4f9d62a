using System.Net;
using Atoll.Gateways.Kafka.Connections;
using Atoll.Gateways.Kafka.Quotas;
using Atoll.Gateways.Tests.Fakes;
using Atoll.Services.Streams.Quotas;
using Xunit;

namespace Atoll.Gateways.Tests.Kafka.Quotas;

/// <summary>Many clients, and ids that clients make up.</summary>
public sealed class QuotaKeeperTests
{
    private const int ClientsMax = 100;

    private readonly ManualTime _time = new();
    private readonly QuotaKeeper _keeper;

    public QuotaKeeperTests()
    {
        Assert.Null(ClientQuota.None.TrySet(ClientQuota.RequestRate, 2, out var twice));
        _keeper = new QuotaKeeper(new Fixed(ClientQuotas.Empty.With(null, twice)), _time, ClientsMax);
    }

    [Fact]
    public void Ids_that_are_made_up_share_what_is_left_when_there_is_no_room_and_get_it_back_when_others_have_rested()
    {
        for (var i = 0; i < ClientsMax; i++)
        {
            Assert.Equal(0, Take($"{i}"));
        }

        Assert.Equal([0, 0, 500, 1_000, 1_500], Enumerable.Range(0, 5).Select(i => Take($"made up {i}")));
        Assert.Equal(ClientsMax, _keeper.Count);
        Assert.Equal(0, Take("7")); // who was there has its own

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([0, 0, 0, 0, 0], Enumerable.Range(0, 5).Select(i => Take($"later {i}")));
        Assert.InRange(_keeper.Count, 5, ClientsMax);
    }

    [Fact]
    public void A_connection_whose_client_was_forgotten_shares_the_rate_with_those_that_came_later()
    {
        var (one, other) = (Client("7"), Client("7"));
        Assert.Equal(0, _keeper.Take(one, new ClientUse(0, 0, 1)));
        _time.Advance(TimeSpan.FromMinutes(1));
        for (var i = 0; i < ClientsMax; i++)
        {
            Take($"other {i}");
        }

        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal([0, 0, 500], new[] { other, one, other }.Select(client => _keeper.Take(client, new ClientUse(0, 0, 1))));
    }

    [Fact]
    public void Ids_that_are_too_long_to_be_kept_share_one_pace()
    {
        var head = new string('x', ClientQuotas.ClientIdLengthMax);
        Assert.Equal([0, 0, 500], new[] { "a", "b", "c" }.Select(tail => Take(head + tail)));
        Assert.Equal(0, _keeper.Count);
    }

    [Fact]
    public void A_client_that_is_known_costs_no_memory()
    {
        var client = Client("a");
        _keeper.Take(client, new ClientUse(1, 1, 1));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
        {
            _keeper.Take(client, new ClientUse(1, 1, 1));
            _keeper.FetchBytesMax(client);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static KafkaClient Client(string name) => new(IPAddress.Loopback, CancellationToken.None, name);

    private int Take(string name) => _keeper.Take(Client(name), new ClientUse(0, 0, 1));

    private sealed class Fixed(ClientQuotas quotas) : IQuotas
    {
        public ClientQuotas Known => quotas;

        public ValueTask<ClientQuotas> ReadAsync(CancellationToken cancellationToken) => new(quotas);

        public ValueTask<ClientQuotas> ChangeAsync(Func<ClientQuotas, ClientQuotas> change, CancellationToken cancellationToken) =>
            new(change(quotas));
    }
}
