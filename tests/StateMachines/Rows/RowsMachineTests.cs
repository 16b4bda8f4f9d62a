using Atoll.Foundation;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Rows;
using Xunit;
using static Atoll.StateMachines.Tests.Rows.RowsReplica;

namespace Atoll.StateMachines.Tests.Rows;

/// <summary>What the rows machine does with each kind of operation and condition.</summary>
public sealed class RowsMachineTests
{
    private const int Day = 24 * 60 * 60 * 1000;

    private readonly RowsReplica _rows = new();

    [Fact]
    public void Cells_rows_ranges_and_partitions_are_written_and_deleted()
    {
        _rows.Write("p", Put("a", 1, "x"), Put("a", 2, "y"), Put("b", 1, "z"), Put("c", 1, "w"));
        _rows.Write("p", RowOperation.UpsertStatic([CellWrite.Put(7, Bytes("s"))]));
        Assert.Equal("static[7=s] a[1=x,2=y] b[1=z] c[1=w]", _rows.Describe("p"));
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Delete(1)]));
        _rows.Write("p", RowOperation.DeleteRow(Bytes("b")));
        Assert.Equal("static[7=s] a[2=y] c[1=w]", _rows.Describe("p"));
        _rows.Write("p", RowOperation.DeleteRange(ClusteringRange.Between(Bytes("a"), false, default, false)));
        Assert.Equal("static[7=s] a[2=y]", _rows.Describe("p"));
        _rows.Write("p", RowOperation.DeletePartition());
        Assert.Empty(_rows.Read("p").Partitions);
        _rows.Write("p", Put("c", 1, "again"));
        Assert.Equal("c[1=again]", _rows.Describe("p"));
    }

    [Fact]
    public void An_inserted_row_is_there_without_a_value_and_an_updated_one_is_not()
    {
        _rows.Write("p", RowOperation.Upsert(Bytes("inserted"), [], writesMarker: true), Put("updated", 1, "x"));
        _rows.Write("p", RowOperation.Upsert(Bytes("updated"), [CellWrite.Delete(1)]));
        Assert.Equal("inserted[]", _rows.Describe("p"));
    }

    [Fact]
    public void A_write_without_a_timestamp_never_loses_to_an_earlier_one_from_a_clock_an_hour_ahead()
    {
        var ahead = _rows.NowMicros + 3_600_000_000;
        _rows.Write("p", Put("a", 1, "fast", timestamp: ahead), Put("b", 1, "fast", timestamp: ahead));
        _rows.Write("p", Put("a", 1, "later"), RowOperation.Upsert(Bytes("b"), [CellWrite.Delete(1)]));
        Assert.Equal("a[1=later]", _rows.Describe("p"));

        _rows.Write("p", Put("a", 1, "fast", timestamp: ahead + 10));
        _rows.Write("p", RowOperation.DeleteRow(Bytes("a")));
        Assert.Equal("", _rows.Describe("p"));
        _rows.Write("p", Put("a", 1, "back"));
        Assert.Equal("a[1=back]", _rows.Describe("p"));

        _rows.Write("p", Put("a", 1, "fast", timestamp: ahead + 50));
        _rows.Write("p", RowOperation.DeleteRange(ClusteringRange.All));
        Assert.Equal("", _rows.Describe("p"));
        _rows.Write("p", Put("a", 1, "back"), Put("new", 1, "x"));
        Assert.Equal("a[1=back] new[1=x]", _rows.Describe("p"));

        _rows.Write("p", RowOperation.DeletePartition() with { TimestampMicros = ahead + 100 });
        _rows.Write("p", Put("a", 1, "back"));
        Assert.Equal("a[1=back]", _rows.Describe("p"));
    }

    [Fact]
    public void Only_cells_that_meet_a_fast_clock_are_moved_ahead_and_only_until_time_has_caught_up()
    {
        var ahead = _rows.NowMicros + 3_600_000_000;
        _rows.Write("p", Put("a", 1, "fast", timestamp: ahead));
        _rows.Write("p", Put("a", 1, "x"), Put("a", 2, "y"));
        var cells = _rows.Read("p").Partitions[0].Rows[0].Row.Cells;
        Assert.Equal(ahead + 1, cells[0].TimestampMicros);
        Assert.InRange(cells[1].TimestampMicros, _rows.NowMicros, _rows.NowMicros + 1_000);
        Assert.Equal(2, _rows.Stats().Rows);
        _rows.Replica.Advance(3_700_000);
        _rows.Expire();
        Assert.Equal(1, _rows.Stats().Rows);
        _rows.Write("p", Put("a", 1, "z"));
        Assert.Equal(_rows.NowMicros, _rows.Read("p").Partitions[0].Rows[0].Row.Cells[0].TimestampMicros);
    }

    [Fact]
    public void A_write_with_a_timestamp_of_its_own_competes_by_it()
    {
        _rows.Write("p", Put("a", 1, "new", timestamp: 100), RowOperation.DeleteRow(Bytes("b")) with { TimestampMicros = 100 });
        _rows.Write("p", Put("a", 1, "old", timestamp: 99), Put("b", 1, "old", timestamp: 100), Put("c", 1, "x", timestamp: -5));
        Assert.Equal("a[1=new] c[1=x]", _rows.Describe("p"));
        var refused = _rows.Replica.Propose(writer =>
            RowsCommand.WriteMutate(writer, RowsMutation.Of(On("p", Put("a", 1, "x", timestamp: long.MaxValue)))));
        Assert.True(RowsResultCodec.TryReadMutation(refused.Result, out var result));
        Assert.Equal(RowsStatus.Invalid, result.Status);
    }

    [Fact]
    public void Collections_are_written_element_by_element_replaced_and_cleared()
    {
        CellWrite Element(string path, string value) => CellWrite.Put(3, Bytes(value), 0, Bytes(path));
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [Element("k", "1"), Element("l", "2")]));
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Delete(3, Bytes("k")), Element("m", "3")]));
        Assert.Equal("a[3.l=2,3.m=3]", _rows.Describe("p"));
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Replace(3), Element("n", "4")]));
        Assert.Equal("a[3.n=4]", _rows.Describe("p"));
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Clear(3), CellWrite.Put(1, Bytes("x"))]));
        Assert.Equal("a[1=x]", _rows.Describe("p"));
    }

    [Fact]
    public void Lists_grow_at_both_ends_in_the_order_of_commands()
    {
        byte[] First = [0], Second = [1];
        _rows.Write(
            "p", RowOperation.Upsert(Bytes("a"), [CellWrite.Append(4, First, Bytes("c")), CellWrite.Append(4, Second, Bytes("d"))]));
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Append(4, First, Bytes("e"))]));
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Prepend(4, First, Bytes("b"))]));
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Prepend(4, First, Bytes("a"))]));
        Assert.Equal("a[4=a,4=b,4=c,4=d,4=e]", _rows.Describe("p"));
    }

    [Fact]
    public void What_has_a_time_to_live_goes_in_its_time_and_its_tombstone_after_the_grace()
    {
        _rows.Write("p", Put("a", 1, "short", timeToLiveSeconds: 10), Put("a", 2, "long"));
        _rows.Write("p", RowOperation.Upsert(Bytes("b"), [], writesMarker: true) with { MarkerTimeToLiveSeconds = 10 });
        Assert.Equal("a[1=short,2=long] b[]", _rows.Describe("p"));
        _rows.Replica.Advance(10_000);
        _rows.Write("other", Put("a", 1, "x"));
        Assert.Equal("a[2=long]", _rows.Describe("p"));
        Assert.True(_rows.Expire() > 0);
        _rows.Write("p", Put("a", 1, "late", timestamp: _rows.NowMicros - 11_000_000));
        Assert.Equal("a[2=long]", _rows.Describe("p"));
        _rows.Replica.Advance(10L * Day);
        _rows.Expire();
        Assert.Equal(2, _rows.Stats().Rows);
        Assert.Null(_rows.Replica.State.Machine.NextExpiry);
    }

    [Fact]
    public void Deleted_rows_are_removed_at_leisure_and_never_come_back_when_the_deletion_itself_is_forgotten()
    {
        for (var i = 0; i < 2_500; i++)
        {
            _rows.Write("p", Put($"{i:D5}", 1, "x"));
        }

        _rows.Write("p", RowOperation.DeleteRange(ClusteringRange.Between(default, false, Bytes("01999"), true)));
        Assert.Equal(500, _rows.Read("p").Partitions[0].Rows.Count);
        _rows.Replica.Advance(1_000);
        Assert.True(_rows.Expire() >= 2);
        Assert.Equal(500 + 1, _rows.Stats().Rows);
        _rows.Write("p", RowOperation.DeletePartition());
        _rows.Write("p", Put("after", 1, "y"));
        Assert.Equal("after[1=y]", _rows.Describe("p"));
        _rows.Replica.Advance(11L * Day);
        _rows.Expire();
        Assert.Equal(1, _rows.Stats().Rows);
        Assert.Equal("after[1=y]", _rows.Describe("p"));
        Assert.Null(_rows.Replica.State.Machine.NextExpiry);
    }

    [Fact]
    public void Conditions_are_evaluated_in_the_step_that_writes()
    {
        Assert.True(_rows.WriteIf("p", [RowCondition.NotExists(Bytes("a"))], Put("a", 1, "x")).IsApplied);
        var refused = _rows.WriteIf("p", [RowCondition.NotExists(Bytes("a"))], Put("a", 1, "y"));
        Assert.Equal((RowsStatus.NotApplied, 0), (refused.Status, refused.FailedCondition));
        Assert.Equal("1=x", Describe(refused.Current.Single(row => !row.IsStatic).Row));
        Assert.True(_rows.WriteIf("p", [Compare(CellComparison.Equal, "x")], Put("a", 1, "y")).IsApplied);
        Assert.False(_rows.WriteIf("p", [Compare(CellComparison.Equal, "x")], Put("a", 1, "z")).IsApplied);
        Assert.True(_rows.WriteIf("p", [RowCondition.Exists(Bytes("a"))], RowOperation.DeleteRow(Bytes("a"))).IsApplied);
        Assert.False(_rows.WriteIf("p", [RowCondition.Exists(Bytes("a"))], Put("a", 1, "z")).IsApplied);
        Assert.True(_rows.WriteIf("p", [RowCondition.NotExists(Bytes("a"))], Put("a", 1, "back")).IsApplied);
        Assert.Equal("a[1=back]", _rows.Describe("p"));
    }

    [Fact]
    public void Conditions_of_a_command_hold_all_or_nothing_happens()
    {
        _rows.Write("p", Put("a", 1, "x"), Put("b", 1, "y"));
        var refused = _rows.WriteIf(
            "p", [RowCondition.Exists(Bytes("a")), RowCondition.NotExists(Bytes("b"))], Put("a", 1, "1"), Put("b", 1, "2"));
        Assert.Equal(1, refused.FailedCondition);
        Assert.Equal(3, refused.Current.Count);
        Assert.Equal("a[1=x] b[1=y]", _rows.Describe("p"));
    }

    [Theory]
    [InlineData(CellComparison.Equal, "5", true)]
    [InlineData(CellComparison.NotEqual, "5", false)]
    [InlineData(CellComparison.Less, "6", true)]
    [InlineData(CellComparison.Less, "5", false)]
    [InlineData(CellComparison.LessOrEqual, "5", true)]
    [InlineData(CellComparison.Greater, "4", true)]
    [InlineData(CellComparison.GreaterOrEqual, "6", false)]
    [InlineData(CellComparison.In, "5", true)]
    public void Values_compare(CellComparison comparison, string with, bool holds)
    {
        _rows.Write("p", Put("a", 1, "5"));
        Assert.Equal(holds, _rows.WriteIf("p", [Compare(comparison, with)]).IsApplied);
    }

    [Fact]
    public void Null_is_equal_to_null_only()
    {
        _rows.Write("p", Put("a", 2, "x"));
        Assert.True(_rows.WriteIf("p", [Compare(CellComparison.Equal, null)]).IsApplied);
        Assert.True(_rows.WriteIf("p", [Compare(CellComparison.NotEqual, "x")]).IsApplied);
        Assert.False(_rows.WriteIf("p", [Compare(CellComparison.NotEqual, null)]).IsApplied);
        Assert.False(_rows.WriteIf("p", [Compare(CellComparison.Less, "x")]).IsApplied);
        Assert.False(_rows.WriteIf("p", [Compare(CellComparison.Greater, null)]).IsApplied);
    }

    [Theory]
    [InlineData(ValueOrder.Integer, "FF", "00")]
    [InlineData(ValueOrder.Integer, "FF00", "FE")]
    [InlineData(ValueOrder.Integer, "7F", "0080")]
    [InlineData(ValueOrder.Integer, "0001", "02")]
    [InlineData(ValueOrder.Float, "C0000000", "BF800000")]
    [InlineData(ValueOrder.Float, "3FF0000000000000", "7FF8000000000000")]
    [InlineData(ValueOrder.Bytes, "7F", "80")]
    [InlineData(ValueOrder.TimeUuid, "FFFFFFFF000010008000000000000000", "00000000000110008000000000000000")]
    public void Values_have_the_order_of_their_type(ValueOrder order, string lower, string higher)
    {
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Put(1, Convert.FromHexString(lower))]));
        RowCondition With(CellComparison comparison, string value) =>
            RowCondition.Cell(Bytes("a"), 1, comparison, [Convert.FromHexString(value)], order);
        Assert.True(_rows.WriteIf("p", [With(CellComparison.Less, higher), With(CellComparison.GreaterOrEqual, lower)]).IsApplied);
        Assert.False(_rows.WriteIf("p", [With(CellComparison.Greater, higher)]).IsApplied);
    }

    [Fact]
    public void Collections_and_their_elements_compare()
    {
        CellWrite Element(string path, string value) => CellWrite.Put(3, Bytes(value), 0, Bytes(path));
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [Element("k", "1"), Element("l", "2")]));
        var whole = RowCondition.Collection(
            Bytes("a"), 3, CellComparison.Equal, [new(Bytes("k"), Bytes("1")), new(Bytes("l"), Bytes("2"))], true);
        Assert.True(_rows.WriteIf("p", [whole]).IsApplied);
        Assert.False(_rows.WriteIf("p", [whole with { Comparison = CellComparison.NotEqual }]).IsApplied);
        Assert.False(_rows.WriteIf("p", [whole with { Elements = [new(Bytes("x"), Bytes("1")), new(Bytes("l"), Bytes("2"))] }]).IsApplied);
        Assert.True(_rows.WriteIf("p", [Compare(CellComparison.Equal, "2") with { Column = 3, Path = Bytes("l") }]).IsApplied);
        Assert.True(_rows.WriteIf("p", [RowCondition.Collection(Bytes("a"), 9, CellComparison.Equal, [], false)]).IsApplied);
    }

    [Fact]
    public void Static_rows_have_conditions_of_their_own_and_go_with_the_partition_only()
    {
        RowOperation Static(string value) => RowOperation.UpsertStatic([CellWrite.Put(1, Bytes(value))]);
        _rows.Write("p", Static("s"), Put("a", 1, "x"));
        var condition = Compare(CellComparison.Equal, "s") with { IsStatic = true, Clustering = default };
        Assert.True(_rows.WriteIf("p", [condition], Static("t")).IsApplied);
        Assert.False(_rows.WriteIf("p", [condition], Static("u")).IsApplied);
        _rows.Write("p", RowOperation.DeleteRange(ClusteringRange.All));
        Assert.Equal("static[1=t]", _rows.Describe("p"));
        Assert.Empty(_rows.Read("p", new RowsSelection { WithStatic = false }).Partitions);
        _rows.Write("p", RowOperation.DeletePartition());
        Assert.Equal("", _rows.Describe("p"));
    }

    [Fact]
    public void Counters_are_exact_when_requests_are_repeated_and_begin_anew_after_a_deletion()
    {
        RowsMutation Add(long delta) => RowsMutation.Of(On("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Increment(1, delta)])));
        var identity = new RequestIdentity(7, 1, 1, HybridTime.FromUnixMilliseconds(_rows.Replica.Stamp.UnixMilliseconds));
        _rows.Mutate(Add(5), identity);
        _rows.Mutate(Add(5), identity);
        _rows.Mutate(Add(-2));
        Assert.Equal("a[1=3]", _rows.Describe("p"));
        _rows.Write("p", RowOperation.DeleteRow(Bytes("a")));
        Assert.Equal("", _rows.Describe("p"));
        _rows.Mutate(Add(4));
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Increment(1, 10), CellWrite.Increment(1, 20)]));
        Assert.Equal("a[1=34]", _rows.Describe("p"));
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Delete(1)]));
        Assert.Equal("", _rows.Describe("p"));
        _rows.Mutate(Add(1));
        _rows.Write("p", RowOperation.DeletePartition());
        _rows.Mutate(Add(2));
        Assert.Equal("a[1=2]", _rows.Describe("p"));
    }

    [Fact]
    public void A_truncation_leaves_nothing_behind()
    {
        var ahead = _rows.NowMicros + 3_600_000_000;
        _rows.Write("p", Put("a", 1, "x", timestamp: ahead), RowOperation.DeleteRow(Bytes("b")));
        _rows.Write("q", RowOperation.DeletePartition());
        _rows.Replica.Propose(RowsCommand.WriteTruncate);
        Assert.Equal((0, 0L), (_rows.ReadRange(long.MinValue, long.MaxValue).Partitions.Count, _rows.Stats().Bytes));
        Assert.Null(_rows.Replica.State.Machine.NextExpiry);
        _rows.Write("p", Put("a", 1, "y", timestamp: 1));
        Assert.Equal("a[1=y]", _rows.Describe("p"));
    }

    [Fact]
    public void What_would_become_too_large_changes_nothing()
    {
        for (var i = 0; i < Limits.RangeDeletionsMax; i++)
        {
            _rows.Write("p", RowOperation.DeleteRange(ClusteringRange.Of(Bytes($"{i:D5}"))));
        }

        var hash = _rows.Replica.State.Machine.StateHash();
        var tooMany = _rows.Write("p", Put("x", 1, "x"), RowOperation.DeleteRange(ClusteringRange.Of(Bytes("y"))));
        Assert.Equal(RowsStatus.TooLarge, tooMany.Status);
        Assert.Equal(hash, _rows.Replica.State.Machine.StateHash());
        Assert.Equal(RowsStatus.Ok, _rows.Write("p", RowOperation.DeleteRange(ClusteringRange.All)).Status);
    }

    private static RowCondition Compare(CellComparison comparison, string? value) =>
        RowCondition.Cell(Bytes("a"), 1, comparison, [value is null ? default(ReadOnlyMemory<byte>?) : Bytes(value)]);
}
