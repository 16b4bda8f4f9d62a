using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.World;
using Atoll.Kernel.Raft;
using Atoll.Node.Routing;
using Atoll.Simulation.Networks;

namespace Atoll.Simulation.Campaigns;

/// <summary>
/// Forges consensus messages between nodes, as if the sender's code were wrong. For a smaller quorum it loses some appends on their way and
/// puts acknowledgements of them into what the follower says next; for forged votes it turns refusals into grants.
/// </summary>
internal sealed class RaftForger(PlantedBug bug, Prng prng) : IMessageInterceptor
{
    private readonly Dictionary<(ShardId Shard, NodeId Leader, NodeId Follower), (Term Term, LogIndex Last)> _sent = [];
    private readonly WireWriter _frame = new(4_096);

    public bool Passes(LoopAddress from, LoopAddress to, Lane lane, ref ReadOnlyMemory<byte> message)
    {
        var reader = new WireReader(message);
        if (!PeerFrame.TryOpen(ref reader))
        {
            return true;
        }

        _frame.Reset();
        while (PeerFrame.TryNext(ref reader, out var kind, out var body))
        {
            var part = new WireReader(body);
            var shard = new ShardId(kind == PeerMessageKind.Raft ? part.ReadUInt64() : 0);
            if (kind != PeerMessageKind.Raft || !RaftMessageCodec.TryRead(ref part, out var raft))
            {
                var copied = PeerFrame.Begin(_frame, kind);
                _frame.WriteRaw(body.Span);
                PeerFrame.End(_frame, copied);
            }
            else if (bug == PlantedBug.ForgedVotes)
            {
                Write(shard, raft.Kind == RaftMessageKind.VoteReply ? RaftMessage.VoteReply(raft.Term, granted: true) : raft);
            }
            else
            {
                Shrink(shard, from.Node, to.Node, raft);
            }
        }

        message = _frame.ToArray();
        return message.Length > 0;
    }

    private void Shrink(ShardId shard, NodeId from, NodeId to, in RaftMessage raft)
    {
        if (raft.Kind == RaftMessageKind.Append && !raft.Entries.IsEmpty)
        {
            _sent[(shard, from, to)] = (raft.Term, raft.Index + (ulong)raft.Entries.Length);
            if (prng.Chance(300_000))
            {
                return;
            }
        }

        Write(shard, raft);
        if (raft.Kind is RaftMessageKind.AppendReply or RaftMessageKind.HeartbeatReply
            && _sent.TryGetValue((shard, to, from), out var sent) && sent.Term == raft.Term)
        {
            Write(shard, RaftMessage.AppendMatched(sent.Term, sent.Last));
        }
    }

    private void Write(ShardId shard, in RaftMessage raft)
    {
        var position = PeerFrame.Begin(_frame, PeerMessageKind.Raft);
        _frame.WriteUInt64(shard.Value);
        RaftMessageCodec.Write(_frame, raft);
        PeerFrame.End(_frame, position);
    }
}
