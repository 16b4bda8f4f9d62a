using Atoll.Foundation;
using Atoll.Foundation.Time;
using Atoll.Services.Calls;
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
        for (var i = 0; i < 5; i++)
        {
            Assert.True(identities.TryNext(out _));
        }

        identities.Answered(2);
        identities.Answered(4);
        identities.TryNext(out var held);
        Assert.Equal(1UL, held.AnsweredBelow);

        identities.Answered(1);
        identities.TryNext(out var moved);
        Assert.Equal(3UL, moved.AnsweredBelow);

        identities.Answered(3);
        identities.TryNext(out var jumped);
        Assert.Equal(5UL, jumped.AnsweredBelow);
    }

    [Fact]
    public void A_client_with_too_many_under_way_gets_none_until_the_lowest_is_answered()
    {
        var identities = new IdentityAllocator(7, () => _now);
        for (var i = 0; i < Limits.ClientRequestsInFlightMax; i++)
        {
            Assert.True(identities.TryNext(out _));
        }

        Assert.False(identities.TryNext(out _));
        identities.Answered(2);
        Assert.False(identities.TryNext(out _));
        identities.Answered(1);
        Assert.True(identities.TryNext(out var next));
        Assert.Equal((ulong)Limits.ClientRequestsInFlightMax + 1, next.Sequence);
        Assert.Equal(3UL, next.AnsweredBelow);
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
