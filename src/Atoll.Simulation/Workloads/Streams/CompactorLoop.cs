using Atoll.Foundation.Checks;
using Atoll.Foundation.Randomness;
using Atoll.Node.Requests;
using Atoll.Simulation.Clients;
using Atoll.StateMachines.Streams.Compaction;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>
/// Compacts partitions as nodes do, step after step. It may die at any moment, and the next run goes on; and it may believe that it leads
/// when another one compacts, too.
/// </summary>
internal sealed class CompactorLoop
{
    private static readonly Probe Completed = Probe.Define("simulation: a round of compaction came to its end");
    private static readonly Probe Died = Probe.Define("simulation: a round of compaction was left in the middle");

    private readonly CompactedTopic _owner;
    private readonly SimClient _client;
    private readonly Prng _prng;
    private CompactedPartition _partition;
    private CompactionRun? _run;

    /// <summary>A compactor of all partitions.</summary>
    /// <param name="owner">The topic.</param>
    /// <param name="number">Its number.</param>
    /// <param name="prng">What it draws from.</param>
    public CompactorLoop(CompactedTopic owner, int number, Prng prng)
    {
        (_owner, _prng) = (owner, prng);
        _partition = owner.Partitions[0];
        _client = owner.Streams.NewClient();
        Loop = new ClientLoop(owner.Streams.Cluster, _client, number, prng, owner.Streams.Shape.ThinkMax / 4) { Choices = Choices };
    }

    /// <summary>One thing after the other.</summary>
    public ClientLoop Loop { get; }

    private (int Weight, Action Do)[] Choices() => [(1, () =>
    {
        if (_run is null)
        {
            _partition = _prng.Pick(_owner.Partitions);
            _run = _partition.NewRun(_owner.Sabotage, _client.Clock.WallTime.Milliseconds);
        }

        Step();
    })];

    private void Step()
    {
        var run = _run!;
        _client.Call(StreamsRequests.Next(_partition.Shard, run, ReadLevel.Linearizable, _prng.Pick([300, 5_000, 1_000_000])), result =>
        {
            var goesOn = ProvingCalls.IsSuccess(result) && StreamsRequests.Take(run, result.Response)
                && run.Step != CompactionStep.Nothing;
            if (goesOn && _prng.Chance(30_000))
            {
                Died.Hit();
                goesOn = false;
            }

            if (run.IsComplete)
            {
                Completed.Hit();
            }

            _run = goesOn ? run : null;
            Loop.Rest();
        });
    }
}
