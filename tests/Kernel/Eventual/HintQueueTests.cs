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
        Assert.Equal([5UL, 6, 7, 8], hints.Effects.Select(effect => effect.Sequence));
        foreach (var effect in hints.Effects.ToArray())
        {
            hints.Taken(Peer, effect.Sequence);
        }

        hints.ClearEffects();
        hints.Tick(_start + Duration.FromSeconds(7));
        Assert.Equal([9UL, 10, 1, 2], hints.Effects.Select(effect => effect.Sequence));
    }

    [Fact]
    public void A_peer_that_refuses_is_left_alone_for_longer_and_longer()
    {
        var hints = new HintQueue(Small with { BytesPerSecond = 1_000_000 }, [new StoredHint(Peer, 5, 10, new HybridTime(1))]);
        hints.SetReachable(Peer, true, _start);
        var sent = new List<Instant>();
        var now = _start;
        for (var step = 0; step < 6_000; step++)
        {
            now += Duration.FromMilliseconds(10);
            hints.Tick(now);
            if (hints.Effects.Count > 0)
            {
                sent.Add(now);
                hints.ClearEffects();
                hints.Refused(Peer, 5, RefusalReason.Overloaded, now);
            }
        }

        // After 0.1, 0.2, 0.4, ... 6.4 seconds, then every 10.
        Assert.InRange(sent.Count, 11, 13);
        Assert.Equal(Duration.FromMilliseconds(100), sent[1] - sent[0]);
        Assert.Equal(Duration.FromSeconds(10), sent[^1] - sent[^2]);
    }

    [Theory]
    [InlineData(RefusalReason.WrongReplica)]
    [InlineData(RefusalReason.TooOld)]
    [InlineData(RefusalReason.TooLarge)]
    [InlineData(RefusalReason.Invalid)]
    public void A_hint_that_would_be_refused_for_ever_is_handed_over_no_more(RefusalReason reason)
    {
        var hints = new HintQueue(Small, [new StoredHint(Peer, 5, 10, new HybridTime(1))]);
        hints.SetReachable(Peer, true, _start);
        hints.Tick(_start + Duration.FromMilliseconds(1));
        hints.ClearEffects();
        hints.Refused(Peer, 5, reason, _start);
        Assert.Equal(new HintEffect(HintEffectKind.Delete, Peer, 5), hints.Effects.Single());
        Assert.Equal(HybridTime.Max, hints.EarliestStamp);
    }

    /// <summary>Four at a time every ten seconds it once was, and floors stood still for minutes.</summary>
    [Fact]
    public void A_peer_that_takes_few_at_a_time_gets_all_of_them_soon()
    {
        var hints = new HintQueue(new HintOptions(), []);
        for (var i = 1; i <= 500; i++)
        {
            hints.Offer(Peer, 100, new HybridTime((ulong)i), true, out _);
        }

        hints.ClearEffects();
        hints.SetReachable(Peer, true, _start);
        var now = _start;
        while (hints.EarliestStamp != HybridTime.Max)
        {
            now += Duration.FromMilliseconds(10);
            Assert.True(now - _start < Duration.FromSeconds(30));
            hints.Tick(now);
            var sent = hints.Effects.Where(effect => effect.Kind == HintEffectKind.HandOff).Select(effect => effect.Sequence).ToArray();
            hints.ClearEffects();
            for (var i = 0; i < sent.Length; i++)
            {
                if (i < 4)
                {
                    hints.Taken(Peer, sent[i]);
                }
                else
                {
                    hints.Refused(Peer, sent[i], RefusalReason.Overloaded, now);
                }
            }
        }
    }

    [Fact]
    public void What_one_range_refuses_does_not_keep_the_others_waiting()
    {
        var hints = new HintQueue(Small with { BytesPerSecond = 1_000_000 }, []);
        for (var i = 1; i <= 20; i++)
        {
            hints.Offer(Peer, 10, new HybridTime((ulong)i), true, out _);
        }

        hints.ClearEffects();
        hints.SetReachable(Peer, true, _start);
        var taken = new HashSet<ulong>();
        for (var now = _start; now - _start < Duration.FromSeconds(60); now += Duration.FromMilliseconds(10))
        {
            hints.Tick(now);
            foreach (var effect in hints.Effects.Where(effect => effect.Kind == HintEffectKind.HandOff).ToArray())
            {
                if (effect.Sequence <= 10)
                {
                    hints.Refused(Peer, effect.Sequence, RefusalReason.DiskFailed, now);
                }
                else
                {
                    taken.Add(effect.Sequence);
                    hints.Taken(Peer, effect.Sequence);
                }
            }

            hints.ClearEffects();
        }

        Assert.Equal(10, taken.Count);
        Assert.Equal(new HybridTime(1), hints.EarliestStamp);
    }
}
