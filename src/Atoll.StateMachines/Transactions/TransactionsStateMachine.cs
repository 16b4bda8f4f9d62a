using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Snapshots;
using Atoll.Storage.Lsm;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Transactions;

/// <summary>
/// The transactional ids of one shard (docs/streams.md): which producer has each, and where its transaction is. All of it is in memory, as
/// an immutable map, and made durable by the log and by snapshots.
/// </summary>
public sealed class TransactionsStateMachine : IStateMachine
{
    private static readonly Probe TimedOut = Probe.Define("transactions: one was aborted because it lasted too long");
    private static readonly Probe Forgotten = Probe.Define("transactions: an id that nobody used was forgotten");

    private ImmutableSortedDictionary<string, TransactionalProducer> _producers =
        ImmutableSortedDictionary.Create<string, TransactionalProducer>(StringComparer.Ordinal);

    // What follows from the ids, to find them by.
    private readonly SortedSet<string> _ending = new(StringComparer.Ordinal);
    private readonly SortedSet<(long At, string Id)> _due = new(Comparer<(long At, string Id)>.Create(
        static (a, b) => a.At != b.At ? a.At.CompareTo(b.At) : string.CompareOrdinal(a.Id, b.Id)));

    /// <summary>The bug that is planted.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <inheritdoc />
    public IStateTree? Tree => null;

    /// <inheritdoc />
    public HybridTime? NextExpiry => _due.Count == 0 ? null : HybridTime.FromUnixMilliseconds(_due.Min.At);

    /// <summary>How many ids there are.</summary>
    public int Count => _producers.Count;

    /// <summary>A transactional id; null when there is none.</summary>
    public TransactionalProducer? Find(string id) => _producers.GetValueOrDefault(id);

    /// <inheritdoc />
    public void FindExpired(HybridTime now, Action<byte[]?, StoreFault?> done)
    {
        var due = _due.TakeWhile(entry => entry.At <= now.UnixMilliseconds).Take(TransactionLimits.ProducersPerCommandMax)
            .Select(static entry => entry.Id).ToList();
        byte[]? command = null;
        if (due.Count > 0 && !Sabotage.Has(Sabotage.LetsTransactionsLast))
        {
            var writer = new WireWriter();
            TransactionCommand.WriteExpire(writer, due);
            command = writer.ToArray();
        }

        done(command, null);
    }

    /// <inheritdoc />
    public bool IsPrepared(ReadOnlyMemory<byte> command) => true;

    /// <inheritdoc />
    public void Prepare(IReadOnlyList<ReadOnlyMemory<byte>> commands, Action<StoreFault?> ready) =>
        Check.Unreachable("everything is in memory");

    /// <inheritdoc />
    public void Apply(in CommandContext context, ReadOnlyMemory<byte> command, WireWriter result)
    {
        var answer = TransactionCommand.KindOf(command.Span) == TransactionCommandKind.Expire
            ? Expire(command, context.Now) : ApplyToOne(command, context.Now);
        answer.Write(result);
    }

    /// <inheritdoc />
    public bool TryRead(ReadOnlyMemory<byte> query, HybridTime now, WireWriter result)
    {
        TransactionQuery.Answer(_producers, _ending, query).Write(result);
        return true;
    }

    /// <inheritdoc />
    public void ReadLater(ReadOnlyMemory<byte> query, Func<HybridTime> now, Action<StateAnswer> done) =>
        Check.Unreachable("everything is in memory");

    /// <inheritdoc />
    public void Persist(HybridTime now) => Check.Unreachable("transactions are made durable by snapshots");

    /// <inheritdoc />
    public void Recover(ReadOnlyMemory<byte> meta, HybridTime now, Action<string?> done) =>
        Check.Unreachable("transactions are made durable by snapshots");

    /// <inheritdoc />
    public ISnapshotSource BeginSnapshot()
    {
        var producers = _producers;
        return new RecordSnapshotSource(TransactionsSnapshot.FormatVersion, writer => TransactionsSnapshot.Records(producers, writer));
    }

    /// <inheritdoc />
    public IMachineTarget BeginRestore(HybridTime now, IStateLoad? load) => new TransactionsSnapshotTarget(now, restored =>
    {
        _producers = restored;
        _ending.Clear();
        _due.Clear();
        foreach (var (_, producer) in restored)
        {
            Index(producer, isThere: true);
        }
    });

    /// <inheritdoc />
    public ulong StateHash()
    {
        var hasher = default(StateHasher);
        var writer = new WireWriter();
        foreach (var (_, producer) in _producers)
        {
            TransactionWire.WriteProducer(writer, producer);
            hasher.Add(writer.Written);
            writer.Reset();
        }

        return hasher.Value;
    }

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
            if (before is null && _producers.Count >= TransactionLimits.ProducersPerShardMax)
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
                Index(producer, isThere: false);
                _producers = _producers.Remove(id);
            }
        }

        return new TransactionResult(TransactionStatus.Ok, -1, -1, -1);
    }

    private void Replace(TransactionalProducer? before, TransactionalProducer after, HybridTime now)
    {
        after = after with { LastChange = now.UnixMilliseconds };
        after.CheckInvariants();
        Check.That(before is null || before.ProducerId != after.ProducerId || after.Epoch >= before.Epoch);
        if (before is not null)
        {
            Index(before, isThere: false);
        }

        _producers = _producers.SetItem(after.Id, after);
        Index(after, isThere: true);
    }

    // Puts an id into what it is found by, or takes it out.
    private void Index(TransactionalProducer producer, bool isThere)
    {
        if (producer.DueAt is { } at)
        {
            Check.That(isThere ? _due.Add((at, producer.Id)) : _due.Remove((at, producer.Id)));
        }
        else
        {
            Check.That(isThere ? _ending.Add(producer.Id) : _ending.Remove(producer.Id));
        }
    }
}
