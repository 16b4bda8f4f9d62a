using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Tests.Rows;
using Xunit;

namespace Atoll.StateMachines.Tests.Eventual;

/// <summary>What replicas agree on, whatever they were told first, and how often.</summary>
public sealed class EventualConvergenceTests
{
    private const long BeginMilliseconds = 1_000_000;

    [Fact]
    public void Any_order_and_any_repetition_of_the_same_versions_ends_in_the_same_records_and_the_same_root()
    {
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var random = new Prng(seed);
            var versions = Versions(random, 40);
            var replicas = Enumerable.Range(0, 3).Select(_ => new EventualReplica()).ToArray();
            foreach (var replica in replicas)
            {
                Tell(replica, versions, random);
                replica.Expire();
            }

            foreach (var replica in replicas)
            {
                Assert.Equal(replicas[0].Machine.Hashes.Root, replica.Machine.Hashes.Root);
                Assert.Equal(replicas[0].Whole().ToArray(), replica.Whole().ToArray());
                Assert.Equal(replicas[0].Machine.RecordCount, replica.Machine.RecordCount);
                Assert.Equal(replicas[0].Machine.Bytes, replica.Machine.Bytes);
                CheckHashes(replica);
            }

            // The whole is what merging them without any machine gives.
            Assert.Equal(EventualReplica.Data.Merge([.. versions]).ToArray(), replicas[0].Whole().ToArray());
        }
    }

    [Fact]
    public void Merging_versions_commutes_associates_and_repeats_to_the_byte()
    {
        for (ulong seed = 1; seed <= 300; seed++)
        {
            var random = new Prng(seed);
            var now = HybridTime.FromUnixMilliseconds(BeginMilliseconds + 1_000);
            var query = RandomQuery(random);
            var parts = Enumerable.Range(0, 3).Select(_ =>
            {
                var replica = new EventualReplica();
                foreach (var version in Versions(random, 12))
                {
                    replica.Merge(version);
                }

                return replica.Raw(query, now);
            }).ToArray();
            ReadOnlyMemory<byte> Merge(params ReadOnlyMemory<byte>[] versions) => EventualReplica.Data.Merge(versions);
            var (a, b, c) = (parts[0], parts[1], parts[2]);
            Assert.Equal(Merge(a, b).ToArray(), Merge(b, a).ToArray());
            Assert.Equal(Merge(Merge(a, b), c).ToArray(), Merge(a, Merge(b, c)).ToArray());
            Assert.Equal(Merge(a, b, c).ToArray(), Merge(c, a, b).ToArray());
            Assert.Equal(Merge(a, b).ToArray(), Merge(Merge(a, b), b, a).ToArray());
            Assert.Equal(a.ToArray(), Merge(a, a).ToArray());
        }
    }

    [Fact]
    public void A_replica_that_takes_its_repair_answers_as_the_merged_version_does()
    {
        for (ulong seed = 1; seed <= 150; seed++)
        {
            var random = new Prng(seed);
            var versions = Versions(random, 30);
            var replicas = Enumerable.Range(0, 3).Select(_ => new EventualReplica()).ToArray();
            foreach (var version in versions)
            {
                foreach (var replica in replicas)
                {
                    if (random.Chance(600_000))
                    {
                        replica.Merge(version);
                    }
                }
            }

            var now = HybridTime.FromUnixMilliseconds(BeginMilliseconds + 20);
            var query = EventualReplica.Query(new TokenRangeRead(long.MinValue, long.MaxValue, new RowsSelection()));
            var held = replicas.Select(replica => replica.Raw(query, now)).ToArray();
            var merged = EventualReplica.Data.Merge(held);
            for (var i = 0; i < replicas.Length; i++)
            {
                var repair = EventualReplica.Data.RepairOf(merged, held[i]);
                Assert.Equal(repair.IsEmpty, merged.Span.SequenceEqual(held[i].Span));
                replicas[i].Merge(repair);
                Assert.Equal(
                    EventualReplica.Data.DigestOf(merged), EventualReplica.Data.DigestOf(replicas[i].Raw(query, now)));
            }
        }
    }

    [Fact]
    public void Replicas_that_exchange_records_by_their_hashes_end_equal()
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            var random = new Prng(seed);
            var versions = Versions(random, 30);
            var (one, other) = (new EventualReplica(), new EventualReplica());
            foreach (var version in versions)
            {
                (random.Chance(500_000) ? one : other).Merge(version);
            }

            one.Expire();
            Exchange(one, other, random);
            Exchange(other, one, random);
            one.Expire();
            other.Expire();
            Assert.Equal(one.Machine.Hashes.Root, other.Machine.Hashes.Root);
            Assert.Equal(one.Whole().ToArray(), other.Whole().ToArray());
        }
    }

    [Fact]
    public void Replays_snapshots_and_starts_are_the_same_state()
    {
        for (ulong seed = 1; seed <= 10; seed++)
        {
            var random = new Prng(seed);
            var original = new EventualReplica();
            foreach (var version in Versions(random, 60))
            {
                original.Merge(version);
                if (random.Chance(200_000))
                {
                    original.Expire();
                    original.MoveHorizon(HybridTime.FromUnixMilliseconds(BeginMilliseconds + random.NextInt(0, 40)));
                    original.Take(new EventualChange { Notes = [new Note(RowsReplica.Bytes($"n{random.NextInt(0, 9)}"),
                        new byte[] { 7 })] });
                }
            }

            var replayed = new EventualReplica();
            foreach (var entry in original.Replica.Log)
            {
                replayed.Replica.Apply(entry);
            }

            Assert.Equal(original.Replica.State.StateHash(), replayed.Replica.State.StateHash());
            var restored = new EventualReplica();
            var target = restored.Replica.State.BeginRestore(original.Replica.State.AppliedIndex);
            Assert.True(target.Accept(original.Replica.Snapshot()), target.Error);
            target.Finish(Assert.Null);
            Assert.Equal(original.Replica.State.StateHash(), restored.Replica.State.StateHash());
            Assert.Equal(original.Replica.Snapshot(), restored.Replica.Snapshot());
            Assert.Equal(original.Notes("").Notes.Length, restored.Notes("").Notes.Length);
            CheckHashes(restored);
        }
    }

    private static List<ReadOnlyMemory<byte>> Versions(Prng random, int count)
    {
        var versions = new List<ReadOnlyMemory<byte>>();
        for (var i = 0; i < count; i++)
        {
            // Few timestamps and stamps, not in the order of each other.
            var timestamp = (BeginMilliseconds * 1000) + random.NextInt(0, 20);
            var stamp = HybridTime.FromUnixMilliseconds(BeginMilliseconds + random.NextInt(0, 20));
            versions.Add(RowsVersion.OfMutation(RandomMutations.Draw(random), timestamp, stamp));
        }

        return versions;
    }

    private static void Tell(EventualReplica replica, List<ReadOnlyMemory<byte>> versions, Prng random)
    {
        var left = versions.Concat(versions.Where(_ => random.Chance(300_000))).ToList();
        while (left.Count > 0)
        {
            // One, or several that somebody merged before.
            var several = new List<ReadOnlyMemory<byte>>();
            for (var i = random.Chance(200_000) ? 3 : 1; i > 0 && left.Count > 0; i--)
            {
                var at = random.NextInt(0, left.Count - 1);
                several.Add(left[at]);
                left.RemoveAt(at);
            }

            replica.Merge(EventualReplica.Data.Merge([.. several]));
            if (random.Chance(100_000))
            {
                replica.Expire();
            }
        }
    }

    private static byte[] RandomQuery(Prng random)
    {
        var selection = new RowsSelection { RowsMax = random.NextInt(1, 6), RowsPerPartitionMax = random.NextInt(0, 3) };
        return random.Chance(500_000)
            ? EventualReplica.Query(new TokenRangeRead(long.MinValue, long.MaxValue, selection))
            : EventualReplica.Query(new PartitionRead(
                RowsReplica.TokenOf("k"), RowsReplica.Bytes("k"), selection with { Reverse = random.Chance(500_000) }));
    }

    private static void Exchange(EventualReplica from, EventualReplica to, Prng random)
    {
        byte[] after = [];
        for (var more = true; more;)
        {
            var (records, isComplete) = from.List(after: after, count: random.NextInt(1, 7));
            foreach (var record in records)
            {
                to.Merge(from.Record(record.Key));
            }

            after = records.IsEmpty ? after : records[^1].Key.ToArray();
            more = !isComplete;
        }
    }

    private static void CheckHashes(EventualReplica replica)
    {
        UInt128 sum = 0;
        var (records, isComplete) = replica.List(count: 100_000);
        foreach (var record in records)
        {
            sum = unchecked(sum + record.Hash);
        }

        Assert.True(isComplete);
        Assert.Equal(replica.Machine.RecordCount, records.Length);
        Assert.Equal(replica.Machine.Hashes.Root, sum);
    }
}
