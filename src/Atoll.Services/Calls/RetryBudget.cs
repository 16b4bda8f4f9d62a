namespace Atoll.Services.Calls;

/// <summary>
/// Savings from which retries of refused calls are paid: a retry costs one, a success earns a tenth. In an overload the retries
/// are thus at most a tenth of the useful work, whatever the callers do. Thread-safe.
/// </summary>
public sealed class RetryBudget
{
    private const int TenthsPerRetry = 10;

    private readonly int _tenthsMax;
    private int _tenths;

    /// <summary>A full budget of that many retries.</summary>
    public RetryBudget(int retriesMax) => _tenths = _tenthsMax = retriesMax * TenthsPerRetry;

    /// <summary>A call succeeded.</summary>
    public void Earn()
    {
        // Full is the usual state: then this is one read.
        if (Volatile.Read(ref _tenths) < _tenthsMax)
        {
            Interlocked.Increment(ref _tenths);
        }
    }

    /// <summary>Pays for one retry; false when nothing is left.</summary>
    public bool TrySpend()
    {
        var seen = Volatile.Read(ref _tenths);
        while (seen >= TenthsPerRetry)
        {
            var before = Interlocked.CompareExchange(ref _tenths, seen - TenthsPerRetry, seen);
            if (before == seen)
            {
                return true;
            }

            seen = before;
        }

        return false;
    }
}
