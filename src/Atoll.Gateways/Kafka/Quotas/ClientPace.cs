using Atoll.Foundation.Time;
using Atoll.Services.Streams.Quotas;

namespace Atoll.Gateways.Kafka.Quotas;

/// <summary>What one client has done lately on this node, whatever its connections are. Thread-safe.</summary>
/// <param name="clientId">What it calls itself; null: all that there is no room for, together.</param>
internal sealed class ClientPace(string? clientId)
{
    // As much as a second allows may come at once: clients send in bursts, and round trips take their time.
    private static readonly Duration Burst = Duration.FromSeconds(1);

    // What a connection waits at most. Beyond it a debt is forgiven: a quota that was too low by far must not hold clients back for ever.
    private static readonly Duration WaitMax = Duration.FromSeconds(300);

    private readonly Lock _lock = new();
    private Pace _produced;
    private Pace _consumed;
    private Pace _requests;
    private ClientQuotas _quotas = ClientQuotas.Empty;
    private ClientQuota _quota = ClientQuota.None;
    private bool _isDropped;

    /// <summary>Whether it is not in the table any more: its client is to be looked up anew.</summary>
    public bool IsDropped => Volatile.Read(ref _isDropped);

    /// <summary>Whether it is that of a client.</summary>
    public bool IsOf(string id) => string.Equals(clientId, id, StringComparison.Ordinal);

    /// <summary>What a client does.</summary>
    /// <returns>How long it has to wait before it does more; zero when it need not.</returns>
    public Duration Take(ClientQuotas quotas, Instant now, ClientUse use)
    {
        lock (_lock)
        {
            Heed(quotas);
            var wait = Take(ref _produced, now, use.ProducedBytes, _quota.ProducerBytesPerSecond);
            wait = Longer(wait, Take(ref _consumed, now, use.ConsumedBytes, _quota.ConsumerBytesPerSecond));
            return Longer(wait, Take(ref _requests, now, use.Requests, _quota.RequestsPerSecond));
        }
    }

    /// <summary>What the quotas are of who uses this.</summary>
    public ClientQuota QuotaOf(ClientQuotas quotas)
    {
        lock (_lock)
        {
            Heed(quotas);
            return _quota;
        }
    }

    /// <summary>Drops it if a new one would say the same.</summary>
    public bool TryDrop(Instant now)
    {
        lock (_lock)
        {
            _isDropped = _produced.IsRested(now, Burst) && _consumed.IsRested(now, Burst) && _requests.IsRested(now, Burst);
            return _isDropped;
        }
    }

    private static Duration Take(ref Pace pace, Instant now, long amount, long? perSecond) =>
        amount > 0 && perSecond is { } rate ? pace.Take(now, amount, rate, Burst, WaitMax) : Duration.Zero;

    private static Duration Longer(Duration a, Duration b) => a > b ? a : b;

    // Who was too fast for a rate that is another one now begins anew.
    private void Heed(ClientQuotas quotas)
    {
        if (ReferenceEquals(quotas, _quotas))
        {
            return;
        }

        var before = _quota;
        _quotas = quotas;
        _quota = clientId is null ? quotas.Default : quotas.Of(clientId);
        _produced = before.ProducerBytesPerSecond == _quota.ProducerBytesPerSecond ? _produced : default;
        _consumed = before.ConsumerBytesPerSecond == _quota.ConsumerBytesPerSecond ? _consumed : default;
        _requests = before.RequestsPerSecond == _quota.RequestsPerSecond ? _requests : default;
    }
}

/// <summary>What a client does, as far as there are quotas of it.</summary>
/// <param name="ProducedBytes">Bytes of a request to produce.</param>
/// <param name="ConsumedBytes">Bytes of batches that it fetched.</param>
/// <param name="Requests">Requests.</param>
public readonly record struct ClientUse(long ProducedBytes, long ConsumedBytes, long Requests);
