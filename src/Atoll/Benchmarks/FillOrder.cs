using System.Numerics;

namespace Atoll.Benchmarks;

/// <summary>The order in which keys are written before anything is measured.</summary>
internal static class FillOrder
{
    /// <summary>Steps of a size that has no divisor in common with the number of keys: they come to every key, in no order.</summary>
    public static long Step(long keys)
    {
        var step = (keys * 618 / 1_000) | 1;
        while (BigInteger.GreatestCommonDivisor(step, keys) != 1)
        {
            step += 2;
        }

        return step;
    }
}
