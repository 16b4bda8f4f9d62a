namespace Atoll.Foundation.Logs;

/// <summary>A Raft term: the logical clock of elections (dissertation, section 3.3).</summary>
/// <param name="Value">The number itself.</param>
public readonly record struct Term(ulong Value) : IComparable<Term>
{
    /// <summary>Before the first election.</summary>
    public static readonly Term Zero;

    /// <summary>The term after this one.</summary>
    public Term Next => new(checked(Value + 1));

    /// <inheritdoc />
    public int CompareTo(Term other) => Value.CompareTo(other.Value);

    /// <summary>Lower.</summary>
    public static bool operator <(Term a, Term b) => a.Value < b.Value;

    /// <summary>Higher.</summary>
    public static bool operator >(Term a, Term b) => a.Value > b.Value;

    /// <summary>Lower or the same.</summary>
    public static bool operator <=(Term a, Term b) => a.Value <= b.Value;

    /// <summary>Higher or the same.</summary>
    public static bool operator >=(Term a, Term b) => a.Value >= b.Value;

    /// <summary>The bare number.</summary>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
