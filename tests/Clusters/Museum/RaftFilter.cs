using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;
using Atoll.Foundation.World;
using Atoll.Kernel.Raft;
using Atoll.Node.Routing;
using Atoll.Simulation.Networks;

namespace Atoll.Clusters.Tests.Museum;

/// <summary>
/// Lets a scenario say of each message of a shard's group whether it gets through, so that a schedule happens as it was drawn.
/// </summary>
internal sealed class RaftFilter(ShardId shard) : IMessageInterceptor
{
    /// <summary>From node, to node, message: true when it is lost. A frame is lost with any of its parts. Null: nothing is lost.</summary>
    public Func<int, int, RaftMessage, bool>? Loses { get; set; }

    /// <summary>
    /// From the first entry on for which it is true an append is cut off, as if it had been sent in two and the rest lost.
    /// </summary>
    public Func<int, int, RaftMessage, LogEntry, bool>? CutsFrom { get; set; }

    /// <summary>Of all replicas only that one may seek to lead.</summary>
    public static bool IsCandidacyOfOther(int from, in RaftMessage message, int only) =>
        from != only && message.Kind is RaftMessageKind.PreVote or RaftMessageKind.Vote or RaftMessageKind.TimeoutNow;

    public bool Passes(LoopAddress from, LoopAddress to, Lane lane, ref ReadOnlyMemory<byte> message)
    {
        var reader = new WireReader(message);
        if ((Loses is null && CutsFrom is null) || !PeerFrame.TryOpen(ref reader))
        {
            return true;
        }

        var frame = new WireWriter(message.Length);
        while (PeerFrame.TryNext(ref reader, out var kind, out var body))
        {
            var part = new WireReader(body);
            var position = PeerFrame.Begin(frame, kind);
            if (kind == PeerMessageKind.Raft && part.ReadUInt64() == shard.Value && RaftMessageCodec.TryRead(ref part, out var raft))
            {
                var (sender, receiver) = ((int)from.Node.Value, (int)to.Node.Value);
                if (Loses?.Invoke(sender, receiver, raft) == true)
                {
                    return false;
                }

                frame.WriteUInt64(shard.Value);
                RaftMessageCodec.Write(frame, Cut(sender, receiver, raft));
            }
            else
            {
                frame.WriteRaw(body.Span);
            }

            PeerFrame.End(frame, position);
        }

        message = frame.ToArray();
        return true;
    }

    private RaftMessage Cut(int from, int to, RaftMessage message)
    {
        var entries = message.Entries.Span;
        for (var i = 0; i < entries.Length; i++)
        {
            if (CutsFrom?.Invoke(from, to, message, entries[i]) == true)
            {
                return message with { Entries = message.Entries[..i] };
            }
        }

        return message;
    }
}
