using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Requests;

namespace Atoll.Services.Calls;

/// <summary>
/// Gives each write of one client its identity, and tells the cluster which answers it need not remember any longer: all below the lowest
/// sequence that is still under way. Thread-safe.
/// </summary>
/// <remarks>
/// One slow request holds back what may be forgotten, and the cluster's memory for one client is bounded: so at most
/// <see cref="Limits.ClientRequestsInFlightMax"/> sequences may lie between the lowest unanswered and the newest. The time of issue never
/// decreases from one sequence to the next, whatever the clock does: the cluster's right to forget rests on it.
/// </remarks>
public sealed class IdentityAllocator
{
    private const int Window = Limits.ClientRequestsInFlightMax;

    private readonly Lock _lock = new();
    private readonly ulong[] _answered = new ulong[Window / 64];
    private readonly ulong _clientId;
    private readonly Func<HybridTime> _serverTime;
    private ulong _next = 1;
    private ulong _lowestUnanswered = 1;
    private HybridTime _lastIssuedAt;

    /// <summary>An allocator for one client.</summary>
    /// <param name="clientId">Random, not 0: unique among all clients.</param>
    /// <param name="serverTime">The time as the cluster sees it.</param>
    public IdentityAllocator(ulong clientId, Func<HybridTime> serverTime)
    {
        Check.That(clientId != 0);
        _clientId = clientId;
        _serverTime = serverTime;
    }

    /// <summary>The next identity; false when too many requests are under way, or one has been for too long.</summary>
    public bool TryNext(out RequestIdentity identity)
    {
        var issuedAt = _serverTime();
        lock (_lock)
        {
            if (_next - _lowestUnanswered >= Window)
            {
                identity = default;
                return false;
            }

            _lastIssuedAt = issuedAt > _lastIssuedAt ? issuedAt : _lastIssuedAt;
            identity = new RequestIdentity(_clientId, _next, _lowestUnanswered, _lastIssuedAt);
            _next++;
            return true;
        }
    }

    /// <summary>The request with that sequence will not be sent again.</summary>
    public void Answered(ulong sequence)
    {
        lock (_lock)
        {
            Check.That(sequence >= _lowestUnanswered && sequence < _next);
            Check.That(!IsAnswered(sequence));
            _answered[Word(sequence)] |= 1UL << (int)(sequence % 64);
            while (_lowestUnanswered < _next && IsAnswered(_lowestUnanswered))
            {
                // The bit is cleared on leaving the window: the place belongs to the sequence one window later.
                _answered[Word(_lowestUnanswered)] &= ~(1UL << (int)(_lowestUnanswered % 64));
                _lowestUnanswered++;
            }
        }
    }

    private static int Word(ulong sequence) => (int)(sequence % Window / 64);

    private bool IsAnswered(ulong sequence) => (_answered[Word(sequence)] & (1UL << (int)(sequence % 64))) != 0;
}
