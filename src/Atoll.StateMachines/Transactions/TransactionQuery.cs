using System.Collections.Immutable;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines.Transactions;

/// <summary>
/// The kinds of queries of transactions, as they stand in the first byte. All are answered by a <see cref="TransactionsPage"/>.
/// </summary>
public enum TransactionQueryKind : byte
{
    /// <summary>One transactional id.</summary>
    Find = 0x81,

    /// <summary>The shard's ids.</summary>
    List = 0x82,

    /// <summary>The shard's ids of which a transaction is ending: not all have heard how.</summary>
    Ending = 0x83,
}

/// <summary>Some transactional ids.</summary>
/// <param name="Status">Ok, or Invalid.</param>
/// <param name="Producers">The ids, in order.</param>
/// <param name="More">Whether there are more behind the last one.</param>
public sealed record TransactionsPage(TransactionStatus Status, IReadOnlyList<TransactionalProducer> Producers, bool More)
{
    /// <summary>Reads what the machine answered; null when the bytes are none.</summary>
    public static TransactionsPage? TryRead(ReadOnlyMemory<byte> bytes)
    {
        var reader = new WireReader(bytes);
        var status = (TransactionStatus)reader.ReadByte();
        var more = reader.ReadBool();
        var count = reader.ReadCount(TransactionLimits.ProducersPerShardMax);
        var producers = new List<TransactionalProducer>();
        for (var i = 0; i < count && reader.Ok; i++)
        {
            producers.Add(TransactionWire.ReadProducer(ref reader));
        }

        return reader.OkAtEnd ? new TransactionsPage(status, producers, more) : null;
    }

    internal void Write(WireWriter writer)
    {
        writer.WriteByte((byte)Status);
        writer.WriteBool(More);
        writer.WriteVarint((ulong)Producers.Count);
        foreach (var producer in Producers)
        {
            TransactionWire.WriteProducer(writer, producer);
        }
    }
}

/// <summary>The queries of transactions. Layout: kind (byte), a transactional id: the one that is asked for, or the one before.</summary>
public static class TransactionQuery
{
    /// <summary>What the first byte says; anything may follow.</summary>
    public static TransactionQueryKind KindOf(ReadOnlySpan<byte> query) => query.IsEmpty ? default : (TransactionQueryKind)query[0];

    /// <summary>Asks for a transactional id.</summary>
    public static void WriteFind(WireWriter writer, string id) => Write(writer, TransactionQueryKind.Find, id);

    /// <summary>Asks for the ids behind one; the empty one is before all.</summary>
    public static void WriteList(WireWriter writer, string after) => Write(writer, TransactionQueryKind.List, after);

    /// <summary>Asks for the ids behind one of which a transaction is ending; the empty one is before all.</summary>
    public static void WriteEnding(WireWriter writer, string after) => Write(writer, TransactionQueryKind.Ending, after);

    internal static TransactionsPage Answer(
        ImmutableSortedDictionary<string, TransactionalProducer> producers, IEnumerable<TransactionalProducer> ending,
        ReadOnlyMemory<byte> query)
    {
        var reader = new WireReader(query.IsEmpty ? query : query[1..]);
        var id = reader.ReadString();
        return !reader.OkAtEnd ? new TransactionsPage(TransactionStatus.Invalid, [], false) : KindOf(query.Span) switch
        {
            TransactionQueryKind.Find => new TransactionsPage(
                TransactionStatus.Ok, producers.TryGetValue(id, out var found) ? [found] : [], false),

            // An immutable map cannot be entered in the middle; who asks this is a person, or a tool.
            TransactionQueryKind.List => Page(producers.Values, id),
            TransactionQueryKind.Ending => Page(ending, id),
            _ => new TransactionsPage(TransactionStatus.Invalid, [], false),
        };
    }

    private static TransactionsPage Page(IEnumerable<TransactionalProducer> producers, string after)
    {
        var page = new List<TransactionalProducer>();
        var writer = new WireWriter();
        foreach (var producer in producers.Where(producer => string.CompareOrdinal(producer.Id, after) > 0))
        {
            if (writer.Length > TransactionLimits.PageBytes)
            {
                return new TransactionsPage(TransactionStatus.Ok, page, true);
            }

            page.Add(producer);
            TransactionWire.WriteProducer(writer, producer);
        }

        return new TransactionsPage(TransactionStatus.Ok, page, false);
    }

    private static void Write(WireWriter writer, TransactionQueryKind kind, string id)
    {
        writer.WriteByte((byte)kind);
        writer.WriteString(id);
    }
}
