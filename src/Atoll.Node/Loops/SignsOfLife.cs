using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;
using Atoll.Node.Routing;

namespace Atoll.Node.Loops;

/// <summary>
/// What a loop says to all others now and then, so that they know that it lives: pings, which name the directory's version that it knows.
/// Whoever knows less of the directory is told, also when it says nothing.
/// </summary>
internal sealed class SignsOfLife(NodeOptions options, PeerLiveness liveness, DirectoryFollower directory, PeerOutbox outbox)
{
    // To the silent, the view goes with one ping of so many: it is larger than a ping by far, and mostly nobody hears it.
    private const int PingsPerView = 10;

    private Instant _nextPing;
    private int _pings;

    /// <summary>Pings the others when it is time.</summary>
    public void Tick(Instant now)
    {
        if (now < _nextPing)
        {
            return;
        }

        _nextPing = now + options.PingInterval;
        _pings++;
        foreach (var peer in liveness.Peers)
        {
            var to = new LoopAddress(peer, 0);
            var frame = outbox.Begin(to, Lane.Urgent, PeerMessageKind.Ping, out var position);
            frame.WriteUInt64(directory.View.Version.Value);
            outbox.End(to, Lane.Urgent, position);

            // It may live and hear us, and not know where anyone is, because the file with its view was damaged.
            if (!liveness.IsAlive(peer) && _pings % PingsPerView == 0)
            {
                SayView(to);
            }
        }
    }

    /// <summary>Answers a ping; whoever knows an older directory is told the newer one.</summary>
    /// <param name="from">Who pinged.</param>
    /// <param name="version">The version of the directory that it knows; null when it named none.</param>
    public void Pinged(LoopAddress from, HybridTime? version)
    {
        outbox.Begin(from, Lane.Urgent, PeerMessageKind.Pong, out var position);
        outbox.End(from, Lane.Urgent, position);
        if (version < directory.View.Version)
        {
            SayView(from);
        }
    }

    // All the directory's replicas may have moved while a node was away: any node that knows more tells it.
    private void SayView(LoopAddress to)
    {
        var frame = outbox.Begin(to, Lane.Urgent, PeerMessageKind.View, out var position);
        directory.View.Encode(frame);
        outbox.End(to, Lane.Urgent, position);
    }
}
