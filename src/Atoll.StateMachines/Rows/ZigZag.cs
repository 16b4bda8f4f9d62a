namespace Atoll.StateMachines.Rows;

/// <summary>Signed numbers as unsigned ones that are small when the number is near zero, for varints.</summary>
internal static class ZigZag
{
    internal static ulong Encode(long value) => unchecked((ulong)((value << 1) ^ (value >> 63)));

    internal static long Decode(ulong value) => unchecked((long)(value >> 1) ^ -(long)(value & 1));
}
