using System.Diagnostics.CodeAnalysis;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Storage.Sorted;

namespace Atoll.StateMachines.Requests;

/// <summary>
/// The answers to requests that were applied, so that a retry gets the answer and not a second effect (Raft dissertation, 6.3). An answer
/// is forgotten when the client says that it has it, or when the request is so old that a retry is refused by its issue time alone; so
/// nothing that could still be retried is ever forgotten. What is in the table depends on the log only.
/// </summary>
internal sealed class RequestTable
{
    private static readonly Probe Repeated = Probe.Define("requests: a retry is answered from the table");
    private static readonly Probe Late = Probe.Define("requests: one that was answered or expired arrives again");
    private static readonly Probe Full = Probe.Define("requests: the table is full");

    private readonly RequestTableOptions _options;
    private readonly CopyOnWriteTree<ulong, ClientAnswers, NumberOrder> _clients = new();

    // Clients by when they may be forgotten. A client's place is brought up to date only when its turn comes. Which clients are forgotten
    // at a moment does not depend on the order in the queue, so the queue need not be the same on all replicas.
    private readonly PriorityQueue<ulong, ulong> _turns = new();

    // Clients that changed since the table was last made durable, some of them forgotten meanwhile; in the order of their changes.
    private List<ulong> _changed = [];

    private ulong _epoch;

    // The client that was asked for last: applying one request asks for its client several times.
    private ulong _recentId;
    private ClientAnswers? _recent;

    internal RequestTable(RequestTableOptions options)
    {
        Check.That(options.Window > Duration.Zero && options.AnswersMax > 0 && options.AnswersPerClientMax > 0);
        _options = options;
    }

    /// <summary>Whether changes are noted for <see cref="TakeChanged"/>: only where somebody asks for them.</summary>
    internal bool TracksChanges { get; set; }

    /// <summary>Answers in the table.</summary>
    internal int Count { get; private set; }

    internal long Clients => _clients.Count;

    /// <summary>What applying the request now would find; writes the remembered answer if that is what it is.</summary>
    internal RequestLookup LookUp(in RequestIdentity identity, HybridTime now, WireWriter result)
    {
        Check.That(identity.IsValid);
        if (TryGetClient(identity.ClientId, out var client))
        {
            var position = client.Find(identity.Sequence);
            if (position >= 0)
            {
                Repeated.Hit();
                result.WriteRaw(client.All[position].Answer);
                return RequestLookup.Remembered;
            }

            if (identity.Sequence < client.AnsweredBelow)
            {
                Late.Hit();
                return RequestLookup.Expired;
            }
        }

        if (identity.IssuedAt < now.Add(Duration.Zero - _options.Window) && !_options.Sabotage.Has(Sabotage.TakesExpiredForNew))
        {
            Late.Hit();
            return RequestLookup.Expired;
        }

        return RequestLookup.Unknown;
    }

    /// <summary>
    /// True for a request from further ahead than the window. It would have to be remembered for as long: a client's broken clock must not
    /// fill the table. Only to be asked with the time of the request's own command: before it, an idle state's time lies arbitrarily far
    /// back.
    /// </summary>
    internal bool IsFromTooFarAhead(in RequestIdentity identity, HybridTime now) => identity.IssuedAt > now.Add(_options.Window);

    /// <summary>Forgets the clients all of whose requests are out of the window.</summary>
    internal void Forget(HybridTime now)
    {
        var bound = now.Add(Duration.Zero - _options.Window);
        while (_turns.TryPeek(out var id, out var turn) && turn < bound.Value)
        {
            _turns.Dequeue();
            var known = _clients.TryGet(id, out var client);
            Check.That(known && client is not null);
            if (client.LatestIssuedAt < bound)
            {
                _clients.Remove(id, out _);
                NoteForgotten(id);
                _recent = null;
                Count -= client.Count;
            }
            else
            {
                _turns.Enqueue(id, client.LatestIssuedAt.Value);
            }
        }
    }

    /// <summary>Forgets what the request says was received, and tells whether its own answer can be remembered.</summary>
    internal bool MakeRoom(in RequestIdentity identity, HybridTime now)
    {
        if (TryGetClient(identity.ClientId, out var client))
        {
            var bound = now.Add(Duration.Zero - _options.Window);
            if (client.AnsweredBelow < identity.AnsweredBelow || (client.Count > 0 && client.All[0].IssuedAt < bound))
            {
                client = Writable(identity.ClientId, client);
                Count -= client.ForgetBelow(identity.AnsweredBelow) + client.ForgetIssuedBefore(bound);
            }
        }

        // Forgetting by time may have passed the request itself, when a client's issue times go back although they must not.
        var room = Count < _options.AnswersMax
            && (client is null || (client.Count < _options.AnswersPerClientMax && identity.Sequence >= client.AnsweredBelow));
        if (!room)
        {
            Full.Hit();
        }

        return room;
    }

    /// <summary>Remembers the answer of a request that was just applied.</summary>
    internal void Remember(in RequestIdentity identity, ReadOnlySpan<byte> answer)
    {
        if (TryGetClient(identity.ClientId, out var client))
        {
            client = Writable(identity.ClientId, client);
        }
        else
        {
            client = new ClientAnswers(_epoch);
            client.ForgetBelow(identity.AnsweredBelow);
            PutClient(identity.ClientId, client);
            NoteChange(identity.ClientId, client);
            _turns.Enqueue(identity.ClientId, identity.IssuedAt.Value);
        }

        client.Add(new RememberedAnswer(identity.Sequence, identity.IssuedAt, answer));
        Count++;
    }

    /// <summary>
    /// The clients that changed, came or went since the last time, some perhaps twice. Each is looked at with <see cref="TryGetChanged"/>.
    /// </summary>
    internal List<ulong> TakeChanged()
    {
        var changed = _changed;
        _changed = [];
        return changed;
    }

    /// <summary>What is remembered of a client, which counts as unchanged from now on; false when it was forgotten.</summary>
    internal bool TryGetChanged(ulong id, [NotNullWhen(true)] out ClientAnswers? client)
    {
        var isKnown = _clients.TryGet(id, out client) && client is not null;
        if (isKnown)
        {
            client!.IsChanged = false;
        }

        return isKnown;
    }

    /// <summary>The table as it is now; O(1).</summary>
    internal TreeSnapshot<ulong, ClientAnswers, NumberOrder> Snapshot()
    {
        _epoch++;
        return _clients.Snapshot();
    }

    /// <summary>Puts a client of a snapshot into the table; false when it contradicts what is there or itself.</summary>
    internal bool TryRestore(ulong id, ulong answeredBelow, HybridTime latestIssuedAt, ReadOnlySpan<RememberedAnswer> answers)
    {
        var client = new ClientAnswers(_epoch);
        ulong next = answeredBelow;
        foreach (ref readonly var answer in answers)
        {
            if (answer.Sequence < next || answer.IssuedAt > latestIssuedAt || answer.Sequence == ulong.MaxValue)
            {
                return false;
            }

            client.Add(answer);
            next = answer.Sequence + 1;
        }

        if (id == 0 || _clients.Put(id, client, out _))
        {
            return false;
        }

        client.Restore(answeredBelow, latestIssuedAt);
        _turns.Enqueue(id, latestIssuedAt.Value);
        Count += client.Count;
        return true;
    }

    internal void AddTo(ref StateHasher hasher)
    {
        hasher.Add((ulong)Count);
        var cursor = _clients.OpenCursor();
        for (var more = cursor.SeekFirst(); more; more = cursor.Next())
        {
            hasher.Add(cursor.Key);
            hasher.Add(cursor.Value.AnsweredBelow);
            hasher.Add(cursor.Value.LatestIssuedAt.Value);
            foreach (ref readonly var answer in cursor.Value.All)
            {
                hasher.Add(answer.Sequence);
                hasher.Add(answer.IssuedAt.Value);
                hasher.Add(answer.Answer);
            }
        }
    }

    private bool TryGetClient(ulong id, [NotNullWhen(true)] out ClientAnswers? client)
    {
        if (_recent is not null && _recentId == id)
        {
            client = _recent;
            return true;
        }

        if (!_clients.TryGet(id, out client))
        {
            return false;
        }

        (_recentId, _recent) = (id, client);
        return true;
    }

    private void PutClient(ulong id, ClientAnswers client)
    {
        _clients.Put(id, client, out _);
        (_recentId, _recent) = (id, client);
    }

    private ClientAnswers Writable(ulong id, ClientAnswers client)
    {
        if (client.Epoch != _epoch)
        {
            client = client.Clone(_epoch);
            PutClient(id, client);
        }

        NoteChange(id, client);
        return client;
    }

    private void NoteForgotten(ulong id)
    {
        if (TracksChanges)
        {
            _changed.Add(id);
        }
    }

    private void NoteChange(ulong id, ClientAnswers client)
    {
        if (TracksChanges && !client.IsChanged)
        {
            client.IsChanged = true;
            _changed.Add(id);
        }
    }
}
