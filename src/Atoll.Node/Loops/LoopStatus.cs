using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Logs;

namespace Atoll.Node.Loops;

/// <summary>What a replica is to its shard at a moment.</summary>
public enum ReplicaRole : byte
{
    /// <summary>Follows a leader, or waits for one.</summary>
    Follower = 0,

    /// <summary>Asks for votes (or whether it would get them).</summary>
    Candidate = 1,

    /// <summary>Leads.</summary>
    Leader = 2,

    /// <summary>Receives the log without a vote.</summary>
    Learner = 3,

    /// <summary>Stopped itself; the detail says why.</summary>
    Faulted = 4,

    /// <summary>Its log or its state is damaged, and it gets them from the others without a vote; the detail says why.</summary>
    Repairing = 5,
}

/// <summary>One replica, as its loop sees it.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Role">Its role.</param>
/// <param name="Term">Its term.</param>
/// <param name="Leader">Whom it takes for the leader.</param>
/// <param name="LastIndex">The end of its log.</param>
/// <param name="CommitIndex">What it knows to be committed.</param>
/// <param name="AppliedIndex">What its state reflects.</param>
/// <param name="Records">Records in its state.</param>
/// <param name="StateBytes">Approximate size of its state in memory.</param>
/// <param name="Quiescent">Whether the group sleeps.</param>
/// <param name="Detail">Why it is faulted or being repaired, or empty.</param>
public sealed record ReplicaStatus(
    ShardId Shard,
    ReplicaRole Role,
    Term Term,
    NodeId Leader,
    LogIndex LastIndex,
    LogIndex CommitIndex,
    LogIndex AppliedIndex,
    long Records,
    long StateBytes,
    bool Quiescent,
    string Detail)
{
    /// <summary>Its state is durable in the store through this index: replay starts behind it.</summary>
    public LogIndex DurableIndex { get; init; }
}

/// <summary>One peer, as the loop sees it.</summary>
/// <param name="Node">The peer.</param>
/// <param name="Alive">Whether it was heard of lately.</param>
/// <param name="SilentMilliseconds">Since when not.</param>
public sealed record PeerStatus(NodeId Node, bool Alive, long SilentMilliseconds);

/// <summary>One loop of a node at a moment: the body of an answer to <see cref="Requests.RequestKind.Status"/>.</summary>
/// <param name="Node">The node.</param>
/// <param name="Loop">The loop's number.</param>
/// <param name="DirectoryVersion">The version of the directory that it routes by.</param>
/// <param name="Replicas">Its replicas, by shard.</param>
/// <param name="Peers">Its peers, by node.</param>
/// <param name="RequestsInFlight">Requests that it holds unanswered.</param>
/// <param name="RequestsServed">Requests that it has answered since it started.</param>
/// <param name="JournalBytes">Bytes of its journal on disk.</param>
/// <param name="DiskFreeBytes">Free bytes of its disk when last asked.</param>
/// <param name="JournalSyncs">Syncs of its journal since it started.</param>
/// <param name="Fault">Why the whole loop has stopped, or empty.</param>
public sealed record LoopStatus(
    NodeId Node,
    byte Loop,
    ulong DirectoryVersion,
    ImmutableArray<ReplicaStatus> Replicas,
    ImmutableArray<PeerStatus> Peers,
    int RequestsInFlight,
    long RequestsServed,
    long JournalBytes,
    long DiskFreeBytes,
    long JournalSyncs,
    string Fault)
{
    private const byte Version = 3;
    private const byte VersionWithoutEventual = 2;
    private const byte VersionWithoutStore = 1;

    /// <summary>The loop's store.</summary>
    public StoreStatus Store { get; init; } = StoreStatus.Unknown;

    /// <summary>What the loop does for shards without leaders.</summary>
    public EventualStatus Eventual { get; init; } = EventualStatus.None;

    /// <summary>Appends the encoded status.</summary>
    public void Write(WireWriter writer)
    {
        writer.WriteByte(Version);
        writer.WriteUInt32(Node.Value);
        writer.WriteByte(Loop);
        writer.WriteVarint(DirectoryVersion);
        writer.WriteVarint((ulong)Replicas.Length);
        foreach (var replica in Replicas)
        {
            writer.WriteUInt64(replica.Shard.Value);
            writer.WriteByte((byte)replica.Role);
            writer.WriteVarint(replica.Term.Value);
            writer.WriteUInt32(replica.Leader.Value);
            writer.WriteVarint(replica.LastIndex.Value);
            writer.WriteVarint(replica.CommitIndex.Value);
            writer.WriteVarint(replica.AppliedIndex.Value);
            writer.WriteVarint((ulong)replica.Records);
            writer.WriteVarint((ulong)replica.StateBytes);
            writer.WriteBool(replica.Quiescent);
            writer.WriteString(replica.Detail);
            writer.WriteVarint(replica.DurableIndex.Value);
        }

        writer.WriteVarint((ulong)Peers.Length);
        foreach (var peer in Peers)
        {
            writer.WriteUInt32(peer.Node.Value);
            writer.WriteBool(peer.Alive);
            writer.WriteVarint((ulong)Math.Max(0, peer.SilentMilliseconds));
        }

        writer.WriteVarint((ulong)RequestsInFlight);
        writer.WriteVarint((ulong)RequestsServed);
        writer.WriteVarint((ulong)JournalBytes);
        writer.WriteVarint((ulong)Math.Max(0, DiskFreeBytes));
        writer.WriteVarint((ulong)JournalSyncs);
        writer.WriteString(Fault);
        Store.Write(writer);
        Eventual.Write(writer);
    }

    /// <summary>Decodes a status; false when the bytes are not one.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, out LoopStatus? status)
    {
        status = null;
        var reader = new WireReader(bytes);
        var version = reader.ReadByte();
        if (version is not (Version or VersionWithoutEventual or VersionWithoutStore))
        {
            return false;
        }

        var node = new NodeId(reader.ReadUInt32());
        var loop = reader.ReadByte();
        var directory = reader.ReadVarint();
        var replicas = ImmutableArray.CreateBuilder<ReplicaStatus>();
        for (var left = reader.ReadCount(int.MaxValue); left > 0 && reader.Ok; left--)
        {
            replicas.Add(new ReplicaStatus(
                new ShardId(reader.ReadUInt64()), (ReplicaRole)reader.ReadByte(), new Term(reader.ReadVarint()),
                new NodeId(reader.ReadUInt32()), new LogIndex(reader.ReadVarint()), new LogIndex(reader.ReadVarint()),
                new LogIndex(reader.ReadVarint()), ReadSize(ref reader), ReadSize(ref reader),
                reader.ReadBool(), reader.ReadString())
            {
                DurableIndex = new LogIndex(version == VersionWithoutStore ? 0 : reader.ReadVarint()),
            });
        }

        var peers = ImmutableArray.CreateBuilder<PeerStatus>();
        for (var left = reader.ReadCount(Limits.NodesMax); left > 0 && reader.Ok; left--)
        {
            peers.Add(new PeerStatus(new NodeId(reader.ReadUInt32()), reader.ReadBool(), ReadSize(ref reader)));
        }

        status = new LoopStatus(
            node, loop, directory, replicas.ToImmutable(), peers.ToImmutable(), reader.ReadCount(int.MaxValue),
            ReadSize(ref reader), ReadSize(ref reader), ReadSize(ref reader), ReadSize(ref reader),
            reader.ReadString())
        {
            Store = version == VersionWithoutStore ? StoreStatus.Unknown : StoreStatus.Read(ref reader),
            Eventual = version == Version ? EventualStatus.Read(ref reader) : EventualStatus.None,
        };
        return reader.OkAtEnd;
    }

    /// <summary>Reads a size: what a signed number cannot hold is none.</summary>
    internal static long ReadSize(ref WireReader reader)
    {
        var value = reader.ReadVarint();
        if (value > long.MaxValue)
        {
            reader.Fail();
        }

        return reader.Ok ? (long)value : 0;
    }
}
