using System.Collections.Immutable;
using System.Globalization;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.StateMachines.Directory;

namespace Atoll.Services.Tables.Schema;

/// <summary>CREATE, ALTER and DROP KEYSPACE.</summary>
internal static class KeyspaceChanges
{
    private const string Locator = "org.apache.cassandra.locator.";
    private const int ReplicationFactorMax = 1000;

    public static SchemaEdit Create(CreateKeyspaceStatement statement)
    {
        SchemaNames.Check("Keyspace", statement.Name);
        var properties = new PropertyReader(statement.Properties);
        var keyspace = Apply(
            properties,
            new KeyspaceDefinition { Name = statement.Name, Replication = ImmutableSortedDictionary<string, string>.Empty });
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

    public static SchemaEdit Alter(AlterKeyspaceStatement statement) => new(
        statement.Name,
        existing => existing is null
            ? statement.IfExists ? null : throw Missing(statement.Name)
            : Apply(new PropertyReader(statement.Properties), existing),
        new SchemaChange(SchemaChangeKind.Updated, SchemaChangeTarget.Keyspace, statement.Name, ""));

    public static SchemaEdit Drop(DropKeyspaceStatement statement) => new(
        statement.Name,
        existing => existing is null && !statement.IfExists ? throw Missing(statement.Name) : null,
        new SchemaChange(SchemaChangeKind.Dropped, SchemaChangeTarget.Keyspace, statement.Name, ""));

    /// <summary>How many copies the tables of a keyspace have: of all regions together.</summary>
    public static int ReplicationFactor(KeyspaceDefinition keyspace) => Math.Max(1, keyspace.Replication
        .Where(pair => pair.Key != "class")
        .Sum(pair => int.TryParse(pair.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var factor)
            ? Math.Min(factor, ReplicationFactorMax) : 0));

    private static CqlException Missing(string name) => CqlException.Invalid($"Keyspace '{name}' doesn't exist");

    private static KeyspaceDefinition Apply(PropertyReader properties, KeyspaceDefinition keyspace)
    {
        var replication = properties.Map("replication");
        var changed = keyspace with
        {
            Replication = replication is null ? keyspace.Replication : Checked(keyspace.Name, replication),
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
        return changed;
    }

    private static ImmutableSortedDictionary<string, string> Checked(string keyspace, ImmutableSortedDictionary<string, string> replication)
    {
        if (!replication.TryGetValue("class", out var given))
        {
            throw CqlException.Configuration("Missing replication strategy class");
        }

        var name = given.StartsWith(Locator, StringComparison.Ordinal) ? given : Locator + given;
        var strategy = name[Locator.Length..];
        if (strategy is not ("SimpleStrategy" or "NetworkTopologyStrategy"))
        {
            throw CqlException.Configuration($"Unable to find replication strategy class '{name}'");
        }

        var factors = replication.Where(pair => pair.Key != "class").ToArray();
        foreach (var (option, factor) in factors)
        {
            if (strategy == "SimpleStrategy" && option != "replication_factor")
            {
                throw CqlException.Configuration(
                    $"Unrecognized strategy option {{{option}}} passed to SimpleStrategy for keyspace {keyspace}");
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

        return replication.SetItem("class", name);
    }
}
