using Atoll.Gateways.Cql.Statements;
using Atoll.Gateways.Cql.Topology;
using Atoll.Services.Tables;

namespace Atoll.Gateways.Cql.SystemTables;

/// <summary>The keyspaces that drivers and tools read of any cluster, beside "system_schema", which the tables have themselves.</summary>
public static class SystemKeyspaces
{
    /// <summary>Makes them known to queries.</summary>
    /// <param name="tables">Receives them.</param>
    /// <param name="topology">Gives the cluster as drivers see it.</param>
    /// <param name="prepared">The statements that are kept.</param>
    /// <param name="traces">The traces that are kept.</param>
    public static void Register(ITables tables, Func<CqlTopology> topology, PreparedStatements prepared, StatementTraces traces)
    {
        foreach (var table in ClusterTables.All(topology, tables, prepared)
            .Concat(SchemaTables.All(tables)).Concat(TraceTables.All(traces)).Append(TraceTables.Roles(tables.Roles)))
        {
            tables.Register(table);
        }
    }
}
