using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Randomness;
using Atoll.StateMachines.Records;
using Xunit;

namespace Atoll.StateMachines.Tests.Records;

public sealed class ScanTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Pages_of_any_size_make_up_the_range_in_order(bool reverse)
    {
        for (ulong seed = 0; seed < 40; seed++)
        {
            var random = new Prng(seed);
            var replica = Replica.OfRecords();
            var model = new SortedSet<string>(StringComparer.Ordinal);
            for (var i = random.NextInt(0, 300); i > 0; i--)
            {
                var key = Key(random);
                replica.Put(key, "value of " + key, random.Chance(200_000) ? 5 : 0);
            }

            replica.Advance(10);
            replica.Put("zzz", "");
            foreach (var row in replica.Scan(default).Rows)
            {
                model.Add(Replica.Text(row.Key));
            }

            for (var i = 0; i < 20; i++)
            {
                var from = random.Chance(300_000) ? "" : Key(random);
                var to = random.Chance(300_000) ? "" : Key(random);
                var query = new ScanQuery(
                    Replica.Bytes(from),
                    Replica.Bytes(to),
                    default,
                    random.NextInt(1, 50),
                    random.NextInt(1, 2_000),
                    reverse,
                    random.Chance(500_000));
                var expected = model.Where(
                    k => string.CompareOrdinal(k, from) >= 0 && (to.Length == 0 || string.CompareOrdinal(k, to) < 0));
                Assert.Equal(reverse ? expected.Reverse() : expected, All(replica, query));
            }
        }
    }

    [Fact]
    public void A_prefix_ends_where_it_ends_also_when_its_last_byte_is_the_highest()
    {
        var replica = Replica.OfRecords();
        foreach (var key in new byte[][] { [1, 0xFE], [1, 0xFF], [1, 0xFF, 0], [2], [0xFF, 0xFF], [0xFF, 0xFF, 1] })
        {
            replica.Write(w => RecordsCommand.WritePut(w, key, default));
        }

        Assert.Equal(2, replica.Scan(ScanQuery.OfPrefix(new byte[] { 1, 0xFF })).Rows.Count);
        Assert.Equal(2, replica.Scan(ScanQuery.OfPrefix(new byte[] { 0xFF })).Rows.Count);
        Assert.Equal(6, replica.Scan(ScanQuery.OfPrefix(default)).Rows.Count);
    }

    [Fact]
    public void A_range_full_of_expired_records_is_left_in_steps_and_the_scan_still_ends()
    {
        var replica = Replica.OfRecords();
        for (var i = 0; i < Limits.ScanRowsMax + 5; i++)
        {
            replica.Put($"{i:D6}", "", 5);
        }

        replica.Advance(10);
        replica.Put("x", "");
        var first = replica.Scan(default);
        Assert.Empty(first.Rows);
        Assert.True(first.More);
        Assert.Equal(["x"], All(replica, new ScanQuery(default, default, first.ResumeAfter)));
    }

    [Fact]
    public void A_page_holds_a_row_however_large_it_is()
    {
        var replica = Replica.OfRecords();
        replica.Put("a", new string('x', Limits.ScanPageBytesMax * 2));
        replica.Put("b", new string('x', Limits.ScanPageBytesMax * 2));
        var page = replica.Scan(default);
        Assert.Equal((1, true), (page.Rows.Count, page.More));
        Assert.Equal(["a", "b"], All(replica, default));
        Assert.Equal(2, replica.Scan(default(ScanQuery) with { KeysOnly = true }).Rows.Count);
    }

    private static List<string> All(Replica replica, ScanQuery query)
    {
        var keys = new List<string>();
        while (true)
        {
            var page = replica.Scan(query);
            Assert.Equal(RecordsStatus.Ok, page.Status);
            Assert.True(query.RowsMax == 0 || page.Rows.Count <= query.RowsMax);
            foreach (var row in page.Rows)
            {
                keys.Add(Replica.Text(row.Key));
                Assert.Equal(query.KeysOnly || row.Value.Length == 0, row.Value.IsEmpty);
            }

            if (!page.More)
            {
                return keys;
            }

            query = query with { After = page.ResumeAfter };
        }
    }

    private static string Key(Prng random) =>
        new([.. Enumerable.Range(0, random.NextInt(1, 4)).Select(_ => (char)('a' + random.NextInt(0, 5)))]);
}
