using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Snapshots;

namespace Atoll.StateMachines.Transactions;

/// <summary>Transactional ids as records of a snapshot: each one, in order, and their number at the end.</summary>
internal static class TransactionsSnapshot
{
    internal const byte FormatVersion = 1;
    internal const byte ProducerRecord = 1;
    internal const byte EndRecord = 2;

    // What a record holds came in several commands: partitions of long names.
    internal const int RecordBytesMax = 4 * Limits.EntryBytesMax;

    internal static IEnumerable<byte> Records(TransactionalProducer producer, WireWriter writer)
    {
        TransactionWire.WriteProducer(writer, producer);
        yield return ProducerRecord;
    }
}

/// <summary>Reads them.</summary>
internal sealed class TransactionsSnapshotTarget(HybridTime now, Action<ImmutableSortedDictionary<string, TransactionalProducer>> install)
    : RecordSnapshotTarget(TransactionsSnapshot.FormatVersion, TransactionsSnapshot.RecordBytesMax, "transactions")
{
    private readonly ImmutableSortedDictionary<string, TransactionalProducer>.Builder _producers =
        ImmutableSortedDictionary.CreateBuilder<string, TransactionalProducer>(StringComparer.Ordinal);

    private string _last = "";
    private bool _isComplete;

    protected override bool IsComplete => _isComplete;

    public override void Install() => install(_producers.ToImmutable());

    protected override bool TryTake(byte kind, ReadOnlyMemory<byte> record)
    {
        var reader = new WireReader(record);
        if (kind == TransactionsSnapshot.EndRecord)
        {
            _isComplete = reader.ReadCount(TransactionLimits.ProducersPerShardMax) == _producers.Count;
            return _isComplete && reader.OkAtEnd;
        }

        var producer = TransactionWire.ReadProducer(ref reader);
        if (kind != TransactionsSnapshot.ProducerRecord || !reader.OkAtEnd || !producer.IsConsistent()
            || producer.LastChange > now.UnixMilliseconds || string.CompareOrdinal(producer.Id, _last) <= 0)
        {
            return false;
        }

        _last = producer.Id;
        _producers.Add(producer.Id, producer);
        return true;
    }
}
