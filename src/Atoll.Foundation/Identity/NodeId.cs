namespace Atoll.Foundation.Identity;

/// <summary>A node of the cluster. The directory hands the numbers out, from 1, and never gives one twice.</summary>
/// <param name="Value">The number itself.</param>
public readonly record struct NodeId(uint Value) : IComparable<NodeId>
{
    /// <summary>No node.</summary>
    public static readonly NodeId None;

    /// <inheritdoc />
    public int CompareTo(NodeId other) => Value.CompareTo(other.Value);

    /// <summary>Lower.</summary>
    public static bool operator <(NodeId a, NodeId b) => a.Value < b.Value;

    /// <summary>Higher.</summary>
    public static bool operator >(NodeId a, NodeId b) => a.Value > b.Value;

    /// <summary>Lower or the same.</summary>
    public static bool operator <=(NodeId a, NodeId b) => a.Value <= b.Value;

    /// <summary>Higher or the same.</summary>
    public static bool operator >=(NodeId a, NodeId b) => a.Value >= b.Value;

    /// <summary>The bare number.</summary>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
