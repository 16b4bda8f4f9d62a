using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Xunit;

namespace Atoll.Kernel.Tests.Eventual;

/// <summary>Trees, messages, horizons and the schedule of anti-entropy, each alone.</summary>
public sealed class SyncTests
{
    private SyncMessage _lastAsked;

    [Fact]
    public void A_tree_that_is_kept_up_to_date_equals_one_that_is_built_anew()
    {
        var random = new Prng(1);
        for (var round = 0; round < 50; round++)
        {
            var first = random.Chance(500_000) ? 0 : random.NextUInt64() >> 1;
            var last = random.Chance(300_000) ? ulong.MaxValue : first + (random.NextUInt64() >> random.NextInt(1, 60));
            last = last < first ? ulong.MaxValue : last;
            var depth = random.NextInt(0, 6);
            var kept = new MerkleTree(first, last, depth);
            var hashes = new SortedDictionary<ulong, UInt128>();
            for (var i = 0; i < 200; i++)
            {
                var offset = last - first == ulong.MaxValue ? random.NextUInt64() : random.NextBelow(last - first + 1);
                var token = random.Chance(100_000) ? last : first + offset;
                var hash = random.Chance(300_000) ? 0 : new UInt128(random.NextUInt64(), random.NextUInt64());
                kept.Update(token, hashes.GetValueOrDefault(token), hash);
                hashes[token] = hash;
                var (leafFirst, leafLast) = kept.TokensOf(kept.LeafOf(token));
                Assert.InRange(token, leafFirst, leafLast);
            }

            var built = new MerkleTree(first, last, depth);
            foreach (var (token, hash) in hashes.Reverse())
            {
                built.Update(token, 0, hash);
            }

            for (var node = 1; built.Contains(node); node++)
            {
                Assert.Equal(built.HashOf(node), kept.HashOf(node));
            }
        }
    }

    [Fact]
    public void Messages_are_read_back_and_damaged_ones_never_throw()
    {
        var random = new Prng(2);
        var report = new HorizonReport(3, new HybridTime(9), new HybridTime(8), new HybridTime(7));
        var partitions = ImmutableArray.Create(
            new PartitionHash(new byte[] { 1 }, 5), new PartitionHash(new byte[] { 1, 2 }, UInt128.MaxValue));
        foreach (var kind in Enum.GetValues<SyncMessageKind>())
        {
            var message = new SyncMessage
            {
                Kind = kind, Exchange = 7, Sequence = 300, FirstToken = 5, LastToken = 6, Depth = 4, Report = report,
                Nodes = kind == SyncMessageKind.Partitions ? [12] : [1, 2, 3], Hashes = [1, 2, UInt128.MaxValue], Partitions = partitions,
                Key = new byte[] { 4 }, ThroughKey = new byte[] { 5 }, Offered = 2, Version = new byte[] { 6, 7 },
                Stamp = new HybridTime(77),
            };
            var bytes = Bytes(message);
            Assert.True(SyncMessageCodec.TryRead(bytes, out var read));
            Assert.Equal(bytes, Bytes(read));
            for (var length = 0; length < bytes.Length; length++)
            {
                Assert.False(SyncMessageCodec.TryRead(bytes.AsMemory(0, length), out _));
            }

            for (var i = 0; i < 500; i++)
            {
                var damaged = (byte[])bytes.Clone();
                damaged[random.NextInt(0, damaged.Length - 1)] ^= (byte)random.NextInt(1, 255);
                SyncMessageCodec.TryRead(damaged, out _);
            }
        }
    }

    /// <summary>It once asked for the whole page anew every two seconds: a slow replica never came to its end.</summary>
    [Fact]
    public void A_page_that_is_merged_slowly_is_not_asked_for_again_and_what_was_lost_is_listed_anew()
    {
        var now = Instant.FromMilliseconds(1000);
        var tree = new MerkleTree(0, ulong.MaxValue, 0);
        var report = new HorizonReport(1, new HybridTime(9), HybridTime.Zero, HybridTime.Zero);
        var sync = new SyncInitiator(new SyncOptions(), tree, 5, report, now);
        var listed = 0;
        var other = new HorizonReport(1, new HybridTime(8), HybridTime.Zero, HybridTime.Zero);
        Answer(SyncMessageKind.Opened, message => message with { Report = other });
        Answer(SyncMessageKind.Mismatches, static message => message with { Nodes = [1] });
        List();
        Answer(SyncMessageKind.Wanted, static message => message with { Offered = 100, Partitions = [] });
        var sequence = _lastAsked.Sequence;

        // One is lost; the others take 20 seconds together.
        Merge(sequence, 99);
        Assert.Equal(1, listed);
        for (var i = 0; i < 30; i++)
        {
            now += Duration.FromMilliseconds(100);
            sync.Tick(now);
        }

        List();
        Assert.Equal(2, listed);
        Answer(SyncMessageKind.Wanted, static message => message with { Offered = 1, Partitions = [] });
        Merge(_lastAsked.Sequence, 1);
        Assert.True(sync.IsOver);
        Assert.Equal(new HybridTime(8), TakeAll().Single(effect => effect.Kind == SyncEffectKind.Done).Message.Stamp);

        void Answer(SyncMessageKind kind, Func<SyncMessage, SyncMessage> with)
        {
            _lastAsked = TakeAll().Single(effect => effect.Kind == SyncEffectKind.Send).Message;
            sync.Step(with(new SyncMessage { Kind = kind, Exchange = 5, Sequence = _lastAsked.Sequence }), now);
        }

        void List()
        {
            Assert.Equal(SyncEffectKind.List, TakeAll().Single().Kind);
            listed++;
            sync.Listed([], true, now);
        }

        void Merge(ulong page, int count)
        {
            for (var i = 0; i < count; i++)
            {
                sync.Step(new SyncMessage { Kind = SyncMessageKind.Data, Exchange = 5, Sequence = page, Key = new[] { (byte)i } }, now);
            }

            foreach (var merge in TakeAll())
            {
                Assert.Equal(SyncEffectKind.Merge, merge.Kind);
                now += Duration.FromMilliseconds(200);
                sync.Tick(now);
                sync.Merged(merge.Message, now);
            }
        }

        SyncEffect[] TakeAll()
        {
            var effects = Enumerable.Range(0, sync.Effects.Count).Select(i => sync.Effects[i]).ToArray();
            sync.Effects.Clear();
            return effects;
        }
    }

    [Fact]
    public void A_tombstone_goes_only_when_every_replica_has_everything()
    {
        var (a, b) = (NewHorizon(1), NewHorizon(2));
        a.Close(new HybridTime(50));
        b.Close(new HybridTime(60));
        Assert.False(a.Admits(new HybridTime(50)));
        Assert.True(a.Admits(new HybridTime(51)));
        a.Synced(new NodeId(2), new HybridTime(50));
        b.Synced(new NodeId(1), new HybridTime(50));
        a.Synced(new NodeId(3), new HybridTime(40));
        b.Synced(new NodeId(3), new HybridTime(40));
        Assert.Equal(new HybridTime(40), a.CompleteThrough);
        a.Reported(new NodeId(2), b.Report);
        Assert.Equal(HybridTime.Zero, a.Horizon);
        a.Reported(new NodeId(3), new HorizonReport(1, new HybridTime(40), new HybridTime(30), HybridTime.Zero));
        Assert.Equal(new HybridTime(30), a.Horizon);
        Assert.True(a.MayDrop(new HybridTime(30), new HybridTime(20)));
        Assert.False(a.MayDrop(new HybridTime(31), new HybridTime(20)));
        Assert.False(a.MayDrop(new HybridTime(20), new HybridTime(31)));
        Assert.True(a.AdmitsFrom(new HybridTime(30)));
        Assert.False(a.AdmitsFrom(new HybridTime(29)));

        // A new replica holds it back, and the horizon never goes back.
        a.SetReplicas(2, [new(1), new(2), new(4)]);
        a.Reported(new NodeId(2), new HorizonReport(2, new HybridTime(90), new HybridTime(90), HybridTime.Zero));
        Assert.Equal(new HybridTime(30), a.Horizon);
        a.Reported(new NodeId(4), new HorizonReport(2, new HybridTime(90), new HybridTime(35), HybridTime.Zero));
        Assert.Equal(new HybridTime(35), a.Horizon);
    }

    [Fact]
    public void A_horizon_is_restored_and_damaged_ones_are_refused()
    {
        var horizon = NewHorizon(1);
        horizon.Close(new HybridTime(50));
        horizon.Synced(new NodeId(2), new HybridTime(50));
        horizon.Synced(new NodeId(3), new HybridTime(45));
        var bytes = Bytes(horizon);
        var restored = RangeHorizon.TryRead(new NodeId(1), bytes)!;
        Assert.Equal(bytes, Bytes(restored));
        Assert.Equal(horizon.Report, restored.Report);
        Assert.Null(RangeHorizon.TryRead(new NodeId(9), bytes));
        var random = new Prng(3);
        for (var i = 0; i < 2000; i++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[random.NextInt(0, damaged.Length - 1)] ^= (byte)random.NextInt(1, 255);
            RangeHorizon.TryRead(new NodeId(1), damaged.AsMemory(0, random.NextInt(0, damaged.Length)));
        }
    }

    [Fact]
    public void All_pairs_are_compared_in_turn_and_a_peer_that_missed_writes_goes_first()
    {
        var options = new SyncOptions { ExchangesMax = 2, Interval = Duration.FromSeconds(10), RetryAfter = Duration.FromSeconds(1) };
        var schedule = new SyncSchedule(options, new NodeId(2));
        var now = Instant.FromMilliseconds(1000);
        for (var range = 1UL; range <= 3; range++)
        {
            schedule.SetReplicas(range, [new(1), new(2), new(3), new(4)], now);
        }

        Assert.Equal(Duration.Infinite, schedule.Lag(now));
        var begun = new List<SyncPair>();
        for (var step = 0; step < 20; step++)
        {
            now += Duration.FromMilliseconds(100);
            while (schedule.TryBegin(now, out var pair))
            {
                begun.Add(pair);
            }

            Assert.True(schedule.UnderWay <= 2);
            foreach (var pair in begun.TakeLast(schedule.UnderWay).ToArray())
            {
                schedule.Ended(pair, isDone: pair.Range != 3 || begun.Count(other => other == pair) > 1, now);
            }
        }

        // Node 1 conducts with us, we with 3 and 4; what failed was tried again after a second.
        Assert.Equal(8, begun.Count);
        Assert.Equal(6, begun.Distinct().Count());
        Assert.DoesNotContain(new NodeId(1), begun.Select(pair => pair.Peer));
        Assert.False(schedule.TryBegin(now, out _));
        schedule.SetReachable(new NodeId(4), false, now);
        schedule.SetReachable(new NodeId(4), true, now);
        Assert.True(schedule.TryBegin(now, out var first));
        Assert.Equal(new NodeId(4), first.Peer);
    }

    [Fact]
    public void The_least_floor_waits_for_every_node()
    {
        var floors = new CoordinationFloors();
        floors.Told(new NodeId(1), new HybridTime(9));
        Assert.Equal(HybridTime.Zero, floors.Least([new(1), new(2)]));
        floors.Told(new NodeId(2), new HybridTime(7));
        floors.Told(new NodeId(2), new HybridTime(5));
        Assert.Equal(new HybridTime(7), floors.Least([new(1), new(2)]));
        Assert.Equal(new HybridTime(4), CoordinationFloors.Of(new HybridTime(9), new HybridTime(5)));
        Assert.Equal(new HybridTime(8), CoordinationFloors.Of(new HybridTime(9), HybridTime.Max));
    }

    private static RangeHorizon NewHorizon(uint self) => new(new NodeId(self), 1, [new(1), new(2), new(3)], HybridTime.Zero);

    private static byte[] Bytes(RangeHorizon horizon)
    {
        var writer = new WireWriter();
        horizon.Write(writer);
        return writer.ToArray();
    }

    private static byte[] Bytes(in SyncMessage message)
    {
        var writer = new WireWriter();
        SyncMessageCodec.Write(writer, message);
        return writer.ToArray();
    }
}
