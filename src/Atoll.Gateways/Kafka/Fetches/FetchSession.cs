using Atoll.Foundation.Checks;
using Atoll.Gateways.Kafka.Protocol;

namespace Atoll.Gateways.Kafka.Fetches;

/// <summary>
/// What a client fetches again and again, so that it need not say it each time, and is told only of partitions with news. Used by one
/// request at a time.
/// </summary>
/// <param name="id">Its number.</param>
/// <param name="usesTopicIds">Whether the client names topics by their identities.</param>
public sealed class FetchSession(int id, bool usesTopicIds)
{
    /// <summary>Partitions of one session.</summary>
    public const int PartitionsMax = 10_000;

    private readonly Dictionary<FetchKey, LinkedListNode<Entry>> _byKey = [];
    private readonly LinkedList<Entry> _entries = [];

    /// <summary>Its number.</summary>
    public int Id => id;

    /// <summary>Whether the client names topics by their identities.</summary>
    public bool UsesTopicIds => usesTopicIds;

    /// <summary>The number of the request that comes next; 0 never comes again.</summary>
    public int Epoch { get; private set; } = 1;

    /// <summary>When it was used last, by the clock's timestamps.</summary>
    public long UsedAt { get; set; }

    /// <summary>Whether a request uses it now.</summary>
    public bool IsInUse { get; set; }

    /// <summary>What is wanted, those that got something longest ago first.</summary>
    public IReadOnlyList<FetchWish> Wishes => [.. _entries.Select(static entry => entry.Wish)];

    /// <summary>Adds partitions, or changes what is wanted of them; false when there would be too many.</summary>
    public bool TryChange(IEnumerable<FetchWish> wishes, IEnumerable<FetchKey> forgotten)
    {
        foreach (var key in forgotten)
        {
            if (_byKey.Remove(key, out var gone))
            {
                _entries.Remove(gone);
            }
        }

        foreach (var wish in wishes)
        {
            if (_byKey.TryGetValue(wish.Key, out var known))
            {
                known.Value.Wish = wish;
                continue;
            }

            if (_byKey.Count == PartitionsMax)
            {
                return false;
            }

            _byKey.Add(wish.Key, _entries.AddLast(new Entry { Wish = wish }));
        }

        return true;
    }

    /// <summary>Goes on to the next request's number.</summary>
    public void Advance() => Epoch = Epoch == int.MaxValue ? 1 : Epoch + 1;

    /// <summary>What of the outcomes the client is told: those with news. Who got something stands last the next time.</summary>
    public IReadOnlyList<FetchOutcome> Told(IReadOnlyList<FetchOutcome> outcomes, bool tellsAll)
    {
        var told = new List<FetchOutcome>();
        foreach (var outcome in outcomes)
        {
            if (!_byKey.TryGetValue(outcome.Key, out var node))
            {
                Check.That(false);
                continue;
            }

            var positions = (outcome.HighWatermark, outcome.LogStart, outcome.LastStable);
            var entry = node.Value;
            if (tellsAll || outcome.IsNews || entry.Told != positions)
            {
                told.Add(outcome);
            }

            // After an error the client must hear of it again, and of the partition when there is none any more.
            entry.Told = outcome.Error == KafkaError.None ? positions : null;
            if (outcome.Records.Length > 0)
            {
                _entries.Remove(node);
                _entries.AddLast(node);
            }
        }

        return told;
    }

    private sealed class Entry
    {
        public required FetchWish Wish { get; set; }

        public (long HighWatermark, long LogStart, long LastStable)? Told { get; set; }
    }
}
