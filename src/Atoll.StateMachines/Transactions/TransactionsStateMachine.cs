using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Transactions;

/// <summary>The transactional ids of one shard (docs/streams.md): which producer has each, and where its transaction is.</summary>
public sealed class TransactionsStateMachine : MemoryStateMachine<TransactionalProducer>
{
    private static readonly Probe TimedOut = Probe.Define("transactions: one was aborted because it lasted too long");
    private static readonly Probe Forgotten = Probe.Define("transactions: an id that nobody used was forgotten");

    /// <inheritdoc />
    public override HybridTime? NextExpiry => Sabotage.Has(Sabotage.LetsTransactionsLast) ? null : base.NextExpiry;

    /// <inheritdoc />
    protected override int ExpiredPerCommandMax => TransactionLimits.ProducersPerCommandMax;

    /// <inheritdoc />
    protected override byte SnapshotFormat => TransactionsSnapshot.FormatVersion;

    /// <inheritdoc />
    protected override byte SnapshotEnd => TransactionsSnapshot.EndRecord;

    /// <inheritdoc />
    public override void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result)
    {
        var answer = TransactionCommand.KindOf(command.Span) == TransactionCommandKind.Expire
            ? Expire(command, context.Now) : ApplyToOne(command, context.Now);
        answer.Write(result);
    }

    /// <inheritdoc />
    public override IMachineTarget BeginRestore(HybridTime now, IStateLoad? load) => new TransactionsSnapshotTarget(now, Restore);

    /// <inheritdoc />
    protected override void Answer(ReadOnlyMemory<byte> query, WireWriter result) =>
        TransactionQuery.Answer(All, Busy, query).Write(result);

    /// <inheritdoc />
    protected override void WriteExpired(WireWriter writer, IReadOnlyCollection<string> ids) => TransactionCommand.WriteExpire(writer, ids);

    /// <inheritdoc />
    protected override IEnumerable<byte> Records(TransactionalProducer thing, WireWriter writer) =>
        TransactionsSnapshot.Records(thing, writer);

    private TransactionResult ApplyToOne(ReadOnlyMemory<byte> command, HybridTime now)
    {
        if (TransactionCommand.TryRead(command) is not var (id, body))
        {
            return TransactionResult.Refused(TransactionStatus.Invalid);
        }

        var before = Find(id);
        var outcome = body switch
        {
            InitProducer init => TransactionRules.Init(before, init),
            AddToTransaction add => TransactionRules.Add(before, add, now.UnixMilliseconds, Sabotage),
            EndTransaction end => TransactionRules.End(before, end, Sabotage),
            _ => TransactionRules.Complete(before, (CompleteTransaction)body),
        };
        if (outcome.Changed is { } changed)
        {
            if (before is null && Count >= TransactionLimits.ProducersPerShardMax)
            {
                return TransactionResult.Refused(TransactionStatus.TooMany);
            }

            Replace(before, changed, now);
        }

        return outcome.Result;
    }

    private TransactionResult Expire(ReadOnlyMemory<byte> command, HybridTime now)
    {
        if (TransactionCommand.TryReadExpire(command) is not { } ids)
        {
            return TransactionResult.Refused(TransactionStatus.Invalid);
        }

        foreach (var id in ids)
        {
            if (Find(id) is not { DueAt: { } at } producer || at > now.UnixMilliseconds)
            {
                continue;
            }

            if (producer.State == TransactionState.Ongoing)
            {
                TimedOut.Hit();
                Replace(producer, TransactionRules.Fence(producer, mayGoOn: true), now);
            }
            else
            {
                Forgotten.Hit();
                Remove(producer);
            }
        }

        return new TransactionResult(TransactionStatus.Ok, -1, -1, -1);
    }

    private void Replace(TransactionalProducer? before, TransactionalProducer after, HybridTime now)
    {
        after = after with { LastChange = now.UnixMilliseconds };
        after.CheckInvariants();
        Check.That(before is null || before.ProducerId != after.ProducerId || after.Epoch >= before.Epoch);
        Replace(before, after);
    }
}
