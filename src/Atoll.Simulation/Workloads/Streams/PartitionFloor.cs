namespace Atoll.Simulation.Workloads.Streams;

/// <summary>Positions that a partition had reached at some moment.</summary>
/// <param name="LogStart">Its first offset.</param>
/// <param name="LastStable">The first offset that may belong to an open transaction.</param>
/// <param name="End">The offset behind its last record.</param>
internal readonly record struct PartitionFloor(long LogStart, long LastStable, long End);
