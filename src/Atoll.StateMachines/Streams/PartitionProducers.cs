using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.StateMachines.Streams;

/// <summary>The producers of a partition that number their batches, and their open transactions.</summary>
internal sealed class PartitionProducers
{
    /// <summary>Producers that are remembered; a batch of one is some bytes of state until it was silent for a day.</summary>
    internal const int CountMax = 16 * 1024;

    private const long IdleMillisecondsMax = 24L * 60 * 60 * 1000;
    private const int ProducerBytesMin = 13;

    // When there is no room, a part goes at once: finding the longest silent ones takes a look at all.
    private const int EvictedAtOnce = CountMax / 16;

    private static readonly Probe Evicted = Probe.Define("partition: a producer was forgotten for want of room");

    private readonly SortedDictionary<long, ProducerState> _producers = [];
    private readonly SortedDictionary<long, long> _open = [];

    /// <summary>Whether any was ever forgotten: then one that is not known need not be new.</summary>
    internal bool HasForgotten { get; private set; }

    /// <summary>How many are remembered.</summary>
    internal int Count => _producers.Count;

    /// <summary>Producers with open transactions, by the first offset of these.</summary>
    internal IEnumerable<KeyValuePair<long, long>> Open => _open;

    /// <summary>All that are remembered, by their numbers.</summary>
    internal IEnumerable<KnownProducer> All => _producers.Select(static pair => new KnownProducer(
        pair.Key, pair.Value.Epoch, pair.Value.LastSequence, pair.Value.LastActive, pair.Value.TransactionStart));

    /// <summary>The first offset of the oldest open transaction; -1 when none is open.</summary>
    internal long FirstOpen
    {
        get
        {
            foreach (var (offset, _) in _open)
            {
                return offset;
            }

            return -1;
        }
    }

    /// <summary>What is known of a producer; null when nothing is.</summary>
    internal ProducerState? Find(long id) => _producers.GetValueOrDefault(id);

    /// <summary>What is known of a producer, or a new one; null when there is no room.</summary>
    internal ProducerState? FindOrAdd(long id, short epoch)
    {
        if (_producers.TryGetValue(id, out var known))
        {
            return known;
        }

        if (_producers.Count >= CountMax && !TryMakeRoom())
        {
            return null;
        }

        var added = new ProducerState();
        added.Begin(epoch);
        _producers.Add(id, added);
        return added;
    }

    /// <summary>A producer's transaction begins.</summary>
    internal void Begin(long id, ProducerState producer, long offset)
    {
        producer.TransactionStart = offset;
        _open.Add(offset, id);
    }

    /// <summary>A producer's transaction ends.</summary>
    internal void End(ProducerState producer)
    {
        var wasOpen = _open.Remove(producer.TransactionStart);
        Check.That(wasOpen);
        producer.TransactionStart = -1;
        producer.OpenTransaction = -1;
    }

    /// <summary>Forgets those that were silent for a day.</summary>
    internal void ForgetIdle(long nowMilliseconds) =>
        Forget(producer => producer.LastActive < nowMilliseconds - IdleMillisecondsMax, int.MaxValue);

    internal void Write(WireWriter writer)
    {
        writer.WriteBool(HasForgotten);
        writer.WriteVarint((ulong)_producers.Count);
        foreach (var (id, producer) in _producers)
        {
            writer.WriteUInt64((ulong)id);
            producer.Write(writer);
        }
    }

    internal static PartitionProducers Read(ref WireReader reader)
    {
        var producers = new PartitionProducers { HasForgotten = reader.ReadBool() };
        var count = reader.ReadCount(Math.Min(CountMax, reader.Remaining / ProducerBytesMin));
        var last = -1L;
        for (var i = 0; i < count && reader.Ok; i++)
        {
            var id = (long)reader.ReadUInt64();
            var producer = ProducerState.Read(ref reader);
            if (id <= last || (producer.TransactionStart >= 0 && !producers._open.TryAdd(producer.TransactionStart, id)))
            {
                reader.Fail();
                break;
            }

            last = id;
            producers._producers.Add(id, producer);
        }

        return producers;
    }

    internal void AddTo(ref StateHasher hasher)
    {
        hasher.Add(HasForgotten ? 1UL : 0);
        hasher.Add((ulong)_producers.Count);
        foreach (var (id, producer) in _producers)
        {
            hasher.Add((ulong)id);
            producer.AddTo(ref hasher);
        }
    }

    private bool TryMakeRoom()
    {
        Forget(static _ => true, EvictedAtOnce);
        if (_producers.Count < CountMax)
        {
            Evicted.Hit();
        }

        return _producers.Count < CountMax;
    }

    private void Forget(Predicate<ProducerState> isForgotten, int countMax)
    {
        var idle = _producers.Where(pair => !pair.Value.IsInTransaction && isForgotten(pair.Value))
            .OrderBy(pair => pair.Value.LastActive).ThenBy(pair => pair.Key).Take(countMax).Select(pair => pair.Key).ToList();
        HasForgotten |= idle.Count > 0;
        foreach (var id in idle)
        {
            _producers.Remove(id);
        }
    }
}
