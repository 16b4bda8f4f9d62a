using Atoll.Foundation.Bytes;
using Atoll.Foundation.World;
using Atoll.Kernel.Eventual;
using Atoll.Kernel.Paxos;
using Atoll.Node.Routing;
using Atoll.Simulation.Networks;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>
/// Lets a scenario say of each message of eventual shards whether it gets through, so that a schedule happens as it was drawn. A frame is
/// lost with any of its parts; what a node says to itself does not come by here.
/// </summary>
internal sealed class EventualFilter : IMessageInterceptor
{
    /// <summary>From node, to node, message of reads, writes and hints: true when it is lost. Null: nothing is lost.</summary>
    public Func<int, int, EventualMessage, bool>? Loses { get; set; }

    /// <summary>From node, to node, message of Paxos: true when it is lost. Null: nothing is lost.</summary>
    public Func<int, int, PaxosMessage, bool>? LosesPaxos { get; set; }

    public bool Passes(LoopAddress from, LoopAddress to, Lane lane, ref ReadOnlyMemory<byte> message)
    {
        var (sender, receiver) = ((int)from.Node.Value, (int)to.Node.Value);
        var reader = new WireReader(message);
        if (!PeerFrame.TryOpen(ref reader))
        {
            return true;
        }

        while (PeerFrame.TryNext(ref reader, out var kind, out var body))
        {
            var isLost = kind switch
            {
                PeerMessageKind.Eventual => EventualMessageCodec.TryRead(body[sizeof(ulong)..], out var eventual)
                    && Loses?.Invoke(sender, receiver, eventual) == true,
                PeerMessageKind.Paxos => PaxosMessageCodec.TryRead(body, out var paxos)
                    && LosesPaxos?.Invoke(sender, receiver, paxos) == true,
                _ => false,
            };
            if (isLost)
            {
                return false;
            }
        }

        return true;
    }
}
