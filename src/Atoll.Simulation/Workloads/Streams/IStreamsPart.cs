using Atoll.Simulation.Clusters;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>Clients of streams that work on spaces of their own beside the partitions: groups, and transactions.</summary>
internal interface IStreamsPart
{
    /// <summary>Clients that are in the middle of something.</summary>
    int Busy { get; }

    /// <summary>Clients begin.</summary>
    void Start();

    /// <summary>Clients finish what they are at, and do no more.</summary>
    void Stop();

    /// <summary>A write to each shard through a node, to see that it serves.</summary>
    /// <param name="through">The node.</param>
    /// <param name="done">The end: what is wrong, or null.</param>
    void Probe(SimNode through, Action<string?> done);

    /// <summary>Reads everything once more, when nothing goes wrong any more.</summary>
    void ReadEverything(Action done);
}
