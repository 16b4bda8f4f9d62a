namespace Atoll.Foundation.Identity;

/// <summary>
/// A shard: one replicated log and the state that it feeds. The directory hands the numbers out and never gives one twice.
/// </summary>
/// <param name="Value">The number itself.</param>
public readonly record struct ShardId(ulong Value) : IComparable<ShardId>
{
    /// <summary>No shard.</summary>
    public static readonly ShardId None;

    /// <summary>The shard that keeps the directory of all others.</summary>
    public static readonly ShardId Directory = new(1);

    /// <summary>What a loop keeps for itself, in its own journal and store; no other loop knows of it.</summary>
    public static readonly ShardId Local = new(ulong.MaxValue);

    /// <inheritdoc />
    public int CompareTo(ShardId other) => Value.CompareTo(other.Value);

    /// <summary>Lower.</summary>
    public static bool operator <(ShardId a, ShardId b) => a.Value < b.Value;

    /// <summary>Higher.</summary>
    public static bool operator >(ShardId a, ShardId b) => a.Value > b.Value;

    /// <summary>Lower or the same.</summary>
    public static bool operator <=(ShardId a, ShardId b) => a.Value <= b.Value;

    /// <summary>Higher or the same.</summary>
    public static bool operator >=(ShardId a, ShardId b) => a.Value >= b.Value;

    /// <summary>The bare number.</summary>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
