using System.Buffers.Binary;

namespace Atoll.Storage.Lsm;

/// <summary>Keys as the store's files have them: the tree's number, big-endian, and the tree's own key.</summary>
internal static class TreeKey
{
    /// <summary>What all keys of a tree begin with.</summary>
    public static byte[] Prefix(ulong tree) => Prefix(tree, []);

    /// <summary>What all keys of a section of a tree begin with.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="section">The section's byte; empty for the whole tree.</param>
    public static byte[] Prefix(ulong tree, ReadOnlySpan<byte> section)
    {
        var prefix = new byte[TableFormat.TreePrefixBytes + section.Length];
        BinaryPrimitives.WriteUInt64BigEndian(prefix, tree);
        section.CopyTo(prefix.AsSpan(TableFormat.TreePrefixBytes));
        return prefix;
    }

    /// <summary>The first key behind all keys of a section of a tree.</summary>
    public static byte[] End(ulong tree, ReadOnlySpan<byte> section) =>
        section.IsEmpty || section[0] == byte.MaxValue ? Prefix(tree + 1) : Prefix(tree, [(byte)(section[0] + 1)]);

    /// <summary>The tree of a key.</summary>
    public static ulong TreeOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt64BigEndian(key);

    /// <summary>Puts a tree's number in front of a key.</summary>
    /// <param name="target">Where; grows when it is too short.</param>
    /// <param name="tree">The tree.</param>
    /// <param name="key">The tree's own key.</param>
    /// <returns>Bytes of both.</returns>
    public static int Join(ref byte[] target, ulong tree, ReadOnlySpan<byte> key) => Join(ref target, tree, [], key);

    /// <summary>Puts a tree's number and a section in front of a key.</summary>
    public static int Join(ref byte[] target, ulong tree, ReadOnlySpan<byte> section, ReadOnlySpan<byte> key)
    {
        var length = TableFormat.TreePrefixBytes + section.Length + key.Length;
        if (target.Length < length)
        {
            target = new byte[Math.Max(length, target.Length * 2)];
        }

        BinaryPrimitives.WriteUInt64BigEndian(target, tree);
        section.CopyTo(target.AsSpan(TableFormat.TreePrefixBytes));
        key.CopyTo(target.AsSpan(TableFormat.TreePrefixBytes + section.Length));
        return length;
    }
}
