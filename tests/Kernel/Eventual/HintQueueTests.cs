using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Xunit;

namespace Atoll.Kernel.Tests.Eventual;

public sealed class HintQueueTests
{
    private static readonly NodeId Peer = new(2);
    private static readonly HintOptions Small = new()
    {
        BytesPerPeerMax = 1000, BytesMax = 1500, BytesPerSecond = 10_000, InFlightMax = 4,
    };

    private readonly Instant _start = Instant.FromMilliseconds(1000);

    [Fact]
    public void Hints_are_bounded_and_what_does_not_fit_is_counted()
    {
        var hints = new HintQueue(Small, []);
        Assert.Equal(HintOffer.Kept, hints.Offer(Peer, 900, new HybridTime(1), true, out _));
        Assert.Equal(HintOffer.Full, hints.Offer(Peer, 101, new HybridTime(2), true, out _));
        Assert.Equal(HintOffer.Kept, hints.Offer(new NodeId(3), 600, new HybridTime(3), true, out _));
        Assert.Equal(HintOffer.Full, hints.Offer(new NodeId(3), 1, new HybridTime(4), true, out _));
        Assert.Equal(1, hints.TakeDropped(Peer));
        Assert.Equal(0, hints.TakeDropped(Peer));
        Assert.Equal(new HybridTime(1), hints.EarliestStamp);
    }

    /// <summary>Museum, row 28.</summary>
    [Fact]
    public void Nothing_is_kept_in_a_region_that_may_not_hold_it()
    {
        var hints = new HintQueue(Small, []);
        Assert.Equal(HintOffer.NotAllowedHere, hints.Offer(Peer, 10, new HybridTime(1), false, out _));
        Assert.Empty(hints.Effects);
        Assert.Equal(1, hints.TakeDropped(Peer));
    }

    [Fact]
    public void Hints_are_handed_over_in_order_at_a_pace_and_only_while_the_peer_is_there()
    {
        var hints = new HintQueue(Small, []);
        for (var i = 0; i < 10; i++)
        {
            hints.Offer(Peer, 100, new HybridTime(1), true, out _);
        }

        hints.ClearEffects();
        hints.Tick(_start);
        Assert.Empty(hints.Effects);
        hints.SetReachable(Peer, true, _start);
        var taken = new List<ulong>();
        var now = _start;
        for (var step = 0; step < 200; step++)
        {
            now += Duration.FromMilliseconds(1);
            hints.Tick(now);
            foreach (var effect in hints.Effects.Where(effect => effect.Kind == HintEffectKind.HandOff).ToArray())
            {
                taken.Add(effect.Sequence);
                hints.Taken(Peer, effect.Sequence);
            }

            hints.ClearEffects();
            if (step == 49)
            {
                // 10,000 bytes in a second are five hints in 50 ms, and one that overdraws.
                Assert.InRange(taken.Count, 5, 7);
            }
        }

        Assert.Equal(Enumerable.Range(1, 10).Select(i => (ulong)i), taken);
        Assert.Equal(HybridTime.Max, hints.EarliestStamp);
        Assert.Equal(10, hints.Describe().Single().HandedOff);
    }

    [Fact]
    public void An_unanswered_hint_is_sent_again_and_no_more_than_a_few_are_under_way()
    {
        var hints = new HintQueue(Small with { BytesPerSecond = 1_000_000 }, []);
        for (var i = 0; i < 10; i++)
        {
            hints.Offer(Peer, 10, new HybridTime(1), true, out _);
        }

        hints.ClearEffects();
        hints.SetReachable(Peer, true, _start);
        hints.Tick(_start + Duration.FromMilliseconds(50));
        hints.Tick(_start + Duration.FromMilliseconds(60));
        Assert.Equal(4, hints.Effects.Count);
        hints.ClearEffects();
        hints.Tick(_start + Duration.FromSeconds(6));
        Assert.Equal([1UL, 2, 3, 4], hints.Effects.Select(effect => effect.Sequence));
    }

    [Fact]
    public void A_peer_that_refuses_is_left_alone_and_one_that_has_no_use_for_a_hint_gets_it_no_more()
    {
        var hints = new HintQueue(Small with { BytesPerSecond = 1_000_000 }, [new StoredHint(Peer, 5, 10, new HybridTime(1))]);
        hints.SetReachable(Peer, true, _start);
        hints.Tick(_start + Duration.FromMilliseconds(1));
        Assert.Equal(new HintEffect(HintEffectKind.HandOff, Peer, 5), hints.Effects.Single());
        hints.ClearEffects();
        hints.Refused(Peer, 5, RefusalReason.Overloaded, _start);
        hints.Tick(_start + Duration.FromSeconds(6));
        Assert.Empty(hints.Effects);
        hints.Tick(_start + Duration.FromSeconds(11));
        Assert.Equal(HintEffectKind.HandOff, hints.Effects.Single().Kind);
        hints.ClearEffects();
        hints.Refused(Peer, 5, RefusalReason.WrongReplica, _start);
        Assert.Equal(new HintEffect(HintEffectKind.Delete, Peer, 5), hints.Effects.Single());
    }
}
