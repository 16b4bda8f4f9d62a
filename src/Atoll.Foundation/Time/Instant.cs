namespace Atoll.Foundation.Time;

/// <summary>
/// A point on one clock, in nanoseconds. Instants of different clocks (a node's monotonic clock, its wall clock,
/// another node's clock) must not be compared; the type cannot tell them apart, so the names of variables do.
/// </summary>
/// <param name="Nanoseconds">Nanoseconds since the clock's origin; for wall clocks the Unix epoch.</param>
public readonly record struct Instant(long Nanoseconds) : IComparable<Instant>
{
    /// <summary>The clock's origin.</summary>
    public static readonly Instant Zero;

    /// <summary>Later than every instant that a clock can show.</summary>
    public static readonly Instant Never = new(long.MaxValue);

    /// <summary>Whole milliseconds since the clock's origin.</summary>
    public long Milliseconds => Nanoseconds / 1_000_000;

    /// <summary>The instant that many milliseconds after a clock's origin.</summary>
    public static Instant FromMilliseconds(long milliseconds) => new(checked(milliseconds * 1_000_000));

    /// <inheritdoc />
    public int CompareTo(Instant other) => Nanoseconds.CompareTo(other.Nanoseconds);

    /// <summary>The later of two instants.</summary>
    public static Instant Max(Instant a, Instant b) => a > b ? a : b;

    /// <summary>The earlier of two instants.</summary>
    public static Instant Min(Instant a, Instant b) => a < b ? a : b;

    /// <summary>The instant a duration later; <see cref="Never"/> stays never.</summary>
    public static Instant operator +(Instant a, Duration d) =>
        a == Never || d == Duration.Infinite ? Never : new(checked(a.Nanoseconds + d.Nanoseconds));

    /// <summary>The instant a duration earlier.</summary>
    public static Instant operator -(Instant a, Duration d) => new(checked(a.Nanoseconds - d.Nanoseconds));

    /// <summary>The duration from <paramref name="b"/> to <paramref name="a"/>.</summary>
    public static Duration operator -(Instant a, Instant b) => new(checked(a.Nanoseconds - b.Nanoseconds));

    /// <summary>Earlier.</summary>
    public static bool operator <(Instant a, Instant b) => a.Nanoseconds < b.Nanoseconds;

    /// <summary>Later.</summary>
    public static bool operator >(Instant a, Instant b) => a.Nanoseconds > b.Nanoseconds;

    /// <summary>Earlier or the same.</summary>
    public static bool operator <=(Instant a, Instant b) => a.Nanoseconds <= b.Nanoseconds;

    /// <summary>Later or the same.</summary>
    public static bool operator >=(Instant a, Instant b) => a.Nanoseconds >= b.Nanoseconds;

    /// <summary>Milliseconds with three decimals, for traces.</summary>
    public override string ToString() =>
        this == Never ? "never" : $"{Nanoseconds / 1_000_000}.{Math.Abs(Nanoseconds / 1_000 % 1_000):000}ms";
}
