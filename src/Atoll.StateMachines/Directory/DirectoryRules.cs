using System.Text;
using Atoll.Foundation;
using Atoll.StateMachines.Groups;
using Atoll.StateMachines.Transactions;

namespace Atoll.StateMachines.Directory;

/// <summary>What descriptions and options may contain. Each rule answers with a sentence for the person who broke it, or null.</summary>
internal static class DirectoryRules
{
    private const int EventualReplicasMax = 15;

    internal static string? FaultOf(NodeDescription node) =>
        FaultOfName("node", node.Name)
        ?? FaultOfAddress("peer", node.PeerAddress, mayBeEmpty: false)
        ?? FaultOfAddress("client", node.ClientAddress, mayBeEmpty: true)
        ?? FaultOfAddress("HTTP", node.HttpAddress, mayBeEmpty: true)
        ?? (node.Region.Length == 0 ? null : FaultOfName("region", node.Region))
        ?? (node.Zone.Length == 0 ? null : FaultOfName("zone", node.Zone))
        ?? (node.Loops is < 1 or > Limits.LoopsMax ? $"a node has 1 to {Limits.LoopsMax} loops, not {node.Loops}" : null)
        ?? (node.Incarnation == 0 ? "a node's incarnation must not be 0" : null);

    internal static string? FaultOf(SpaceOptions options) =>
        FaultOfName("space", options.Name)
        ?? (options.FaultModel is < FaultModel.Strong or > FaultModel.Byzantine ? "the fault model is unknown" : null)
        ?? (options.Kind is < SpaceKind.Records or > SpaceKind.Transactions ? "what the space shall hold is unknown" : null)
        ?? (options.Name == GroupLimits.SpaceName && options.Kind != SpaceKind.Groups
            ? $"the name \"{options.Name}\" is reserved for groups of consumers" : null)
        ?? (options.Name == TransactionLimits.SpaceName && options.Kind != SpaceKind.Transactions
            ? $"the name \"{options.Name}\" is reserved for transactions" : null)
        ?? (options.Partitioning is < Partitioning.Hash or > Partitioning.Range ? "the partitioning is unknown" : null)
        ?? FaultOfReplicas(options)
        ?? FaultOfConflicts(options)
        ?? options.Regions?.FaultOf(options.Replicas)
        ?? options.Regions?.Factors.Select(static factor => factor.Region).Concat(options.Regions.Allowed)
            .Select(static region => FaultOfName("region", region)).FirstOrDefault(static fault => fault is not null)
        ?? (options.ShardCount is < 1 or > Limits.ShardsPerSpaceMax
            ? $"a space has 1 to {Limits.ShardsPerSpaceMax} shards, not {options.ShardCount}" : null);

    /// <summary>What this version of Atoll cannot do yet, although the options are sound.</summary>
    internal static string? NotAvailable(SpaceOptions options)
    {
        if (options.FaultModel == FaultModel.Byzantine)
        {
            return "the fault model 'byzantine' is not available in this version; 'strong' and 'eventual' are";
        }

        if (options is { FaultModel: FaultModel.Eventual, Kind: SpaceKind.Groups })
        {
            return "groups of consumers agree on who reads what, and in the fault model 'eventual' nobody agrees: they are 'strong'";
        }

        if (options is { FaultModel: FaultModel.Eventual, Kind: SpaceKind.Transactions })
        {
            return "a transaction ends in one way, and in the fault model 'eventual' nobody agrees in which: they are 'strong'";
        }

        if (options is { FaultModel: FaultModel.Eventual, Kind: SpaceKind.Streams })
        {
            return "a stream is an order of records, and the fault model 'eventual' keeps none: streams are 'strong'";
        }

        return options.Partitioning == Partitioning.Range
            ? "partitioning by range is not available in this version; by hash is"
            : null;
    }

    internal static string? FaultOf(DirectoryDocument document) =>
        FaultOfName("document", document.Name)
        ?? (document.Value.Length > Limits.DocumentBytesMax
            ? $"a document has at most {Limits.DocumentBytesMax} bytes, this one has {document.Value.Length}" : null);

    // A majority of an even number survives no more than that of the odd number below it; without a leader any number makes sense.
    private static string? FaultOfReplicas(SpaceOptions options) => options.FaultModel == FaultModel.Eventual
        ? options.Replicas is >= 1 and <= EventualReplicasMax
            ? null : $"an eventual space has 1 to {EventualReplicasMax} replicas, not {options.Replicas}"
        : options.Replicas is 1 or 3 or 5 or 7 ? null : $"a space has 1, 3, 5 or 7 replicas, not {options.Replicas}";

    private static string? FaultOfConflicts(SpaceOptions options) => options.Conflicts switch
    {
        ConflictRule.LastWrite => null,
        ConflictRule.Siblings or ConflictRule.Counters or ConflictRule.Sets or ConflictRule.Maps =>
            options is { FaultModel: FaultModel.Eventual, Kind: SpaceKind.Records }
                ? null
                : "only eventual spaces of records keep siblings, counters, sets or maps: others write nothing concurrently, or cell by "
                    + "cell",
        _ => "what shall become of concurrent writes is unknown",
    };

    private static string? FaultOfName(string what, string name)
    {
        if (name.Length == 0)
        {
            return $"the name of a {what} must not be empty";
        }

        var bytes = Encoding.UTF8.GetByteCount(name);
        if (bytes > Limits.NameBytesMax)
        {
            return $"the name of a {what} has at most {Limits.NameBytesMax} bytes of UTF-8, this one has {bytes}";
        }

        return name.Any(char.IsControl) ? $"the name of a {what} must not contain control characters" : null;
    }

    private static string? FaultOfAddress(string what, string address, bool mayBeEmpty)
    {
        if (address.Length == 0)
        {
            return mayBeEmpty ? null : $"a node needs a {what} address";
        }

        if (Encoding.UTF8.GetByteCount(address) > Limits.AddressBytesMax)
        {
            return $"a {what} address has at most {Limits.AddressBytesMax} bytes";
        }

        return address.Any(static c => char.IsControl(c) || char.IsWhiteSpace(c))
            ? $"a {what} address must not contain spaces or control characters" : null;
    }
}
