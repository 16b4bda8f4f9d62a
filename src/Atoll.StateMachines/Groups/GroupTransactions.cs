using Atoll.Foundation.Checks;
using Atoll.StateMachines.Streams;

namespace Atoll.StateMachines.Groups;

/// <summary>The rules of offsets that are committed in transactions: each transaction begins and ends once in a group.</summary>
internal static class GroupTransactions
{
    private static readonly Probe Late = Probe.Define("groups: something of a transaction came when it had ended");

    /// <summary>A producer may commit offsets in a transaction, unless it has ended.</summary>
    internal static GroupOutcome Begin(ConsumerGroup? group, BeginGroupTransaction begin, long nowMilliseconds)
    {
        var (id, epoch, number) = begin.Transaction;
        group ??= new ConsumerGroup(begin.Group);
        var before = group.Transactions.GetValueOrDefault(id) ?? new GroupTransaction { Epoch = epoch };
        var status = Judge(before, epoch, number);
        if (status != GroupStatus.Ok)
        {
            return GroupOutcome.Refused(status);
        }

        if (before.Open >= 0 && before.Open != number && !before.Offsets.IsEmpty)
        {
            return GroupOutcome.Refused(GroupStatus.InvalidTransactionState);
        }

        return Replace(Forgotten(group, nowMilliseconds), id, before with
        {
            Epoch = epoch, Open = number, LastActive = nowMilliseconds,
        });
    }

    /// <summary>Offsets that are committed when the transaction is.</summary>
    internal static GroupOutcome Commit(ConsumerGroup? group, CommitInTransaction commit, long nowMilliseconds)
    {
        var status = GroupCommits.JudgeInTransaction(group, commit.Commit);
        if (status != GroupStatus.Ok)
        {
            return GroupOutcome.Refused(status);
        }

        var before = group?.Transactions.GetValueOrDefault(commit.ProducerId);
        if (before is null || before.Open < 0 || commit.Epoch != before.Epoch)
        {
            Late.Hit();
            return GroupOutcome.Refused(before is not null && commit.Epoch < before.Epoch
                ? GroupStatus.ProducerFenced : GroupStatus.InvalidTransactionState);
        }

        var offsets = before.Offsets.SetItems(
            commit.Commit.Offsets.Select(static offset => KeyValuePair.Create(offset.Place, offset.Committed)));
        return offsets.Count > GroupLimits.OffsetsPerCommandMax ? GroupOutcome.Refused(GroupStatus.TooMany)
            : Replace(group!, commit.ProducerId, before with { Offsets = offsets, LastActive = nowMilliseconds });
    }

    /// <summary>A transaction ends: its offsets are committed, or were never there. Said again, it changes nothing.</summary>
    internal static GroupOutcome End(ConsumerGroup? group, EndGroupTransaction end, long nowMilliseconds, Sabotage sabotage)
    {
        var (id, epoch, number) = end.Transaction;
        // A group that is not there yet remembers it, too: the beginning that comes late, and makes the group, would never end.
        group ??= new ConsumerGroup(end.Group);
        var before = group.Transactions.GetValueOrDefault(id) ?? new GroupTransaction { Epoch = epoch };
        if (number == before.Ended)
        {
            return new GroupOutcome(new GroupResult(GroupStatus.Ok), null);
        }

        var status = Judge(before, epoch, number);
        if (status != GroupStatus.Ok)
        {
            return GroupOutcome.Refused(status);
        }

        var isCommit = end.IsCommit || sabotage.Has(Sabotage.CommitsAbortedOffsets);
        var after = group with { Offsets = isCommit ? group.Offsets.SetItems(before.Offsets) : group.Offsets };
        return Replace(after, id, new GroupTransaction { Epoch = epoch, Ended = number, LastActive = nowMilliseconds });
    }

    private static GroupStatus Judge(GroupTransaction producer, short epoch, int number)
    {
        if (epoch < producer.Epoch)
        {
            return GroupStatus.ProducerFenced;
        }

        var isOver = number == producer.Ended
            || ProducerState.IsBefore(number, producer.Ended) || ProducerState.IsBefore(number, producer.Open);
        if (isOver)
        {
            Late.Hit();
        }

        return isOver ? GroupStatus.InvalidTransactionState : GroupStatus.Ok;
    }

    // What comes late comes soon: who has ended its last transaction long ago is forgotten.
    private static ConsumerGroup Forgotten(ConsumerGroup group, long nowMilliseconds)
    {
        var idle = group.Transactions.Where(pair =>
            pair.Value.Open < 0 && pair.Value.LastActive < nowMilliseconds - GroupLimits.ProducerIdleMilliseconds)
            .Select(static pair => pair.Key).ToList();
        return idle.Count == 0 ? group : group with { Transactions = group.Transactions.RemoveRange(idle) };
    }

    private static GroupOutcome Replace(ConsumerGroup group, long id, GroupTransaction after)
    {
        var transactions = group.Transactions.SetItem(id, after);
        return transactions.Count > GroupLimits.ProducersPerGroupMax ? GroupOutcome.Refused(GroupStatus.TooMany)
            : GroupOutcome.Done(group with { Transactions = transactions });
    }
}
