using Atoll.Foundation.Randomness;
using Atoll.StateMachines.Streams;

namespace Atoll.Simulation.Workloads.Streams;

/// <summary>Makes the batches that producers of a workload send. No two are alike.</summary>
/// <param name="shape">How large values are.</param>
/// <param name="prng">What they are drawn from.</param>
internal sealed class WorkloadBatches(WorkloadShape shape, Prng prng)
{
    /// <summary>Timestamps from here on, in milliseconds since 1970, are of the year 2100: never old.</summary>
    public const long FirstThatStays = 4_102_444_800_000;

    private static readonly RecordCompression[] Compressions =
    [
        RecordCompression.None, RecordCompression.None, RecordCompression.None, RecordCompression.Lz4, RecordCompression.Zstandard,
    ];

    private readonly Dictionary<RecordCompression, RecordBatchBuilder> _builders = Compressions.Distinct().ToDictionary(
        static compression => compression, static compression => new RecordBatchBuilder { Compression = compression });

    private long _lastNumber;

    /// <summary>How often a batch has timestamps of long ago, in parts per million.</summary>
    public int OldPartsPerMillion { get; init; }

    /// <summary>The timestamp of the marker of a transaction, which is the same whoever writes it: every other one is old.</summary>
    /// <param name="number">Which transaction of its producer.</param>
    public static long TimestampOf(int number) => (number % 2 == 0 ? 0 : FirstThatStays) + number;

    /// <summary>A batch.</summary>
    /// <param name="producerId">The producer; -1 for one that does not number its batches.</param>
    /// <param name="epoch">Its epoch, or -1.</param>
    /// <param name="sequence">Its number of the first record, or -1.</param>
    /// <param name="isTransactional">Whether it belongs to a transaction.</param>
    public byte[] Make(long producerId = -1, short epoch = -1, int sequence = -1, bool isTransactional = false)
    {
        var builder = _builders[prng.Pick(Compressions)];
        var records = prng.NextInt(1, 4);
        var isOld = prng.Chance(OldPartsPerMillion);
        for (var i = 0; i < records; i++)
        {
            var number = ++_lastNumber;
            var timestamp = (isOld ? 0 : FirstThatStays) + (number * 10) + prng.NextInt(0, 50);
            builder.Add(timestamp, null, NumberedValue.Make(number, shape.DrawValueBytes(prng)));
        }

        return builder.Build(producerId, epoch, sequence, isTransactional);
    }
}
