using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Atoll.Storage.Sorted;

/// <summary>
/// A byte string as a tree's key. Its first eight bytes lie beside the reference, as a number that orders as they do, so that most
/// comparisons of a search touch no other memory (the "poor man's normalised key" of Graefe and Larson, 2001).
/// </summary>
public readonly struct ByteKey : IComparable<ByteKey>, IEquatable<ByteKey>
{
    private readonly ulong _head;
    private readonly byte[]? _bytes;
    private readonly int _offset;
    private readonly int _length;

    /// <summary>A key of these bytes; they are not copied, unless they do not lie in an array.</summary>
    public ByteKey(ReadOnlyMemory<byte> memory)
    {
        if (!MemoryMarshal.TryGetArray(memory, out var segment))
        {
            segment = memory.ToArray();
        }

        _bytes = segment.Array;
        _offset = segment.Offset;
        _length = segment.Count;
        _head = HeadOf(Span);
    }

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Span => new(_bytes, _offset, _length);

    /// <summary>The bytes.</summary>
    public ReadOnlyMemory<byte> Memory => new(_bytes, _offset, _length);

    /// <summary>Bytes of the key.</summary>
    public int Length => _length;

    /// <inheritdoc />
    public int CompareTo(ByteKey other)
    {
        // A key shorter than eight bytes has zeros in its head: equal heads say nothing about lengths, different ones decide.
        var order = _head.CompareTo(other._head);
        return order != 0 ? order : Span.SequenceCompareTo(other.Span);
    }

    /// <inheritdoc />
    public bool Equals(ByteKey other) => _head == other._head && Span.SequenceEqual(other.Span);

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is ByteKey other && Equals(other);

    /// <summary>A hash for lookups within one process.</summary>
    public override int GetHashCode() => (int)(_head ^ (_head >> 32)) ^ _length;

    /// <summary>Equal bytes.</summary>
    public static bool operator ==(ByteKey a, ByteKey b) => a.Equals(b);

    /// <summary>Different bytes.</summary>
    public static bool operator !=(ByteKey a, ByteKey b) => !a.Equals(b);

    /// <summary>Before.</summary>
    public static bool operator <(ByteKey a, ByteKey b) => a.CompareTo(b) < 0;

    /// <summary>After.</summary>
    public static bool operator >(ByteKey a, ByteKey b) => a.CompareTo(b) > 0;

    /// <summary>Before or equal.</summary>
    public static bool operator <=(ByteKey a, ByteKey b) => a.CompareTo(b) <= 0;

    /// <summary>After or equal.</summary>
    public static bool operator >=(ByteKey a, ByteKey b) => a.CompareTo(b) >= 0;

    private static ulong HeadOf(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= 8)
        {
            return BinaryPrimitives.ReadUInt64BigEndian(bytes);
        }

        ulong head = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            head |= (ulong)bytes[i] << (56 - (8 * i));
        }

        return head;
    }
}
