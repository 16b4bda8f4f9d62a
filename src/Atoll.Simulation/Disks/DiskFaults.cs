using Atoll.Foundation.Time;

namespace Atoll.Simulation.Disks;

/// <summary>
/// How a simulated disk behaves and misbehaves. Rates are per operation, in parts per million; all may change during a run.
/// </summary>
public sealed class DiskFaults
{
    /// <summary>The capacity of a disk that is never full; what is left of it may be added to without running over.</summary>
    public const long Boundless = long.MaxValue / 4;

    /// <summary>The shortest time of a write into the cache.</summary>
    public Duration WriteMin { get; set; } = Duration.FromMicroseconds(5);

    /// <summary>The longest usual time of a write into the cache.</summary>
    public Duration WriteMax { get; set; } = Duration.FromMicroseconds(40);

    /// <summary>The shortest time of a sync, or of a change of names.</summary>
    public Duration SyncMin { get; set; } = Duration.FromMicroseconds(60);

    /// <summary>The longest usual time of a sync, or of a change of names.</summary>
    public Duration SyncMax { get; set; } = Duration.FromMicroseconds(400);

    /// <summary>The shortest time of a read, or of a look at names.</summary>
    public Duration ReadMin { get; set; } = Duration.FromMicroseconds(10);

    /// <summary>The longest usual time of a read, or of a look at names.</summary>
    public Duration ReadMax { get; set; } = Duration.FromMicroseconds(150);

    /// <summary>How many bytes pass in a second, besides the times above.</summary>
    public long BytesPerSecond { get; set; } = 1_000_000_000;

    /// <summary>How often an operation takes <see cref="SlowTime"/> more.</summary>
    public int SlowPartsPerMillion { get; set; }

    /// <summary>The most by which a slow operation is late.</summary>
    public Duration SlowTime { get; set; } = Duration.FromMilliseconds(50);

    /// <summary>Room on the disk; what goes beyond is refused with "full".</summary>
    public long CapacityBytes { get; set; } = Boundless;

    /// <summary>How often a read fails.</summary>
    public int ReadFailsPartsPerMillion { get; set; }

    /// <summary>How often a write fails, with some of its sectors written.</summary>
    public int WriteFailsPartsPerMillion { get; set; }

    /// <summary>How often a sync fails and drops what it should have made durable, while reads still show it (fsyncgate).</summary>
    public int SyncFailsPartsPerMillion { get; set; }

    /// <summary>How often a bit in what is being read turns out to be flipped for good.</summary>
    public int RotPartsPerMillion { get; set; }

    /// <summary>How often a bit is flipped on its way from the disk; the next read is right again.</summary>
    public int FlipOnReadPartsPerMillion { get; set; }

    /// <summary>How often a read answers with the content of another place; the next read is right again.</summary>
    public int MisdirectPartsPerMillion { get; set; }

    /// <summary>
    /// A planted fault: syncs say yes at once, and the data becomes durable only <see cref="LieTime"/> later. A power loss before that
    /// takes back what was promised.
    /// </summary>
    public bool LiesAboutSync { get; set; }

    /// <summary>How long a lying disk keeps data in its own memory.</summary>
    public Duration LieTime { get; set; } = Duration.FromSeconds(30);
}
