using System.Security.Cryptography;
using Atoll.Gateways.Kafka.Protocol;

namespace Atoll.Gateways.Kafka.Fetches;

/// <summary>
/// The fetch sessions of a node. There is room for so many: one that was not used for a while makes room for another, and a client that
/// gets none fetches without. Thread-safe.
/// </summary>
/// <param name="countMax">Sessions at once.</param>
/// <param name="time">The clock.</param>
public sealed class FetchSessions(int countMax, TimeProvider time)
{
    private static readonly TimeSpan IdleMin = TimeSpan.FromMinutes(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<int, FetchSession> _sessions = [];

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _sessions.Count;
            }
        }
    }

    /// <summary>Begins a session; null when there is no room.</summary>
    public FetchSession? TryBegin(bool usesTopicIds)
    {
        lock (_lock)
        {
            if (_sessions.Count >= countMax)
            {
                var idle = _sessions.Values.Where(session => !session.IsInUse).MinBy(static session => session.UsedAt);
                if (idle is null || time.GetElapsedTime(idle.UsedAt) < IdleMin)
                {
                    return null;
                }

                _sessions.Remove(idle.Id);
            }

            int id;
            do
            {
                id = RandomNumberGenerator.GetInt32(1, int.MaxValue);
            }
            while (_sessions.ContainsKey(id));

            var begun = new FetchSession(id, usesTopicIds) { IsInUse = true, UsedAt = time.GetTimestamp() };
            _sessions.Add(id, begun);
            return begun;
        }
    }

    /// <summary>Takes a session for one request.</summary>
    /// <param name="id">Its number.</param>
    /// <param name="epoch">The request's number in it.</param>
    /// <param name="usesTopicIds">Whether the request names topics by their identities.</param>
    /// <param name="session">The session.</param>
    /// <returns>Why there is none: clients begin a new one then.</returns>
    public KafkaError Take(int id, int epoch, bool usesTopicIds, out FetchSession? session)
    {
        lock (_lock)
        {
            if (!_sessions.TryGetValue(id, out session))
            {
                return KafkaError.FetchSessionIdNotFound;
            }

            if (session.Epoch != epoch || session.IsInUse)
            {
                return KafkaError.InvalidFetchSessionEpoch;
            }

            if (session.UsesTopicIds != usesTopicIds)
            {
                return KafkaError.FetchSessionTopicIdError;
            }

            session.IsInUse = true;
            session.UsedAt = time.GetTimestamp();
            session.Advance();
            return KafkaError.None;
        }
    }

    /// <summary>Gives a session back.</summary>
    public void Return(FetchSession session)
    {
        lock (_lock)
        {
            session.IsInUse = false;
            session.UsedAt = time.GetTimestamp();
        }
    }

    /// <summary>Ends a session, if there is one of that number.</summary>
    public void End(int id)
    {
        lock (_lock)
        {
            _sessions.Remove(id);
        }
    }
}
