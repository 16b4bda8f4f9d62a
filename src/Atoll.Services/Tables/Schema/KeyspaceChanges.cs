using System.Collections.Immutable;
using System.Globalization;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Tables.Schema;

/// <summary>CREATE, ALTER and DROP KEYSPACE.</summary>
internal static class KeyspaceChanges
{
    private const string Locator = "org.apache.cassandra.locator.";
    private const string Networks = "NetworkTopologyStrategy";
    private const string AllRegions = "replication_factor";
    private const int ReplicationFactorMax = 1000;

    /// <param name="statement">The statement.</param>
    /// <param name="regions">The regions of the cluster; empty where they are not known.</param>
    public static SchemaEdit Create(CreateKeyspaceStatement statement, IReadOnlyList<string> regions)
    {
        SchemaNames.Check("Keyspace", statement.Name);
        var properties = new PropertyReader(statement.Properties);
        var keyspace = Apply(
            properties,
            new KeyspaceDefinition { Name = statement.Name, Replication = ImmutableSortedDictionary<string, string>.Empty },
            regions);
        if (keyspace.Replication.IsEmpty)
        {
            throw CqlException.Configuration("Missing mandatory option 'replication'");
        }

        return new SchemaEdit(
            statement.Name,
            existing => existing is null ? keyspace
                : statement.IfNotExists ? existing : throw CqlException.KeyspaceExists(statement.Name),
            new SchemaChange(SchemaChangeKind.Created, SchemaChangeTarget.Keyspace, statement.Name, ""));
    }

    /// <param name="statement">The statement.</param>
    /// <param name="regions">The regions of the cluster; empty where they are not known.</param>
    public static SchemaEdit Alter(AlterKeyspaceStatement statement, IReadOnlyList<string> regions) => new(
        statement.Name,
        existing => existing is null
            ? statement.IfExists ? null : throw Missing(statement.Name)
            : Apply(new PropertyReader(statement.Properties), existing, regions),
        new SchemaChange(SchemaChangeKind.Updated, SchemaChangeTarget.Keyspace, statement.Name, ""));

    public static SchemaEdit Drop(DropKeyspaceStatement statement) => new(
        statement.Name,
        existing => existing is null && !statement.IfExists ? throw Missing(statement.Name) : null,
        new SchemaChange(SchemaChangeKind.Dropped, SchemaChangeTarget.Keyspace, statement.Name, ""));

    /// <summary>How many copies the tables of a keyspace have: of all regions together.</summary>
    public static int ReplicationFactor(KeyspaceDefinition keyspace) => Math.Max(1, FactorsOf(keyspace).Sum(static pair => pair.Replicas));

    /// <summary>In which regions the tables of a keyspace live; null: in any.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="replicas">
    /// How many copies its tables have: one more than the factors say together, where they make an even number and a strong table needs an
    /// odd one. The region with the most replicas has that one, too.
    /// </param>
    public static SpaceRegions? RegionsOf(KeyspaceDefinition keyspace, int replicas)
    {
        var factors = keyspace.Replication["class"] == Locator + Networks
            ? FactorsOf(keyspace).Where(static factor => factor.Region != AllRegions && factor.Replicas > 0).ToList() : [];
        if (factors.Count > 0)
        {
            var most = factors.MaxBy(static factor => factor.Replicas);
            factors[factors.IndexOf(most)] = most with
            {
                Replicas = most.Replicas + replicas - factors.Sum(static factor => factor.Replicas),
            };
        }

        return SpaceRegions.Of(factors, keyspace.AllowedRegions);
    }

    private static IEnumerable<RegionReplicas> FactorsOf(KeyspaceDefinition keyspace) => keyspace.Replication
        .Where(static pair => pair.Key != "class")
        .Select(static pair => new RegionReplicas(
            pair.Key,
            int.TryParse(pair.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var factor)
                ? Math.Min(factor, ReplicationFactorMax) : 0));

    private static CqlException Missing(string name) => CqlException.Invalid($"Keyspace '{name}' doesn't exist");

    private static KeyspaceDefinition Apply(PropertyReader properties, KeyspaceDefinition keyspace, IReadOnlyList<string> regions)
    {
        var allowed = Allowed(properties, keyspace);
        var replication = properties.Map("replication");
        var changed = keyspace with
        {
            AllowedRegions = allowed,
            Replication = replication is null ? keyspace.Replication : Checked(
                keyspace.Name, replication, regions, [.. regions.Where(region => allowed.IsEmpty || allowed.Contains(region))]),
            DurableWrites = properties.Boolean("durable_writes") ?? keyspace.DurableWrites,
        };
        if (properties.Text("fault_model") is { } faultModel)
        {
            var chosen = faultModel.ToLowerInvariant() switch
            {
                "strong" => FaultModel.Strong,
                "eventual" => FaultModel.Eventual,
                _ => throw CqlException.Configuration($"Unknown fault_model '{faultModel}': it can be 'strong' or 'eventual'"),
            };
            if (chosen != keyspace.FaultModel && !keyspace.Tables.IsEmpty)
            {
                throw CqlException.Configuration($"The fault_model of keyspace '{keyspace.Name}' cannot be changed while it has tables");
            }

            changed = changed with { FaultModel = chosen };
        }

        properties.End();
        foreach (var (region, factor) in FactorsOf(changed))
        {
            if (factor > 0 && region is not AllRegions && !allowed.IsEmpty && !allowed.Contains(region))
            {
                throw CqlException.Configuration(
                    $"Region '{region}' has replicas in keyspace '{keyspace.Name}' and is not in allowed_regions");
            }
        }

        return changed;
    }

    private static ImmutableArray<string> Allowed(PropertyReader properties, KeyspaceDefinition keyspace)
    {
        if (properties.Text("allowed_regions") is not { } text)
        {
            return keyspace.AllowedRegions;
        }

        ImmutableArray<string> allowed =
        [
            .. text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal),
        ];
        if (allowed.Length > SpaceRegions.RegionsMax)
        {
            throw CqlException.Configuration($"allowed_regions has more than {SpaceRegions.RegionsMax} regions");
        }

        return keyspace.Tables.IsEmpty || allowed.AsSpan().SequenceEqual(keyspace.AllowedRegions.AsSpan())
            ? allowed
            : throw CqlException.Configuration($"The allowed_regions of keyspace '{keyspace.Name}' cannot be changed while it has tables");
    }

    /// <param name="keyspace">Whose it is.</param>
    /// <param name="replication">What was given.</param>
    /// <param name="known">The regions that there are; empty where they are not known.</param>
    /// <param name="all">Those of them that may have replicas: what a factor for all of them is for.</param>
    private static ImmutableSortedDictionary<string, string> Checked(
        string keyspace, ImmutableSortedDictionary<string, string> replication, IReadOnlyList<string> known, string[] all)
    {
        if (!replication.TryGetValue("class", out var given))
        {
            throw CqlException.Configuration("Missing replication strategy class");
        }

        var name = given.StartsWith(Locator, StringComparison.Ordinal) ? given : Locator + given;
        var strategy = name[Locator.Length..];
        if (strategy is not ("SimpleStrategy" or Networks))
        {
            throw CqlException.Configuration($"Unable to find replication strategy class '{name}'");
        }

        var factors = replication.Where(pair => pair.Key != "class").ToArray();
        foreach (var (option, factor) in factors)
        {
            if (strategy == "SimpleStrategy" ? option != AllRegions : option != AllRegions && known.Count > 0 && !known.Contains(option))
            {
                throw CqlException.Configuration(
                    $"Unrecognized strategy option {{{option}}} passed to {strategy} for keyspace {keyspace}");
            }

            if (!int.TryParse(factor, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            {
                throw CqlException.Configuration($"Invalid replication factor: {factor}. Replication factor must be numeric");
            }

            if (number < (strategy == "SimpleStrategy" ? 1 : 0) || number > ReplicationFactorMax)
            {
                throw CqlException.Configuration($"Replication factor must be positive; found {factor}");
            }
        }

        if (factors.Length == 0)
        {
            throw CqlException.Configuration(strategy == "SimpleStrategy"
                ? "SimpleStrategy requires a replication_factor strategy option."
                : "Configuration for at least one datacenter must be present");
        }

        if (strategy == Networks && all.Length > 0 && replication.TryGetValue(AllRegions, out var factorOfAll))
        {
            // For each region that has no factor of its own: from now on they are as if they had been named.
            replication = replication.Remove(AllRegions).AddRange(
                all.Where(region => !replication.ContainsKey(region)).Select(region => KeyValuePair.Create(region, factorOfAll)));
        }

        return replication.SetItem("class", name);
    }
}
