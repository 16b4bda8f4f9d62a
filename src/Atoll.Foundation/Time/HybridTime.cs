namespace Atoll.Foundation.Time;

/// <summary>
/// A hybrid logical timestamp (Kulkarni et al., 2014): 48 bits of Unix milliseconds, then 16 bits of a logical
/// counter, in one integer that orders as the pair does. It follows physical time closely, and yet never goes back
/// and never stands still, whatever the machine's clock does.
/// </summary>
/// <param name="Value">The packed timestamp; 0 is before every event.</param>
public readonly record struct HybridTime(ulong Value) : IComparable<HybridTime>
{
    private const int LogicalBits = 16;

    /// <summary>Before every event.</summary>
    public static readonly HybridTime Zero;

    /// <summary>After every event.</summary>
    public static readonly HybridTime Max = new(ulong.MaxValue);

    /// <summary>The physical part: milliseconds since the Unix epoch.</summary>
    public long UnixMilliseconds => (long)(Value >> LogicalBits);

    /// <summary>The logical part: events counted within one millisecond.</summary>
    public int Logical => (int)(Value & ((1UL << LogicalBits) - 1));

    /// <summary>The first timestamp of a millisecond.</summary>
    public static HybridTime FromUnixMilliseconds(long unixMilliseconds) =>
        new(checked((ulong)unixMilliseconds << LogicalBits));

    /// <summary>
    /// The timestamp of the next local event: the wall clock where it is ahead, else one tick after the last one.
    /// The result is always greater than this one.
    /// </summary>
    /// <param name="wallTime">The machine's wall clock (Unix epoch); may be wrong or jump.</param>
    public HybridTime Next(Instant wallTime)
    {
        var physical = new HybridTime((ulong)Math.Max(0, wallTime.Milliseconds) << LogicalBits);
        return physical > this ? physical : new HybridTime(checked(Value + 1));
    }

    /// <summary>The timestamp that lies a duration later (negative: earlier), never before zero.</summary>
    public HybridTime Add(Duration duration)
    {
        var milliseconds = UnixMilliseconds + duration.Milliseconds;
        return milliseconds <= 0 ? Zero : new HybridTime(((ulong)milliseconds << LogicalBits) | (uint)Logical);
    }

    /// <inheritdoc />
    public int CompareTo(HybridTime other) => Value.CompareTo(other.Value);

    /// <summary>Earlier.</summary>
    public static bool operator <(HybridTime a, HybridTime b) => a.Value < b.Value;

    /// <summary>Later.</summary>
    public static bool operator >(HybridTime a, HybridTime b) => a.Value > b.Value;

    /// <summary>Earlier or the same.</summary>
    public static bool operator <=(HybridTime a, HybridTime b) => a.Value <= b.Value;

    /// <summary>Later or the same.</summary>
    public static bool operator >=(HybridTime a, HybridTime b) => a.Value >= b.Value;

    /// <summary>"milliseconds.logical".</summary>
    public override string ToString() => $"{UnixMilliseconds}.{Logical}";
}
