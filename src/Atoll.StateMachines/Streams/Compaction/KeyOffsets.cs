using System.Buffers.Binary;
using System.Security.Cryptography;
using Atoll.Foundation.Checks;

namespace Atoll.StateMachines.Streams.Compaction;

/// <summary>
/// Where each key's last record is. Keys are known by 16 bytes of their SHA-256: two that had the same would lose a record, so it must not
/// be possible to make such.
/// </summary>
/// <param name="keysMax">The most keys.</param>
internal sealed class KeyOffsets(int keysMax)
{
    private readonly Dictionary<UInt128, long> _last = [];

    /// <summary>The bug that is planted.</summary>
    internal Sabotage Sabotage { get; init; }

    /// <summary>Notes a record; false when there is no room for its key.</summary>
    internal bool TryNote(ReadOnlySpan<byte> key, long offset)
    {
        var hash = HashOf(key);
        if (_last.TryGetValue(hash, out var known))
        {
            _last[hash] = Math.Max(known, offset);
            return true;
        }

        return _last.Count < keysMax && _last.TryAdd(hash, offset);
    }

    /// <summary>Whether a later record of the key was noted.</summary>
    internal bool HasLater(ReadOnlySpan<byte> key, long offset) => _last.TryGetValue(HashOf(key), out var last)
        && (last > offset || (last == offset && Sabotage.Has(Sabotage.LosesLastOfKey)));

    private static UInt128 HashOf(ReadOnlySpan<byte> key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}
