using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;

namespace Atoll.Simulation.World;

/// <summary>
/// A node's clocks as the real ones are: the monotonic one runs a little fast or slow; the wall clock has an offset besides, and may be set
/// at any time. During a pause of the node both run on: to the node they jump.
/// </summary>
public sealed class SimClock : IClock
{
    private const long Million = 1_000_000;

    /// <summary>What an exact wall clock shows at the beginning of every run (2026-01-01T00:00:00Z).</summary>
    public static readonly Instant WallOrigin = Instant.FromMilliseconds(1_767_225_600_000);

    private readonly Scheduler _scheduler;
    private Instant _trueAnchor;
    private Instant _localAnchor;
    private Instant _wallAnchor;

    /// <summary>A clock that starts now.</summary>
    /// <param name="scheduler">The source of true time.</param>
    /// <param name="origin">What the monotonic clock shows now: as arbitrary as a machine's uptime.</param>
    /// <param name="wallOffset">How far the wall clock is ahead of true time.</param>
    /// <param name="driftPartsPerMillion">How much faster than true time both run.</param>
    public SimClock(Scheduler scheduler, Instant origin, Duration wallOffset, int driftPartsPerMillion = 0)
    {
        Check.That(Math.Abs(driftPartsPerMillion) < Million);
        _scheduler = scheduler;
        _trueAnchor = scheduler.Now;
        _localAnchor = origin;
        _wallAnchor = WallOrigin + (scheduler.Now - Instant.Zero) + wallOffset;
        DriftPartsPerMillion = driftPartsPerMillion;
    }

    /// <summary>How much faster than true time the clock runs.</summary>
    public int DriftPartsPerMillion { get; private set; }

    /// <inheritdoc />
    public Instant Now => _localAnchor + Elapsed();

    /// <inheritdoc />
    public Instant WallTime => Instant.Max(Instant.Zero, _wallAnchor + Elapsed());

    /// <summary>From now on the clock runs that much faster than true time.</summary>
    public void SetDrift(int partsPerMillion)
    {
        Check.That(Math.Abs(partsPerMillion) < Million);
        var elapsed = Elapsed();
        _localAnchor += elapsed;
        _wallAnchor += elapsed;
        _trueAnchor = _scheduler.Now;
        DriftPartsPerMillion = partsPerMillion;
    }

    /// <summary>Somebody (or NTP) sets the wall clock.</summary>
    public void JumpWall(Duration by) => _wallAnchor += by;

    /// <summary>The earliest true time at which this monotonic clock shows at least that; never before now.</summary>
    public Instant TrueTimeOf(Instant local)
    {
        if (local == Instant.Never)
        {
            return Instant.Never;
        }

        var wanted = (local - _localAnchor).Nanoseconds;
        if (wanted <= 0)
        {
            return _scheduler.Now;
        }

        var needed = (long)((Int128)wanted * Million / (Million + DriftPartsPerMillion));
        while (needed + Drifted(needed) < wanted)
        {
            needed++;
        }

        return Instant.Max(_scheduler.Now, _trueAnchor + new Duration(needed));
    }

    private Duration Elapsed()
    {
        var elapsed = (_scheduler.Now - _trueAnchor).Nanoseconds;
        return new Duration(elapsed + Drifted(elapsed));
    }

    // Split so that the product stays within 64 bits for every length of run.
    private long Drifted(long elapsed) =>
        (elapsed / Million * DriftPartsPerMillion) + (elapsed % Million * DriftPartsPerMillion / Million);
}
