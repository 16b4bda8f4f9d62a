namespace Atoll.Gateways.Http;

/// <summary>Counts up to a bound. Thread-safe.</summary>
/// <param name="max">The bound.</param>
internal sealed class BoundedCount(int max)
{
    private int _count;

    /// <summary>Adds some; false, and none are added, when it would be more than the bound.</summary>
    public bool TryAdd(int number)
    {
        if (Interlocked.Add(ref _count, number) <= max)
        {
            return true;
        }

        Interlocked.Add(ref _count, -number);
        return false;
    }

    /// <summary>Takes some away that were added.</summary>
    public void Subtract(int number) => Interlocked.Add(ref _count, -number);
}
