using Atoll.Foundation;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Identity;
using Atoll.Foundation.World;
using Atoll.Live.Loops;

namespace Atoll.Live.Networks;

/// <summary>One loop's view of its node's <see cref="PeerTransport"/>. Used on the loop only.</summary>
public sealed class LiveNetwork : INetwork, ILoopPort
{
    private readonly PeerTransport _transport;
    private readonly LoopAddress _self;
    private readonly List<OutgoingLink> _touched = [];

    /// <summary>The network as that loop sees it.</summary>
    internal LiveNetwork(PeerTransport transport, byte loop)
    {
        Check.That(loop < transport.LoopCount);
        _transport = transport;
        _self = new LoopAddress(transport.Options.Self, loop);
    }

    /// <inheritdoc />
    bool ILoopPort.IsQuiet => _touched.Count == 0;

    /// <inheritdoc />
    public void SetPeer(NodeId peer, string address) => _transport.SetPeer(peer, address);

    /// <inheritdoc />
    public void RemovePeer(NodeId peer) => _transport.RemovePeer(peer);

    /// <inheritdoc />
    public SendOutcome Send(LoopAddress to, Lane lane, ReadOnlySpan<byte> message)
    {
        Check.That(message.Length <= Limits.MessageBytesMax);
        if (to.Node == _self.Node)
        {
            return SendWithin(to.Loop, lane, message);
        }

        var link = _transport.Link(to.Node, lane);
        var outcome = link?.Send(to.Loop, _self.Loop, message) ?? SendOutcome.Disconnected;

        // A batch of events touches few links: a list beats a set.
        if (outcome == SendOutcome.Queued && !_touched.Contains(link!))
        {
            _touched.Add(link!);
        }

        return outcome;
    }

    /// <inheritdoc />
    public long QueuedBytes(NodeId peer, Lane lane) => _transport.Link(peer, lane)?.QueuedBytes ?? 0;

    /// <inheritdoc />
    void ILoopPort.EndBatch()
    {
        foreach (var link in _touched)
        {
            link.Flush();
        }

        _touched.Clear();
    }

    private SendOutcome SendWithin(byte loop, Lane lane, ReadOnlySpan<byte> message)
    {
        Check.That(loop < _transport.LoopCount);
        return _transport.Mailbox(loop).TryPost(LoopItem.ForMessage(_self, lane, message.ToArray()))
            ? SendOutcome.Queued
            : SendOutcome.Full;
    }
}
