using System.Globalization;
using Atoll.Foundation.Identity;
using Atoll.StateMachines.Directory;

namespace Atoll.Gateways.Kafka.Topology;

/// <summary>A node as Kafka's clients see it.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Host">The host by which they reach it: a name or an address.</param>
/// <param name="Port">The port.</param>
/// <param name="Rack">Its zone, or its region when it has none; null when neither was given.</param>
public sealed record KafkaBroker(NodeId Id, string Host, int Port, string? Rack);

/// <summary>The node that speaks the Kafka protocol, as it knows itself.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Host">The host by which clients reach it.</param>
/// <param name="Port">The port.</param>
/// <param name="ClientPort">Its port of Atoll's own protocol.</param>
public sealed record KafkaSelf(NodeId Id, string Host, int Port, int ClientPort)
{
    /// <summary>
    /// The nodes that clients can reach, by number. The directory knows the ports of Atoll's own protocol only: the one for Kafka is as far
    /// from it on every node as it is here, so that it is the same where all nodes have the same ports, and right where they share a
    /// machine.
    /// </summary>
    public IReadOnlyList<KafkaBroker> BrokersOf(DirectoryView view)
    {
        var brokers = new List<KafkaBroker>();
        foreach (var node in view.Nodes.Where(static node => node.Standing != NodeStanding.Gone))
        {
            var rack = node.Description is { Zone.Length: > 0 } description ? description.Zone
                : node.Description.Region.Length > 0 ? node.Description.Region : null;
            if (node.Id == Id)
            {
                brokers.Add(new KafkaBroker(Id, Host, Port, rack));
            }
            else if (TrySplit(node.Description.ClientAddress, out var host, out var port)
                && port + Port - ClientPort is var shifted and > 0 and <= ushort.MaxValue)
            {
                brokers.Add(new KafkaBroker(node.Id, host, shifted, rack));
            }
        }

        // Before the node has read the directory, it knows itself at least.
        if (brokers.All(broker => broker.Id != Id))
        {
            brokers.Add(new KafkaBroker(Id, Host, Port, null));
        }

        return brokers;
    }

    private static bool TrySplit(string address, out string host, out int port)
    {
        var colon = address.LastIndexOf(':');
        host = colon > 0 ? address[..colon].Trim('[', ']') : "";
        port = 0;
        return colon > 0 && int.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port);
    }
}
