using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.StateMachines.Requests;

namespace Atoll.Services.Calls;

/// <summary>
/// Gives each write of one program its identity, and tells the cluster which answers it need not remember any longer: all below the lowest
/// sequence that is still under way. Thread-safe.
/// </summary>
/// <remarks>
/// One slow request holds back what may be forgotten, and the cluster's memory for one client is bounded: so at most
/// <see cref="Limits.ClientRequestsInFlightMax"/> sequences may lie between the lowest unanswered and the newest. A shard without leader
/// must not stop writes to the others, of which there may be as many in a fraction of a second: who has come so far goes on as another
/// client, one that has room. The time of issue never decreases from one sequence of a client to the next, whatever the
/// clock does: the cluster's right to forget rests on it.
/// </remarks>
public sealed class IdentityAllocator
{
    /// <summary>As how many clients one program may be known: half of what a shard remembers for all.</summary>
    public const int ClientsMax = Limits.RequestsRememberedMax / Limits.ClientRequestsInFlightMax / 2;

    private readonly Lock _lock = new();
    private readonly ulong _clientId;
    private readonly Func<HybridTime> _serverTime;
    private readonly List<Client> _clients = [];
    private Client _current;
    private HybridTime _lastIssuedAt;

    /// <summary>An allocator for one program.</summary>
    /// <param name="clientId">Random, not 0: unique among all clients. Those that it goes on as are made of it.</param>
    /// <param name="serverTime">The time as the cluster sees it.</param>
    public IdentityAllocator(ulong clientId, Func<HybridTime> serverTime)
    {
        Check.That(clientId != 0);
        _clientId = clientId;
        _serverTime = serverTime;
        _current = new Client(clientId);
        _clients.Add(_current);
    }

    /// <summary>The next identity; false when too many requests are under way, or one has been for too long.</summary>
    public bool TryNext(out RequestIdentity identity)
    {
        var issuedAt = _serverTime();
        lock (_lock)
        {
            if (!_current.HasRoom && !TryGoOn())
            {
                identity = default;
                return false;
            }

            _lastIssuedAt = issuedAt > _lastIssuedAt ? issuedAt : _lastIssuedAt;
            identity = _current.Next(_lastIssuedAt);
            return true;
        }
    }

    /// <summary>The request with that identity will not be sent again.</summary>
    public void Answered(in RequestIdentity identity)
    {
        lock (_lock)
        {
            ClientOf(identity.ClientId).Answered(identity.Sequence);
        }
    }

    // One that has room again, before a new one: what is remembered of a client goes when it writes again, or after the table's window.
    private bool TryGoOn()
    {
        if (_clients.Find(static client => client.HasRoom) is not { } next)
        {
            if (_clients.Count == ClientsMax)
            {
                return false;
            }

            next = new Client(AnotherId());
            _clients.Add(next);
        }

        _current = next;
        return true;
    }

    private ulong AnotherId()
    {
        var id = _clientId;
        do
        {
            id = StableHash.Compute([], seed: id);
        }
        while (id == 0 || _clients.Exists(client => client.Id == id));

        return id;
    }

    // Most answers are of the present client; looking for another one allocates.
    private Client ClientOf(ulong id) => _current.Id == id ? _current : FormerClient(id);

    private Client FormerClient(ulong id)
    {
        var client = _clients.Find(client => client.Id == id);
        Check.That(client is not null);
        return client;
    }

    /// <summary>What is under way of one client.</summary>
    private sealed class Client(ulong id)
    {
        private const int Window = Limits.ClientRequestsInFlightMax;

        private readonly ulong[] _answered = new ulong[Window / 64];
        private ulong _next = 1;
        private ulong _lowestUnanswered = 1;

        public ulong Id => id;

        public bool HasRoom => _next - _lowestUnanswered < Window;

        public RequestIdentity Next(HybridTime issuedAt)
        {
            Check.That(HasRoom);
            return new RequestIdentity(id, _next++, _lowestUnanswered, issuedAt);
        }

        public void Answered(ulong sequence)
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

        private static int Word(ulong sequence) => (int)(sequence % Window / 64);

        private bool IsAnswered(ulong sequence) => (_answered[Word(sequence)] & (1UL << (int)(sequence % 64))) != 0;
    }
}
