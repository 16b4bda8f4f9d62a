using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Atoll.Client.Hosting;
using Atoll.Foundation.Identity;
using Atoll.Gateways.Cql.Wire;
using Atoll.Gateways.Kafka;
using Atoll.Output;
using Atoll.StateMachines.Directory;

namespace Atoll.Hosting;

/// <summary>
/// A cluster in one process, as <c>atoll up</c> runs it: what it is made of stands in a file in its data folder, so that it comes
/// back as it was.
/// </summary>
/// <param name="ClusterId">Its number, in hexadecimal.</param>
/// <param name="Nodes">Its nodes.</param>
internal sealed record LocalCluster(string ClusterId, NodeInfo[] Nodes)
{
    private const string FileName = "cluster.json";
    private const string FoundedName = "founded";
    private const int NodesMax = 7;

    /// <summary>The cluster of that folder; a new one of so many nodes when there is none.</summary>
    public static LocalCluster LoadOrCreate(string folder, int? nodes, int loops, PortPlan ports)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            if (File.Exists(path))
            {
                var found = JsonSerializer.Deserialize<LocalCluster>(File.ReadAllBytes(path))
                    ?? throw new CommandException($"{path} is empty");
                return nodes is null || nodes == found.Nodes.Length
                    ? found
                    : throw new CommandException(
                        $"the cluster in {folder} has {found.Nodes.Length} nodes, not {nodes}; leave --nodes out, or give another --data");
            }

            Directory.CreateDirectory(folder);
            var created = Create(nodes ?? 3, loops, ports);
            File.WriteAllBytes(path + ".tmp", JsonSerializer.SerializeToUtf8Bytes(created));
            File.Move(path + ".tmp", path);
            return created;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CommandException($"can't use {path}: {error.Message}");
        }
    }

    /// <summary>
    /// Refuses a cluster of which a node's data has gone: started anew under its old number, that node would vote without what it had
    /// acknowledged, and could help to lose it (museum, row 9).
    /// </summary>
    /// <exception cref="CommandException">The data of a node is missing.</exception>
    public void RequireWhole(string folder)
    {
        if (!File.Exists(Path.Combine(folder, FoundedName)))
        {
            return; // not every node had started yet when the program ended: what is missing has never held anything
        }

        foreach (var node in Nodes)
        {
            var path = Path.Combine(folder, node.Name);
            if (!Directory.Exists(Path.Combine(path, "loop-0")))
            {
                throw new CommandException(
                    ExitCode.Failed,
                    $"the data of node {node.Id} is missing ({path}). Put it back, or begin a new cluster with another --data; "
                    + "a node that lost its data must not take part under its old number");
            }
        }
    }

    /// <summary>Notes that every node has started: from now on, each must find its data again.</summary>
    public static void MarkFounded(string folder) => File.WriteAllBytes(Path.Combine(folder, FoundedName), []);

    /// <summary>
    /// The first node's port for CQL when none is asked for: the one that drivers try, where the other ports are the usual ones.
    /// </summary>
    public int DefaultCqlPort() => FirstClientPort() == PortPlan.UsualClient ? CqlProtocol.DefaultPort : FirstClientPort() + 42;

    /// <summary>The first node's port for the Kafka protocol when none is asked for: likewise.</summary>
    public int DefaultKafkaPort() =>
        FirstClientPort() == PortPlan.UsualClient ? KafkaGatewayOptions.DefaultPort : FirstClientPort() + 44;

    private int FirstClientPort() => System.Net.IPEndPoint.Parse(Nodes[0].Description.ClientAddress).Port;

    /// <summary>How each node is started.</summary>
    /// <param name="folder">Where the data is.</param>
    /// <param name="cqlPort">The first node's port for CQL; 0: none. The others' is as far from their port for clients.</param>
    /// <param name="kafkaPort">The first node's port for the Kafka protocol; 0: none. The others': likewise.</param>
    public IEnumerable<NodeHostOptions> Hosts(string folder, int cqlPort, int kafkaPort) => Nodes.Select(node =>
    {
        var description = node.Description;
        var client = System.Net.IPEndPoint.Parse(description.ClientAddress);
        var shift = client.Port - FirstClientPort();
        return new NodeHostOptions
        {
            Node = new EmbeddedNodeOptions
            {
                DataFolder = Path.Combine(folder, description.Name),
                PeerListen = description.PeerAddress,
                ClientAddress = description.ClientAddress,
                HttpAddress = description.HttpAddress,
                Name = description.Name,
                Loops = description.Loops,
                Founders = Nodes,
                ClusterId = ulong.Parse(ClusterId, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
            },
            NativeEndPoint = client,
            CqlEndPoint = cqlPort == 0 ? null : new System.Net.IPEndPoint(client.Address, cqlPort + shift),
            KafkaEndPoint = kafkaPort == 0 ? null : new System.Net.IPEndPoint(client.Address, kafkaPort + shift),
            HttpEndPoint = System.Net.IPEndPoint.Parse(description.HttpAddress),
        };
    });

    private static LocalCluster Create(int nodes, int loops, PortPlan ports)
    {
        if (nodes is < 1 or > NodesMax)
        {
            throw new CommandException($"--nodes must be 1 to {NodesMax}");
        }

        var ownAddresses = Enumerable.Range(1, nodes).All(i => EndPoints.Exists($"127.0.0.{i}"));
        return new LocalCluster(
            RandomNumber().ToString("x16", CultureInfo.InvariantCulture),
            [.. Enumerable.Range(1, nodes).Select(i =>
            {
                var host = ownAddresses ? $"127.0.0.{i}" : "127.0.0.1";
                var shift = ownAddresses ? 0 : (i - 1) * 10;
                return new NodeInfo(new NodeId((uint)i), new NodeDescription(
                    $"n{i}", $"{host}:{ports.Peer + shift}", $"{host}:{ports.Client + shift}", $"{host}:{ports.Http + shift}",
                    loops, "", "", RandomNumber()));
            })]);
    }

    private static ulong RandomNumber()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return Math.Max(1, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
    }
}

/// <summary>Which ports the nodes listen on.</summary>
/// <param name="Client">For the native protocol.</param>
/// <param name="Peer">For other nodes.</param>
/// <param name="Http">For HTTP.</param>
internal readonly record struct PortPlan(int Client = PortPlan.UsualClient, int Peer = 4601, int Http = 4680)
{
    /// <summary>The port for clients where none is asked for.</summary>
    public const int UsualClient = 4600;
}
