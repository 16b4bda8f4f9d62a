using Atoll.Foundation.Identity;
using Atoll.Foundation.Time;
using Atoll.Node.Requests;
using Atoll.Simulation.Checkers;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.StateMachines.Directory;

namespace Atoll.Simulation.Workloads;

/// <summary>A read of a run's end.</summary>
/// <param name="What">What is read, for people.</param>
/// <param name="Begin">Begins it; what it is given is called at its end.</param>
internal readonly record struct LastRead(string What, Action<Action<CallResult>> Begin);

/// <summary>How calls must end: those of a run's end, when nothing goes wrong any more, and all that ask for what is allowed.</summary>
internal static class ProvingCalls
{
    // A probe's request may be forgotten once, by a jump of a clock; not again and again.
    private const int ProbeTriesMax = 3;

    /// <summary>Whether a call succeeded. A workload only asks for what is allowed: a final refusal is a lie.</summary>
    /// <exception cref="SafetyViolationException">It was refused for good.</exception>
    public static bool IsSuccess(CallResult result)
    {
        var status = result.Response.Status;
        if (status is ResponseStatus.Invalid or ResponseStatus.UnknownSpace or ResponseStatus.TooLarge or ResponseStatus.Unsupported)
        {
            throw new SafetyViolationException($"a valid request was refused for good: {status}: {result.Response.Detail}");
        }

        return status == ResponseStatus.Ok;
    }

    /// <summary>A write to each shard of a space through a node, one after the other.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="space">The space.</param>
    /// <param name="client">Who writes.</param>
    /// <param name="through">The node.</param>
    /// <param name="requestFor">The write to a shard, which is the space's so many-th.</param>
    /// <param name="done">The end: what is wrong, or null.</param>
    public static void Probe(
        SimCluster cluster,
        SpaceId space,
        SimClient client,
        SimNode through,
        Func<ShardInfo, int, Request> requestFor,
        Action<string?> done)
    {
        client.Home = through;
        client.Patience = Duration.FromSeconds(30);
        var shards = cluster.Directory.ShardsOf(space).ToArray();
        Next(0, 1);

        void Next(int position, int tries)
        {
            if (position == shards.Length)
            {
                done(null);
                return;
            }

            client.Call(requestFor(shards[position], position), result =>
            {
                if (result.Response.Status == ResponseStatus.Ok)
                {
                    Next(position + 1, 1);
                }
                else if (tries < ProbeTriesMax && result.Response.Status is ResponseStatus.OutcomeUnknown or ResponseStatus.RequestExpired)
                {
                    // A shard's clock that jumped by hours forgets what was under way; what is asked for after that must succeed.
                    Next(position, tries + 1);
                }
                else
                {
                    done($"n{through.Id}, shard {shards[position].Id}: {result.Response.Status} {result.Response.Detail}");
                }
            });
        }
    }

    /// <summary>Reads one after the other; throws when one does not succeed.</summary>
    public static void ReadAll(IReadOnlyList<LastRead> reads, Action done)
    {
        Next(0);

        void Next(int position)
        {
            if (position == reads.Count)
            {
                done();
                return;
            }

            reads[position].Begin(result =>
            {
                if (result.Response.Status != ResponseStatus.Ok)
                {
                    throw new StalledException(
                        $"{reads[position].What} cannot be read although nothing hinders it any more: {result.Response.Status} after "
                        + $"{result.Attempts} attempts, {result.Response.Detail}");
                }

                Next(position + 1);
            });
        }
    }

    /// <summary>The first key of a row of numbered ones that lies in a shard.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="prefix">What the keys begin with.</param>
    /// <param name="hashOf">The routing hash of a key.</param>
    public static string KeyIn(ShardInfo shard, string prefix, Func<string, ulong> hashOf)
    {
        for (var i = 0; ; i++)
        {
            var key = $"{prefix}{i}";
            if (shard.Holds(hashOf(key)))
            {
                return key;
            }
        }
    }
}
