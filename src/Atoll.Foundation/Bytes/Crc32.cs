using System.Buffers.Binary;

namespace Atoll.Foundation.Bytes;

/// <summary>
/// CRC-32 of gzip (RFC 1952, section 8), by tables: one for each of eight bytes that are taken at once. Own formats have
/// <see cref="Crc32C"/>.
/// </summary>
public static class Crc32
{
    private const uint Polynomial = 0xEDB88320;
    private const int Slices = 8;

    // Of the byte b, k places before the last of eight: entry 256 k + b.
    private static readonly uint[] Table = MakeTable();

    /// <summary>The checksum of the bytes.</summary>
    public static uint Compute(ReadOnlySpan<byte> data)
    {
        var state = ~0u;
        var table = Table.AsSpan(0, 256 * Slices);
        while (data.Length >= Slices)
        {
            var low = BinaryPrimitives.ReadUInt32LittleEndian(data) ^ state;
            var high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
            state = table[(256 * 7) + (byte)low] ^ table[(256 * 6) + (byte)(low >> 8)]
                ^ table[(256 * 5) + (byte)(low >> 16)] ^ table[(256 * 4) + (byte)(low >> 24)]
                ^ table[(256 * 3) + (byte)high] ^ table[(256 * 2) + (byte)(high >> 8)]
                ^ table[256 + (byte)(high >> 16)] ^ table[(byte)(high >> 24)];
            data = data[Slices..];
        }

        foreach (var b in data)
        {
            state = table[(byte)(state ^ b)] ^ (state >> 8);
        }

        return ~state;
    }

    private static uint[] MakeTable()
    {
        var table = new uint[256 * Slices];
        for (var b = 0u; b < 256; b++)
        {
            var state = b;
            for (var bit = 0; bit < 8; bit++)
            {
                state = (state >> 1) ^ ((state & 1) * Polynomial);
            }

            table[b] = state;
        }

        for (var i = 256; i < table.Length; i++)
        {
            table[i] = table[(byte)table[i - 256]] ^ (table[i - 256] >> 8);
        }

        return table;
    }
}
