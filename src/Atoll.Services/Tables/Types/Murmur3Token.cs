using System.Buffers.Binary;
using System.Numerics;
using Atoll.Foundation.Bytes;
using Atoll.Foundation.Checks;

namespace Atoll.Services.Tables.Types;

/// <summary>
/// The token of a partition key, as Cassandra's Murmur3Partitioner computes it: the first half of MurmurHash3 x64 128 (Appleby, 2011) with
/// the last bytes taken as signed ones, and the lowest number, which means "no token", replaced by the highest. Drivers compute it, too.
/// </summary>
public static class Murmur3Token
{
    /// <summary>Below every token.</summary>
    public const long None = long.MinValue;

    private const ulong C1 = 0x87c37b91114253d5;
    private const ulong C2 = 0x4cf5ad432745937f;

    /// <summary>The token of a serialized partition key; <see cref="None"/> for an empty one, as in Cassandra.</summary>
    public static long Of(ReadOnlySpan<byte> partitionKey)
    {
        if (partitionKey.IsEmpty)
        {
            return None;
        }

        var hash = unchecked((long)Hash(partitionKey));
        return hash == long.MinValue ? long.MaxValue : hash;
    }

    /// <summary>The token as a number whose unsigned order is the order of tokens: what routes a partition.</summary>
    public static ulong ToRoutingHash(long token) => unchecked((ulong)token ^ (1UL << 63));

    /// <summary>The token that a routing hash stands for.</summary>
    public static long FromRoutingHash(ulong hash) => unchecked((long)(hash ^ (1UL << 63)));

    /// <summary>
    /// The serialized partition key: the value of its only column, or of each column two bytes of length, the bytes, and a zero.
    /// </summary>
    /// <exception cref="CqlException">A value is longer than two bytes can say.</exception>
    public static byte[] SerializeKey(ReadOnlySpan<ReadOnlyMemory<byte>> values)
    {
        Check.That(!values.IsEmpty);
        var total = 0L;
        foreach (var value in values)
        {
            total += value.Length;
        }

        if (total > ushort.MaxValue)
        {
            throw CqlException.Invalid($"Key length of {total} is longer than maximum of {ushort.MaxValue}");
        }

        if (values.Length == 1)
        {
            return values[0].ToArray();
        }

        var writer = new WireWriter((int)total + (3 * values.Length));
        foreach (var value in values)
        {
            BinaryPrimitives.WriteUInt16BigEndian(writer.GetSpan(2), (ushort)value.Length);
            writer.Advance(2);
            writer.WriteRaw(value.Span);
            writer.WriteByte(0);
        }

        return writer.ToArray();
    }

    /// <summary>The values of a serialized partition key's columns.</summary>
    /// <returns>False when the bytes are no key of so many columns.</returns>
    public static bool TryParseKey(ReadOnlyMemory<byte> key, Span<ReadOnlyMemory<byte>> values)
    {
        if (values.Length == 1)
        {
            values[0] = key;
            return true;
        }

        foreach (ref var value in values)
        {
            if (key.Length < 3)
            {
                return false;
            }

            var length = BinaryPrimitives.ReadUInt16BigEndian(key.Span);
            if (key.Length < length + 3 || key.Span[2 + length] != 0)
            {
                return false;
            }

            value = key.Slice(2, length);
            key = key[(3 + length)..];
        }

        return key.IsEmpty;
    }

    private static ulong Hash(ReadOnlySpan<byte> data)
    {
        unchecked
        {
            ulong h1 = 0, h2 = 0;
            var rest = data;
            while (rest.Length >= 16)
            {
                h1 ^= Mix1(BinaryPrimitives.ReadUInt64LittleEndian(rest));
                h1 = (BitOperations.RotateLeft(h1, 27) + h2) * 5 + 0x52dce729;
                h2 ^= Mix2(BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]));
                h2 = (BitOperations.RotateLeft(h2, 31) + h1) * 5 + 0x38495ab5;
                rest = rest[16..];
            }

            // Java's bytes are signed: a high bit in one of the last bytes flips all bits above it. Part of every stored token by now.
            ulong k1 = 0, k2 = 0;
            for (var index = rest.Length - 1; index >= 8; index--)
            {
                k2 ^= (ulong)(long)(sbyte)rest[index] << (8 * (index - 8));
            }

            for (var index = Math.Min(rest.Length, 8) - 1; index >= 0; index--)
            {
                k1 ^= (ulong)(long)(sbyte)rest[index] << (8 * index);
            }

            h2 ^= rest.Length > 8 ? Mix2(k2) : 0;
            h1 ^= rest.Length > 0 ? Mix1(k1) : 0;
            h1 ^= (ulong)data.Length;
            h2 ^= (ulong)data.Length;
            h1 += h2;
            h2 += h1;
            h1 = Finish(h1);
            h2 = Finish(h2);
            return h1 + h2;
        }
    }

    private static ulong Mix1(ulong k) => unchecked(BitOperations.RotateLeft(k * C1, 31) * C2);

    private static ulong Mix2(ulong k) => unchecked(BitOperations.RotateLeft(k * C2, 33) * C1);

    private static ulong Finish(ulong k)
    {
        unchecked
        {
            k ^= k >> 33;
            k *= 0xff51afd7ed558ccd;
            k ^= k >> 33;
            k *= 0xc4ceb9fe1a85ec53;
            return k ^ (k >> 33);
        }
    }
}
