using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.StateMachines.Streams;

namespace Atoll.StateMachines.Transactions;

/// <summary>The steps of a transactional id: what was, a command, and out comes what is, and an answer.</summary>
internal static class TransactionRules
{
    private static readonly Probe Exhausted = Probe.Define("transactions: a producer got a new number, as its epochs were used up");
    private static readonly Probe FencedWhileOpen = Probe.Define("transactions: one was aborted because its producer was replaced");

    /// <summary>
    /// A producer takes over the id: those before it are fenced off by the epoch, and an open transaction of theirs is aborted first.
    /// </summary>
    internal static TransactionOutcome Init(TransactionalProducer? before, InitProducer init)
    {
        if (init.TimeoutMilliseconds is <= 0 or > TransactionLimits.TimeoutMillisecondsMax)
        {
            return TransactionOutcome.Refused(TransactionStatus.InvalidTimeout);
        }

        if (before is null)
        {
            return TransactionOutcome.Done(new TransactionalProducer(init.Id)
            {
                ProducerId = init.NewProducerId, TimeoutMilliseconds = init.TimeoutMilliseconds,
            });
        }

        var isKnown = init.KnownProducerId >= 0;
        var isAgain = isKnown && init.KnownEpoch >= 0 && init.KnownEpoch == before.LastEpoch;
        if (isKnown && (init.KnownProducerId != before.ProducerId || (init.KnownEpoch != before.Epoch && !isAgain)))
        {
            return TransactionOutcome.Refused(TransactionStatus.Fenced);
        }

        if (before.IsEnding)
        {
            return TransactionOutcome.Refused(TransactionStatus.Concurrent);
        }

        if (before.State == TransactionState.Ongoing)
        {
            FencedWhileOpen.Hit();
            var fenced = Fence(before, mayGoOn: isKnown);
            return TransactionOutcome.Refused(TransactionStatus.Concurrent) with { Changed = fenced };
        }

        if (isAgain)
        {
            return TransactionOutcome.Same(before);
        }

        var after = before with
        {
            State = TransactionState.Empty, TimeoutMilliseconds = init.TimeoutMilliseconds,
            LastEpoch = isKnown ? before.Epoch : TransactionalProducer.NoEpoch,
        };
        if (before.Epoch < TransactionLimits.EpochMax)
        {
            return TransactionOutcome.Done(after with { Epoch = (short)(before.Epoch + 1) });
        }

        Exhausted.Hit();
        return TransactionOutcome.Done(after with
        {
            ProducerId = init.NewProducerId, Epoch = 0, LastEpoch = TransactionalProducer.NoEpoch,
        });
    }

    /// <summary>Partitions or groups become part of the transaction; the first ones begin it.</summary>
    internal static TransactionOutcome Add(
        TransactionalProducer? before, AddToTransaction add, long nowMilliseconds, Sabotage sabotage)
    {
        var status = Judge(before, add.ProducerId, add.Epoch, sabotage);
        if (status != TransactionStatus.Ok || before!.IsEnding)
        {
            return TransactionOutcome.Refused(status == TransactionStatus.Ok ? TransactionStatus.Concurrent : status);
        }

        var after = before with { Partitions = before.Partitions.Union(add.Partitions), Groups = before.Groups.Union(add.Groups) };
        if (after.Partitions.Count > TransactionLimits.PartitionsMax || after.Groups.Count > TransactionLimits.GroupsMax)
        {
            return TransactionOutcome.Refused(TransactionStatus.TooMany);
        }

        if (before.State != TransactionState.Ongoing)
        {
            return TransactionOutcome.Done(after with
            {
                State = TransactionState.Ongoing, BeganAt = nowMilliseconds, Number = ProducerSequence.Next(before.Number),
                LastEpoch = TransactionalProducer.NoEpoch,
            });
        }

        return after.Partitions.Count == before.Partitions.Count && after.Groups.Count == before.Groups.Count
            ? TransactionOutcome.Same(before) : TransactionOutcome.Done(after);
    }

    /// <summary>How the transaction ends is decided, for good.</summary>
    internal static TransactionOutcome End(TransactionalProducer? before, EndTransaction end, Sabotage sabotage)
    {
        var status = Judge(before, end.ProducerId, end.Epoch, sabotage);
        if (status != TransactionStatus.Ok)
        {
            return TransactionOutcome.Refused(status);
        }

        var (ending, ended) = end.IsCommit ? (TransactionState.PrepareCommit, TransactionState.CompleteCommit)
            : (TransactionState.PrepareAbort, TransactionState.CompleteAbort);
        return before!.State == TransactionState.Ongoing ? TransactionOutcome.Done(before with { State = ending, BeganAt = -1 })
            : before.State == ended || before.State == ending ? TransactionOutcome.Same(before)
            : TransactionOutcome.Refused(TransactionStatus.InvalidState);
    }

    /// <summary>All have heard how it ended; said twice, it changes nothing.</summary>
    internal static TransactionOutcome Complete(TransactionalProducer? before, CompleteTransaction complete)
    {
        if (before is null || before.ProducerId != complete.ProducerId)
        {
            return TransactionOutcome.Refused(TransactionStatus.UnknownProducer);
        }

        return !before.IsEnding || before.Number != complete.Number || before.Epoch != complete.Epoch
            ? TransactionOutcome.Same(before)
            : TransactionOutcome.Done(before with
            {
                State = before.State == TransactionState.PrepareCommit ? TransactionState.CompleteCommit : TransactionState.CompleteAbort,
                Partitions = before.Partitions.Clear(), Groups = before.Groups.Clear(),
            });
    }

    /// <summary>The open transaction is aborted, and whoever has it open fenced off.</summary>
    /// <param name="before">The id.</param>
    /// <param name="mayGoOn">Whether its producer may have the next epoch when it asks for it; else another one has taken over.</param>
    internal static TransactionalProducer Fence(TransactionalProducer before, bool mayGoOn)
    {
        Check.That(before.State == TransactionState.Ongoing && before.Epoch <= TransactionLimits.EpochMax);
        return before with
        {
            State = TransactionState.PrepareAbort, BeganAt = -1, Epoch = (short)(before.Epoch + 1),
            LastEpoch = mayGoOn ? before.Epoch : TransactionalProducer.NoEpoch,
        };
    }

    private static TransactionStatus Judge(TransactionalProducer? producer, long id, short epoch, Sabotage sabotage) =>
        producer is null || producer.ProducerId != id ? TransactionStatus.UnknownProducer
        : producer.Epoch != epoch && !sabotage.Has(Sabotage.FencesNobody) ? TransactionStatus.Fenced
        : TransactionStatus.Ok;
}
