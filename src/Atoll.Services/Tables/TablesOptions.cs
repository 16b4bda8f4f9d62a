namespace Atoll.Services.Tables;

/// <summary>What is chosen for all tables of a cluster.</summary>
public sealed record TablesOptions
{
    /// <summary>The defaults.</summary>
    public static readonly TablesOptions Default = new();

    /// <summary>Into how many shards a new table is cut.</summary>
    public int ShardsPerTable { get; init; } = 4;

    /// <summary>The most copies of a shard that a table gets, whatever its keyspace asks for: no more than there are nodes.</summary>
    public int ReplicasMax { get; init; } = 15;

    /// <summary>The cluster's name, for DESCRIBE.</summary>
    public string ClusterName { get; init; } = "atoll";
}
