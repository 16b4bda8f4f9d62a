using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Atoll.Output;

namespace Atoll.Hosting;

/// <summary>Addresses to listen on.</summary>
internal static class EndPoints
{
    /// <summary>The endpoint of a host (name, address) and port.</summary>
    public static IPEndPoint Resolve(string host, int port)
    {
        if (port is < 0 or > 65535)
        {
            throw new CommandException($"{port} is not a port");
        }

        if (IPAddress.TryParse(host.Trim('[', ']'), out var address))
        {
            return new IPEndPoint(address, port);
        }

        try
        {
            var found = Dns.GetHostAddresses(host);
            return new IPEndPoint(found.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? found[0], port);
        }
        catch (SocketException error)
        {
            throw new CommandException($"the address \"{host}\" cannot be resolved: {error.Message}");
        }
    }

    /// <summary>"host:port", an IPv6 address in brackets.</summary>
    public static string Format(string host, int port) => host.Contains(':', StringComparison.Ordinal) && host[0] != '['
        ? string.Create(CultureInfo.InvariantCulture, $"[{host}]:{port}")
        : string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");

    /// <summary>Whether this machine has the address.</summary>
    public static bool Exists(string address)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Says why one cannot listen there, before anything else is begun; null when one can.</summary>
    public static string? WhyTaken(IPEndPoint endPoint)
    {
        using var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(endPoint);
            socket.Listen(1);
            return null;
        }
        catch (SocketException error)
        {
            return $"can't listen on {endPoint}: {error.Message}";
        }
    }
}
