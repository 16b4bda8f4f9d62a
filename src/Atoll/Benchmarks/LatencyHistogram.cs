using System.Numerics;

namespace Atoll.Benchmarks;

/// <summary>
/// Counts latencies in buckets that are linear within each power of two (as HdrHistogram's): at most 3.2 % wide, from a
/// microsecond to hours. Recording is a few instructions and allocates nothing. Not thread-safe: one a caller, added up at the end.
/// </summary>
public sealed class LatencyHistogram
{
    private const int SubBucketBits = 6;
    private const int SubBuckets = 1 << SubBucketBits;
    private const int Powers = 34;

    private readonly long[] _counts = new long[Powers * SubBuckets];

    /// <summary>Latencies recorded.</summary>
    public long Count { get; private set; }

    /// <summary>The longest one, in microseconds.</summary>
    public long MaxMicroseconds { get; private set; }

    /// <summary>Records one latency.</summary>
    public void Record(long microseconds)
    {
        microseconds = Math.Max(0, microseconds);
        _counts[Bucket(microseconds)]++;
        Count++;
        MaxMicroseconds = Math.Max(MaxMicroseconds, microseconds);
    }

    /// <summary>Adds another histogram's counts.</summary>
    public void Add(LatencyHistogram other)
    {
        for (var i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }

        Count += other.Count;
        MaxMicroseconds = Math.Max(MaxMicroseconds, other.MaxMicroseconds);
    }

    /// <summary>
    /// The latency in microseconds that so many percent of the calls did not exceed, to the bucket's upper end; 0 when empty.
    /// </summary>
    public long Percentile(double percent)
    {
        var wanted = (long)Math.Ceiling(Count * percent / 100);
        var seen = 0L;
        for (var i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= wanted && seen > 0)
            {
                return Math.Min(UpperEnd(i), MaxMicroseconds);
            }
        }

        return MaxMicroseconds;
    }

    private static int Bucket(long microseconds)
    {
        if (microseconds < SubBuckets)
        {
            return (int)microseconds;
        }

        var power = BitOperations.Log2((ulong)microseconds) - SubBucketBits + 1;
        var bucket = (power * SubBuckets) + (int)(microseconds >> power);
        return Math.Min(bucket, (Powers * SubBuckets) - 1);
    }

    private static long UpperEnd(int bucket)
    {
        var power = bucket / SubBuckets;
        return power == 0 ? bucket : (((long)(bucket % SubBuckets) + 1) << power) - 1;
    }
}
