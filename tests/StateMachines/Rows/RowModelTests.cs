using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Atoll.StateMachines.Rows;
using Xunit;

namespace Atoll.StateMachines.Tests.Rows;

/// <summary>The model of a row: what replicas agree on whatever the order in which they hear of writes.</summary>
public sealed class RowModelTests
{
    [Fact]
    public void Merging_rows_commutes_associates_and_repeats_to_the_byte()
    {
        var random = new Prng(1);
        for (var i = 0; i < 20_000; i++)
        {
            var (a, b, c) = (RandomRows.Row(random), RandomRows.Row(random), RandomRows.Row(random));
            var left = RowData.Merge(RowData.Merge(a, b), c);
            Assert.Equal(RandomRows.Bytes(RowData.Merge(a, b)), RandomRows.Bytes(RowData.Merge(b, a)));
            Assert.Equal(RandomRows.Bytes(left), RandomRows.Bytes(RowData.Merge(a, RowData.Merge(b, c))));
            Assert.Equal(RandomRows.Bytes(left), RandomRows.Bytes(RowData.Merge(left, RowData.Merge(c, a))));
            Assert.Equal(RandomRows.Bytes(a), RandomRows.Bytes(RowData.Merge(a, a)));
        }
    }

    [Fact]
    public void Deletions_from_outside_may_come_before_or_after_a_merge()
    {
        var random = new Prng(2);
        for (var i = 0; i < 10_000; i++)
        {
            var (a, b, outer) = (RandomRows.Row(random), RandomRows.Row(random), RandomRows.Deletion(random));
            Assert.Equal(
                RandomRows.Bytes(RowData.Merge(a, b).Without(outer)),
                RandomRows.Bytes(RowData.Merge(a.Without(outer), b.Without(outer))));
        }
    }

    [Fact]
    public void What_expired_counts_as_deleted_whether_it_was_purged_before_or_after_a_merge()
    {
        var random = new Prng(3);
        for (var i = 0; i < 20_000; i++)
        {
            var (a, b) = (RandomRows.Row(random), RandomRows.Row(random));
            const int now = 6_000;
            var whole = RowData.Merge(a, b).VisibleAt(now);
            var purged = RowData.Merge(a.Purge(now, long.MinValue), b).VisibleAt(now);
            Assert.Equal(RandomRows.Bytes(whole), RandomRows.Bytes(purged));
        }
    }

    [Fact]
    public void Rows_come_back_from_their_bytes_and_garbage_is_refused_without_a_fault()
    {
        var random = new Prng(4);
        var refused = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var row = RandomRows.Row(random);
            var bytes = RandomRows.Bytes(row);
            Assert.True(RowDataCodec.TryRead(bytes, out var read));
            Assert.Equal(bytes, RandomRows.Bytes(read));
            bytes[random.NextInt(0, bytes.Length - 1)] ^= (byte)random.NextInt(1, 255);
            if (RowDataCodec.TryRead(bytes, out var other))
            {
                Assert.True(RowDataCodec.TryRead(RandomRows.Bytes(other), out _));
            }
            else
            {
                refused++;
            }
        }

        Assert.True(refused > 1_000);
    }

    [Fact]
    public void A_row_has_this_layout()
    {
        var row = RowData.Create(
            new RowLiveness(1_000, 0),
            DeletionTime.None,
            [new ColumnDeletion(4, new DeletionTime(999, 5))],
            [
                RowCell.Of(2, default, 1_000, "v"u8.ToArray()),
                RowCell.OfExpiring(4, "p"u8.ToArray(), 1_000, 7, "w"u8.ToArray()),
                RowCell.OfTombstone(5, default, 1_001, 9),
            ]);
        Assert.Equal(
            "0119D00F0104010A" + "03" + "00020201" + "76" + "05020170000401" + "77" + "03010204",
            Convert.ToHexString(RandomRows.Bytes(row)));
    }

    [Fact]
    public void A_higher_timestamp_wins_then_a_tombstone_then_the_larger_value()
    {
        var low = RowCell.Of(1, default, 5, "z"u8.ToArray());
        var high = RowCell.Of(1, default, 6, "a"u8.ToArray());
        Assert.Equal(high, RowCell.Merge(low, high));
        var deleted = RowCell.OfTombstone(1, default, 6, 1);
        Assert.Equal(deleted, RowCell.Merge(deleted, high));
        var larger = RowCell.Of(1, default, 6, "b"u8.ToArray());
        Assert.Equal(larger, RowCell.Merge(high, larger));
    }

    [Fact]
    public void Counters_add_up_over_writers_and_of_each_the_latest_counts()
    {
        var a = CounterValue.Add(CounterValue.Add(default, 1, 5), 2, -7);
        var b = CounterValue.Add(CounterValue.Add(default, 1, 5), 1, 10);
        Assert.Equal(8, CounterValue.Sum(CounterValue.Merge(a, b)));
        Assert.Equal(CounterValue.Merge(a, b).ToArray(), CounterValue.Merge(b, a).ToArray());
        Assert.False(CounterValue.IsValid("?"u8.ToArray()));
    }

    [Fact]
    public void Deleted_ranges_are_those_of_all_deletions_at_every_key_and_merging_them_commutes()
    {
        var random = new Prng(5);
        for (var i = 0; i < 5_000; i++)
        {
            var parts = new[] { RandomRows.Deletions(random), RandomRows.Deletions(random), RandomRows.Deletions(random) };
            var merged = PartitionDeletions.Merge(PartitionDeletions.Merge(parts[0], parts[1]), parts[2]);
            Assert.Equal(
                RandomRows.Bytes(merged),
                RandomRows.Bytes(PartitionDeletions.Merge(parts[2], PartitionDeletions.Merge(parts[1], parts[0]))));
            Assert.Equal(RandomRows.Bytes(merged), RandomRows.Bytes(PartitionDeletions.Merge(merged, parts[1])));
            for (var key = 0; key < 12; key++)
            {
                var clustering = new[] { (byte)key };
                Assert.Equal(
                    parts.Max(part => part.Covering(clustering).TimestampMicros), merged.Covering(clustering).TimestampMicros);
            }

            var reader = new WireReader(RandomRows.Bytes(merged));
            Assert.Equal(RandomRows.Bytes(merged), RandomRows.Bytes(PartitionDeletions.Read(ref reader)));
            Assert.True(reader.OkAtEnd);
        }
    }

    [Fact]
    public void Bounds_are_of_whole_keys_or_their_beginnings()
    {
        byte[] Key(string text) => System.Text.Encoding.ASCII.GetBytes(text);
        var exclusive = ClusteringRange.Between(Key("b"), false, Key("d"), false);
        Assert.True(exclusive.Contains(Key("c")) && !exclusive.Contains(Key("bz")) && !exclusive.Contains(Key("d")));
        var inclusive = ClusteringRange.Between(Key("b"), true, Key("d"), true);
        Assert.True(inclusive.Contains(Key("bz")) && inclusive.Contains(Key("dz")) && !inclusive.Contains(Key("e")));
        Assert.True(ClusteringRange.Between(new byte[] { 0xFF }, false, default, false).IsNothing);
        Assert.True(ClusteringRange.Between(Key("d"), true, Key("b"), true).IsNothing);
        Assert.True(ClusteringRange.Of(Key("a")).Contains(Key("a")) && !ClusteringRange.Of(Key("a")).Contains(Key("ab")));
    }

    [Fact]
    public void Tokens_keep_their_order_as_hashes()
    {
        Assert.Equal(0UL, RowTokens.HashOf(long.MinValue));
        Assert.Equal(ulong.MaxValue, RowTokens.HashOf(long.MaxValue));
        Assert.True(RowTokens.HashOf(-1) < RowTokens.HashOf(0));
        Assert.Equal(-5, RowTokens.TokenOf(RowTokens.HashOf(-5)));
    }
}
