using System.Diagnostics.CodeAnalysis;

namespace Atoll.Storage.Sorted;

/// <summary>A tree as it was at one moment. It never changes, may be read from any thread, and needs no disposal.</summary>
/// <typeparam name="TKey">The keys.</typeparam>
/// <typeparam name="TValue">The values.</typeparam>
/// <typeparam name="TOrder">The order of the keys.</typeparam>
public sealed class TreeSnapshot<TKey, TValue, TOrder>
    where TOrder : struct, ITreeOrder<TKey>
{
    internal TreeSnapshot(TreeNode<TKey, TValue, TOrder> root, long count)
    {
        RootNode = root;
        Count = count;
    }

    /// <summary>Keys in the snapshot.</summary>
    public long Count { get; }

    internal TreeNode<TKey, TValue, TOrder> RootNode { get; }

    /// <summary>The value under a key.</summary>
    /// <returns>False when the key is not in the snapshot.</returns>
    public bool TryGet(in TKey key, [MaybeNullWhen(false)] out TValue value) =>
        CopyOnWriteTree<TKey, TValue, TOrder>.TryGet(RootNode, key, out value);

    /// <summary>A cursor over the snapshot.</summary>
    public TreeCursor<TKey, TValue, TOrder> OpenCursor() => new(this);
}
