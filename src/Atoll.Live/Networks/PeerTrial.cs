using Atoll.Foundation;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;

namespace Atoll.Live.Networks;

/// <summary>
/// A node that is about to join asks a member whether it would be let in: with its certificate, on the port for nodes. Registered
/// without that, it would be a member whom no other can reach, and who would be given replicas all the same.
/// </summary>
public static class PeerTrial
{
    // Who is slow is not refused: a member may be busy, and nothing waits behind this.
    private static readonly Duration Timeout = Duration.FromSeconds(10);

    /// <summary>Asks a member; blocks.</summary>
    /// <param name="address">Where it listens for nodes.</param>
    /// <param name="member">Its number.</param>
    /// <param name="clusterId">The cluster to join.</param>
    /// <param name="tls">Certificates, or null for a plain connection.</param>
    /// <returns>Null when the node is welcome, else why not.</returns>
    public static string? WhyNot(string address, NodeId member, ulong clusterId, PeerTls? tls)
    {
        var versions = new PeerTransportOptions { ClusterId = clusterId, Self = NodeId.None, Listen = "" };
        var greeting = new Greeting(
            versions.ProtocolVersionMin, versions.ProtocolVersionMax, clusterId, NodeId.None, member, Lane.Urgent, Loops: 1);
        try
        {
            using var connection = PeerConnection.Dial(address, tls, TimeSpan.FromMilliseconds(Timeout.Milliseconds));
            return DialledGreeting.Exchange(connection, new FrameDecoder(Limits.GreetingBytesMax), greeting, Timeout, out _);
        }
        catch (OperationCanceledException)
        {
            return $"no answer within {Timeout.Milliseconds} ms";
        }
        catch (Exception exception) when (PeerConnection.IsOfTheNetwork(exception))
        {
            return exception.Message;
        }
    }
}
