namespace Atoll.Services.Tables.Language.Syntax;

/// <summary>What DESCRIBE describes.</summary>
public enum DescribeTarget
{
    /// <summary>CLUSTER.</summary>
    Cluster = 0,

    /// <summary>SCHEMA: all but the system's keyspaces.</summary>
    Schema = 1,

    /// <summary>FULL SCHEMA: the system's keyspaces too.</summary>
    FullSchema = 2,

    /// <summary>KEYSPACES: their names.</summary>
    Keyspaces = 3,

    /// <summary>KEYSPACE, with what is in it; without a name the session's.</summary>
    Keyspace = 4,

    /// <summary>ONLY KEYSPACE, without what is in it.</summary>
    OnlyKeyspace = 5,

    /// <summary>TABLES: their names.</summary>
    Tables = 6,

    /// <summary>TABLE.</summary>
    Table = 7,

    /// <summary>INDEX.</summary>
    Index = 8,

    /// <summary>MATERIALIZED VIEW.</summary>
    MaterializedView = 9,

    /// <summary>TYPES: their names.</summary>
    Types = 10,

    /// <summary>TYPE.</summary>
    Type = 11,

    /// <summary>FUNCTIONS: their names.</summary>
    Functions = 12,

    /// <summary>FUNCTION: all of that name.</summary>
    Function = 13,

    /// <summary>AGGREGATES: their names.</summary>
    Aggregates = 14,

    /// <summary>AGGREGATE: all of that name.</summary>
    Aggregate = 15,

    /// <summary>A name alone: a keyspace, a table, an index or a view, whichever is found first.</summary>
    Any = 16,
}

/// <summary>DESCRIBE, DESC.</summary>
/// <param name="Target">What is described.</param>
/// <param name="Keyspace">The keyspace that was named; null: none.</param>
/// <param name="Name">The name within a keyspace; null where none belongs, and for keyspaces.</param>
/// <param name="WithInternals">WITH INTERNALS: identities and dropped columns too.</param>
public sealed record DescribeStatement(DescribeTarget Target, string? Keyspace, string? Name, bool WithInternals) : Statement;
