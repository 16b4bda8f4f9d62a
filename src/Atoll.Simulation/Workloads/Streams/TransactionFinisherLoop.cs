using Atoll.Foundation.Randomness;
using Atoll.Simulation.Clients;
using Atoll.StateMachines.Transactions;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// Looks for transactions that are ending, and tells all who have to hear it: as a node does for the shards that it leads. It may have been
/// asleep between looking and telling, and tell what was over long ago.
/// </summary>
internal sealed class TransactionFinisherLoop
{
    private readonly TransactionsWorkload _owner;
    private readonly SimClient _client;
    private readonly Prng _prng;
    private IReadOnlyList<TransactionalProducer> _found = [];

    /// <summary>A finisher.</summary>
    /// <param name="owner">The workload.</param>
    /// <param name="number">Its number.</param>
    /// <param name="prng">What it draws from.</param>
    public TransactionFinisherLoop(TransactionsWorkload owner, int number, Prng prng)
    {
        (_owner, _prng) = (owner, prng);
        _client = owner.Streams.NewClient();
        Loop = new ClientLoop(owner.Streams.Cluster, _client, number, prng, owner.Streams.Shape.ThinkMax * 4) { Choices = Choices };
    }

    /// <summary>One thing after the other.</summary>
    public ClientLoop Loop { get; }

    private (int Weight, Action Do)[] Choices() => _found.Count == 0
        ? [(1, Look)]
        : [(2, Look), (3, Tell), (4, Loop.Rest)];

    private void Look()
    {
        _client.Call(TransactionsRequests.FindEnding(_prng.Pick(_owner.Shards)), result =>
        {
            if (_owner.Streams.EndsWell(result) && _owner.FoundIn(result) is { Count: > 0 } found)
            {
                _found = found;
            }

            Loop.Rest();
        });
    }

    private void Tell() => _owner.Ends.Tell(_client, _prng.Pick(_found), Loop.Rest);
}
