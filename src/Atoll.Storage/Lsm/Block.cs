using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Atoll.Foundation.Checks;

namespace Atoll.Storage.Lsm;

/// <summary>How a search in one block ended.</summary>
internal enum BlockFind : byte
{
    /// <summary>The entry is here.</summary>
    Found = 0,

    /// <summary>There is no such entry, here or behind.</summary>
    Absent = 1,

    /// <summary>Not here, but the next block may begin with it.</summary>
    PerhapsBehind = 2,
}

/// <summary>An entry's head, as it stands in a block.</summary>
internal struct EntryHead
{
    /// <summary>Bytes of the key that are those of the key before.</summary>
    public int Shared;

    /// <summary>Where the rest of the key begins.</summary>
    public int SuffixOffset;

    /// <summary>Bytes of the rest.</summary>
    public int SuffixLength;

    /// <summary>Where the value begins.</summary>
    public int ValueOffset;

    /// <summary>Bytes of the value.</summary>
    public int ValueLength;

    /// <summary>When it was written; 0 in an index.</summary>
    public ulong Version;

    /// <summary>When it expires, or 0.</summary>
    public ulong ExpiresAt;

    /// <summary>What it says.</summary>
    public EntryKind Kind;

    /// <summary>Where the next entry begins.</summary>
    public readonly int End => ValueOffset + ValueLength;
}

/// <summary>
/// A block in memory, its checksum proven. Its bytes do not change as long as it has them. When the cache lets it go, its array is used
/// again, unless a slice of it was lent or a cursor stands in it; then it is left to the garbage collector. A block whose array was taken
/// has none: whoever should still hold the block fails, and never reads what came into the array afterwards.
/// </summary>
internal sealed class Block
{
    /// <summary>The entry has a time at which it expires.</summary>
    public const int HasExpiryFlag = 1 << 4;

    /// <summary>The entry has a version.</summary>
    public const int HasVersionFlag = 1 << 5;

    private const int KindMask = 3;

    // Up to here a value is copied: cheaper than an array that cannot be used again, and who keeps it does not keep the block.
    private const int CopiedBytesMax = 1024;

    private byte[]? _bytes;
    private bool _isLent;

    /// <summary>A block of these bytes.</summary>
    /// <param name="bytes">The bytes; what lies behind the content is of no matter.</param>
    /// <param name="offset">Where the content begins.</param>
    /// <param name="length">Bytes of the content.</param>
    /// <param name="type">What it holds.</param>
    public Block(byte[] bytes, int offset, int length, BlockType type)
    {
        _bytes = bytes;
        Offset = offset;
        Length = length;
        Type = type;
        if (type is BlockType.Data or BlockType.Index or BlockType.Top)
        {
            RestartCount = (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset + length - 4));
            EntriesEnd = length - (4 * (RestartCount + 1));
            Check.That(RestartCount > 0 && EntriesEnd > 0);
        }
    }

    /// <summary>Where the content is; only of a block that was not recycled.</summary>
    public byte[] Bytes => _bytes!;

    /// <summary>Cursors that stand in it.</summary>
    public int Readers { get; set; }

    /// <summary>Those who need it to stay in the cache.</summary>
    public int Pins { get; set; }

    /// <summary>Where in <see cref="Bytes"/> it begins.</summary>
    public int Offset { get; }

    /// <summary>Bytes of the content.</summary>
    public int Length { get; }

    /// <summary>What it holds.</summary>
    public BlockType Type { get; }

    /// <summary>Restart points.</summary>
    public int RestartCount { get; }

    /// <summary>Where the entries end and the restart points begin, within the content.</summary>
    public int EntriesEnd { get; }

    /// <summary>The content.</summary>
    public ReadOnlySpan<byte> Span => Bytes.AsSpan(Offset, Length);

    /// <summary>Whether the content of a block of entries can be what its type says: its restart points lie within it.</summary>
    public static bool HasForm(ReadOnlySpan<byte> content)
    {
        if (content.Length < 8)
        {
            return false;
        }

        var count = BinaryPrimitives.ReadUInt32LittleEndian(content[^4..]);
        if (count == 0 || count >= (uint)content.Length / 4)
        {
            return false;
        }

        var end = content.Length - (4 * ((int)count + 1));
        for (var i = 0; i < (int)count; i++)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(content[(end + (4 * i))..]) >= (uint)end)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Where a restart point's entry begins.</summary>
    public int Restart(int index) => (int)BinaryPrimitives.ReadUInt32LittleEndian(Span[(EntriesEnd + (4 * index))..]);

    /// <summary>A part of the content that outlives the block's stay in the cache: a copy when it is short, else a slice.</summary>
    public ReadOnlyMemory<byte> Memory(int offset, int length)
    {
        if (length <= CopiedBytesMax)
        {
            return Span.Slice(offset, length).ToArray();
        }

        _isLent = true;
        return Bytes.AsMemory(Offset + offset, length);
    }

    /// <summary>Takes its array away when nobody has a part of it or stands in it; null when somebody may.</summary>
    public byte[]? Recycle()
    {
        if (_isLent || Readers > 0 || Pins > 0)
        {
            return null;
        }

        var bytes = _bytes;
        _bytes = null;
        return bytes;
    }

    /// <summary>Reads the entry's head at an offset of the content.</summary>
    public static void ReadHead(ReadOnlySpan<byte> content, int offset, out EntryHead head)
    {
        int shared = content[offset], suffix = content[offset + 1], flags, value;
        if (((shared | suffix) & 0x80) == 0 && content[offset + 3] < 0x80)
        {
            flags = content[offset + 2];
            value = content[offset + 3];
            offset += 4;
        }
        else
        {
            shared = ReadVarint(content, ref offset);
            suffix = ReadVarint(content, ref offset);
            flags = content[offset++];
            value = ReadVarint(content, ref offset);
        }

        head = default;
        if ((flags & HasVersionFlag) != 0)
        {
            head.Version = BinaryPrimitives.ReadUInt64LittleEndian(content[offset..]);
            offset += 8;
        }

        if ((flags & HasExpiryFlag) != 0)
        {
            head.ExpiresAt = BinaryPrimitives.ReadUInt64LittleEndian(content[offset..]);
            offset += 8;
        }

        head.Shared = shared;
        head.SuffixOffset = offset;
        head.SuffixLength = suffix;
        head.ValueOffset = offset + suffix;
        head.ValueLength = value;
        head.Kind = (EntryKind)(flags & KindMask);
    }

    /// <summary>The last restart point at or before an entry, or the first one.</summary>
    public int RestartAtOrBefore(ReadOnlySpan<byte> key, ulong version)
    {
        var content = Span;
        int low = 0, high = RestartCount - 1;
        while (low < high)
        {
            var middle = (low + high + 1) >>> 1;
            ReadHead(content, Restart(middle), out var head);
            if (EntryOrder.Compare(content.Slice(head.SuffixOffset, head.SuffixLength), head.Version, key, version) <= 0)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }

    /// <summary>
    /// The newest entry of a key that is not newer than a version. Keys are never put together: what a key shares with the one before
    /// says how it stands to the one looked for.
    /// </summary>
    public BlockFind Find(ReadOnlySpan<byte> key, ulong version, out EntryHead head)
    {
        var content = Span;
        var offset = Restart(RestartAtOrBefore(key, version));
        head = default;

        // Bytes that the key looked for has in common with the entry before, which is not behind it.
        var matched = 0;
        while (offset < EntriesEnd)
        {
            ReadHead(content, offset, out head);
            offset = head.End;
            if (head.Shared == 0)
            {
                // At a restart point the key stands there in full, whatever it has in common with the one before.
                matched = 0;
            }

            if (head.Shared > matched)
            {
                continue;
            }

            if (head.Shared < matched)
            {
                return BlockFind.Absent;
            }

            var suffix = content.Slice(head.SuffixOffset, head.SuffixLength);
            var rest = key[matched..];
            var common = suffix.CommonPrefixLength(rest);
            matched += common;
            if (common == rest.Length)
            {
                if (common < suffix.Length)
                {
                    return BlockFind.Absent;
                }

                if (head.Version <= version)
                {
                    return BlockFind.Found;
                }
            }
            else if (common < suffix.Length && suffix[common] > rest[common])
            {
                return BlockFind.Absent;
            }
        }

        return BlockFind.PerhapsBehind;
    }

    /// <summary>
    /// The first entry whose key does not come before the given one, in a block that has all keys in full: an index or a top.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="head">The entry's head.</param>
    /// <returns>The entry's number; <see cref="RestartCount"/> when there is none.</returns>
    public int IndexAtOrAfter(ReadOnlySpan<byte> key, out EntryHead head)
    {
        var content = Span;
        int low = 0, high = RestartCount;
        head = default;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            ReadHead(content, Restart(middle), out var read);
            if (EntryOrder.CompareKeys(content.Slice(read.SuffixOffset, read.SuffixLength), key) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
                head = read;
            }
        }

        return low;
    }

    /// <summary>The head of an entry by its number, in a block that has all keys in full; default behind the last.</summary>
    public void IndexEntry(int number, out EntryHead head)
    {
        head = default;
        if (number < RestartCount)
        {
            ReadHead(Span, Restart(number), out head);
        }
    }

    /// <summary>Two places of blocks, as the value of an index entry has them.</summary>
    public static void ReadHandles(ReadOnlySpan<byte> value, out BlockHandle first, out BlockHandle second)
    {
        var offset = 0;
        first = ReadHandle(value, ref offset);
        second = offset < value.Length ? ReadHandle(value, ref offset) : default;
    }

    private static BlockHandle ReadHandle(ReadOnlySpan<byte> value, ref int offset)
    {
        var place = (long)ReadVarint64(value, ref offset);
        return new BlockHandle(place, ReadVarint(value, ref offset));
    }

    private static int ReadVarint(ReadOnlySpan<byte> content, ref int offset) => (int)ReadVarint64(content, ref offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong ReadVarint64(ReadOnlySpan<byte> content, ref int offset)
    {
        ulong result = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = content[offset++];
            result |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return result;
            }
        }
    }
}
