using System.Collections.Concurrent;
using Atoll.Gateways.Cql.Messages;

namespace Atoll.Gateways.Cql.Connections;

/// <summary>The connections of this node, to be told what happens. Thread-safe.</summary>
internal sealed class CqlSubscribers
{
    private readonly ConcurrentDictionary<CqlConnection, bool> _connections = new();

    public void Add(CqlConnection connection) => _connections.TryAdd(connection, true);

    public void Remove(CqlConnection connection) => _connections.TryRemove(connection, out _);

    /// <summary>Tells all that registered for it.</summary>
    public void Push(CqlEvent happened)
    {
        foreach (var connection in _connections.Keys)
        {
            connection.Push(happened);
        }
    }
}
