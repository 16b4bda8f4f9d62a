using System.Buffers.Binary;
using Atoll.Storage.Sorted;

namespace Atoll.Storage.Lsm;

/// <summary>
/// A key and version in a memtable. The bytes begin with the tree's number, which all keys of a tree share; the eight bytes behind it lie
/// beside the reference as a number, so that most comparisons touch no other memory.
/// </summary>
internal readonly struct MemoryKey
{
    private readonly ulong _head;
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
        if (own.Length >= 8)
        {
            _head = BinaryPrimitives.ReadUInt64BigEndian(own);
        }
        else
        {
            for (var i = 0; i < own.Length; i++)
            {
                _head |= (ulong)own[i] << (56 - (8 * i));
            }
        }
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

        var order = Span[TableFormat.TreePrefixBytes..].SequenceCompareTo(other.Span[TableFormat.TreePrefixBytes..]);
        return order != 0 ? order : other.Version.CompareTo(Version);
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
