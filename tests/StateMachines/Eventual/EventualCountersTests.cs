using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Kernel.Eventual;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Rows;
using Xunit;
using static Atoll.StateMachines.Tests.Rows.RowsReplica;

namespace Atoll.StateMachines.Tests.Eventual;

/// <summary>Counters whose replicas add by themselves are exact, whatever is retried where (museum, row 25).</summary>
public sealed class EventualCountersTests
{
    private const uint Column = 2;

    [Fact]
    public void Every_update_counts_once_wherever_it_was_retried_and_whenever_it_is_forgotten()
    {
        for (ulong seed = 1; seed <= 20; seed++)
        {
            var random = new Prng(seed);
            var replicas = Enumerable.Range(0, 3).Select(_ => new EventualReplica()).ToArray();
            var expected = new long[2];
            var versions = new List<ReadOnlyMemory<byte>>();
            for (var number = 1; number <= 30; number++)
            {
                var (row, delta) = (random.NextInt(0, 1), (long)random.NextInt(-5, 20));
                expected[row] += delta;
                for (var tries = random.NextInt(1, 3); tries > 0; tries--)
                {
                    var at = random.NextInt(0, 2);
                    var result = replicas[at].Increment(Increment($"{row}", delta, number, at));
                    Assert.Equal(EventualStatus.Ok, result.Status);
                    versions.Add(result.Version.ToArray());
                }

                foreach (var replica in replicas.Where(_ => random.Chance(300_000)))
                {
                    replica.Merge(random.Pick(versions));
                }
            }

            Settle(replicas, versions);
            Assert.All(replicas, replica => Assert.Equal((expected[0], expected[1]), (Sum(replica, "0"), Sum(replica, "1"))));
            Assert.Single(replicas.Select(replica => replica.Machine.Hashes.Root).Distinct());

            // Horizons that come in different steps end in the same bytes.
            foreach (var (replica, position) in replicas.Select((replica, position) => (replica, position)))
            {
                for (var at = 1_000 + (position * 7); at < 1_060; at += 5 + position)
                {
                    replica.MoveHorizon(HybridTime.FromUnixMilliseconds(at));
                    replica.Expire();
                }

                replica.MoveHorizon(HybridTime.FromUnixMilliseconds(1_100));
                replica.Expire();
            }

            Assert.All(replicas, replica => Assert.Equal((expected[0], expected[1]), (Sum(replica, "0"), Sum(replica, "1"))));
            Assert.Single(replicas.Select(replica => replica.Machine.Hashes.Root).Distinct());
            Assert.All(replicas, replica => Assert.Null(replica.Machine.NextExpiry));

            // What comes late from before, and what is tried again after all, changes nothing.
            Settle(replicas, versions);
            Assert.All(replicas, replica => Assert.Equal((expected[0], expected[1]), (Sum(replica, "0"), Sum(replica, "1"))));
            Assert.Equal(EventualStatus.Forgotten, replicas[0].Increment(Increment("0", 5, 3, 0)).Status);
            Assert.Equal(expected[0], Sum(replicas[0], "0"));
        }
    }

    [Fact]
    public void A_hint_from_before_an_update_was_known_to_be_doubled_settles_nothing()
    {
        var (a, b, c) = (new EventualReplica(), new EventualReplica(), new EventualReplica());
        var first = a.Increment(Increment("a", 5, 1, 0)).Version;
        var hint = a.Increment(Increment("a", 2, 50, 0)).Version;
        c.Merge(first);
        c.Merge(b.Increment(Increment("a", 5, 1, 1)).Version);
        Assert.Equal(5, Sum(c, "a"));

        // All have everything through the first update; the second is newer, and so its hint is still let in.
        c.MoveHorizon(HybridTime.FromUnixMilliseconds(1_020));
        c.Merge(hint);
        c.Expire();
        Assert.Equal(7, Sum(c, "a"));
    }

    [Fact]
    public void A_retry_with_the_same_identity_changes_nothing_and_gives_the_same_to_replicate()
    {
        var replica = new EventualReplica();
        var first = replica.Increment(Increment("a", 5, 1, 0));
        var root = replica.Machine.Hashes.Root;
        var again = replica.Increment(Increment("a", 5, 1, 0));
        Assert.Equal(first.Version.ToArray(), again.Version.ToArray());
        Assert.Equal(root, replica.Machine.Hashes.Root);
        Assert.Equal(5, Sum(replica, "a"));
    }

    [Fact]
    public void An_update_from_before_what_the_range_has_closed_is_answered_if_it_was_taken_and_else_not_taken()
    {
        var replica = new EventualReplica();
        var first = replica.Increment(Increment("a", 5, 10, 0));
        var again = replica.Increment(Increment("a", 5, 10, 0) with { IsOnlyAgain = true });
        Assert.Equal(EventualStatus.Ok, again.Status);
        Assert.Equal(first.Version.ToArray(), again.Version.ToArray());
        Assert.Equal(EventualStatus.Forgotten, replica.Increment(Increment("a", 2, 11, 0) with { IsOnlyAgain = true }).Status);
        Assert.Equal(5, Sum(replica, "a"));
    }

    /// <summary>
    /// Why the time of issue counts: two replicas took an update, and one had settled it before it heard of the other, whose horizon was
    /// behind. That is what the host must not let happen.
    /// </summary>
    [Fact]
    public void An_update_that_is_taken_where_the_horizon_is_behind_and_settled_where_it_is_ahead_counts_twice()
    {
        var (ahead, behind) = (new EventualReplica(), new EventualReplica());
        ahead.Increment(Increment("a", 5, 1, 0));
        ahead.MoveHorizon(HybridTime.FromUnixMilliseconds(1_020));
        ahead.Expire();
        ahead.Merge(behind.Increment(Increment("a", 5, 1, 1)).Version);
        Assert.Equal(10, Sum(ahead, "a"));
    }

    [Fact]
    public void Increments_of_one_counter_in_one_update_add_up_and_are_one_update()
    {
        var replica = new EventualReplica();
        var update = Increment("a", 5, 1, 0) with
        {
            Mutation = new RowsMutation(
                [
                    On(
                        "p",
                        RowOperation.Upsert(Bytes("a"), [CellWrite.Increment(Column, 5), CellWrite.Increment(Column, 2)]),
                        RowOperation.Upsert(Bytes("a"), [CellWrite.Increment(Column, 3)]),
                        RowOperation.Upsert(Bytes("b"), [CellWrite.Increment(Column, 1)]),
                        RowOperation.UpsertStatic([CellWrite.Increment(7, 4)])),
                ],
                []),
        };
        replica.Increment(update);
        replica.Increment(update);
        Assert.Equal((10, 1), (Sum(replica, "a"), Sum(replica, "b")));
    }

    [Fact]
    public void A_counter_that_was_deleted_begins_anew_above_the_deletion_and_readers_see_it_as_in_a_strong_shard()
    {
        var (one, other) = (new EventualReplica(), new EventualReplica());
        other.Merge(one.Increment(Increment("a", 5, 1, 0)).Version);
        var deletion = RowsVersion.OfMutation([On("p", RowOperation.DeleteRow(Bytes("a")))], 5_000, HybridTime.FromUnixMilliseconds(5));
        one.Merge(deletion);
        Assert.Equal(0, Sum(one, "a"));
        other.Merge(one.Increment(Increment("a", 3, 2, 0)).Version);
        other.Merge(deletion);
        Assert.Equal((3, 3), (Sum(one, "a"), Sum(other, "a")));
        Assert.Equal(one.Whole().ToArray(), EventualReplica.Data.Merge([one.Whole(), other.Whole()]).ToArray());
        var strong = new RowsStateMachine();
        var replica = new Replica(strong);
        replica.Propose(writer => RowsCommand.WriteMutate(writer, Increment("a", 3, 2, 0).Mutation));
        var query = EventualReplica.Query(new PartitionRead(TokenOf("p"), Bytes("p"), RowsSelection.All));
        Assert.True(RowsResultCodec.TryReadPage(replica.Read(w => w.WriteRaw(query)), out var page));
        Assert.Equal(CellValue(Page(one)), CellValue(page));
    }

    [Fact]
    public void A_counter_that_remembers_too_much_is_full_until_the_horizon_moves()
    {
        var replica = new EventualReplica();
        var status = EventualStatus.Ok;

        // As another replica would have it: to add one by one would take long.
        var number = (Foundation.Limits.OriginCounterBytesMax - 100) / 30;
        var writer = new Foundation.Bytes.WireWriter();
        writer.WriteByte(1);
        writer.WriteUInt64(0);
        writer.WriteUInt64(0);
        writer.WriteVarint(1);
        writer.WriteVarint(9);
        writer.WriteVarint(1);
        writer.WriteVarint((ulong)number);
        writer.WriteUInt64((ulong)number);
        writer.WriteVarint((ulong)number);
        for (var i = 0; i < number; i++)
        {
            writer.WriteUInt64(HybridTime.FromUnixMilliseconds(1_000).Value);
            writer.WriteUInt64(1);
            writer.WriteVarint(1_000_000 + (ulong)i);
            writer.WriteVarint(1);
            writer.WriteVarint(9);
            writer.WriteVarint(1);
            writer.WriteUInt64(1);
        }

        var cell = new RowCell(Column, default, CellKind.Counter, RowTimestamp.Min, 0, new byte[] { 0 }.Concat(writer.ToArray()).ToArray());
        var row = RowData.Create(RowLiveness.None, DeletionTime.None, [], [cell]);
        var version = new VersionContents();
        version.Records.Add(new VersionRecord(
            RowKey.OfRow(TokenOf("p"), Bytes("p"), Bytes("a")), EventualRecords.Encode(row, new Foundation.Bytes.WireWriter())));
        replica.Merge(version.Encode());
        for (var i = 0; i < 30 && status == EventualStatus.Ok; i++)
        {
            status = replica.Increment(Increment("a", 1, 2_000_000 + i, 0)).Status;
            number += status == EventualStatus.Ok ? 1 : 0;
        }

        Assert.Equal(EventualStatus.TooLarge, status);
        Assert.Equal(number, Sum(replica, "a"));
        replica.MoveHorizon(HybridTime.FromUnixMilliseconds(1_001));
        replica.Expire();
        Assert.Equal(number, Sum(replica, "a"));
        Assert.Equal(EventualStatus.Ok, replica.Increment(Increment("a", 1, 3_000_000, 0)).Status);
    }

    private static CounterIncrement Increment(string row, long delta, int number, int at) => new(
        RowsMutation.Of(On("p", RowOperation.Upsert(Bytes(row), [CellWrite.Increment(Column, delta)]))),
        9_000 + number,
        Stamp(number),
        new CounterOrigin(new NodeId((uint)at + 1), 1),
        new CounterUpdateId(Stamp(number), 7, (ulong)number));

    private static HybridTime Stamp(int number) => HybridTime.FromUnixMilliseconds(1_000 + number);

    private static void Settle(EventualReplica[] replicas, List<ReadOnlyMemory<byte>> versions)
    {
        foreach (var version in versions.Concat(replicas.Select(replica => replica.Whole())).ToList())
        {
            foreach (var replica in replicas)
            {
                replica.Merge(version);
            }
        }
    }

    private static RowsPage Page(EventualReplica replica)
    {
        var query = EventualReplica.Query(new PartitionRead(TokenOf("p"), Bytes("p"), RowsSelection.All));
        Assert.True(RowsResultCodec.TryReadPage(EventualReplica.Page([replica], query, HybridTime.FromUnixMilliseconds(2_000)),
            out var page));
        return page;
    }

    private static byte[] CellValue(RowsPage page) => page.Partitions[0].Rows[0].Row.Cells[0].Value.ToArray();

    private static long Sum(EventualReplica replica, string row) => Page(replica).Partitions.SelectMany(partition => partition.Rows)
        .Where(found => Text(found.Clustering) == row)
        .Sum(found => found.Row.TryGetCell(Column, default, out var cell) ? StateMachines.Rows.CounterValue.Sum(cell.Value) : 0);
}
