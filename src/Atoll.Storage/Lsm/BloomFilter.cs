using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Atoll.Storage.Lsm;

/// <summary>
/// A Bloom filter in lines of 64 bytes: all bits of a key lie in one line of the processor's cache (Putze, Sanders and Singler, "Cache-,
/// hash- and space-efficient Bloom filters", 2007). Layout: the lines, then the number of probes in one byte.
/// </summary>
internal static class BloomFilter
{
    private const int LineBytes = 64;
    private const int LineBits = 8 * LineBytes;

    /// <summary>A filter that holds the hashed keys.</summary>
    public static byte[] Build(ReadOnlySpan<ulong> hashes, int bitsPerKey)
    {
        var lines = (uint)Math.Max(1, (((long)hashes.Length * bitsPerKey) + LineBits - 1) / LineBits);
        var filter = new byte[(lines * LineBytes) + 1];

        // ln 2 bits per key probes are best for a plain filter; one in a line wants a little fewer.
        var probes = Math.Clamp(bitsPerKey * 6 / 10, 1, 12);
        filter[^1] = (byte)probes;
        foreach (var hash in hashes)
        {
            var line = MemoryMarshal.Cast<byte, ulong>(filter.AsSpan(LineOffset(hash, lines), LineBytes));
            var (bit, step) = Start(hash);
            for (var i = 0; i < probes; i++, bit += step)
            {
                line[(int)(bit >> 29)] |= Bit(bit);
            }
        }

        return filter;
    }

    /// <summary>False when the key is certainly not in the set.</summary>
    public static bool MayHold(ReadOnlySpan<byte> filter, ulong hash)
    {
        var lines = (uint)(filter.Length / LineBytes);
        var line = filter.Slice(LineOffset(hash, lines), LineBytes);
        var (bit, step) = Start(hash);
        for (var i = filter[^1]; i > 0; i--, bit += step)
        {
            if ((BinaryPrimitives.ReadUInt64LittleEndian(line[((int)(bit >> 29) * 8)..]) & Bit(bit)) == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether bytes can be a filter.</summary>
    public static bool HasForm(ReadOnlySpan<byte> filter) => filter.Length > LineBytes && filter.Length % LineBytes == 1;

    // The upper half of the hash chooses the line, the lower half the bits in it: the top three bits a word, the next six a bit of it.
    private static int LineOffset(ulong hash, uint lines) => (int)(((hash >> 32) * lines) >> 32) * LineBytes;

    private static (uint Bit, uint Step) Start(ulong hash) => ((uint)hash, ((uint)(hash >> 17) | 1) * 0x9E3779B1);

    private static ulong Bit(uint bit) => 1UL << (int)((bit >> 23) & 63);
}
