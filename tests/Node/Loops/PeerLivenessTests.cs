using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Loops;
using Xunit;

namespace Atoll.Node.Tests.Loops;

public sealed class PeerLivenessTests
{
    private static readonly NodeId Peer = new(2);

    [Fact]
    public void A_silent_peer_is_reported_once_and_lives_again_when_it_is_heard()
    {
        var liveness = new PeerLiveness(Duration.FromMilliseconds(1_000));
        liveness.Add(Peer, At(0));
        Assert.True(liveness.IsAlive(Peer));
        Assert.Empty(liveness.Tick(At(999)));
        Assert.Equal([Peer], liveness.Tick(At(1_000)));
        Assert.Empty(liveness.Tick(At(2_000)));
        Assert.False(liveness.IsAlive(Peer));
        liveness.Heard(Peer, At(3_000));
        Assert.True(liveness.IsAlive(Peer));
        Assert.Equal(Duration.FromMilliseconds(500), liveness.AliveFor(Peer, At(3_500)));
    }

    [Fact]
    public void A_stranger_is_not_alive()
    {
        var liveness = new PeerLiveness(Duration.FromMilliseconds(1_000));
        liveness.Heard(Peer, At(1));
        Assert.False(liveness.IsAlive(Peer));
        Assert.Equal(Duration.Infinite, liveness.SilentFor(Peer, At(2)));
    }

    private static Instant At(long milliseconds) => Instant.FromMilliseconds(milliseconds);
}
