using Atoll.Foundation.Identity;

namespace Atoll.Foundation.World;

/// <summary>Which of the separate connections between two nodes carries a message.</summary>
public enum Lane : byte
{
    /// <summary>Small and impatient: votes, heartbeats, appends, requests.</summary>
    Urgent = 0,

    /// <summary>Large and patient: snapshots and catching up. It never delays what is urgent.</summary>
    Bulk = 1,
}

/// <summary>What became of a message that was handed to the network.</summary>
public enum SendOutcome : byte
{
    /// <summary>It will be tried; it may still be lost.</summary>
    Queued = 0,

    /// <summary>Back-pressure: the lane's queue to that node is full. The message was not taken.</summary>
    Full = 1,

    /// <summary>There is no connection to that node now. The message was not taken.</summary>
    Disconnected = 2,
}

/// <summary>
/// One loop of one node: where a message goes. A node runs a loop a core; a message to another loop of the same node goes through the same
/// port and cannot be lost.
/// </summary>
/// <param name="Node">The node.</param>
/// <param name="Loop">The loop's number on that node, from 0.</param>
public readonly record struct LoopAddress(NodeId Node, byte Loop)
{
    /// <summary>"n1/0".</summary>
    public override string ToString() => $"n{Node.Value}/{Loop}";
}

/// <summary>
/// Messages between loops of the cluster's nodes. Unreliable by contract: a message may be lost, doubled, late, or overtaken by
/// others; it is never altered (frames carry a checksum and are dropped when it does not match).
/// </summary>
public interface INetwork
{
    /// <summary>
    /// Says where a node is reached, and keeps a connection to it from now on. Repeating it is free; a new address replaces the old one.
    /// </summary>
    void SetPeer(NodeId peer, string address);

    /// <summary>Forgets a node and drops its connections.</summary>
    void RemovePeer(NodeId peer);

    /// <summary>Hands a message over. The bytes are copied before this returns.</summary>
    /// <param name="to">The receiving loop.</param>
    /// <param name="lane">Which connection carries it.</param>
    /// <param name="message">At most <see cref="Limits.MessageBytesMax"/> bytes.</param>
    SendOutcome Send(LoopAddress to, Lane lane, ReadOnlySpan<byte> message);

    /// <summary>Bytes that wait to leave for that node on that lane.</summary>
    long QueuedBytes(NodeId peer, Lane lane);
}

/// <summary>What the network tells the loop that it belongs to. Called on that loop only.</summary>
public interface INetworkEvents
{
    /// <summary>A message has come. Its bytes belong to the receiver, are immutable, and may be kept.</summary>
    void MessageReceived(LoopAddress from, Lane lane, ReadOnlyMemory<byte> message);

    /// <summary>A connection to the peer now stands.</summary>
    void LinkUp(NodeId peer, Lane lane);

    /// <summary>The connection to the peer is gone: what was sent may or may not have arrived.</summary>
    void LinkDown(NodeId peer, Lane lane);
}
