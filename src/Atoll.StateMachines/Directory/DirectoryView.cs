using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Atoll.Foundation;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;

namespace Atoll.StateMachines.Directory;

/// <summary>
/// The directory at one version: immutable, so that a request takes one reference and routes by it. All lookups are binary searches.
/// </summary>
public sealed class DirectoryView
{
    // The first version had neither kinds of spaces nor documents, the second no regions of spaces and no moves, the third
    // only spaces that keep the last write; a view is written in the first that it fits in, so that nodes one version behind can read it.
    private const byte FirstFormatVersion = 1;
    private const byte KindsFormatVersion = 2;
    private const byte RegionsFormatVersion = 3;
    private const byte ConflictsFormatVersion = 4;

    // For lookups by name: positions in Spaces, by ordinal order of the names.
    private readonly ImmutableArray<SpaceInfo> _spacesByName;

    // For routing: the shards of all spaces by space, then by hash. The directory's own shard, of no space, comes first.
    private readonly ImmutableArray<ShardInfo> _shardsByHash;

    private DirectoryView(
        ulong clusterId,
        HybridTime version,
        ImmutableArray<NodeInfo> nodes,
        ImmutableArray<SpaceInfo> spaces,
        ImmutableArray<ShardInfo> shards,
        ImmutableArray<DirectoryDocument> documents)
    {
        Documents = documents;
        ClusterId = clusterId;
        Version = version;
        Nodes = nodes;
        Spaces = spaces;
        Shards = shards;
        _spacesByName = spaces.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        _shardsByHash = shards.Sort(static (a, b) =>
            a.Space != b.Space ? a.Space.CompareTo(b.Space) : a.HashLow.CompareTo(b.HashLow));
    }

    /// <summary>The view before the cluster was initialised: nothing in it.</summary>
    public static DirectoryView Empty { get; } = new(0, HybridTime.Zero, [], [], [], []);

    /// <summary>The cluster; 0 before it was initialised.</summary>
    public ulong ClusterId { get; }

    /// <summary>When the directory was last changed, in its own time.</summary>
    public HybridTime Version { get; }

    /// <summary>All nodes, by number.</summary>
    public ImmutableArray<NodeInfo> Nodes { get; }

    /// <summary>All spaces, by number.</summary>
    public ImmutableArray<SpaceInfo> Spaces { get; }

    /// <summary>All shards, by number, that of the directory itself first.</summary>
    public ImmutableArray<ShardInfo> Shards { get; }

    /// <summary>All documents, by name (ordinal).</summary>
    public ImmutableArray<DirectoryDocument> Documents { get; }

    private byte Format => Spaces.Any(static space => space.Options.Conflicts != ConflictRule.LastWrite)
        ? ConflictsFormatVersion
        : Spaces.Any(static space => space.Options.Regions is not null)
        || Nodes.Any(static node => node.Standing != NodeStanding.Member) || Shards.Any(static shard => shard.Move is not null)
        ? RegionsFormatVersion
        : !Documents.IsEmpty || Spaces.Any(static space => space.Options.Kind != SpaceKind.Records) ? KindsFormatVersion
        : FirstFormatVersion;

    /// <summary>The node with that number.</summary>
    public bool TryGetNode(NodeId id, [NotNullWhen(true)] out NodeInfo? node) => TryFind(Nodes, id, static n => n.Id, out node);

    /// <summary>The space with that number.</summary>
    public bool TryGetSpace(SpaceId id, [NotNullWhen(true)] out SpaceInfo? space) => TryFind(Spaces, id, static s => s.Id, out space);

    /// <summary>The space with that name, compared character by character.</summary>
    public bool TryGetSpace(string name, [NotNullWhen(true)] out SpaceInfo? space)
    {
        var low = 0;
        var high = _spacesByName.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = string.CompareOrdinal(_spacesByName[middle].Name, name);
            if (order == 0)
            {
                space = _spacesByName[middle];
                return true;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        space = null;
        return false;
    }

    /// <summary>The shard with that number.</summary>
    public bool TryGetShard(ShardId id, [NotNullWhen(true)] out ShardInfo? shard) => TryFind(Shards, id, static s => s.Id, out shard);

    /// <summary>The shard of a space that holds keys with that hash.</summary>
    public bool TryGetShard(SpaceId space, ulong hash, [NotNullWhen(true)] out ShardInfo? shard)
    {
        var position = FirstAfter(space, hash) - 1;
        shard = position >= 0 ? _shardsByHash[position] : null;
        if (shard is not null && shard.Space == space && shard.Holds(hash))
        {
            return true;
        }

        shard = null;
        return false;
    }

    /// <summary>The shards of a space, by hash.</summary>
    public ReadOnlySpan<ShardInfo> ShardsOf(SpaceId space)
    {
        var end = FirstAfter(space, ulong.MaxValue);
        var start = end;
        while (start > 0 && _shardsByHash[start - 1].Space == space)
        {
            start--;
        }

        return _shardsByHash.AsSpan()[start..end];
    }

    /// <summary>Writes the whole view.</summary>
    public void Encode(WireWriter writer)
    {
        var format = Format;
        writer.WriteByte(format);
        writer.WriteUInt64(ClusterId);
        writer.WriteUInt64(Version.Value);
        writer.WriteVarint((ulong)Nodes.Length);
        foreach (var node in Nodes)
        {
            DirectoryCodec.Write(writer, node, format);
        }

        writer.WriteVarint((ulong)Spaces.Length);
        foreach (var space in Spaces)
        {
            DirectoryCodec.Write(writer, space, format);
        }

        writer.WriteVarint((ulong)Shards.Length);
        foreach (var shard in Shards)
        {
            DirectoryCodec.Write(writer, shard, format);
        }

        if (format >= KindsFormatVersion)
        {
            writer.WriteVarint((ulong)Documents.Length);
            foreach (var document in Documents)
            {
                DirectoryCodec.Write(writer, document);
            }
        }
    }

    /// <summary>Reads a view.</summary>
    /// <returns>
    /// False when the bytes are not one, or it contradicts itself (an unknown node, a gap in a space's hashes, a name twice).
    /// </returns>
    public static bool TryDecode(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out DirectoryView? view)
    {
        view = null;
        var reader = new WireReader(bytes);
        var format = reader.ReadByte();
        if (format is < FirstFormatVersion or > ConflictsFormatVersion)
        {
            return false;
        }

        var clusterId = reader.ReadUInt64();
        var version = new HybridTime(reader.ReadUInt64());
        var nodes = ImmutableArray.CreateBuilder<NodeInfo>();
        for (var left = reader.ReadCount(Limits.NodesMax); left > 0 && reader.Ok; left--)
        {
            nodes.Add(DirectoryCodec.ReadNode(ref reader, format));
        }

        var spaces = ImmutableArray.CreateBuilder<SpaceInfo>();
        for (var left = reader.ReadCount(Limits.SpacesMax); left > 0 && reader.Ok; left--)
        {
            spaces.Add(DirectoryCodec.ReadSpace(ref reader, format));
        }

        var shards = ImmutableArray.CreateBuilder<ShardInfo>();
        for (var left = reader.ReadCount(Limits.ShardsMax); left > 0 && reader.Ok; left--)
        {
            shards.Add(DirectoryCodec.ReadShard(ref reader, format));
        }

        // A cached view lives for long, and must not keep the message that it came in: its documents are copied.
        var documents = ImmutableArray.CreateBuilder<DirectoryDocument>();
        for (var left = format >= KindsFormatVersion ? reader.ReadCount(Limits.DocumentsMax) : 0; left > 0 && reader.Ok; left--)
        {
            var document = DirectoryCodec.ReadDocument(ref reader);
            documents.Add(document with { Value = document.Value.ToArray() });
        }

        if (!reader.OkAtEnd)
        {
            return false;
        }

        var decoded = new DirectoryView(
            clusterId, version, nodes.ToImmutable(), spaces.ToImmutable(), shards.ToImmutable(), documents.ToImmutable());
        view = decoded.IsConsistent() ? decoded : null;
        return view is not null;
    }

    /// <summary>The first view of a cluster.</summary>
    internal static DirectoryView Create(ulong clusterId, HybridTime version, ImmutableArray<NodeInfo> nodes, ShardInfo directory) =>
        new(clusterId, version, nodes, [], [directory], []);

    /// <summary>The view with some of it replaced.</summary>
    internal DirectoryView With(
        HybridTime version,
        ImmutableArray<NodeInfo>? nodes = null,
        ImmutableArray<SpaceInfo>? spaces = null,
        ImmutableArray<ShardInfo>? shards = null,
        ImmutableArray<DirectoryDocument>? documents = null) =>
        new(ClusterId, version, nodes ?? Nodes, spaces ?? Spaces, shards ?? Shards, documents ?? Documents);

    /// <summary>What holds for every view that the directory makes; a decoded one might be anything.</summary>
    internal bool IsConsistent() =>
        AreOrdered(Nodes, static n => n.Id.Value)
        && AreOrdered(Spaces, static s => s.Id.Value)
        && AreOrdered(Shards, static s => s.Id.Value)
        && Nodes.All(static n => n.Standing <= NodeStanding.Gone && DirectoryRules.FaultOf(n.Description) is null)
        && Spaces.All(static s => DirectoryRules.FaultOf(s.Options) is null)
        && NamesAreUnique()
        && DocumentsAreGood()
        && ShardsAreWhole();

    private bool NamesAreUnique()
    {
        for (var i = 1; i < _spacesByName.Length; i++)
        {
            if (string.Equals(_spacesByName[i - 1].Name, _spacesByName[i].Name, StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }

    private bool DocumentsAreGood()
    {
        for (var i = 0; i < Documents.Length; i++)
        {
            if ((i > 0 && string.CompareOrdinal(Documents[i - 1].Name, Documents[i].Name) >= 0)
                || Documents[i].Version > Version
                || DirectoryRules.FaultOf(Documents[i]) is not null)
            {
                return false;
            }
        }

        return true;
    }

    private bool ShardsAreWhole()
    {
        foreach (var shard in Shards)
        {
            if (shard.Replicas.IsEmpty || shard.Founders.IsEmpty || (shard.Space == SpaceId.None) != (shard.Id == ShardId.Directory))
            {
                return false;
            }

            if (shard.Move is { } move
                && (ReplicaRules.FaultOf(move.Target, node => TryGetNode(node, out _)) is not null || move.Since > Version
                    || move.Phase is < MovePhase.Filling or > MovePhase.Switching
                    || move.Ready.Any(node => !move.Target.Contains(node)) || shard.Space == SpaceId.None))
            {
                return false;
            }

            for (var i = 0; i < shard.Replicas.Length; i++)
            {
                if (!TryGetNode(shard.Replicas[i], out _) || shard.Replicas.IndexOf(shard.Replicas[i]) != i)
                {
                    return false;
                }
            }
        }

        var inSpaces = 0;
        foreach (var space in Spaces)
        {
            var shards = ShardsOf(space.Id);
            inSpaces += shards.Length;
            ulong next = 0;
            for (var i = 0; i < shards.Length; i++)
            {
                if (shards[i].HashLow != next || (i > 0 && next == 0) || shards[i].HashHigh < shards[i].HashLow)
                {
                    return false;
                }

                next = unchecked(shards[i].HashHigh + 1);
            }

            if (shards.IsEmpty || next != 0 || shards[^1].HashHigh != ulong.MaxValue)
            {
                return false;
            }
        }

        return inSpaces + (TryGetShard(ShardId.Directory, out _) ? 1 : 0) == Shards.Length;
    }

    /// <summary>The position of the first shard, in order of space and hash, whose range begins behind that hash.</summary>
    private int FirstAfter(SpaceId space, ulong hash)
    {
        var low = 0;
        var high = _shardsByHash.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            var shard = _shardsByHash[middle];
            if (shard.Space < space || (shard.Space == space && shard.HashLow <= hash))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private static bool AreOrdered<T>(ImmutableArray<T> items, Func<T, ulong> number)
    {
        for (var i = 0; i < items.Length; i++)
        {
            if (number(items[i]) <= (i == 0 ? 0 : number(items[i - 1])))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryFind<T, TId>(ImmutableArray<T> items, TId id, Func<T, TId> idOf, [NotNullWhen(true)] out T? found)
        where T : class
        where TId : struct, IComparable<TId>
    {
        var low = 0;
        var high = items.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = idOf(items[middle]).CompareTo(id);
            if (order == 0)
            {
                found = items[middle];
                return true;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        found = null;
        return false;
    }
}
