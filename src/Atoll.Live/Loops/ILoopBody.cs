using Atoll.Foundation.Time;
using Atoll.Foundation.World;

namespace Atoll.Live.Loops;

/// <summary>
/// What an event loop runs. All calls come on the loop's thread, one after another; none may block. An exception that leaves any of them
/// ends the loop: nobody can vouch for its state any more.
/// </summary>
public interface ILoopBody : INetworkEvents
{
    /// <summary>The first call.</summary>
    void Start();

    /// <summary>Time has passed; called about every <see cref="EventLoopOptions.TickInterval"/>.</summary>
    void Tick(Instant now);

    /// <summary>The events that had gathered are handled: what they gave rise to may leave (messages, log writes).</summary>
    void FlushBatch();

    /// <summary>
    /// An exception has ended the loop. The last call but for those that were posted before: who waits for an answer is told that none
    /// comes; nothing else may be done.
    /// </summary>
    void Abandon(string why);
}
