using Atoll.Foundation.Time;

namespace Atoll.Services.Calls;

/// <summary>
/// The time as the cluster sees it: the machine's clock, moved ahead by what answers and handshakes have shown. It never falls
/// behind a version that this client has seen, so that a client with a slow clock does not issue requests that look old. Thread-safe.
/// </summary>
public sealed class ServerClock
{
    private readonly TimeProvider _time;
    private long _aheadMilliseconds;

    /// <summary>A clock that agrees with the machine's until it has learnt better.</summary>
    public ServerClock(TimeProvider time) => _time = time;

    /// <summary>The cluster's time now, as well as it is known here.</summary>
    public HybridTime Now =>
        HybridTime.FromUnixMilliseconds(Math.Max(1, MachineMilliseconds + Interlocked.Read(ref _aheadMilliseconds)));

    /// <summary>A version in an answer: the cluster's time is at least this.</summary>
    public void ObserveVersion(HybridTime version)
    {
        var ahead = version.UnixMilliseconds - MachineMilliseconds;
        var seen = Interlocked.Read(ref _aheadMilliseconds);
        while (ahead > seen)
        {
            var before = Interlocked.CompareExchange(ref _aheadMilliseconds, ahead, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }

    /// <summary>A node said what time it is: this sets the clock, also back.</summary>
    public void SetNow(HybridTime now) =>
        Interlocked.Exchange(ref _aheadMilliseconds, now.UnixMilliseconds - MachineMilliseconds);

    private long MachineMilliseconds => _time.GetUtcNow().ToUnixTimeMilliseconds();
}
