using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;
using Atoll.Foundation.Randomness;
using Atoll.Foundation.Time;

namespace Atoll.Kernel.Paxos;

/// <summary>
/// Fairness under contention. A coordinator's operations on one partition go one after the other, first come first served, so that only
/// coordinators compete, not clients. A coordinator that lost waits a random time from a window that doubles up to a bound; one that has
/// just succeeded against others lets the partition rest for a moment, so that those who wait get their turn.
/// </summary>
internal sealed class PaxosQueues(PaxosOptions options, Prng random)
{
    // Idle partitions that rest are swept out whenever so many have been left behind.
    private const int SweepEvery = 1024;

    private const int DoublingsMax = 16;

    private readonly Dictionary<ReadOnlyMemory<byte>, Line> _lines = new(new BytesComparer());
    private int _leftBehind;

    /// <summary>Takes a place; true when it is the first, which may act at <paramref name="startAt"/>.</summary>
    internal bool Enter(ReadOnlyMemory<byte> partition, ulong operation, Instant now, out Instant startAt)
    {
        if (!_lines.TryGetValue(partition, out var line))
        {
            _lines.Add(partition, line = new Line());
        }

        startAt = Instant.Max(now, line.QuietUntil);
        line.Operations.AddLast(operation);
        return line.Operations.Count == 1;
    }

    /// <summary>Gives a place up; true when that lets another operation act.</summary>
    internal bool Leave(
        ReadOnlyMemory<byte> partition, ulong operation, bool isContended, Instant now, out ulong next, out Instant startAt)
    {
        var line = _lines[partition];
        var wasFirst = line.Operations.First!.Value == operation;
        var removed = line.Operations.Remove(operation);
        Check.That(removed);
        if (wasFirst && isContended)
        {
            line.QuietUntil = now + random.NextDuration(options.BackoffMin, options.BackoffMin * 2);
        }

        next = line.Operations.First?.Value ?? 0;
        startAt = Instant.Max(now, line.QuietUntil);
        if (line.Operations.Count == 0)
        {
            LeaveBehind(partition, line, now);
        }

        return wasFirst && line.Operations.Count > 0;
    }

    /// <summary>How long to wait after so many lost attempts.</summary>
    internal Duration Backoff(int attempts)
    {
        var doublings = Math.Min(attempts - 1, DoublingsMax);
        var window = options.BackoffMin.Nanoseconds > options.BackoffMax.Nanoseconds >> doublings
            ? options.BackoffMax : options.BackoffMin * (1L << doublings);
        return random.NextDuration(options.BackoffMin / 2, window);
    }

    private void LeaveBehind(ReadOnlyMemory<byte> partition, Line line, Instant now)
    {
        if (line.QuietUntil <= now)
        {
            _lines.Remove(partition);
        }
        else if (++_leftBehind >= SweepEvery)
        {
            _leftBehind = 0;
            foreach (var (key, idle) in _lines.ToArray())
            {
                if (idle.Operations.Count == 0 && idle.QuietUntil <= now)
                {
                    _lines.Remove(key);
                }
            }
        }
    }

    private sealed class Line
    {
        internal LinkedList<ulong> Operations { get; } = new();

        internal Instant QuietUntil { get; set; } = new(long.MinValue);
    }

    private sealed class BytesComparer : IEqualityComparer<ReadOnlyMemory<byte>>
    {
        public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

        public int GetHashCode(ReadOnlyMemory<byte> obj) => (int)StableHash.Compute(obj.Span);
    }
}
