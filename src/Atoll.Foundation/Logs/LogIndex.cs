namespace Atoll.Foundation.Logs;

/// <summary>The position of an entry in a shard's log; the first entry has index 1.</summary>
/// <param name="Value">The number itself.</param>
public readonly record struct LogIndex(ulong Value) : IComparable<LogIndex>
{
    /// <summary>Before the first entry.</summary>
    public static readonly LogIndex Zero;

    /// <summary>The position after this one.</summary>
    public LogIndex Next => new(checked(Value + 1));

    /// <summary>The position before this one; index 0 has none.</summary>
    public LogIndex Previous => new(checked(Value - 1));

    /// <summary>The higher of two positions.</summary>
    public static LogIndex Max(LogIndex a, LogIndex b) => a > b ? a : b;

    /// <summary>The lower of two positions.</summary>
    public static LogIndex Min(LogIndex a, LogIndex b) => a < b ? a : b;

    /// <summary>The position that many entries on.</summary>
    public static LogIndex operator +(LogIndex index, ulong entries) => new(checked(index.Value + entries));

    /// <summary>The number of entries from <paramref name="b"/> (exclusive) to <paramref name="a"/> (inclusive).</summary>
    public static ulong operator -(LogIndex a, LogIndex b) => checked(a.Value - b.Value);

    /// <inheritdoc />
    public int CompareTo(LogIndex other) => Value.CompareTo(other.Value);

    /// <summary>Lower.</summary>
    public static bool operator <(LogIndex a, LogIndex b) => a.Value < b.Value;

    /// <summary>Higher.</summary>
    public static bool operator >(LogIndex a, LogIndex b) => a.Value > b.Value;

    /// <summary>Lower or the same.</summary>
    public static bool operator <=(LogIndex a, LogIndex b) => a.Value <= b.Value;

    /// <summary>Higher or the same.</summary>
    public static bool operator >=(LogIndex a, LogIndex b) => a.Value >= b.Value;

    /// <summary>The bare number.</summary>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
