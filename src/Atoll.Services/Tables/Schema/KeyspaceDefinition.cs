using System.Collections.Immutable;
using Atoll.Services.Tables.Types;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Tables.Schema;

/// <summary>A keyspace with everything in it. Immutable: a change of the schema makes another.</summary>
public sealed record KeyspaceDefinition
{
    private static readonly ImmutableSortedDictionary<string, TableDefinition> NoTables =
        ImmutableSortedDictionary.Create<string, TableDefinition>(StringComparer.Ordinal);

    private static readonly ImmutableSortedDictionary<string, UserTypeDefinition> NoTypes =
        ImmutableSortedDictionary.Create<string, UserTypeDefinition>(StringComparer.Ordinal);

    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>The replication map as it was given, "class" included, with the class's full name.</summary>
    public required ImmutableSortedDictionary<string, string> Replication { get; init; }

    /// <summary>What the tables' spaces survive: <see cref="FaultModel.Strong"/> or <see cref="FaultModel.Eventual"/>.</summary>
    public FaultModel FaultModel { get; init; } = FaultModel.Strong;

    /// <summary>The regions in which the tables' data may be stored, in ordinal order; empty: all.</summary>
    public ImmutableArray<string> AllowedRegions { get; init; } = [];

    /// <summary>Kept; Atoll's writes are always durable.</summary>
    public bool DurableWrites { get; init; } = true;

    /// <summary>Whether it is the system's own: its tables are computed, and nobody can change it.</summary>
    public bool IsVirtual { get; init; }

    /// <summary>The tables, by name.</summary>
    public ImmutableSortedDictionary<string, TableDefinition> Tables { get; init; } = NoTables;

    /// <summary>The user-defined types, by name.</summary>
    public ImmutableSortedDictionary<string, UserTypeDefinition> Types { get; init; } = NoTypes;

    /// <summary>The keyspace with a table put in, or put in another's place.</summary>
    public KeyspaceDefinition With(TableDefinition table) => this with { Tables = Tables.SetItem(table.Name, table) };

    /// <summary>The keyspace with a type put in, or put in another's place.</summary>
    public KeyspaceDefinition With(UserTypeDefinition type) => this with { Types = Types.SetItem(type.Type.Name, type) };
}

/// <summary>A user-defined type of a keyspace.</summary>
/// <param name="Type">The type, not frozen.</param>
public sealed record UserTypeDefinition(UserType Type)
{
    /// <summary>The name.</summary>
    public string Name => Type.Name;
}
