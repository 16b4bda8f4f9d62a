using System.Globalization;

namespace Atoll.Chaos.Tests.Workload;

/// <summary>
/// What a cell may hold once all replicas know all writes: the value of its last acknowledged write, or that of a later one whose end
/// nobody knows. Later is what has the higher timestamp, whoever wrote it where.
/// </summary>
internal sealed class CellHistory
{
    private readonly List<(long Timestamp, int? Value)> _unknown = [];
    private (long Timestamp, int? Value)? _last;

    /// <summary>Whether the last acknowledged write is a deletion, and no later one may have had an effect.</summary>
    public bool IsDeleted => _last is { Value: null } && Later.Length == 0;

    private (long Timestamp, int? Value)[] Later => [.. _unknown.Where(write => _last is null || write.Timestamp > _last.Value.Timestamp)];

    /// <summary>A write was acknowledged.</summary>
    /// <param name="timestamp">In microseconds since 1970; no other write of the cell has the same.</param>
    /// <param name="value">What was written; null: a deletion.</param>
    public void Acknowledged(long timestamp, int? value)
    {
        if (_last is null || timestamp > _last.Value.Timestamp)
        {
            _last = (timestamp, value);
        }
    }

    /// <summary>Nobody knows whether a write had an effect.</summary>
    public void Unknown(long timestamp, int? value) => _unknown.Add((timestamp, value));

    /// <summary>Whether the cell may hold that.</summary>
    public bool Allows(int? found) =>
        Later.Any(write => write.Value == found) || (_last is { } last ? last.Value == found : found is null);

    /// <inheritdoc />
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"acknowledged {(_last is { } last ? Word(last) : "nothing")}, later unknown [{string.Join(", ", Later.Select(Word))}]");

    private static string Word((long Timestamp, int? Value) write) =>
        string.Create(CultureInfo.InvariantCulture, $"{(write.Value is { } value ? $"{value}" : "deleted")} at {write.Timestamp}");
}
