using System.Buffers.Binary;
using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>
/// A key and version in a memtable. The bytes begin with the tree's number, which all keys of a tree share; the sixteen bytes behind it lie
/// beside the reference as numbers, so that most comparisons touch no other memory: many keys begin alike.
/// </summary>
internal readonly struct MemoryKey
{
    private const int NumberBytes = 16;

    private readonly ulong _head;
    private readonly ulong _second;
    private readonly byte[] _bytes;
    private readonly int _offset;
    private readonly int _length;

    /// <summary>A key of these bytes, which are not copied.</summary>
    public MemoryKey(byte[] bytes, int offset, int length, ulong version)
    {
        _bytes = bytes;
        _offset = offset;
        _length = length;
        Version = version;
        var own = bytes.AsSpan(offset + TableFormat.TreePrefixBytes, length - TableFormat.TreePrefixBytes);
        _head = Number(own);
        _second = own.Length > 8 ? Number(own[8..]) : 0;
    }

    /// <summary>When it was written.</summary>
    public ulong Version { get; }

    /// <summary>The key, with its tree's number in front.</summary>
    public ReadOnlySpan<byte> Span => new(_bytes, _offset, _length);

    /// <summary>Negative, zero or positive as this comes before, is, or comes after the other; both are of one tree.</summary>
    public int CompareTo(in MemoryKey other)
    {
        if (_head != other._head)
        {
            return _head < other._head ? -1 : 1;
        }

        if (_second != other._second)
        {
            return _second < other._second ? -1 : 1;
        }

        // Of two keys that begin alike one that ends there, zeros in its place, is the shorter one and comes first.
        const int compared = TableFormat.TreePrefixBytes + NumberBytes;
        var order = Math.Min(_length, other._length) <= compared
            ? _length.CompareTo(other._length) : Span[compared..].SequenceCompareTo(other.Span[compared..]);
        return order != 0 ? order : other.Version.CompareTo(Version);
    }

    // Up to eight bytes, zeros for those that are not there: in the order of numbers as in that of bytes.
    private static ulong Number(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= 8)
        {
            return BinaryPrimitives.ReadUInt64BigEndian(bytes);
        }

        ulong number = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            number |= (ulong)bytes[i] << (56 - (8 * i));
        }

        return number;
    }
}

/// <summary>The order of a memtable's entries.</summary>
internal readonly struct MemoryKeyOrder : ITreeOrder<MemoryKey>
{
    /// <inheritdoc />
    public static int Compare(in MemoryKey a, in MemoryKey b) => a.CompareTo(b);
}

/// <summary>What a memtable has under a key and version.</summary>
/// <param name="Value">The value.</param>
/// <param name="ExpiresAt">When it expires, or 0.</param>
/// <param name="Kind">What the entry says.</param>
internal readonly record struct MemoryValue(ReadOnlyMemory<byte> Value, ulong ExpiresAt, EntryKind Kind);
