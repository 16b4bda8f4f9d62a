using System.Diagnostics.CodeAnalysis;
using Atoll.Foundation.Checks;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Cql.Statements;

/// <summary>
/// The statements that clients have prepared at this node, by id, the most recently used ones. A driver prepares a statement again when it
/// is told that its id is not known. Thread-safe.
/// </summary>
public sealed class PreparedStatements
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, LinkedListNode<PreparedStatement>> _byId = [];
    private readonly LinkedList<PreparedStatement> _byUse = new(); // the most recently used first
    private readonly int _countMax;

    /// <summary>No statements yet.</summary>
    /// <param name="countMax">How many are kept.</param>
    public PreparedStatements(int countMax)
    {
        Check.That(countMax > 0);
        _countMax = countMax;
    }

    /// <summary>How many are kept now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _byId.Count;
            }
        }
    }

    /// <summary>All of them, as they are now.</summary>
    public IReadOnlyList<PreparedStatement> All()
    {
        lock (_lock)
        {
            return [.. _byUse];
        }
    }

    /// <summary>Keeps a statement, in the place of an older one with the same id.</summary>
    public void Keep(PreparedStatement statement)
    {
        var key = new Guid(statement.Id);
        lock (_lock)
        {
            if (_byId.Remove(key, out var old))
            {
                _byUse.Remove(old);
            }
            else if (_byId.Count >= _countMax)
            {
                _byId.Remove(new Guid(_byUse.Last!.Value.Id));
                _byUse.RemoveLast();
            }

            _byId.Add(key, _byUse.AddFirst(statement));
            Check.That(_byId.Count == _byUse.Count && _byId.Count <= _countMax);
        }
    }

    /// <summary>Finds a statement by the id that PREPARE gave.</summary>
    public bool TryGet(ReadOnlySpan<byte> id, [NotNullWhen(true)] out PreparedStatement? statement)
    {
        statement = null;
        if (id.Length != PreparedStatement.IdBytes)
        {
            return false;
        }

        lock (_lock)
        {
            if (!_byId.TryGetValue(new Guid(id), out var node))
            {
                return false;
            }

            if (node != _byUse.First)
            {
                _byUse.Remove(node);
                _byUse.AddFirst(node);
            }

            statement = node.Value;
            return true;
        }
    }
}
