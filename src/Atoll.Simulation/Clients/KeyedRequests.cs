using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Node.Requests;

namespace Atoll.Simulation.Clients;

/// <summary>Requests whose shard is found by the hash of a name.</summary>
internal static class KeyedRequests
{
    /// <summary>A request.</summary>
    /// <param name="kind">A write or a read.</param>
    /// <param name="space">The space.</param>
    /// <param name="hash">The hash of the name.</param>
    /// <param name="write">Writes the command or query.</param>
    public static Request Of(RequestKind kind, SpaceId space, ulong hash, Action<WireWriter> write)
    {
        var writer = new WireWriter();
        write(writer);
        return new Request { Kind = kind, Space = space, RoutingHash = hash, Payload = writer.ToArray() };
    }
}
