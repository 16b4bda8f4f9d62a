using Atoll.Services.Errors;
using Atoll.StateMachines.Streams;

namespace Atoll.Services.Streams;

/// <summary>How a <see cref="TopicProducer"/> gathers records and sends them.</summary>
public sealed record TopicProducerOptions
{
    /// <summary>How batches are compressed.</summary>
    public RecordCompression Compression { get; init; }

    /// <summary>
    /// How long the first record of a batch waits for others. Without: it is sent at once, and what comes while it is under way is the next
    /// batch.
    /// </summary>
    public TimeSpan Linger { get; init; } = TimeSpan.Zero;

    /// <summary>Bytes of keys, values and headers at which a batch is full; a single record may have more.</summary>
    public int BatchBytes { get; init; } = 256 * 1024;

    /// <summary>Bytes of records that were taken and are not appended yet, at which no more are taken: one record goes beyond it.</summary>
    public long BufferBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>How long a batch may take, retries included.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Told of each record of <see cref="TopicProducer.Writer"/> that was not appended, or of which that is not known; must be quick. Null:
    /// the first such record ends the producer, and nothing behind it is appended.
    /// </summary>
    public Action<RecordToAppend, AtollException>? Failed { get; init; }

    /// <summary>The clock of timestamps, waits and retries.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    internal TopicProducerOptions Validated() =>
        BatchBytes < 1 || BufferBytes < 1 ? throw new InvalidRequestException("a producer has room for a byte at least")
        : Linger < TimeSpan.Zero || Timeout <= TimeSpan.Zero ? throw new InvalidRequestException("a producer's times are no negative ones")
        : this;
}
