using System.Globalization;

namespace Atoll.MessageCodecs;

/// <summary>Versions of a message, both ends included.</summary>
/// <param name="Min">The first.</param>
/// <param name="Max">The last; <see cref="int.MaxValue"/> for all that follow.</param>
internal readonly record struct VersionRange(int Min, int Max)
{
    /// <summary>No version at all.</summary>
    public static readonly VersionRange None = new(int.MaxValue, -1);

    /// <summary>True when there is no version in it.</summary>
    public bool IsEmpty => Min > Max;

    /// <summary>Reads "3", "3-5" or "3+".</summary>
    public static bool TryParse(string text, out VersionRange range)
    {
        range = None;
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        var from = dash > 0 ? text[..dash] : text.TrimEnd('+');
        if (!TryParseNumber(from, out var min) || (dash < 0 && text.Length - from.Length > 1))
        {
            return false;
        }

        var max = text.EndsWith('+') ? int.MaxValue : min;
        if (dash > 0 && (!TryParseNumber(text[(dash + 1)..], out max) || max < min))
        {
            return false;
        }

        range = new VersionRange(min, max);
        return true;
    }

    /// <summary>Whether every version of another is in this one.</summary>
    public bool Covers(VersionRange other) => other.IsEmpty || (Min <= other.Min && Max >= other.Max);

    /// <summary>The versions in both.</summary>
    public VersionRange Intersect(VersionRange other) => new(Math.Max(Min, other.Min), Math.Min(Max, other.Max));

    /// <summary>The condition under which a version of <paramref name="among"/> is in this range; empty when each one is.</summary>
    public string Condition(VersionRange among) =>
        Covers(among) ? ""
        : Intersect(among).IsEmpty ? "false"
        : Min == Max ? $"version == {Min}"
        : Min <= among.Min ? $"version <= {Max}"
        : Max >= among.Max ? $"version >= {Min}"
        : $"version is >= {Min} and <= {Max}";

    private static bool TryParseNumber(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
