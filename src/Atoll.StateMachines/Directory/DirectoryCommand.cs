using System.Collections.Immutable;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;

namespace Atoll.StateMachines.Directory;

/// <summary>The kinds of directory commands, as they stand in the first byte.</summary>
public enum DirectoryCommandKind : byte
{
    /// <summary>Names the cluster, its first nodes and the replicas of the directory itself.</summary>
    InitCluster = 1,

    /// <summary>A node joins, or comes back.</summary>
    RegisterNode = 2,

    /// <summary>A node's addresses or place change.</summary>
    UpdateNode = 3,

    /// <summary>A node leaves for ever.</summary>
    RemoveNode = 4,

    /// <summary>A new space.</summary>
    CreateSpace = 5,

    /// <summary>A space and its shards go.</summary>
    DropSpace = 6,

    /// <summary>A shard's replicas shall be these.</summary>
    SetReplicas = 7,

    /// <summary>A shard should be led by this replica.</summary>
    SetPreferredLeader = 8,

    /// <summary>A new space of a given kind; <see cref="CreateSpace"/> is one of records.</summary>
    CreateSpaceOfKind = 9,

    /// <summary>Documents are written or removed.</summary>
    ChangeDocuments = 10,

    /// <summary>A new space of a given kind that says in which regions it lives.</summary>
    CreateSpaceInRegions = 11,

    /// <summary>A node leaves, or is dead for good: its replicas shall go to others.</summary>
    RetireNode = 12,

    /// <summary>A replica of a shard that moves says that the present phase of the move may end.</summary>
    ReplicaReady = 13,

    /// <summary>A new space that says what becomes of concurrent writes.</summary>
    CreateSpaceWithConflicts = 14,

    /// <summary>A space of streams gets more shards.</summary>
    GrowSpace = 15,
}

/// <summary>The commands of the directory. Each answers with a <see cref="DirectoryResult"/>; each may be repeated without harm.</summary>
public static class DirectoryCommand
{
    /// <summary>
    /// The directory's first command. Repeated for the same cluster it is Ok and changes nothing; for another one it is AlreadyExists.
    /// </summary>
    /// <param name="writer">Receives the command.</param>
    /// <param name="clusterId">Drawn at random by whoever starts the cluster; not 0.</param>
    /// <param name="nodes">The first nodes, with the numbers that they run under already.</param>
    /// <param name="replicas">Which of them hold the directory.</param>
    public static void WriteInitCluster(
        WireWriter writer, ulong clusterId, IReadOnlyList<NodeInfo> nodes, ImmutableArray<NodeId> replicas)
    {
        writer.WriteByte((byte)DirectoryCommandKind.InitCluster);
        writer.WriteUInt64(clusterId);
        writer.WriteVarint((ulong)nodes.Count);
        foreach (var node in nodes)
        {
            DirectoryCodec.Write(writer, node);
        }

        DirectoryCodec.Write(writer, replicas);
    }

    /// <summary>
    /// A node joins; the result's Id is its number. A known incarnation gets the number that it has, and its description is brought up to
    /// date. A known name with another incarnation is AlreadyExists: that node must be removed first.
    /// </summary>
    public static void WriteRegisterNode(WireWriter writer, NodeDescription node)
    {
        writer.WriteByte((byte)DirectoryCommandKind.RegisterNode);
        DirectoryCodec.Write(writer, node);
    }

    /// <summary>Changes what is known of a node; its incarnation must be the one that is known.</summary>
    public static void WriteUpdateNode(WireWriter writer, NodeInfo node)
    {
        writer.WriteByte((byte)DirectoryCommandKind.UpdateNode);
        DirectoryCodec.Write(writer, node);
    }

    /// <summary>Removes a node for ever; InUse while a shard names it.</summary>
    public static void WriteRemoveNode(WireWriter writer, NodeId node)
    {
        writer.WriteByte((byte)DirectoryCommandKind.RemoveNode);
        writer.WriteUInt32(node.Value);
    }

    /// <summary>
    /// Creates a space and places its shards; the result's Id is its number. The same name with the same options is Ok with the number that
    /// it has; with others it is AlreadyExists.
    /// </summary>
    public static void WriteCreateSpace(WireWriter writer, SpaceOptions options)
    {
        if (options.Conflicts != ConflictRule.LastWrite)
        {
            writer.WriteByte((byte)DirectoryCommandKind.CreateSpaceWithConflicts);
            DirectoryCodec.WriteWithConflicts(writer, options);
        }
        else if (options.Regions is not null)
        {
            writer.WriteByte((byte)DirectoryCommandKind.CreateSpaceInRegions);
            DirectoryCodec.WriteInRegions(writer, options);
        }
        else if (options.Kind == SpaceKind.Records)
        {
            writer.WriteByte((byte)DirectoryCommandKind.CreateSpace);
            DirectoryCodec.Write(writer, options);
        }
        else
        {
            writer.WriteByte((byte)DirectoryCommandKind.CreateSpaceOfKind);
            DirectoryCodec.WriteOfKind(writer, options);
        }
    }

    /// <summary>
    /// Writes or removes documents, all or none. Conflict when one of them has another version than the change expects; the result's Id is
    /// then that change's position. The documents that are written get the result's version.
    /// </summary>
    /// <param name="writer">Receives the command.</param>
    /// <param name="changes">At most <see cref="Foundation.Limits.DocumentChangesMax"/> changes of different documents.</param>
    public static void WriteChangeDocuments(WireWriter writer, IReadOnlyList<DocumentChange> changes)
    {
        writer.WriteByte((byte)DirectoryCommandKind.ChangeDocuments);
        writer.WriteVarint((ulong)changes.Count);
        foreach (var change in changes)
        {
            writer.WriteString(change.Name);
            writer.WriteUInt64(change.Expected.Value);
            writer.WriteBool(change.Value is not null);
            if (change.Value is { } value)
            {
                writer.WriteBytes(value.Span);
            }
        }
    }

    /// <summary>
    /// Gives a space of streams more shards, behind those that it has; what is in these stays. Conflict when it has neither as many as are
    /// expected nor as many as are wanted: somebody else was faster.
    /// </summary>
    /// <param name="writer">Receives the command.</param>
    /// <param name="space">The space.</param>
    /// <param name="from">How many it is expected to have.</param>
    /// <param name="to">How many it shall have.</param>
    public static void WriteGrowSpace(WireWriter writer, SpaceId space, int from, int to)
    {
        writer.WriteByte((byte)DirectoryCommandKind.GrowSpace);
        writer.WriteUInt64(space.Value);
        writer.WriteVarint((ulong)from);
        writer.WriteVarint((ulong)to);
    }

    /// <summary>Drops a space with all its data.</summary>
    public static void WriteDropSpace(WireWriter writer, SpaceId space)
    {
        writer.WriteByte((byte)DirectoryCommandKind.DropSpace);
        writer.WriteUInt64(space.Value);
    }

    /// <summary>
    /// A node leaves: it gets no replicas any more, and those that it has go to others by and by. NotEnoughNodes when nobody could take
    /// over one of them; a node that is gone is gone all the same, and what it had waits for another node.
    /// </summary>
    /// <param name="writer">Receives the command.</param>
    /// <param name="node">The node.</param>
    /// <param name="isGone">Whether it is dead for good: <see cref="NodeStanding.Gone"/>.</param>
    public static void WriteRetireNode(WireWriter writer, NodeId node, bool isGone)
    {
        writer.WriteByte((byte)DirectoryCommandKind.RetireNode);
        writer.WriteUInt32(node.Value);
        writer.WriteBool(isGone);
    }

    /// <summary>A replica of the target of a <see cref="ShardMove"/> has what the present phase is for.</summary>
    /// <param name="writer">Receives the command.</param>
    /// <param name="shard">The shard.</param>
    /// <param name="generation">The shard's generation; Conflict when it has another one.</param>
    /// <param name="node">The replica.</param>
    public static void WriteReplicaReady(WireWriter writer, ShardId shard, ulong generation, NodeId node)
    {
        writer.WriteByte((byte)DirectoryCommandKind.ReplicaReady);
        writer.WriteUInt64(shard.Value);
        writer.WriteVarint(generation);
        writer.WriteUInt32(node.Value);
    }

    /// <summary>
    /// Sets the nodes that shall hold a shard, the one that should lead first. Of a shard without a leader that begins a
    /// <see cref="ShardMove"/>, or ends one that has only begun, where they are the ones that hold it.
    /// </summary>
    /// <param name="writer">Receives the command.</param>
    /// <param name="shard">The shard; may be the directory's own.</param>
    /// <param name="replicas">Known nodes, each once.</param>
    /// <param name="expectedGeneration">Conflict when the shard has another; 0 for whatever it has.</param>
    public static void WriteSetReplicas(
        WireWriter writer, ShardId shard, ImmutableArray<NodeId> replicas, ulong expectedGeneration = 0)
    {
        writer.WriteByte((byte)DirectoryCommandKind.SetReplicas);
        writer.WriteUInt64(shard.Value);
        writer.WriteVarint(expectedGeneration);
        DirectoryCodec.Write(writer, replicas);
    }

    /// <summary>Names the replica that should lead a shard; it goes to the front of the replicas. The generation stays.</summary>
    public static void WriteSetPreferredLeader(WireWriter writer, ShardId shard, NodeId leader)
    {
        writer.WriteByte((byte)DirectoryCommandKind.SetPreferredLeader);
        writer.WriteUInt64(shard.Value);
        writer.WriteUInt32(leader.Value);
    }
}
