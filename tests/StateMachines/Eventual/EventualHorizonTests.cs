using Atoll.Foundation.Time;
using Atoll.StateMachines.Eventual;
using Atoll.StateMachines.Rows;
using Xunit;
using static Atoll.StateMachines.Tests.Rows.RowsReplica;

namespace Atoll.StateMachines.Tests.Eventual;

/// <summary>What the horizon lets go, and when (docs/eventual.md, "When a tombstone may go").</summary>
public sealed class EventualHorizonTests
{
    private const long At = 1_000_000;

    public static TheoryData<string, long, long> Deletions => new()
    {
        // What is deleted, its timestamp, and the horizon in milliseconds behind the stamp from which on it may go.
        { "cell", At * 1000, 1 },
        { "row", At * 1000, 1 },
        { "collection", At * 1000, 1 },
        { "range", At * 1000, 1 },
        { "partition", At * 1000, 1 },
        { "static", At * 1000, 1 },
        { "cell", (At + 500) * 1000, 501 },
        { "row", (At + 500) * 1000, 501 },
        { "range", (At + 500) * 1000, 501 },
        { "partition", (At + 500) * 1000, 501 },
        { "partition", -5, 1 },
        { "expiring", At * 1000, 2_001 },
        { "expiring", (At + 5_000) * 1000, 5_001 },
        { "marker", At * 1000, 2_001 },
    };

    [Theory]
    [MemberData(nameof(Deletions))]
    public void A_deletion_goes_when_stamp_and_timestamp_are_behind_the_horizon_and_not_earlier(string what, long timestamp, long dueAfter)
    {
        var replica = new EventualReplica();
        replica.Merge(VersionOf(At * 1000, At, Deletion(what) with { TimestampMicros = timestamp }));
        replica.MoveHorizon(Milliseconds(At + dueAfter - 1));
        replica.Expire();
        Assert.Equal(1, replica.Machine.RecordCount);
        Assert.Null(replica.Machine.NextExpiry);
        replica.MoveHorizon(Milliseconds(At + dueAfter));
        Assert.NotNull(replica.Machine.NextExpiry);
        replica.Expire();
        Assert.Equal(0, replica.Machine.RecordCount);
        Assert.Equal((UInt128)0, replica.Machine.Hashes.Root);
        Assert.Null(replica.Machine.NextExpiry);
    }

    [Theory]
    [MemberData(nameof(Deletions))]
    public void A_deletion_that_comes_when_it_may_be_dropped_is_passed_over(string what, long timestamp, long dueAfter)
    {
        var replica = new EventualReplica();
        replica.MoveHorizon(Milliseconds(At + dueAfter));
        replica.Merge(VersionOf(At * 1000, At, Deletion(what) with { TimestampMicros = timestamp }));
        Assert.Equal(0, replica.Machine.RecordCount);
        var other = new EventualReplica();
        other.MoveHorizon(Milliseconds(At + dueAfter - 1));
        other.Merge(VersionOf(At * 1000, At, Deletion(what) with { TimestampMicros = timestamp }));
        Assert.Equal(1, other.Machine.RecordCount);
    }

    [Fact]
    public void What_a_deletion_covers_goes_before_it_however_much_it_is()
    {
        var replica = new EventualReplica();
        for (var i = 0; i < 2_500; i++)
        {
            replica.Merge(VersionOf(At * 1000, At, Put($"{i:d4}", 1, "v")));
        }

        replica.Merge(VersionOf((At * 1000) + 1, At, RowOperation.DeletePartition()));
        replica.Merge(VersionOf((At * 1000) + 2, At, Put("0007", 1, "w")));
        replica.MoveHorizon(Milliseconds(At + 1_000));
        Assert.Equal(["0007[1=w]"], Rows(replica));
        byte[]? command = null;
        for (var left = 20; left > 0 && replica.Machine.RecordCount > 1; left--)
        {
            replica.Machine.FindExpired(HybridTime.Max, (found, _) => command = found);
            replica.Replica.Propose(writer => writer.WriteRaw(command));
            Assert.Equal(["0007[1=w]"], Rows(replica));
        }

        replica.Expire();
        Assert.Equal(1, replica.Machine.RecordCount);
    }

    [Fact]
    public void While_the_horizon_stands_nobody_is_told_to_look()
    {
        var replica = new EventualReplica();
        replica.MoveHorizon(Milliseconds(At - 1));
        replica.Merge(VersionOf(At * 1000, At, Put("a", 1, "v", timeToLiveSeconds: 1), RowOperation.DeleteRow(Bytes("b"))));
        replica.Expire();
        replica.Replica.Advance(365L * 24 * 3600 * 1000);
        Assert.Null(replica.Machine.NextExpiry);
        Assert.Equal(0, replica.Expire());
        Assert.Equal(2, replica.Machine.RecordCount);
    }

    [Fact]
    public void An_expired_value_hides_what_is_below_it_until_the_horizon_has_passed_its_expiry()
    {
        var replica = new EventualReplica();
        replica.Merge(VersionOf(At * 1000, At, Put("a", 1, "old")));
        replica.Merge(VersionOf((At * 1000) + 1, At, Put("a", 1, "new", timeToLiveSeconds: 2)));
        Assert.Equal(["a[1=new]"], Rows(replica, At + 1_999));
        Assert.Empty(Rows(replica, At + 2_001));
        replica.Merge(VersionOf(At * 1000, At, Put("a", 1, "old")));
        replica.MoveHorizon(Milliseconds(At + 2_001));
        replica.Expire();
        Assert.Equal(0, replica.Machine.RecordCount);
    }

    [Fact]
    public void A_truncation_takes_rows_and_leaves_notes_and_horizon()
    {
        var replica = new EventualReplica();
        replica.Merge(VersionOf(At * 1000, At, Put("a", 1, "v"), RowOperation.DeletePartition()));
        replica.Take(new EventualChange { Notes = [new Note(Bytes("n"), Bytes("1"))], Horizon = Milliseconds(5) });
        replica.Take(new EventualChange { Truncates = true, Version = VersionOf(7, At, Put("b", 1, "w")) });
        Assert.Equal(["b[1=w]"], Rows(replica));
        Assert.Equal((1, Milliseconds(5), "1"), (replica.Machine.RecordCount, replica.Machine.Horizon, Text(replica.Note("n"))));
        var other = new EventualReplica();
        other.Merge(VersionOf(7, At, Put("b", 1, "w")));
        Assert.Equal(other.Machine.Hashes.Root, replica.Machine.Hashes.Root);
    }

    [Fact]
    public void Notes_are_kept_replaced_removed_and_listed_by_prefix()
    {
        var replica = new EventualReplica();
        replica.Take(new EventualChange
        {
            Notes =
            [
                new Note(Bytes("a/1"), Bytes("x")), new Note(Bytes("a/2"), Bytes("y")), new Note(Bytes("b"), Bytes("z")),
                new Note(Bytes("a/1"), Bytes("w")),
            ],
        });
        Assert.Equal(["a/1=w", "a/2=y"], Words(replica.Notes("a/")));
        Assert.Equal(["a/2=y"], Words(replica.Notes("a/", "a/1")));
        Assert.False(replica.Notes("", max: 2).IsComplete);
        Assert.True(replica.Notes("", max: 3).IsComplete);
        replica.Take(new EventualChange { Notes = [new Note(Bytes("a/1"), default)] });
        Assert.Empty(replica.Note("a/1"));
        Assert.Equal(["a/2=y", "b=z"], Words(replica.Notes("")));
        Assert.Equal((UInt128)0, replica.Machine.Hashes.Root);
    }

    [Fact]
    public void Lists_end_where_they_are_told_and_say_whether_there_is_more()
    {
        var replica = new EventualReplica();
        foreach (var row in new[] { "a", "b", "c", "d" })
        {
            replica.Merge(VersionOf(At * 1000, At, Put(row, 1, "v")));
        }

        var (all, isComplete) = replica.List();
        Assert.True(isComplete && all.Length == 4);
        Assert.False(replica.List(count: 3).IsComplete);
        Assert.Equal(2, replica.List(after: all[1].Key.ToArray()).Records.Length);
        var (some, isAll) = replica.List(after: all[0].Key.ToArray(), through: all[2].Key.ToArray(), count: 2);
        Assert.True(isAll && some.Length == 2);
        Assert.Empty(replica.List(first: 1, last: 2).Records);
    }

    private static string[] Words((System.Collections.Immutable.ImmutableArray<Note> Notes, bool IsComplete) notes) =>
        [.. notes.Notes.Select(note => $"{Text(note.Key)}={Text(note.Value)}")];

    private static HybridTime Milliseconds(long milliseconds) => HybridTime.FromUnixMilliseconds(milliseconds);

    private static ReadOnlyMemory<byte> VersionOf(long timestamp, long stampMilliseconds, params RowOperation[] operations) =>
        RowsVersion.OfMutation([On("p", operations)], timestamp, new HybridTime(Milliseconds(stampMilliseconds).Value + 9));

    private static RowOperation Deletion(string what) => what switch
    {
        "cell" => RowOperation.Upsert(Bytes("a"), [CellWrite.Delete(1)]),
        "row" => RowOperation.DeleteRow(Bytes("a")),
        "collection" => RowOperation.Upsert(Bytes("a"), [CellWrite.Clear(4)]),
        "range" => RowOperation.DeleteRange(ClusteringRange.OfPrefix(Bytes("a"))),
        "static" => RowOperation.DeleteStatic(),
        "expiring" => Put("a", 1, "v", timeToLiveSeconds: 2),
        "marker" => RowOperation.Upsert(Bytes("a"), [], writesMarker: true) with { MarkerTimeToLiveSeconds = 2 },
        _ => RowOperation.DeletePartition(),
    };

    private static string[] Rows(EventualReplica replica, long atMilliseconds = At)
    {
        var query = EventualReplica.Query(new PartitionRead(TokenOf("p"), Bytes("p"), RowsSelection.All));
        Assert.True(RowsResultCodec.TryReadPage(EventualReplica.Page([replica], query, Milliseconds(atMilliseconds)), out var page));
        return [.. page.Partitions.Select(Describe)];
    }
}
