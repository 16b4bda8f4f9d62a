using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;
using Atoll.Simulation.Clients;
using Atoll.Simulation.Clusters;
using Atoll.Simulation.World;

namespace Atoll.Simulation.Workloads;

/// <summary>One client that does one thing after the other, drawn by weight, with rests between them.</summary>
internal sealed class ClientLoop(SimCluster cluster, SimClient client, int number, Prng prng, Duration thinkMax) : ISimEventTarget
{
    private bool _isStopping;

    /// <summary>What it may do, drawn anew each time; each must call <see cref="Rest"/> at its end.</summary>
    public required Func<IReadOnlyList<(int Weight, Action Do)>> Choices { get; init; }

    /// <summary>Whether it is in the middle of something.</summary>
    public bool IsBusy { get; private set; }

    /// <summary>It finishes what it is at, and does no more.</summary>
    public void Stop() => _isStopping = true;

    /// <summary>What it was at has ended, or it begins.</summary>
    public void Rest()
    {
        IsBusy = false;
        if (!_isStopping)
        {
            cluster.Scheduler.Schedule(
                prng.NextDuration(Duration.Zero, thinkMax), this, new SimEvent(SimEventKind.Client, 0, number, client.Id, null));
        }
    }

    /// <inheritdoc />
    public void Run(in SimEvent happening)
    {
        if (_isStopping)
        {
            return;
        }

        IsBusy = true;
        var choices = Choices();
        var drawn = prng.NextInt(0, choices.Sum(choice => choice.Weight) - 1);
        foreach (var (weight, act) in choices)
        {
            drawn -= weight;
            if (drawn < 0)
            {
                act();
                return;
            }
        }
    }
}
