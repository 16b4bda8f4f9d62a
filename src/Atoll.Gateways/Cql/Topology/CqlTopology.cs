using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using Atoll.Foundation.Identity;
using Atoll.StateMachines.Directory;

namespace Atoll.Gateways.Cql.Topology;

/// <summary>A node as drivers see it.</summary>
/// <param name="Id">Its number.</param>
/// <param name="HostId">What drivers know it by: made of the cluster's number, the node's, and that of its data folder.</param>
/// <param name="Native">Where drivers reach it.</param>
/// <param name="Peer">Where other nodes reach it.</param>
/// <param name="DataCenter">Its region.</param>
/// <param name="Rack">Its zone.</param>
/// <param name="Tokens">The ends of the ranges that statements for should be sent to it.</param>
public sealed record CqlNode(
    NodeId Id, Guid HostId, IPEndPoint Native, IPEndPoint Peer, string DataCenter, string Rack, ImmutableArray<string> Tokens);

/// <summary>The cluster as drivers see it, at one moment. Immutable.</summary>
/// <param name="ClusterName">What drivers compare, not to mix clusters up.</param>
/// <param name="Local">The node that is asked.</param>
/// <param name="Peers">The others, by number.</param>
public sealed record CqlTopology(string ClusterName, CqlNode Local, ImmutableArray<CqlNode> Peers)
{
    /// <summary>The data center of a node without a region: what Cassandra calls one that nobody named.</summary>
    public const string DefaultDataCenter = NodeDescription.DefaultRegion;

    /// <summary>The rack of a node without a zone.</summary>
    public const string DefaultRack = "rack1";

    /// <summary>The cluster of a directory.</summary>
    /// <param name="view">The directory.</param>
    /// <param name="self">The node that is asked.</param>
    /// <param name="resolve">The address of a host; null when it is not known (yet): such a node is left out.</param>
    public static CqlTopology Of(DirectoryView view, CqlSelf self, Func<string, IPAddress?> resolve)
    {
        var tokens = TokenRing.Of(view);
        var nodes = ImmutableArray.CreateBuilder<CqlNode>();
        CqlNode? local = null;
        foreach (var node in view.Nodes)
        {
            var native = self.NativeOf(node.Description, resolve);
            var peer = EndPointOf(node.PeerAddress, resolve);
            if (native is null || peer is null)
            {
                continue;
            }

            var seen = new CqlNode(
                node.Id, HostIdOf(view.ClusterId, node), node.Id == self.Id ? self.Native : native, peer,
                node.Description.RegionName, OrElse(node.Description.Zone, DefaultRack),
                tokens.GetValueOrDefault(node.Id, []));
            if (node.Id == self.Id)
            {
                local = seen;
            }
            else
            {
                nodes.Add(seen);
            }
        }

        // Before the node has read the directory, it knows itself at least.
        local ??= new CqlNode(self.Id, Guid.Empty, self.Native, self.Native, DefaultDataCenter, DefaultRack, ["0"]);
        return new CqlTopology($"atoll-{view.ClusterId:x16}", local, nodes.ToImmutable());
    }

    /// <summary>Reads "host:port"; null when it is none, or the host has no known address.</summary>
    internal static IPEndPoint? EndPointOf(string address, Func<string, IPAddress?> resolve)
    {
        var colon = address.LastIndexOf(':');
        return colon > 0 && ushort.TryParse(address.AsSpan(colon + 1), out var port) && resolve(address[..colon].Trim('[', ']')) is { } host
            ? new IPEndPoint(host, port) : null;
    }

    private static string OrElse(string text, string otherwise) => text.Length > 0 ? text : otherwise;

    private static Guid HostIdOf(ulong clusterId, NodeInfo node)
    {
        Span<byte> identity = stackalloc byte[24];
        BinaryPrimitives.WriteUInt64BigEndian(identity, clusterId);
        BinaryPrimitives.WriteUInt64BigEndian(identity[8..], node.Id.Value);
        BinaryPrimitives.WriteUInt64BigEndian(identity[16..], node.Description.Incarnation);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(identity, hash);

        // Version 4, variant 1 (RFC 4122, section 4.1): some drivers look.
        hash[6] = (byte)((hash[6] & 0x0F) | 0x40);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}

/// <summary>The node that serves CQL, as it knows itself.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Native">Where drivers reach it.</param>
/// <param name="ClientPort">Its port of Atoll's own protocol.</param>
public sealed record CqlSelf(NodeId Id, IPEndPoint Native, int ClientPort)
{
    /// <summary>
    /// Where drivers reach another node. The directory knows its port of Atoll's own protocol only: the port for CQL is as far from it
    /// there as it is here, so that it is the same where all nodes have the same ports, and right where they share a machine.
    /// </summary>
    internal IPEndPoint? NativeOf(NodeDescription node, Func<string, IPAddress?> resolve)
    {
        var client = CqlTopology.EndPointOf(node.ClientAddress, resolve);
        var port = client is null ? 0 : client.Port + Native.Port - ClientPort;
        return client is not null && port is > 0 and <= IPEndPoint.MaxPort ? new IPEndPoint(client.Address, port) : null;
    }
}
