using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups;
using Xunit;

namespace Atoll.StateMachines.Tests.Groups;

/// <summary>Offsets that are committed in transactions (KIP-98, 447).</summary>
public sealed class GroupTransactionTests
{
    private static readonly TopicPartition Place = new("t", 0);

    private readonly GroupReplica _groups = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Offsets_of_a_transaction_are_there_when_it_is_committed(bool isCommit)
    {
        Assert.Equal(GroupStatus.InvalidTransactionState, Commit(7, 0, 10)); // it has not begun here
        Assert.Equal(GroupStatus.Ok, Begin(7, 0, 1));
        Assert.Equal(GroupStatus.Ok, Begin(7, 0, 1));
        Assert.Equal(GroupStatus.Ok, Commit(7, 0, 10));
        Assert.Equal(GroupStatus.Ok, Commit(7, 0, 12));
        Assert.Equal((-1, true), (Offset(), IsUnstable()));
        var restored = _groups.Restored();
        Assert.Equal(12, restored.Group("g").Transactions[7].Offsets[Place].Offset);

        Assert.Equal(GroupStatus.Ok, End(7, 0, 1, isCommit));
        Assert.Equal((isCommit ? 12 : -1, false), (Offset(), IsUnstable()));
        Assert.Equal(GroupStatus.Ok, End(7, 0, 1, isCommit)); // said again
    }

    [Fact]
    public void What_comes_late_belongs_to_no_transaction()
    {
        Begin(7, 0, 1);
        End(7, 0, 1, isCommit: false);
        Assert.Equal(GroupStatus.InvalidTransactionState, Commit(7, 0, 10));
        Assert.Equal(GroupStatus.InvalidTransactionState, Begin(7, 0, 1));
        Assert.Equal(GroupStatus.Ok, Begin(7, 0, 2));
        Assert.Equal(GroupStatus.Ok, Commit(7, 0, 11));
        Assert.Equal(GroupStatus.Ok, End(7, 0, 1, isCommit: false)); // said again: it does not end the next one
        Assert.Equal(GroupStatus.Ok, End(7, 0, 2, isCommit: true));
        Assert.Equal(11, Offset());
        Assert.Equal(GroupStatus.Ok, End(8, 0, 1, isCommit: true)); // it never began here
        Assert.Equal(GroupStatus.InvalidTransactionState, Begin(8, 0, 1));
    }

    [Fact]
    public void A_beginning_that_comes_behind_its_end_is_late_also_where_there_was_no_group()
    {
        Assert.Equal(GroupStatus.Ok, End(7, 1, 1, isCommit: false));
        Assert.Equal(GroupStatus.ProducerFenced, Begin(7, 0, 1));
        Assert.Equal(GroupStatus.ProducerFenced, Commit(7, 0, 10));
        Assert.Equal(GroupStatus.InvalidTransactionState, Begin(7, 1, 1));
    }

    [Fact]
    public void A_newer_epoch_fences_the_older_one_off()
    {
        Begin(7, 0, 1);
        Commit(7, 0, 10);
        Assert.Equal(GroupStatus.Ok, End(7, 1, 1, isCommit: false));
        Assert.Equal(GroupStatus.ProducerFenced, Commit(7, 0, 11));
        Assert.Equal(GroupStatus.ProducerFenced, Begin(7, 0, 2));
        Assert.Equal(GroupStatus.ProducerFenced, End(7, 0, 2, isCommit: true));
        Assert.Equal(GroupStatus.Ok, Begin(7, 1, 2));
        Assert.Equal(GroupStatus.InvalidTransactionState, Commit(7, 2, 11));
        Assert.Equal(-1, Offset());
    }

    [Fact]
    public void Only_a_member_of_the_generation_commits_when_it_says_that_it_is_one()
    {
        var ids = _groups.Stable("g", 2);
        Begin(7, 0, 1);
        Assert.Equal(GroupStatus.Ok, Commit(7, 0, 10, ids[0], 1));
        Assert.Equal(GroupStatus.IllegalGeneration, Commit(7, 0, 11, ids[0], 0));
        Assert.Equal(GroupStatus.UnknownMember, Commit(7, 0, 11, "nobody", 1));
        Assert.Equal(GroupStatus.Ok, Commit(7, 0, 12)); // older ones do not say
        End(7, 0, 1, isCommit: true);
        Assert.Equal(12, Offset());
    }

    [Fact]
    public void Producers_do_not_hinder_each_other_and_are_forgotten_some_time()
    {
        Begin(7, 0, 1);
        Begin(8, 3, 9);
        Commit(7, 0, 10);
        Commit(8, 3, 20);
        End(8, 3, 9, isCommit: true);
        Assert.Equal((20, true), (Offset(), IsUnstable()));
        End(7, 0, 1, isCommit: true);
        Assert.Equal((10, false), (Offset(), IsUnstable()));
        _groups.Replica.Advance(GroupLimits.ProducerIdleMilliseconds + 10);
        Begin(9, 0, 1);
        Assert.Equal([9L], _groups.Group("g").Transactions.Keys);
    }

    private GroupStatus Begin(long producer, short epoch, int number) => _groups.Send(writer => GroupCommand.Write(
        writer, new BeginGroupTransaction("g", new ProducerTransaction(producer, epoch, number)))).Status;

    private GroupStatus End(long producer, short epoch, int number, bool isCommit) => _groups.Send(writer => GroupCommand.Write(
        writer, new EndGroupTransaction("g", new ProducerTransaction(producer, epoch, number), isCommit))).Status;

    private GroupStatus Commit(long producer, short epoch, long offset, string member = "", int generation = -1) =>
        _groups.Send(writer => GroupCommand.Write(writer, new CommitInTransaction(
            new CommitOffsets(
                "g", new MemberIdentity(member, null), generation,
                [new OffsetToCommit(Place, new CommittedOffset(offset, -1, null))]),
            producer, epoch))).Status;

    private GroupOffsets Read() => GroupOffsets.TryRead(_groups.Replica.Read(static writer =>
        GroupQuery.WriteOffsets(writer, "g", [Place])))!;

    private long Offset() => Read().Offsets[0].Committed.Offset;

    private bool IsUnstable() => Read().Unstable.Count > 0;
}
