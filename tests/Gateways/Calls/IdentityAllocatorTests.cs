using Atoll.Foundation;
using Atoll.Foundation.Time;
using Atoll.Services.Calls;
using Atoll.StateMachines.Requests;
using Xunit;

namespace Atoll.Gateways.Tests.Calls;

/// <summary>Raft dissertation, 6.3: sessions and serial numbers.</summary>
public sealed class IdentityAllocatorTests
{
    private HybridTime _now = HybridTime.FromUnixMilliseconds(1_000);

    [Fact]
    public void Sequences_count_up_from_one()
    {
        var identities = new IdentityAllocator(7, () => _now);
        Assert.True(identities.TryNext(out var first));
        Assert.True(identities.TryNext(out var second));
        Assert.Equal((7UL, 1UL, 1UL), (first.ClientId, first.Sequence, first.AnsweredBelow));
        Assert.Equal((7UL, 2UL, 1UL), (second.ClientId, second.Sequence, second.AnsweredBelow));
        Assert.True(first.IsValid && second.IsValid);
    }

    [Fact]
    public void Answered_below_is_the_lowest_that_is_still_under_way()
    {
        var identities = new IdentityAllocator(7, () => _now);
        var given = new RequestIdentity[5];
        for (var i = 0; i < 5; i++)
        {
            Assert.True(identities.TryNext(out given[i]));
        }

        identities.Answered(given[1]);
        identities.Answered(given[3]);
        identities.TryNext(out var held);
        Assert.Equal(1UL, held.AnsweredBelow);

        identities.Answered(given[0]);
        identities.TryNext(out var moved);
        Assert.Equal(3UL, moved.AnsweredBelow);

        identities.Answered(given[2]);
        identities.TryNext(out var jumped);
        Assert.Equal(5UL, jumped.AnsweredBelow);
    }

    // A shard without leader, say: what goes to the others must not wait for it.
    [Fact]
    public void A_write_that_takes_long_does_not_stop_the_others()
    {
        var identities = new IdentityAllocator(7, () => _now);
        Assert.True(identities.TryNext(out var slow));
        var given = new List<RequestIdentity>();
        for (var i = 0; i < Limits.ClientRequestsInFlightMax * 5 / 2; i++)
        {
            Assert.True(identities.TryNext(out var identity));
            identities.Answered(identity);
            given.Add(identity);
        }

        // The first has as many to be remembered as a client may have; the second has none.
        var clients = given.GroupBy(identity => identity.ClientId).ToArray();
        Assert.Equal(2, clients.Length);
        Assert.Equal(7UL, clients[0].Key);
        Assert.All(clients[0], identity => Assert.Equal(1UL, identity.AnsweredBelow));
        Assert.Equal((ulong)Limits.ClientRequestsInFlightMax, clients[0].Last().Sequence);
        Assert.All(clients[1], identity => Assert.Equal(identity.Sequence, identity.AnsweredBelow));
        Assert.DoesNotContain(clients, client => client.Key == 0);

        identities.Answered(slow);
        Assert.True(identities.TryNext(out var next));
        Assert.Equal(clients[1].Key, next.ClientId);
    }

    [Fact]
    public void A_program_with_too_many_under_way_gets_none_until_the_lowest_of_a_client_is_answered()
    {
        var identities = new IdentityAllocator(7, () => _now);
        var given = new List<RequestIdentity>();
        for (var i = 0; i < Limits.ClientRequestsInFlightMax * IdentityAllocator.ClientsMax; i++)
        {
            Assert.True(identities.TryNext(out var identity));
            given.Add(identity);
        }

        Assert.Equal(IdentityAllocator.ClientsMax, given.Select(identity => identity.ClientId).Distinct().Count());
        Assert.False(identities.TryNext(out _));
        identities.Answered(given[1]);
        Assert.False(identities.TryNext(out _));
        identities.Answered(given[0]);
        Assert.True(identities.TryNext(out var next));
        Assert.Equal((7UL, (ulong)Limits.ClientRequestsInFlightMax + 1, 3UL), (next.ClientId, next.Sequence, next.AnsweredBelow));
    }

    [Fact]
    public void The_time_of_issue_never_decreases_when_the_clock_jumps_back()
    {
        var identities = new IdentityAllocator(7, () => _now);
        identities.TryNext(out var before);
        _now = HybridTime.FromUnixMilliseconds(500);
        identities.TryNext(out var after);
        Assert.True(after.IssuedAt >= before.IssuedAt);
    }
}
