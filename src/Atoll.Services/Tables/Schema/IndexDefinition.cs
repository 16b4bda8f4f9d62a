using System.Collections.Immutable;

namespace Atoll.Services.Tables.Schema;

/// <summary>What of a column an index finds.</summary>
public enum IndexTarget : byte
{
    /// <summary>The column's value; of a collection, the values of its elements.</summary>
    Values = 0,

    /// <summary>The keys of a map.</summary>
    Keys = 1,

    /// <summary>The keys of a map together with their values.</summary>
    Entries = 2,

    /// <summary>A frozen collection as a whole.</summary>
    Full = 3,
}

/// <summary>An index of a column.</summary>
/// <param name="Name">Its name, distinct within the keyspace.</param>
/// <param name="Column">The column.</param>
/// <param name="Target">What of the column it finds.</param>
/// <param name="CustomClass">The class that was named for a custom index; null: Atoll's own.</param>
/// <param name="Options">Options given with it.</param>
public sealed record IndexDefinition(
    string Name, string Column, IndexTarget Target, string? CustomClass, ImmutableSortedDictionary<string, string> Options);
