namespace Atoll.Simulation.Workloads.Streams;

/// <summary>What a partition deletes by itself.</summary>
internal enum RetentionKind
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>What is old by its timestamps.</summary>
    ByAge = 1,

    /// <summary>Segments beyond a size.</summary>
    BySize = 2,
}
