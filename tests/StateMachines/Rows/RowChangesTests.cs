using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Records;
using Atoll.StateMachines.Requests;
using Atoll.StateMachines.Rows;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Sorted;
using Xunit;
using static Atoll.StateMachines.Tests.Rows.RowsReplica;

namespace Atoll.StateMachines.Tests.Rows;

/// <summary>
/// What those who follow a table are told: each row as it was after each change, and the end of each that they were told of.
/// </summary>
public sealed class RowChangesTests
{
    private const long DayMilliseconds = 24L * 60 * 60 * 1000;

    private readonly RowsReplica _rows = new();

    [Fact]
    public void Each_write_is_told_with_the_row_as_it_is_then()
    {
        var first = _rows.Write("p", Put("a", 1, "x"), Put("b", 1, "y"));
        var second = _rows.Write("p", Put("a", 2, "z"), RowOperation.UpsertStatic([CellWrite.Put(5, Bytes("s"))]));
        var third = _rows.Write("p", RowOperation.DeleteRow(Bytes("a")));
        Assert.Equal(
            [
                $"{first.Version} Put p/a[1=x]", $"{first.Version} Put p/b[1=y]", $"{second.Version} Put p/a[1=x,2=z]",
                $"{second.Version} Put p/static[5=s]", $"{third.Version} Delete p/a[]",
            ],
            Told());
    }

    [Fact]
    public void Nobody_is_told_of_the_end_of_what_nobody_saw()
    {
        _rows.Write("p", RowOperation.DeleteRow(Bytes("a")));
        _rows.Write("p", RowOperation.Upsert(Bytes("a"), [CellWrite.Delete(1)]));
        _rows.Write("p", RowOperation.DeletePartition());
        _rows.Replica.Advance(1);
        _rows.Expire();
        Assert.Empty(Told());
    }

    [Fact]
    public void A_write_that_loses_to_one_from_a_clock_that_is_ahead_is_told_with_what_has_won()
    {
        _rows.Write("p", Put("a", 1, "ahead", timestamp: _rows.NowMicros + 3_600_000_000));
        _rows.Write("p", Put("a", 1, "behind", timestamp: _rows.NowMicros));
        Assert.Equal(["p/a[1=ahead]", "p/a[1=ahead]"], Told().Select(Image));
    }

    [Fact]
    public void Rows_that_a_range_covers_are_told_to_be_gone_one_by_one_but_not_those_written_since()
    {
        _rows.Write("p", Put("a", 1, "x"), Put("b", 1, "x"), Put("c", 1, "x"), Put("d", 1, "x"));
        _rows.Write("p", RowOperation.DeleteRange(ClusteringRange.Between(Bytes("a"), true, Bytes("c"), true)));
        _rows.Write("p", Put("b", 2, "new"));
        _rows.Write("p", RowOperation.DeleteRow(Bytes("c")));
        _rows.Replica.Advance(1);
        _rows.Expire();
        Assert.Equal(
            ["Put p/b[2=new]", "Delete p/c[]", "Delete p/a[]"], Told().Skip(4).Select(static told => told[(told.IndexOf(' ') + 1)..]));
        Assert.Equal(0, _rows.Expire());
        _rows.Write("p", RowOperation.DeletePartition());
        _rows.Replica.Advance(1);
        _rows.Expire();
        Assert.Equal(["p/b[]", "p/d[]"], Told().Skip(7).Select(Image));
    }

    [Fact]
    public void What_expires_is_told_once_and_what_is_left_of_a_row_is_told_with_it()
    {
        _rows.Write("p", Put("whole", 1, "x", timeToLiveSeconds: 5), Put("part", 1, "x", timeToLiveSeconds: 5), Put("part", 2, "y"));
        _rows.Write("p", Put("over", 1, "x", timeToLiveSeconds: 5));
        _rows.Write("p", Put("again", 1, "x", timeToLiveSeconds: 5));
        _rows.Replica.Advance(6_000);
        _rows.Write("p", RowOperation.DeleteRow(Bytes("over"))); // it has expired, and nobody was told
        _rows.Write("p", Put("again", 1, "y"));
        _rows.Expire();
        _rows.Replica.Advance(30 * DayMilliseconds);
        _rows.Expire();
        Assert.Equal(
            ["Delete p/over[]", "Put p/again[1=y]", "Put p/part[2=y]", "Expire p/whole[]"],
            Told().Skip(4).Select(static told => told[(told.IndexOf(' ') + 1)..]));
        Assert.Equal("again[1=y] part[2=y]", _rows.Describe("p"));
    }

    [Fact]
    public void A_truncation_is_one_change_without_a_key()
    {
        _rows.Write("p", Put("a", 1, "x"));
        _rows.Replica.Propose(RowsCommand.WriteTruncate);
        _rows.Write("q", Put("a", 1, "y"));
        Assert.Equal(["p/a[1=x]", "Truncate", "q/a[1=y]"], Told().Select(Image));
    }

    [Fact]
    public void Snapshots_and_stores_keep_what_changed_last()
    {
        _rows.Write("p", Put("a", 1, "x"), Put("b", 1, "x"));
        _rows.Replica.Propose(RowsCommand.WriteTruncate);
        var middle = _rows.Write("p", Put("c", 1, "x"));
        _rows.Write("p", RowOperation.DeleteRow(Bytes("c")));
        var restored = new RowsReplica();
        var target = restored.Replica.State.BeginRestore(_rows.Replica.State.AppliedIndex, default);
        Assert.True(target.Accept(_rows.Replica.Snapshot()), target.Error);
        target.Finish(Assert.Null);
        Assert.Equal(Told(), Told(restored));

        var tree = new InMemoryStateTree();
        var stored = new RowsStateMachine(tree);
        var now = Restore(stored, _rows);
        stored.Persist(now);
        Assert.True(tree.Section(StateSections.Meta).TryGet(StateSections.MachineKey, out var meta));
        var recovered = new RowsStateMachine(tree);
        recovered.Recover(meta.Value, now, Assert.Null);
        Assert.Equal(Told(), Told(Read(recovered, now)));
        Assert.Equal(stored.StateHash(), recovered.StateHash());
        Assert.Equal(["p/c[]"], Told(Read(recovered, now, middle.Version)).Select(Image));
    }

    /// <summary>Version 1 of a store's own record: nothing is known of what changed before.</summary>
    [Fact]
    public void Of_a_store_from_before_there_were_changes_it_says_that_they_are_forgotten()
    {
        var accounts = new WireWriter();
        accounts.WriteByte(1);
        for (var i = 0; i < 5; i++)
        {
            accounts.WriteUInt64(0);
        }

        var now = new HybridTime(1 << 20);
        var machine = new RowsStateMachine();
        machine.Recover(accounts.ToArray(), now, Assert.Null);
        Assert.Equal((RecordsStatus.Compacted, now), (Read(machine, now).Status, Read(machine, now).Through));
        Assert.Equal(RecordsStatus.Ok, Read(machine, now, now).Status);
    }

    [Fact]
    public void What_is_forgotten_is_answered_compacted()
    {
        var first = _rows.Write("p", Put("a", 1, "x"));
        for (var i = 0; i < Limits.ChangesKeptMax; i++)
        {
            _rows.Write("p", Put("a", 1, "x"));
        }

        Assert.Equal(RecordsStatus.Compacted, _rows.Changes(HybridTime.Zero).Status);
        Assert.Equal(RecordsStatus.Ok, _rows.Changes(first.Version).Status);
    }

    [Theory]
    [InlineData("7fffffffffffffff0001700263", "", true)]
    [InlineData("7fffffffffffffff00017000", "", false)] // what is known of a partition is no row
    [InlineData("7fffffffffffffff0001", "", false)]
    [InlineData("", "", false)]
    public void Only_rows_are_read_as_such(string key, string value, bool isRow)
    {
        var change = new RecordChange(new HybridTime(1), ChangeKind.Delete, Convert.FromHexString(key), Convert.FromHexString(value));
        Assert.Equal(isRow, RowImage.TryRead(change, out _));
        Assert.False(RowImage.TryRead(change with { Kind = ChangeKind.Put }, out _));
    }

    private static HybridTime Restore(RowsStateMachine machine, RowsReplica from)
    {
        var now = HybridTime.Zero;
        foreach (var entry in from.Replica.Log)
        {
            Assert.True(CommandEnvelope.TryRead(entry.Payload, out var envelope));
            now = envelope.Stamp > now ? envelope.Stamp : new HybridTime(now.Value + 1);
            machine.Apply(new CommandContext(now, entry.Index), envelope.Command, new WireWriter());
        }

        return now;
    }

    private static ChangesPage Read(RowsStateMachine machine, HybridTime now, HybridTime after = default)
    {
        var (query, result) = (new WireWriter(), new WireWriter());
        RecordsQuery.WriteChanges(query, new ChangesQuery(default, after));
        Assert.True(machine.TryRead(query.ToArray(), now, result));
        Assert.True(RecordsResultCodec.TryReadChanges(result.ToArray(), out var page));
        return page;
    }

    private static string Image(string told) => told[(told.LastIndexOf(' ') + 1)..];

    private static List<string> Told(ChangesPage page) =>
    [
        .. page.Changes.Select(static change => change.Kind == ChangeKind.Truncate ? $"{change.Version} Truncate"
            : RowImage.TryRead(change, out var row) ? $"{change.Version} {change.Kind} {NameOf(row)}[{Describe(row.Row)}]" : "?"),
    ];

    private List<string> Told() => Told(_rows);

    private static List<string> Told(RowsReplica rows) => Told(rows.Changes(HybridTime.Zero));
}
