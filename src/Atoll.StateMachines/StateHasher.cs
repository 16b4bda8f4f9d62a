using System.Numerics;
using Atoll.Foundation.Bytes;

namespace Atoll.StateMachines;

/// <summary>
/// Folds a state, walked in a fixed order, into 64 bits. Every byte string is hashed with its length, so that none runs into the next.
/// </summary>
internal struct StateHasher
{
    private ulong _hash;

    internal readonly ulong Value => _hash;

    internal void Add(ulong value) =>
        _hash = (BitOperations.RotateLeft(_hash, 27) ^ (value * 0x9E3779B97F4A7C15)) * 0xFF51AFD7ED558CCD;

    internal void Add(ReadOnlySpan<byte> bytes)
    {
        Add((ulong)bytes.Length);
        Add(StableHash.Compute(bytes));
    }
}
