using System.Diagnostics.CodeAnalysis;
using Atoll.Kernel.Eventual;
using Atoll.Node.Requests;

namespace Atoll.Services.Records;

/// <summary>Consistency levels by the names that CQL has for them, in any case of letters.</summary>
public static class ConsistencyText
{
    /// <summary>All names, for people.</summary>
    public const string Names = "ANY, ONE, TWO, THREE, QUORUM, ALL, LOCAL_ONE, LOCAL_QUORUM, EACH_QUORUM, SERIAL and LOCAL_SERIAL";

    /// <summary>Reads a level.</summary>
    /// <param name="text">Its name.</param>
    /// <param name="consistency">The level; SERIAL stands for a majority that is asked by Paxos.</param>
    /// <returns>False when there is none of that name.</returns>
    public static bool TryParse(string? text, [NotNullWhen(true)] out RequestConsistency? consistency)
    {
        consistency = text?.ToUpperInvariant() switch
        {
            "ANY" => new RequestConsistency(ConsistencyLevel.Any),
            "ONE" => new RequestConsistency(ConsistencyLevel.One),
            "TWO" => new RequestConsistency(ConsistencyLevel.Two),
            "THREE" => new RequestConsistency(ConsistencyLevel.Three),
            "QUORUM" => new RequestConsistency(ConsistencyLevel.Quorum),
            "ALL" => new RequestConsistency(ConsistencyLevel.All),
            "LOCAL_ONE" => new RequestConsistency(ConsistencyLevel.LocalOne),
            "LOCAL_QUORUM" => new RequestConsistency(ConsistencyLevel.LocalQuorum),
            "EACH_QUORUM" => new RequestConsistency(ConsistencyLevel.EachQuorum),
            "SERIAL" => new RequestConsistency(ConsistencyLevel.Quorum, SerialLevel.Serial),
            "LOCAL_SERIAL" => new RequestConsistency(ConsistencyLevel.LocalQuorum, SerialLevel.LocalSerial),
            _ => null,
        };
        return consistency is not null;
    }
}
