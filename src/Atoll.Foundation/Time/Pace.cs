using Atoll.Foundation.Checks;

namespace Atoll.Foundation.Time;

/// <summary>
/// How far ahead something is that may go on at a rate: what is taken moves the instant at which all of it is within the rate (known as the
/// generic cell rate algorithm). Nothing but its arguments decides what it says. Not thread-safe.
/// </summary>
public struct Pace
{
    private Instant _dueAt;

    /// <summary>Takes an amount, in whatever unit the rate has. It may be taken at once; who takes the next must wait before.</summary>
    /// <param name="now">The present, of a clock that does not run backwards.</param>
    /// <param name="amount">How much.</param>
    /// <param name="perSecond">The rate: 1 or more.</param>
    /// <param name="burst">For how long what was not taken may be taken later, all at once.</param>
    /// <param name="waitMax">The longest wait; what would take longer than that is forgiven.</param>
    /// <returns>How long to wait until all that was taken is within the rate; zero when it is.</returns>
    public Duration Take(Instant now, long amount, long perSecond, Duration burst, Duration waitMax)
    {
        Check.That(amount >= 0 && perSecond > 0 && burst >= Duration.Zero && waitMax >= Duration.Zero);
        var time = (Int128)amount * 1_000_000_000 / perSecond;
        var due = (Int128)Instant.Max(_dueAt, now - burst).Nanoseconds + time;
        var last = (Int128)now.Nanoseconds + waitMax.Nanoseconds;
        _dueAt = new Instant((long)Int128.Min(due, Int128.Min(last, long.MaxValue)));
        return _dueAt > now ? _dueAt - now : Duration.Zero;
    }

    /// <summary>Whether it is as if nothing had been taken: a new one would say the same.</summary>
    public readonly bool IsRested(Instant now, Duration burst) => _dueAt <= now - burst;
}
