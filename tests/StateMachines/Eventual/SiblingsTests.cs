using System.Text;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Records;
using Xunit;

namespace Atoll.StateMachines.Tests.Eventual;

/// <summary>Records that keep siblings: what replicas have, and what clients are answered.</summary>
public sealed class SiblingsTests
{
    private const long BeginMilliseconds = 1_000_000;

    private ulong _steps;

    [Fact]
    public void Replicas_that_were_told_the_same_are_equal_and_forget_what_is_deleted_alike()
    {
        for (ulong seed = 1; seed <= 30; seed++)
        {
            var random = new Prng(seed);
            var replicas = Enumerable.Range(0, 3).Select(_ => new EventualReplica()).ToArray();
            var versions = new List<ReadOnlyMemory<byte>>();
            for (var i = 0; i < 40; i++)
            {
                var (at, key) = (random.NextInt(0, 2), random.Pick(["a", "b", "c"]));
                var seen = random.Chance(700_000) ? Get(replicas[random.NextInt(0, 2)], key).Context : default;
                var result = Put(replicas[at], at, key, seen, random.Chance(800_000) ? $"{i}" : null);
                Assert.Equal(EventualStatus.Ok, result.Status);
                versions.Add(result.Version.ToArray());
                foreach (var replica in replicas.Where(_ => random.Chance(300_000)))
                {
                    replica.Merge(random.Pick(versions));
                }
            }

            versions.ForEach(version => Array.ForEach(replicas, replica => replica.Merge(version)));
            Assert.Single(replicas.Select(replica => replica.Machine.Hashes.Root).Distinct());
            for (var i = 0; i < 3; i++)
            {
                Put(replicas[i], i, "c", Get(replicas[i], "c").Context, null);
            }

            Array.ForEach(replicas, replica => Array.ForEach(replicas, other => replica.Merge(other.Whole())));
            var before = Described(replicas[0]);
            foreach (var (replica, position) in replicas.Select((replica, position) => (replica, position)))
            {
                replica.MoveHorizon(HybridTime.FromUnixMilliseconds(BeginMilliseconds + 10 + position));
                replica.Expire();
                replica.MoveHorizon(HybridTime.FromUnixMilliseconds(BeginMilliseconds + 10_000));
                replica.Expire();
            }

            Assert.Single(replicas.Select(replica => replica.Machine.Hashes.Root).Distinct());
            Assert.All(replicas, replica => Assert.Equal(before, Described(replica)));
            Assert.True(Get(replicas[0], "c").Context.IsEmpty); // nothing is left of it
            Assert.All(replicas, static replica => Assert.Null(replica.Machine.NextExpiry));
        }
    }

    [Fact]
    public void A_record_takes_so_many_siblings_and_then_only_what_leaves_it_no_more()
    {
        var replica = new EventualReplica();
        for (var i = 0; i < Limits.SiblingsMax; i++)
        {
            Assert.Equal(EventualStatus.Ok, Put(replica, 0, "a", default, $"{i}").Status);
        }

        var refused = Put(replica, 0, "a", default, "more");
        Assert.Equal(EventualStatus.TooLarge, refused.Status);
        Assert.Contains("64 siblings", refused.Detail, StringComparison.Ordinal);
        var all = Get(replica, "a");
        Assert.Equal(Limits.SiblingsMax, all.Siblings.Count);
        Assert.Equal(EventualStatus.Ok, Put(replica, 0, "a", all.Context, "one").Status);
        Assert.Equal("one", Values(Get(replica, "a")));

        var large = new string('x', Limits.SiblingBytesMax);
        Assert.Equal(EventualStatus.Ok, Put(replica, 0, "b", default, large).Status);
        Assert.Equal(EventualStatus.TooLarge, Put(replica, 0, "b", default, large).Status);
    }

    [Fact]
    public void A_write_that_two_replicas_took_is_seen_once_and_replaced_at_once()
    {
        var (a, b) = (new EventualReplica(), new EventualReplica());
        var id = new CounterUpdateId(HybridTime.FromUnixMilliseconds(BeginMilliseconds), 1, 1);
        var first = Put(a, 0, "k", default, "v", id);
        Assert.Equal(first.Version.ToArray(), Put(a, 0, "k", default, "v", id).Version.ToArray());
        b.Merge(first.Version);
        var c = new EventualReplica();
        b.Merge(Put(c, 2, "k", default, "v", id).Version);
        var seen = Get(b, "k");
        Assert.Equal("v", Values(seen));
        Put(b, 1, "k", seen.Context, "w");
        Assert.Equal("w", Values(Get(b, "k")));
    }

    [Fact]
    public void A_context_fits_its_record_only_and_damaged_ones_are_refused()
    {
        var replica = new EventualReplica();
        Put(replica, 0, "a", default, "1");
        var context = Get(replica, "a").Context.ToArray();
        Assert.True(RecordSiblings.TryReadContext(context, "a"u8, out var seen));
        Assert.Equal(1, seen.Count);
        Assert.True(RecordSiblings.TryReadContext(default, "b"u8, out _));
        Assert.False(RecordSiblings.TryReadContext(context, "b"u8, out _));
        for (var i = 0; i < context.Length; i++)
        {
            var damaged = (byte[])context.Clone();
            damaged[i] ^= 1;
            Assert.False(RecordSiblings.TryReadContext(damaged, "a"u8, out _));
            Assert.Equal(i == 0, RecordSiblings.TryReadContext(context.AsMemory(0, i), "a"u8, out _));
        }
    }

    [Fact]
    public void A_scan_passes_over_records_of_which_only_deletions_are_known()
    {
        var replica = new EventualReplica();
        Put(replica, 0, "a", default, "1");
        Put(replica, 0, "b", default, "2");
        Put(replica, 0, "b", Get(replica, "b").Context, null);
        Put(replica, 0, "c", default, "3");
        Put(replica, 0, "c", default, "4");
        Assert.Equal("a: 1; c: 4, 3", Described(replica));
        var deleted = Get(replica, "b");
        Assert.True(deleted.Siblings.Single().IsDeletion);
        Put(replica, 0, "b", deleted.Context, "5");
        Assert.Equal("a: 1; b: 5; c: 4, 3", Described(replica));
    }

    [Fact]
    public void A_version_with_more_than_its_own_write_says_its_basis()
    {
        var put = Put(new EventualReplica(), 0, "a", default, "1");
        Assert.Equal(new HybridTime(77), RowsVersion.BasisOf(put.Version));
        Assert.Null(RowsVersion.BasisOf(
            EventualReplica.Data.Merge([put.Version, Put(new EventualReplica(), 1, "a", default, "2").Version])));
        Assert.Null(RowsVersion.BasisOf(default));
    }

    private static string Values(RecordSiblings siblings) =>
        string.Join(", ", siblings.Values.Select(static sibling => Encoding.UTF8.GetString(sibling.Value.Span)));

    private static string Described(EventualReplica replica)
    {
        var scan = new WireWriter();
        RecordsQuery.WriteScan(scan, ScanQuery.OfPrefix(default));
        Assert.True(RecordsResultCodec.TryReadScan(Ask(replica, scan.ToArray()), out var page));
        return string.Join("; ", page.Rows.Select(static row =>
            $"{Encoding.UTF8.GetString(row.Key.Span)}: {(RecordSiblings.TryRead(row.Value, out var siblings) ? Values(siblings) : "?")}"));
    }

    private static RecordSiblings Get(EventualReplica replica, string key)
    {
        var get = new WireWriter();
        RecordsQuery.WriteGet(get, Encoding.UTF8.GetBytes(key));
        Assert.True(RecordsResultCodec.TryReadGet(Ask(replica, get.ToArray()), out var result));
        if (result.Status == RecordsStatus.NotFound)
        {
            return RecordSiblings.None;
        }

        Assert.True(RecordSiblings.TryRead(result.Value, out var siblings));
        return siblings;
    }

    private static byte[] Ask(EventualReplica replica, byte[] query)
    {
        var now = HybridTime.FromUnixMilliseconds(BeginMilliseconds + 100_000);
        var asked = new WireWriter();
        Assert.Null(RecordsPages.TryWriteQuery(query, now, asked));
        Assert.True(EventualQuery.TryReadVersion(replica.Replica.Read(w => w.WriteRaw(asked.Written)), out var version));
        var result = new WireWriter();
        RecordsPages.Write(query, version, now, result);
        return result.ToArray();
    }

    private EventualResult Put(
        EventualReplica replica, int origin, string key, ReadOnlyMemory<byte> context, string? value, CounterUpdateId? id = null)
    {
        var stamp = HybridTime.FromUnixMilliseconds(BeginMilliseconds + (long)++_steps);
        var keyBytes = Encoding.UTF8.GetBytes(key);
        Assert.True(RecordSiblings.TryReadContext(context, keyBytes, out var seen));
        var write = new Sibling(
            new CounterOrigin(new NodeId((uint)origin + 1), 1), HybridTime.Zero, id ?? new CounterUpdateId(stamp, 1, _steps),
            value is null, 0, value is null ? default : Encoding.UTF8.GetBytes(value));
        var (_, result) = replica.Replica.Propose(
            writer => new SiblingPut(keyBytes, seen, write, stamp, new HybridTime(77)).WriteTo(writer));
        Assert.True(EventualResult.TryRead(result, out var read));
        return read;
    }
}
