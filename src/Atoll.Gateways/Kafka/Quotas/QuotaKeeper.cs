using Atoll.Foundation.Time;
using Atoll.Gateways.Kafka.Connections;
using Atoll.Services.Streams.Quotas;

namespace Atoll.Gateways.Kafka.Quotas;

/// <summary>
/// Holds clients to their quotas, by what they call themselves: each id has its own paces, shared by its connections. Ids are made up by
/// clients, so there are only so many paces: one that has rested goes when there is no room, as a new one would say the same; and where all
/// are in use, new ids share one. Allocates nothing for a client that is known. Thread-safe.
/// </summary>
/// <param name="quotas">The quotas.</param>
/// <param name="time">The clock.</param>
/// <param name="clientsMax">Ids with paces of their own.</param>
public sealed class QuotaKeeper(IQuotas quotas, TimeProvider time, int clientsMax = QuotaKeeper.ClientsMax)
{
    // Some hundred bytes each, and an id.
    private const int ClientsMax = 10_000;

    // A look at all for one that has rested; not more often, however many ids are made up.
    private static readonly Duration SweepInterval = Duration.FromSeconds(1);

    // Whoever comes first has rested, as far as the clock goes.
    private static readonly Duration Before = Duration.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, ClientPace> _paces = new(StringComparer.Ordinal);
    private readonly ClientPace _others = new(null);
    private readonly long _startedAt = time.GetTimestamp();
    private Instant _nextSweep;

    /// <summary>Ids that have paces of their own.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _paces.Count;
            }
        }
    }

    /// <summary>Holds a client to its quotas: until it may do more its connection is not read.</summary>
    /// <param name="client">The client.</param>
    /// <param name="use">What it does.</param>
    /// <returns>Whole milliseconds until it may do more, to tell it; 0 when it may.</returns>
    public int Take(KafkaClient client, ClientUse use)
    {
        var known = quotas.Known;
        if (known.IsEmpty)
        {
            return 0;
        }

        var now = Now();
        var wait = PaceOf(client, now).Take(known, now, use);
        if (wait == Duration.Zero)
        {
            return 0;
        }

        var milliseconds = (int)((wait.Nanoseconds + 999_999) / 1_000_000);
        client.MuteUntil(time.GetTimestamp() + (milliseconds * time.TimestampFrequency / 1_000));
        return milliseconds;
    }

    /// <summary>The most bytes that a client's fetch should have, so that what it gets at once is what a second allows.</summary>
    public int FetchBytesMax(KafkaClient client)
    {
        var known = quotas.Known;
        return known.IsEmpty || PaceOf(client, Now()).QuotaOf(known).ConsumerBytesPerSecond is not { } rate
            ? int.MaxValue : (int)Math.Min(rate, int.MaxValue);
    }

    private Instant Now() => new Instant(time.GetElapsedTime(_startedAt).Ticks * TimeSpan.NanosecondsPerTick) + Before;

    private ClientPace PaceOf(KafkaClient client, Instant now)
    {
        if (client.Pace is { IsDropped: false } known && known.IsOf(client.Name))
        {
            return known;
        }

        lock (_lock)
        {
            if (!_paces.TryGetValue(client.Name, out var pace))
            {
                if (client.Name.Length > ClientQuotas.ClientIdLengthMax || !HasRoom(now))
                {
                    return _others; // and it is looked up again the next time
                }

                _paces.Add(client.Name, pace = new ClientPace(client.Name));
            }

            return client.Pace = pace;
        }
    }

    private bool HasRoom(Instant now)
    {
        if (_paces.Count >= clientsMax && now >= _nextSweep)
        {
            _nextSweep = now + SweepInterval;
            foreach (var (id, pace) in _paces)
            {
                if (pace.TryDrop(now))
                {
                    _paces.Remove(id);
                }
            }
        }

        return _paces.Count < clientsMax;
    }
}
