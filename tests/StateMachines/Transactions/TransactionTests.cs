using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Transactions;
using Xunit;

namespace Atoll.StateMachines.Tests.Transactions;

/// <summary>What a producer with a transactional id may do, as Kafka's clients expect it (KIP-98, 360, 588).</summary>
public sealed class TransactionTests
{
    private readonly TransactionReplica _transactions = new();

    [Theory]
    [InlineData(true, TransactionState.PrepareCommit, TransactionState.CompleteCommit)]
    [InlineData(false, TransactionState.PrepareAbort, TransactionState.CompleteAbort)]
    public void A_transaction_begins_with_its_first_partition_and_ends_when_all_have_heard(
        bool isCommit, TransactionState ending, TransactionState ended)
    {
        var producer = _transactions.Init("x");
        Assert.Equal(new TransactionResult(TransactionStatus.Ok, 100, 0, -1), producer);
        Assert.Equal(TransactionStatus.InvalidState, _transactions.End("x", producer, isCommit).Status);
        Assert.Equal(new TransactionResult(TransactionStatus.Ok, 100, 0, 0), _transactions.Add("x", producer));
        Assert.Equal(TransactionStatus.Ok, _transactions.Add("x", producer, partition: 1).Status);
        Assert.Equal(TransactionStatus.Ok, _transactions.Add("x", 100, 0, [], ["g"]).Status);
        Assert.Equal((TransactionState.Ongoing, 2, "g"),
            (_transactions.Find("x").State, _transactions.Find("x").Partitions.Count, _transactions.Find("x").Groups.Single()));
        Assert.Empty(_transactions.Ending());

        Assert.Equal(TransactionStatus.Ok, _transactions.End("x", producer, isCommit).Status);
        Assert.Equal(TransactionStatus.Ok, _transactions.End("x", producer, isCommit).Status); // the answer was lost
        Assert.Equal(TransactionStatus.InvalidState, _transactions.End("x", producer, !isCommit).Status);
        Assert.Equal((ending, 2), (_transactions.Ending().Single().State, _transactions.Ending().Single().Partitions.Count));
        Assert.Equal(TransactionStatus.Concurrent, _transactions.Add("x", producer).Status);
        Assert.Equal(TransactionStatus.Concurrent, _transactions.Init("x").Status);

        Assert.Equal(TransactionStatus.Ok, _transactions.Complete("x").Status);
        Assert.Equal((ended, 0, 0),
            (_transactions.Find("x").State, _transactions.Find("x").Partitions.Count, _transactions.Find("x").Groups.Count));
        Assert.Equal(TransactionStatus.Ok, _transactions.End("x", producer, isCommit).Status);
        Assert.Equal(TransactionStatus.InvalidState, _transactions.End("x", producer, !isCommit).Status);
        Assert.Equal(new TransactionResult(TransactionStatus.Ok, 100, 0, 1), _transactions.Add("x", producer));
    }

    [Fact]
    public void What_is_said_of_a_former_transaction_does_not_complete_the_next_one()
    {
        var producer = _transactions.Init("x");
        for (var round = 0; round < 2; round++)
        {
            _transactions.Add("x", producer);
            _transactions.End("x", producer, isCommit: true);
            _transactions.Send(writer => TransactionCommand.Write(writer, new CompleteTransaction("x", 100, 0, round - 1)));
            Assert.Equal(TransactionState.PrepareCommit, _transactions.Find("x").State);
            _transactions.Complete("x");
        }

        Assert.Equal(TransactionStatus.UnknownProducer, _transactions.Send(writer =>
            TransactionCommand.Write(writer, new CompleteTransaction("x", 7, 0, 1))).Status);
    }

    [Fact]
    public void Who_is_not_the_producer_is_told_so()
    {
        var producer = _transactions.Init("x");
        Assert.Equal(TransactionStatus.UnknownProducer, _transactions.Add("y", producer).Status);
        Assert.Equal(TransactionStatus.UnknownProducer, _transactions.Add("x", producer with { ProducerId = 7 }).Status);
        Assert.Equal(TransactionStatus.Fenced, _transactions.Add("x", producer with { Epoch = 1 }).Status);
        var next = _transactions.Init("x");
        Assert.Equal((100L, 1), (next.ProducerId, next.Epoch));
        Assert.Equal(TransactionStatus.Fenced, _transactions.Add("x", producer).Status);
        Assert.Equal(TransactionStatus.Fenced, _transactions.End("x", producer, isCommit: true).Status);
        Assert.Equal(TransactionStatus.Fenced, _transactions.Init("x", producer.ProducerId, producer.Epoch).Status);
    }

    [Fact]
    public void Who_takes_over_aborts_the_open_transaction_first()
    {
        var producer = _transactions.Init("x");
        _transactions.Add("x", producer);
        Assert.Equal(TransactionStatus.Concurrent, _transactions.Init("x").Status);
        Assert.Equal((TransactionState.PrepareAbort, 1), (_transactions.Find("x").State, _transactions.Find("x").Epoch));
        Assert.Equal(TransactionStatus.Fenced, _transactions.End("x", producer, isCommit: true).Status);
        Assert.Equal(TransactionStatus.Concurrent, _transactions.Init("x").Status);
        _transactions.Complete("x");
        Assert.Equal(2, _transactions.Init("x").Epoch);
        Assert.Equal(TransactionStatus.Fenced, _transactions.Init("x", producer.ProducerId, producer.Epoch).Status);
    }

    [Fact]
    public void A_producer_gets_another_epoch_of_its_own_once()
    {
        var producer = _transactions.Init("x");
        var next = _transactions.Init("x", producer.ProducerId, producer.Epoch);
        Assert.Equal((TransactionStatus.Ok, 100L, 1), (next.Status, next.ProducerId, next.Epoch));
        Assert.Equal(next, _transactions.Init("x", producer.ProducerId, producer.Epoch)); // the answer was lost
        _transactions.Add("x", next);
        Assert.Equal(TransactionStatus.Fenced, _transactions.Init("x", producer.ProducerId, producer.Epoch).Status);
        Assert.Equal(TransactionStatus.Fenced, _transactions.Init("x", 7, next.Epoch).Status);
        Assert.Equal(TransactionStatus.Fenced, _transactions.Init("x", next.ProducerId, -1).Status);

        // Its open transaction is aborted, and then it has the next epoch.
        Assert.Equal(TransactionStatus.Concurrent, _transactions.Init("x", next.ProducerId, next.Epoch).Status);
        Assert.Equal(TransactionState.PrepareAbort, _transactions.Find("x").State);
        _transactions.Complete("x");
        var third = _transactions.Init("x", next.ProducerId, next.Epoch);
        Assert.Equal((TransactionStatus.Ok, 100L, 2), (third.Status, third.ProducerId, third.Epoch));
    }

    [Fact]
    public void When_the_epochs_are_used_up_there_is_another_number()
    {
        var producer = _transactions.Init("x");
        while (_transactions.Find("x").Epoch < TransactionLimits.EpochMax)
        {
            producer = _transactions.Init("x");
        }

        // The last one is for fencing.
        _transactions.Add("x", producer);
        Assert.Equal(TransactionStatus.Concurrent, _transactions.Init("x").Status);
        Assert.Equal(short.MaxValue, _transactions.Find("x").Epoch);
        _transactions.Complete("x");
        var next = _transactions.Init("x");
        Assert.Equal((TransactionStatus.Ok, 0), (next.Status, next.Epoch));
        Assert.NotEqual(producer.ProducerId, next.ProducerId);
        Assert.Equal(TransactionStatus.UnknownProducer, _transactions.Add("x", producer).Status);
    }

    [Fact]
    public void What_lasts_too_long_is_aborted_and_its_producer_fenced_off()
    {
        Assert.Equal(TransactionStatus.InvalidTimeout, _transactions.Init("x", timeout: 0).Status);
        Assert.Equal(
            TransactionStatus.InvalidTimeout, _transactions.Init("x", timeout: TransactionLimits.TimeoutMillisecondsMax + 1).Status);
        var (slow, fast) = (_transactions.Init("x", timeout: 10_000), _transactions.Init("y", timeout: 5_000));
        _transactions.Add("x", slow);
        _transactions.Add("y", fast);
        Assert.False(_transactions.Expire());
        _transactions.Replica.Advance(6_000);
        Assert.True(_transactions.Machine.NextExpiry <= _transactions.Replica.Stamp);
        Assert.True(_transactions.Expire());
        Assert.Equal("y", _transactions.Ending().Single().Id);
        Assert.Equal(TransactionStatus.Fenced, _transactions.End("y", fast, isCommit: true).Status);
        Assert.Equal(TransactionStatus.Ok, _transactions.End("x", slow, isCommit: true).Status);

        // What is decided has all the time in the world.
        _transactions.Replica.Advance(20_000);
        Assert.False(_transactions.Expire());
        Assert.Equal(["x", "y"], _transactions.Ending().Select(static producer => producer.Id));
        _transactions.Complete("y");
        Assert.Equal(1, _transactions.Init("y", fast.ProducerId, fast.Epoch).Epoch); // it may go on (KIP-588)
    }

    [Fact]
    public void An_id_that_nobody_used_for_seven_days_is_forgotten()
    {
        var producer = _transactions.Init("x");
        _transactions.Replica.Advance(TransactionLimits.RetentionMilliseconds - 10);
        Assert.False(_transactions.Expire());
        _transactions.Replica.Advance(10);
        Assert.True(_transactions.Expire());
        Assert.Equal(0, _transactions.Machine.Count);
        Assert.Equal(TransactionStatus.UnknownProducer, _transactions.Add("x", producer).Status);
        Assert.Equal((101L, 0), (_transactions.Init("x").ProducerId, _transactions.Find("x").Epoch));
    }

    [Fact]
    public void A_snapshot_has_all_of_it()
    {
        for (var i = 0; i < 30; i++)
        {
            var producer = _transactions.Init($"p{i}");
            _transactions.Add($"p{i}", producer, "t", i);
            _transactions.Add($"p{i}", producer.ProducerId, 0, [], [$"g{i}"]);
            if (i % 3 > 0)
            {
                _transactions.End($"p{i}", producer, isCommit: i % 3 == 1);
            }
        }

        var restored = _transactions.Restored();
        Assert.Equal(
            _transactions.Ending().Select(static producer => producer.Id), restored.Ending().Select(static producer => producer.Id));
        Assert.Equal(20, restored.Ending().Count);
        Assert.Equal(30, restored.Page(static writer => TransactionQuery.WriteList(writer, "")).Count);
        var found = restored.Page(static writer => TransactionQuery.WriteFind(writer, "p4")).Single();
        Assert.Equal(new TopicPartition("t", 4), found.Partitions.Single());
        restored.Replica.Advance(60_000);
        _transactions.Replica.Advance(60_000);
        Assert.True(restored.Expire());
        Assert.True(_transactions.Expire());
        Assert.Equal(_transactions.Replica.State.Machine.StateHash(), restored.Replica.State.Machine.StateHash());
    }

    [Fact]
    public void A_list_comes_in_pages()
    {
        var producer = _transactions.Init("a");
        var names = Enumerable.Range(0, 8_000).Select(i => new TopicPartition(new string('t', 60), i)).ToList();
        Assert.Equal(TransactionStatus.Ok, _transactions.Add("a", producer.ProducerId, 0, names, []).Status);
        Assert.Equal(TransactionStatus.Ok, _transactions.Init("b").Status);
        var page = TransactionsPage.TryRead(_transactions.Replica.Read(static writer => TransactionQuery.WriteList(writer, "")))!;
        Assert.Equal((1, true), (page.Producers.Count, page.More));
        Assert.Equal("b", _transactions.Page(static writer => TransactionQuery.WriteList(writer, "a")).Single().Id);
        Assert.Equal(TransactionStatus.TooMany, _transactions.Add(
            "a", producer.ProducerId, 0, [.. Enumerable.Range(0, 2_001).Select(static i => new TopicPartition("u", i))], []).Status);
    }

    [Fact]
    public void Commands_of_others_are_refused_before_they_are_proposed()
    {
        var writer = new WireWriter();
        TransactionCommand.Write(writer, new InitProducer("x", 1, 5, -1, -1));
        var hash = TransactionCommand.HashOf("x");
        Assert.True(TransactionCommand.Validate(writer.ToArray(), hash, hash).IsNone);
        Assert.False(TransactionCommand.Validate(writer.ToArray(), hash + 1, ulong.MaxValue).IsNone);
        writer.Reset();
        TransactionCommand.WriteExpire(writer, ["x"]);
        Assert.False(TransactionCommand.Validate(writer.ToArray(), 0, ulong.MaxValue).IsNone);
        Assert.False(TransactionCommand.Validate(default, 0, ulong.MaxValue).IsNone);
    }
}
