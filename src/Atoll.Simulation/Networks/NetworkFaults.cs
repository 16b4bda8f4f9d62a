using Atoll.Foundation;
using Atoll.Foundation.Time;

namespace Atoll.Simulation.Networks;

/// <summary>
/// How the simulated network behaves and misbehaves. Rates are per message, in parts per million; all may change during a run.
/// </summary>
public sealed class NetworkFaults
{
    /// <summary>The shortest time from one node to another.</summary>
    public Duration LatencyMin { get; set; } = Duration.FromMicroseconds(50);

    /// <summary>The longest usual time from one node to another.</summary>
    public Duration LatencyMax { get; set; } = Duration.FromMicroseconds(500);

    /// <summary>How often a message takes up to <see cref="TailLatencyMax"/> instead.</summary>
    public int TailPartsPerMillion { get; set; }

    /// <summary>The longest time of a message in the tail of the distribution.</summary>
    public Duration TailLatencyMax { get; set; } = Duration.FromMilliseconds(200);

    /// <summary>How often a message is lost.</summary>
    public int LossPartsPerMillion { get; set; }

    /// <summary>How often a message arrives twice, each time after a latency of its own.</summary>
    public int DuplicatePartsPerMillion { get; set; }

    /// <summary>How often a message may be overtaken by those sent after it.</summary>
    public int ReorderPartsPerMillion { get; set; }

    /// <summary>How often a message is refused with "full" although there is room.</summary>
    public int RefusePartsPerMillion { get; set; }

    /// <summary>How often sending a message breaks the connection.</summary>
    public int ResetPartsPerMillion { get; set; }

    /// <summary>What one lane between two loops carries in a second.</summary>
    public long BytesPerSecond { get; set; } = 1_000_000_000;

    /// <summary>Bytes that may wait on the urgent lane to one node.</summary>
    public long UrgentQueueBytesMax { get; set; } = Limits.UrgentQueueBytesMax;

    /// <summary>Bytes that may wait on the bulk lane to one node.</summary>
    public long BulkQueueBytesMax { get; set; } = Limits.BulkQueueBytesMax;

    /// <summary>The shortest time between two attempts to connect.</summary>
    public Duration ReconnectMin { get; set; } = Duration.FromMilliseconds(20);

    /// <summary>The longest time between two attempts to connect.</summary>
    public Duration ReconnectMax { get; set; } = Duration.FromMilliseconds(250);

    /// <summary>The shortest time in which a silent connection is given up.</summary>
    public Duration SilenceNoticedMin { get; set; } = Duration.FromMilliseconds(300);

    /// <summary>The longest time in which a silent connection is given up.</summary>
    public Duration SilenceNoticedMax { get; set; } = Duration.FromSeconds(8);
}
