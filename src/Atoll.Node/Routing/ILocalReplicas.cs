using Atoll.Foundation.Identity;
using Atoll.Node.Requests;

namespace Atoll.Node.Routing;

/// <summary>What the router needs of the loop that it routes for.</summary>
public interface ILocalReplicas
{
    /// <summary>Whether this loop has a replica of the shard.</summary>
    bool Has(ShardId shard);

    /// <summary>
    /// Gives a request to this loop's replica of <see cref="PendingRequest.Shard"/>, which completes it, now or later, or returns it
    /// to the router.
    /// </summary>
    void Take(PendingRequest pending);

    /// <summary>Answers a request about the loop itself (its view of the directory, its status).</summary>
    Response AnswerLocally(Request request);
}
