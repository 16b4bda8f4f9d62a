using System.Buffers.Binary;

namespace Atoll.Storage.Lsm;

/// <summary>Keys as the store's files have them: the tree's number, big-endian, and the tree's own key.</summary>
internal static class TreeKey
{
    /// <summary>What all keys of a tree begin with.</summary>
    public static byte[] Prefix(ulong tree)
    {
        var prefix = new byte[TableFormat.TreePrefixBytes];
        BinaryPrimitives.WriteUInt64BigEndian(prefix, tree);
        return prefix;
    }

    /// <summary>The tree of a key.</summary>
    public static ulong TreeOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt64BigEndian(key);

    /// <summary>Puts a tree's number in front of a key.</summary>
    /// <param name="target">Where; grows when it is too short.</param>
    /// <param name="tree">The tree.</param>
    /// <param name="key">The tree's own key.</param>
    /// <returns>Bytes of both.</returns>
    public static int Join(ref byte[] target, ulong tree, ReadOnlySpan<byte> key)
    {
        var length = TableFormat.TreePrefixBytes + key.Length;
        if (target.Length < length)
        {
            target = new byte[Math.Max(length, target.Length * 2)];
        }

        BinaryPrimitives.WriteUInt64BigEndian(target, tree);
        key.CopyTo(target.AsSpan(TableFormat.TreePrefixBytes));
        return length;
    }
}
