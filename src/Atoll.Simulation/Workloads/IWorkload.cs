using Atoll.Simulation.Clusters;
using Atoll.Simulation.Linearizability;

namespace Atoll.Simulation.Workloads;

/// <summary>What clients do with one space while things go wrong, and what must hold of what they saw.</summary>
public interface IWorkload
{
    /// <summary>What clients did and saw, as far as it must be linearizable.</summary>
    History History { get; }

    /// <summary>Calls that ended with a success.</summary>
    long Succeeded { get; }

    /// <summary>Clients that are in the middle of a call.</summary>
    int Busy { get; }

    /// <summary>True when whoever follows the space has seen everything; once all was read, also what those reads saw.</summary>
    bool IsCaughtUp { get; }

    /// <summary>Clients begin.</summary>
    void Start();

    /// <summary>Clients finish what they are at, and do no more.</summary>
    void Stop();

    /// <summary>A write to each shard through a node, to see that it serves.</summary>
    /// <param name="through">The node.</param>
    /// <param name="done">The end: what is wrong, or null.</param>
    void Probe(SimNode through, Action<string?> done);

    /// <summary>Reads everything once more, by clients that may not fail.</summary>
    void ReadEverything(Action done);

    /// <summary>What is promised beside linearizability, once everything was read; throws when it does not hold.</summary>
    void CheckTheRest();

    /// <summary>Who has not caught up, for people.</summary>
    string DescribeLag();
}
