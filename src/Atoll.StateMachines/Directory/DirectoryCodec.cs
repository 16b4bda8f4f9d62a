using System.Collections.Immutable;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>The directory's things as bytes. What they may contain is the business of <see cref="DirectoryRules"/>.</summary>
internal static class DirectoryCodec
{
    internal static void Write(WireWriter writer, NodeDescription node)
    {
        writer.WriteString(node.Name);
        writer.WriteString(node.PeerAddress);
        writer.WriteString(node.ClientAddress);
        writer.WriteString(node.HttpAddress);
        writer.WriteVarint((ulong)Math.Max(0, node.Loops));
        writer.WriteString(node.Region);
        writer.WriteString(node.Zone);
        writer.WriteUInt64(node.Incarnation);
    }

    internal static NodeDescription ReadNodeDescription(ref WireReader reader) => new(
        reader.ReadString(),
        reader.ReadString(),
        reader.ReadString(),
        reader.ReadString(),
        reader.ReadCount(int.MaxValue),
        reader.ReadString(),
        reader.ReadString(),
        reader.ReadUInt64());

    internal static void Write(WireWriter writer, NodeInfo node)
    {
        writer.WriteUInt32(node.Id.Value);
        Write(writer, node.Description);
    }

    internal static void Write(WireWriter writer, NodeInfo node, byte format)
    {
        Write(writer, node);
        if (format >= 3)
        {
            writer.WriteByte((byte)node.Standing);
        }
    }

    internal static NodeInfo ReadNode(ref WireReader reader, byte format)
    {
        var node = ReadNode(ref reader);
        return format >= 3 ? node with { Standing = (NodeStanding)reader.ReadByte() } : node;
    }

    internal static NodeInfo ReadNode(ref WireReader reader) => new(new NodeId(reader.ReadUInt32()), ReadNodeDescription(ref reader));

    internal static void Write(WireWriter writer, SpaceOptions options)
    {
        writer.WriteString(options.Name);
        writer.WriteByte((byte)options.FaultModel);
        writer.WriteVarint((ulong)Math.Max(0, options.Replicas));
        writer.WriteByte((byte)options.Partitioning);
        writer.WriteVarint((ulong)Math.Max(0, options.ShardCount));
    }

    // Replicas, shards and loops may be any number here: whoever asked for 4 replicas or 5,000 shards is told so, not "invalid bytes".
    internal static SpaceOptions ReadSpaceOptions(ref WireReader reader) => new(
        reader.ReadString(),
        (FaultModel)reader.ReadByte(),
        reader.ReadCount(int.MaxValue),
        (Partitioning)reader.ReadByte(),
        reader.ReadCount(int.MaxValue));

    /// <summary>Options with the kind of the space, which the first version did not have.</summary>
    internal static void WriteOfKind(WireWriter writer, SpaceOptions options)
    {
        Write(writer, options);
        writer.WriteByte((byte)options.Kind);
    }

    internal static SpaceOptions ReadSpaceOptionsOfKind(ref WireReader reader) =>
        ReadSpaceOptions(ref reader) with { Kind = (SpaceKind)reader.ReadByte() };

    /// <summary>Options with everything that the third version has.</summary>
    internal static void WriteInRegions(WireWriter writer, SpaceOptions options)
    {
        WriteOfKind(writer, options);
        SpaceRegions.Write(writer, options.Regions);
    }

    internal static SpaceOptions ReadSpaceOptionsInRegions(ref WireReader reader) =>
        ReadSpaceOptionsOfKind(ref reader) with { Regions = SpaceRegions.Read(ref reader) };

    /// <summary>Options with everything that the fourth version has.</summary>
    internal static void WriteWithConflicts(WireWriter writer, SpaceOptions options)
    {
        WriteInRegions(writer, options);
        writer.WriteByte((byte)options.Conflicts);
    }

    internal static SpaceOptions ReadSpaceOptionsWithConflicts(ref WireReader reader) =>
        ReadSpaceOptionsInRegions(ref reader) with { Conflicts = (ConflictRule)reader.ReadByte() };

    internal static void Write(WireWriter writer, SpaceInfo space, byte format)
    {
        writer.WriteUInt64(space.Id.Value);
        switch (format)
        {
            case 1:
                Write(writer, space.Options);
                break;
            case 2:
                WriteOfKind(writer, space.Options);
                break;
            case 3:
                WriteInRegions(writer, space.Options);
                break;
            default:
                WriteWithConflicts(writer, space.Options);
                break;
        }

        writer.WriteUInt64(space.Created.Value);
    }

    internal static SpaceInfo ReadSpace(ref WireReader reader, byte format) => new(
        new SpaceId(reader.ReadUInt64()),
        format switch
        {
            1 => ReadSpaceOptions(ref reader),
            2 => ReadSpaceOptionsOfKind(ref reader),
            3 => ReadSpaceOptionsInRegions(ref reader),
            _ => ReadSpaceOptionsWithConflicts(ref reader),
        },
        new HybridTime(reader.ReadUInt64()));

    internal static void Write(WireWriter writer, DirectoryDocument document)
    {
        writer.WriteString(document.Name);
        writer.WriteUInt64(document.Version.Value);
        writer.WriteBytes(document.Value.Span);
    }

    internal static DirectoryDocument ReadDocument(ref WireReader reader) =>
        new(reader.ReadString(), new HybridTime(reader.ReadUInt64()), reader.ReadBytes());

    internal static void Write(WireWriter writer, ShardInfo shard)
    {
        writer.WriteUInt64(shard.Id.Value);
        writer.WriteUInt64(shard.Space.Value);
        writer.WriteUInt64(shard.HashLow);
        writer.WriteUInt64(shard.HashHigh);
        writer.WriteVarint(shard.Generation);
        Write(writer, shard.Replicas);
        Write(writer, shard.Founders);
    }

    internal static ShardInfo ReadShard(ref WireReader reader)
    {
        var id = new ShardId(reader.ReadUInt64());
        var space = new SpaceId(reader.ReadUInt64());
        var low = reader.ReadUInt64();
        var high = reader.ReadUInt64();
        var generation = reader.ReadVarint();
        return new ShardInfo(id, space, low, high, ReadNodeIds(ref reader), generation) { Founders = ReadNodeIds(ref reader) };
    }

    internal static void Write(WireWriter writer, ShardInfo shard, byte format)
    {
        Write(writer, shard);
        if (format < 3)
        {
            return;
        }

        writer.WriteBool(shard.Move is not null);
        if (shard.Move is { } move)
        {
            Write(writer, move.Target);
            writer.WriteByte((byte)move.Phase);
            writer.WriteUInt64(move.Since.Value);
            Write(writer, move.Ready);
        }
    }

    internal static ShardInfo ReadShard(ref WireReader reader, byte format)
    {
        var shard = ReadShard(ref reader);
        return format < 3 || !reader.ReadBool() ? shard : shard with
        {
            Move = new ShardMove(
                ReadNodeIds(ref reader), (MovePhase)reader.ReadByte(), new HybridTime(reader.ReadUInt64()), ReadNodeIds(ref reader)),
        };
    }

    internal static void Write(WireWriter writer, ImmutableArray<NodeId> nodes)
    {
        writer.WriteVarint((ulong)nodes.Length);
        foreach (var node in nodes)
        {
            writer.WriteUInt32(node.Value);
        }
    }

    internal static ImmutableArray<NodeId> ReadNodeIds(ref WireReader reader)
    {
        var count = reader.ReadCount(Limits.ReplicasMax);
        var nodes = ImmutableArray.CreateBuilder<NodeId>(count);
        for (var i = 0; i < count && reader.Ok; i++)
        {
            nodes.Add(new NodeId(reader.ReadUInt32()));
        }

        return nodes.ToImmutable();
    }
}
