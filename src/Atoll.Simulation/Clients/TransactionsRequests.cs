using Atoll.Foundation.Bytes;
using Atoll.Foundation.Identity;
using Atoll.Node.Requests;
using Atoll.StateMachines.Transactions;

namespace Atoll.Simulation.Clients;

/// <summary>The requests of producers that write in transactions, to their coordinators.</summary>
public static class TransactionsRequests
{
    /// <summary>A command of a transactional id.</summary>
    /// <param name="space">The space of transactions.</param>
    /// <param name="id">The transactional id.</param>
    /// <param name="write">Writes the command (<see cref="TransactionCommand"/>).</param>
    public static Request Write(SpaceId space, string id, Action<WireWriter> write) =>
        KeyedRequests.Of(RequestKind.Write, space, TransactionCommand.HashOf(id), write);

    /// <summary>Asks for a transactional id.</summary>
    /// <param name="space">The space of transactions.</param>
    /// <param name="id">The transactional id.</param>
    public static Request Find(SpaceId space, string id) => KeyedRequests.Of(
        RequestKind.Read, space, TransactionCommand.HashOf(id), writer => TransactionQuery.WriteFind(writer, id));

    /// <summary>Asks for the ids of a shard of which a transaction is ending.</summary>
    /// <param name="shard">The shard.</param>
    public static Request FindEnding(ShardId shard)
    {
        var writer = new WireWriter();
        TransactionQuery.WriteEnding(writer, "");
        return new Request { Kind = RequestKind.Read, Shard = shard, Payload = writer.ToArray() };
    }
}
