using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Streams;
using Atoll.StateMachines.Transactions;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// Tells partitions and groups how a transaction ended, and then its coordinator that they know, as any node does, at any time: at once,
/// when its producer has ended it, or much later and once more.
/// </summary>
/// <param name="owner">The workload.</param>
internal sealed class TransactionEndings(TransactionsWorkload owner)
{
    /// <summary>Ends the transaction of an id, if one is ending.</summary>
    /// <param name="client">Who asks and tells.</param>
    /// <param name="id">The transactional id.</param>
    /// <param name="done">All that it could do is done.</param>
    public void End(SimClient client, string id, Action done) =>
        client.Call(TransactionsRequests.Find(owner.Space, id), result =>
        {
            if (owner.Streams.EndsWell(result) && owner.FoundIn(result) is [{ IsEnding: true } producer])
            {
                Tell(client, producer, done);
            }
            else
            {
                done();
            }
        });

    /// <summary>Tells all who have to hear how a transaction ended, as the coordinator said it some time.</summary>
    /// <param name="client">Who tells.</param>
    /// <param name="producer">What the coordinator said.</param>
    /// <param name="done">All that it could do is done.</param>
    public void Tell(SimClient client, TransactionalProducer producer, Action done)
    {
        var left = producer.Partitions.Count + producer.Groups.Count;
        var allKnow = true;
        if (left == 0)
        {
            Complete(client, producer, done);
            return;
        }

        foreach (var place in producer.Partitions)
        {
            TellPartition(client, producer, owner.Streams.Partitions[place.Partition], Told);
        }

        foreach (var group in producer.Groups)
        {
            TellGroup(client, producer, group, Told);
        }

        void Told(bool knows)
        {
            allKnow &= knows;
            if (--left > 0)
            {
                return;
            }

            if (allKnow)
            {
                Complete(client, producer, done);
            }
            else
            {
                done();
            }
        }
    }

    private void TellPartition(SimClient client, TransactionalProducer producer, StreamPartition partition, Action<bool> told)
    {
        var isCommit = producer.State == TransactionState.PrepareCommit;
        var marker = new TransactionMarker(producer.ProducerId, producer.Epoch, isCommit, producer.Number);
        var timestamp = WorkloadBatches.TimestampOf(producer.Number);
        var batch = partition.Checker.MarkerOf(
            marker.ToBatch(timestamp), owner.Checker.Of(producer.ProducerId, producer.Number));
        client.Call(StreamsRequests.End(partition.Shard, marker, timestamp), result =>
        {
            if (!owner.Streams.EndsWell(result))
            {
                told(false);
                return;
            }

            var answer = StreamsWorkload.ResultOf(result);
            switch (answer.Status)
            {
                case PartitionStatus.Ok when answer.BaseOffset >= 0:
                    partition.Checker.Acknowledge(batch, answer);
                    break;
                case PartitionStatus.Ok or PartitionStatus.ProducerFenced or PartitionStatus.TransactionOver:
                    break; // it knew
                default:
                    throw new SafetyViolationException($"{batch} of {batch.Transaction} was answered {answer.Status}");
            }

            told(true);
        });
    }

    private void TellGroup(SimClient client, TransactionalProducer producer, string group, Action<bool> told)
    {
        var transaction = owner.Checker.Of(producer.ProducerId, producer.Number);
        var end = new EndGroupTransaction(
            group, new ProducerTransaction(producer.ProducerId, producer.Epoch, producer.Number),
            producer.State == TransactionState.PrepareCommit);
        client.Call(GroupsRequests.Write(owner.Groups, group, writer => GroupCommand.Write(writer, end)), result =>
        {
            if (!owner.Streams.EndsWell(result))
            {
                told(false);
                return;
            }

            var status = GroupResult.TryRead(result.Response.Body)?.Status;
            if (status is not (GroupStatus.Ok or GroupStatus.ProducerFenced or GroupStatus.InvalidTransactionState))
            {
                throw new SafetyViolationException($"the end of {transaction} was answered {status} by {group}");
            }

            owner.Checker.Heard(transaction);
            told(true);
        });
    }

    private void Complete(SimClient client, TransactionalProducer producer, Action done)
    {
        var complete = new CompleteTransaction(producer.Id, producer.ProducerId, producer.Epoch, producer.Number);
        client.Call(
            TransactionsRequests.Write(owner.Space, producer.Id, writer => TransactionCommand.Write(writer, complete)), result =>
            {
                if (owner.Streams.EndsWell(result)
                    && TransactionsWorkload.ResultOf(result).Status is not TransactionStatus.Ok and var status)
                {
                    throw new SafetyViolationException($"that all know how a transaction of {producer.Id} ended was answered {status}");
                }

                done();
            });
    }
}
