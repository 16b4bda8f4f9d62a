using System.Buffers.Binary;
using Atoll.Foundation.Randomness;
using Atoll.Simulation.Checkers;

namespace Atoll.Simulation.Workloads;

/// <summary>
/// Values that tell which write made them: a number that no other write has, then bytes that follow from the number, so that a single wrong
/// byte anywhere shows.
/// </summary>
public static class NumberedValue
{
    /// <summary>The shortest value.</summary>
    public const int BytesMin = 8;

    /// <summary>The value of a write.</summary>
    public static byte[] Make(long number, int bytes)
    {
        var value = new byte[Math.Max(BytesMin, bytes)];
        BinaryPrimitives.WriteInt64LittleEndian(value, number);
        new Prng((ulong)number).Fill(value.AsSpan(BytesMin));
        return value;
    }

    /// <summary>The number of a value that was read.</summary>
    /// <exception cref="SafetyViolationException">No write made these bytes.</exception>
    public static long Read(ReadOnlySpan<byte> value)
    {
        if (value.Length >= BytesMin)
        {
            var number = BinaryPrimitives.ReadInt64LittleEndian(value);
            if (number > 0 && value.SequenceEqual(Make(number, value.Length)))
            {
                return number;
            }
        }

        throw new SafetyViolationException($"a value of {value.Length} bytes was read that nobody wrote");
    }
}
