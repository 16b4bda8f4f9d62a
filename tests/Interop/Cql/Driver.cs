namespace Atoll.Interop.Tests.Cql;

/// <summary>Which driver.</summary>
public enum Driver
{
    /// <summary>Debian's python3-cassandra.</summary>
    Python,

    /// <summary>npm's cassandra-driver.</summary>
    Node,
}
