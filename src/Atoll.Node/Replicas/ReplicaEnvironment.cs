using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.World;
using Atoll.Kernel.Raft;
using Atoll.Node.Loops;
using Atoll.Node.Routing;
using Atoll.Storage.Journals;
using Atoll.Storage.Lsm;
using Atoll.Storage.Snapshots;
using Microsoft.Extensions.Logging;

namespace Atoll.Node.Replicas;

/// <summary>What the replicas of one loop share.</summary>
internal sealed record ReplicaEnvironment
{
    /// <summary>The node's options.</summary>
    public required NodeOptions Options { get; init; }

    /// <summary>The node's clocks.</summary>
    public required IClock Clock { get; init; }

    /// <summary>The loop's hybrid clock.</summary>
    public required HybridClock Hybrid { get; init; }

    /// <summary>The loop's randomness.</summary>
    public required Prng Random { get; init; }

    /// <summary>What leaves for other loops.</summary>
    public required PeerOutbox Outbox { get; init; }

    /// <summary>The loop's journal.</summary>
    public required Journal Journal { get; init; }

    /// <summary>The loop's store.</summary>
    public required LsmStore Store { get; init; }

    /// <summary>How much room the loop's disk has.</summary>
    public required SpaceWatch Space { get; init; }

    /// <summary>The loop's snapshots.</summary>
    public required SnapshotStore Snapshots { get; init; }

    /// <summary>Where requests are answered or given back.</summary>
    public required Router Router { get; init; }

    /// <summary>The loop's view of the directory.</summary>
    public required DirectoryFollower Directory { get; init; }

    /// <summary>Who is alive.</summary>
    public required PeerLiveness Liveness { get; init; }

    /// <summary>Where things are said.</summary>
    public required ILogger Logger { get; init; }

    /// <summary>Sees what replicas do, from outside: simulation's checkers. Null in production.</summary>
    public IReplicaObserver? Observer { get; init; }

    /// <summary>Where a read's answer is put together; one read at a time is answered.</summary>
    public WireWriter Answer { get; } = new(4096);

    /// <summary>Replicas whose <see cref="ShardReplica.Flush"/> has something to do, each once.</summary>
    public List<ShardReplica> Dirty { get; } = [];

    /// <summary>Replicas that wait for the journal, each once.</summary>
    public List<ShardReplica> AwaitingDurability { get; } = [];

    /// <summary>Sends a message to another replica of a shard.</summary>
    public void Send(ShardId shard, NodeId to, in RaftMessage message)
    {
        if (!Directory.TryLoopOf(to, shard, out var loop))
        {
            return; // a member that the directory does not know (any more): nothing can reach it
        }

        var address = new LoopAddress(to, loop);
        var lane = message.Kind == RaftMessageKind.SnapshotChunk ? Lane.Bulk : Lane.Urgent;
        var writer = Outbox.Begin(address, lane, PeerMessageKind.Raft, out var position);
        writer.WriteUInt64(shard.Value);
        RaftMessageCodec.Write(writer, message);
        Outbox.End(address, lane, position);
    }
}
