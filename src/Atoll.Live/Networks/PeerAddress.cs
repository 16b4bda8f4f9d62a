using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Atoll.Live.Networks;

/// <summary>"host:port" as people write it.</summary>
internal static class PeerAddress
{
    /// <summary>Splits "host:port" or "[address]:port".</summary>
    public static bool TryParse(string address, out string host, out int port)
    {
        var colon = address.LastIndexOf(':');
        host = colon > 0 ? address[..colon].Trim('[', ']') : "";
        port = 0;
        return host.Length > 0
            && int.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port)
            && port <= IPEndPoint.MaxPort;
    }

    /// <summary>Finds the machine's address, asking the name service when it is a name.</summary>
    /// <exception cref="SocketException">The name is not known, or the address is none.</exception>
    public static IPEndPoint Resolve(string address)
    {
        if (!TryParse(address, out var host, out var port))
        {
            throw new SocketException((int)SocketError.HostNotFound, $"'{address}' is not host:port");
        }

        return new IPEndPoint(IPAddress.TryParse(host, out var literal) ? literal : Dns.GetHostAddresses(host)[0], port);
    }
}
