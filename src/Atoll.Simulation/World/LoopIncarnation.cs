using Atoll.Foundation.Checks;
using Atoll.Foundation.Time;
using Atoll.Foundation.World;

namespace Atoll.Simulation.World;

/// <summary>
/// One life of one loop, from its start to its crash. Disk completions and connections belong to it and die with it: what was under way for
/// a dead incarnation is never delivered to the next.
/// </summary>
public sealed class LoopIncarnation
{
    private readonly Action? _afterEvent;

    /// <summary>A living loop.</summary>
    /// <param name="address">Which loop.</param>
    /// <param name="afterEvent">Called after each event that was delivered to the loop: the end of a batch may be due.</param>
    public LoopIncarnation(LoopAddress address, Action? afterEvent = null)
    {
        Address = address;
        _afterEvent = afterEvent;
    }

    /// <summary>Which loop.</summary>
    public LoopAddress Address { get; }

    /// <summary>False from the crash on.</summary>
    public bool IsAlive { get; private set; } = true;

    /// <summary>Until then nothing is delivered: the process stands still (a long collection, a stopped machine).</summary>
    public Instant PausedUntil { get; private set; }

    /// <summary>The process stands still until that true time; a longer pause wins over a shorter one.</summary>
    public void PauseUntil(Instant until) => PausedUntil = Instant.Max(PausedUntil, until);

    /// <summary>The loop is no more.</summary>
    public void Kill()
    {
        Check.That(IsAlive);
        IsAlive = false;
    }

    /// <summary>An event was delivered.</summary>
    public void Delivered()
    {
        if (IsAlive)
        {
            _afterEvent?.Invoke();
        }
    }

    /// <summary>
    /// True when the event cannot be delivered now: the loop is dead (it is dropped) or stands still (it comes again at the end of the
    /// pause, in the same order as others that wait).
    /// </summary>
    public bool Withholds(Scheduler scheduler, ISimEventTarget target, in SimEvent happening)
    {
        if (!IsAlive)
        {
            return true;
        }

        if (PausedUntil <= scheduler.Now)
        {
            return false;
        }

        scheduler.Schedule(PausedUntil, target, happening);
        return true;
    }
}
