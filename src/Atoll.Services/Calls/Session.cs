using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.Services.Calls;

/// <summary>
/// What one caller has written and read, a version per shard: a session read sees at least that, at whichever replica is nearest.
/// It travels as text (<see cref="ToToken"/>), so that a session may go on in another process. Thread-safe.
/// </summary>
public sealed class Session
{
    private const byte TokenVersion = 1;
    private const int ShardsMax = Limits.ShardsPerSpaceMax * 4;

    private readonly Lock _lock = new();
    private readonly SortedDictionary<ShardId, HybridTime> _seen = [];

    /// <summary>The version that an answer from that shard must reflect; zero when the session has not touched it.</summary>
    public HybridTime MinVersion(ShardId shard)
    {
        lock (_lock)
        {
            return _seen.GetValueOrDefault(shard);
        }
    }

    /// <summary>The session has seen that shard's state at that version.</summary>
    public void Observe(ShardId shard, HybridTime version)
    {
        if (shard == ShardId.None)
        {
            return;
        }

        lock (_lock)
        {
            // A session that touches more shards than fit forgets the lowest: reads there become weaker, memory stays bounded.
            if (version > _seen.GetValueOrDefault(shard))
            {
                _seen[shard] = version;
                if (_seen.Count > ShardsMax)
                {
                    _seen.Remove(_seen.Keys.First());
                }
            }
        }
    }

    /// <summary>The session as text of URL-safe characters.</summary>
    public string ToToken()
    {
        var writer = new WireWriter();
        writer.WriteByte(TokenVersion);
        lock (_lock)
        {
            ShardVersions.Write(writer, _seen);
        }

        return Base64Url.EncodeToString(writer.Written);
    }

    /// <summary>The session of a token; false when the text is not one.</summary>
    public static bool TryParse(string token, [NotNullWhen(true)] out Session? session)
    {
        session = null;
        if (!ShardVersions.TryDecode(token, TokenVersion, ShardsMax, out var versions))
        {
            return false;
        }

        session = new Session();
        foreach (var (shard, version) in versions)
        {
            session._seen[shard] = version;
        }

        return true;
    }
}
