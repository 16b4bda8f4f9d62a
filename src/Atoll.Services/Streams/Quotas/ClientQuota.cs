using System.Collections.Immutable;

namespace Atoll.Services.Streams.Quotas;

/// <summary>
/// What clients may do on each node, by the names that Kafka gives these quotas (and one of its own); what is not set is not bounded, or as
/// the default says. Immutable.
/// </summary>
public sealed record ClientQuota
{
    /// <summary>Bytes of requests to produce, a second.</summary>
    public const string ProducerByteRate = "producer_byte_rate";

    /// <summary>Bytes of batches that are fetched, a second.</summary>
    public const string ConsumerByteRate = "consumer_byte_rate";

    /// <summary>Requests of any kind, a second.</summary>
    public const string RequestRate = "request_rate";

    /// <summary>Nothing set.</summary>
    public static readonly ClientQuota None = new(ImmutableSortedDictionary.Create<string, long>(StringComparer.Ordinal));

    // Beyond it a rate is none; and whoever sets it by a floating-point number gets what was said.
    private const long RateMax = 1L << 50;

    private ClientQuota(ImmutableSortedDictionary<string, long> chosen)
    {
        Chosen = chosen;
        ProducerBytesPerSecond = Rate(ProducerByteRate);
        ConsumerBytesPerSecond = Rate(ConsumerByteRate);
        RequestsPerSecond = Rate(RequestRate);
    }

    /// <summary>The names that there are.</summary>
    public static IReadOnlyList<string> Names { get; } = [ConsumerByteRate, ProducerByteRate, RequestRate];

    /// <summary>What was set, by name.</summary>
    public ImmutableSortedDictionary<string, long> Chosen { get; }

    /// <summary>Bytes of requests to produce; null: not bounded.</summary>
    public long? ProducerBytesPerSecond { get; }

    /// <summary>Bytes of batches that are fetched; null: not bounded.</summary>
    public long? ConsumerBytesPerSecond { get; }

    /// <summary>Requests; null: not bounded.</summary>
    public long? RequestsPerSecond { get; }

    /// <summary>Whether nothing is set.</summary>
    public bool IsNone => Chosen.IsEmpty;

    /// <summary>This one with one of them set, or, by null, not set any more.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="rate">A second; null: none.</param>
    /// <param name="changed">The new one; this one, when it is refused.</param>
    /// <returns>Why it is refused, in a sentence for people; null when it is not.</returns>
    public string? TrySet(string name, long? rate, out ClientQuota changed)
    {
        changed = this;
        if (!Names.Contains(name, StringComparer.Ordinal))
        {
            return $"there is no quota \"{name}\"; there are {string.Join(", ", Names)}";
        }

        if (rate is < 1 or > RateMax)
        {
            return $"{name} is a whole number from 1 to {RateMax}, not {rate}";
        }

        changed = new ClientQuota(rate is { } set ? Chosen.SetItem(name, set) : Chosen.Remove(name));
        return null;
    }

    /// <summary>This one, and of another one what is not set here.</summary>
    public ClientQuota Else(ClientQuota other) => new(other.Chosen.SetItems(Chosen));

    private long? Rate(string name) => Chosen.TryGetValue(name, out var rate) ? rate : null;
}
