namespace Atoll.StateMachines.Streams.Compaction;

/// <summary>How a partition is compacted by key.</summary>
/// <param name="DirtyRatioMin">A round begins when so much of what could be compacted never was: from 0 to 1.</param>
/// <param name="LagMilliseconds">What is younger than this is left alone.</param>
/// <param name="TombstoneMilliseconds">How long tombstones stay behind the round that left nothing before them.</param>
public sealed record CompactionSettings(double DirtyRatioMin, long LagMilliseconds, long TombstoneMilliseconds)
{
    /// <summary>Half of it, no lag, a day: as Kafka has it.</summary>
    public static readonly CompactionSettings Default = new(0.5, 0, 24L * 60 * 60 * 1000);

    /// <summary>
    /// A round begins, however little is new, when something was never compacted for so long; at most so much longer as a segment lasts.
    /// </summary>
    public long LagMaxMilliseconds { get; init; } = long.MaxValue;

    /// <summary>
    /// Keys that one round tells apart, some 50 bytes of memory each. Where a round's first segment has more, the partition is not
    /// compacted, which its log says.
    /// </summary>
    public int KeysMax { get; init; } = 1024 * 1024;

    /// <summary>Bytes of records, before compression, that are gathered in one batch at least, where they are to be had.</summary>
    public int BatchBytes { get; init; } = 256 * 1024;
}
