using Atoll.Simulation.Checkers;

namespace Atoll.Simulation.Workloads;

/// <summary>A put or a deletion of a record that keeps siblings.</summary>
/// <param name="number">The number of the value; 0 for a deletion.</param>
/// <param name="seen">The numbers of the values that its context answered for.</param>
internal sealed class SiblingAttempt(long number, IReadOnlySet<long> seen)
{
    public long Number => number;

    public IReadOnlySet<long> Seen => seen;

    /// <summary>How many replicas have acknowledged it; 0 before, and when there may be nothing but a hint.</summary>
    public int Copies { get; set; }

    public bool IsRefused { get; set; }
}

/// <summary>
/// What a record that keeps siblings must show. A put that so many replicas have acknowledged is seen by every read of so many that the
/// two sets meet, unless something was written by somebody who had read it. What was replaced may be seen again: requests are doubled and
/// sent again here, and one that comes when its write is replaced already is a write.
/// </summary>
/// <param name="replicas">Copies of each record.</param>
/// <param name="losesDisks">Whether disks may lose what they held: then only what a majority has is asked for.</param>
internal sealed class SiblingsChecker(int replicas, bool losesDisks)
{
    private readonly Dictionary<string, List<SiblingAttempt>> _attempts = new(StringComparer.Ordinal);

    /// <summary>Values that reads had to see.</summary>
    public long Demanded { get; private set; }

    /// <summary>Reads that saw several values.</summary>
    public long Concurrent { get; private set; }

    /// <summary>A client begins to write.</summary>
    public SiblingAttempt Invoke(string key, long number, IReadOnlySet<long> seen)
    {
        var attempt = new SiblingAttempt(number, seen);
        AttemptsOf(key).Add(attempt);
        return attempt;
    }

    /// <summary>What a read of so many replicas that begins now must respect.</summary>
    public IReadOnlyList<SiblingAttempt> Least(string key, int copies) =>
        [.. AttemptsOf(key).Where(attempt => attempt.Copies + copies > replicas && (!losesDisks || attempt.Copies * 2 > replicas))];

    /// <summary>A read has ended.</summary>
    /// <param name="key">Of what.</param>
    /// <param name="least">What <see cref="Least"/> said when it began.</param>
    /// <param name="seen">The values that it saw.</param>
    /// <param name="who">The reader, for people.</param>
    public void Check(string key, IReadOnlyList<SiblingAttempt> least, IReadOnlySet<long> seen, string who)
    {
        var attempts = AttemptsOf(key);
        Concurrent += seen.Count > 1 ? 1 : 0;
        foreach (var number in seen)
        {
            var attempt = attempts.Find(attempt => attempt.Number == number)
                ?? throw new SafetyViolationException($"{who} read {number} in {key}, which nobody wrote there");
            if (attempt.IsRefused)
            {
                throw new SafetyViolationException($"{who} read {number} in {key}, whose write was refused as without effect");
            }
        }

        foreach (var wanted in least)
        {
            Demanded += wanted.Number != 0 ? 1 : 0;
            if (wanted.Number != 0 && !seen.Contains(wanted.Number)
                && !attempts.Exists(attempt => !attempt.IsRefused && attempt.Seen.Contains(wanted.Number)))
            {
                throw new SafetyViolationException(
                    $"{who} read {string.Join(", ", seen)} in {key}: {wanted.Number} is lost, although nobody who wrote had read it");
            }
        }
    }

    private List<SiblingAttempt> AttemptsOf(string key)
    {
        if (!_attempts.TryGetValue(key, out var attempts))
        {
            _attempts[key] = attempts = [];
        }

        return attempts;
    }
}
