using Atoll.Foundation.Bytes;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Transactions;
using Xunit;

namespace Atoll.StateMachines.Tests.Transactions;

/// <summary>A shard of transactions with the log that feeds it.</summary>
internal sealed class TransactionReplica
{
    private long _nextProducer = 100;

    public Replica Replica { get; } = new(new TransactionsStateMachine());

    public TransactionsStateMachine Machine => (TransactionsStateMachine)Replica.State.Machine;

    public TransactionResult Init(string id, long known = -1, short epoch = -1, int timeout = 60_000) => Send(writer =>
        TransactionCommand.Write(writer, new InitProducer(id, timeout, _nextProducer++, known, epoch)));

    public TransactionResult Add(string id, in TransactionResult producer, string topic = "t", int partition = 0) =>
        Add(id, producer.ProducerId, producer.Epoch, [new TopicPartition(topic, partition)], []);

    public TransactionResult Add(
        string id, long producer, short epoch, IReadOnlyList<TopicPartition> partitions, IReadOnlyList<string> groups) => Send(writer =>
        TransactionCommand.Write(writer, new AddToTransaction(id, producer, epoch, partitions, groups)));

    public TransactionResult End(string id, in TransactionResult producer, bool isCommit) =>
        End(id, producer.ProducerId, producer.Epoch, isCommit);

    public TransactionResult End(string id, long producer, short epoch, bool isCommit) => Send(writer =>
        TransactionCommand.Write(writer, new EndTransaction(id, producer, epoch, isCommit)));

    /// <summary>All have heard how the transaction of an id ends.</summary>
    public TransactionResult Complete(string id)
    {
        var (producer, epoch, number) = (Find(id).ProducerId, Find(id).Epoch, Find(id).Number);
        return Send(writer => TransactionCommand.Write(writer, new CompleteTransaction(id, producer, epoch, number)));
    }

    public TransactionalProducer Find(string id) => Machine.Find(id)!;

    /// <summary>What the coordinator would say at this time; whether there was something.</summary>
    public bool Expire()
    {
        byte[]? command = null;
        Machine.FindExpired(Replica.Stamp, (found, fault) =>
        {
            Assert.Null(fault);
            command = found;
        });
        if (command is not null)
        {
            Send(writer => writer.WriteRaw(command));
        }

        return command is not null;
    }

    public IReadOnlyList<TransactionalProducer> Ending() => Page(writer => TransactionQuery.WriteEnding(writer, ""));

    public IReadOnlyList<TransactionalProducer> Page(Action<WireWriter> query)
    {
        var page = TransactionsPage.TryRead(Replica.Read(query));
        Assert.NotNull(page);
        Assert.Equal(TransactionStatus.Ok, page.Status);
        return page.Producers;
    }

    /// <summary>A replica that begins with this one's snapshot.</summary>
    public TransactionReplica Restored()
    {
        var restored = new TransactionReplica { _nextProducer = _nextProducer };
        var target = restored.Replica.State.BeginRestore(Replica.State.AppliedIndex);
        Assert.True(target.Accept(Replica.Snapshot()), target.Error);
        Assert.True(target.IsFinished(), target.Error);
        Assert.Equal(Replica.State.StateHash(), restored.Replica.State.StateHash());
        restored.Replica.Stamp = Replica.Stamp;
        return restored;
    }

    public TransactionResult Send(Action<WireWriter> command)
    {
        Replica.Advance(1);
        var (status, bytes) = Replica.Propose(command);
        Assert.Equal(ApplyStatus.Applied, status);
        Assert.True(TransactionResult.TryRead(bytes, out var result));
        return result;
    }
}
