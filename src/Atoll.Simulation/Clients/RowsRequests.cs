using System.Text;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Node.Requests;
using Atoll.StateMachines.Rows;

namespace Atoll.Simulation.Clients;

/// <summary>The requests of a client of rows. Keys are short texts.</summary>
public static class RowsRequests
{
    /// <summary>The token of a partition.</summary>
    public static long TokenOf(string partition) => RowTokens.TokenOf(StableHash.Compute(Bytes(partition)));

    /// <summary>The routing hash of a partition.</summary>
    public static ulong HashOf(string partition) => RowTokens.HashOf(TokenOf(partition));

    /// <summary>The bytes of a key.</summary>
    public static byte[] Bytes(string key) => Encoding.UTF8.GetBytes(key);

    /// <summary>Changes rows of one partition.</summary>
    public static Request Mutate(
        SpaceId space, string partition, IReadOnlyList<RowOperation> operations, IReadOnlyList<RowCondition> conditions, int graceSeconds)
    {
        var token = TokenOf(partition);
        var writer = new WireWriter();
        var mutation = new RowsMutation([new PartitionMutation(token, Bytes(partition), operations)], conditions, graceSeconds);
        RowsCommand.WriteMutate(writer, mutation);
        return new Request
        {
            Kind = RequestKind.Write,
            Space = space,
            RoutingHash = RowTokens.HashOf(token),
            Payload = writer.ToArray(),
        };
    }

    /// <summary>Reads rows of a partition.</summary>
    public static Request Read(SpaceId space, string partition, ClusteringRange range) =>
        Read(space, partition, new RowsSelection { Range = range });

    /// <summary>Reads rows of a partition.</summary>
    public static Request Read(SpaceId space, string partition, RowsSelection selection)
    {
        var token = TokenOf(partition);
        var writer = new WireWriter();
        RowsQuery.WritePartition(writer, new PartitionRead(token, Bytes(partition), selection));
        return new Request
        {
            Kind = RequestKind.Read,
            Space = space,
            RoutingHash = RowTokens.HashOf(token),
            Payload = writer.ToArray(),
        };
    }
}
