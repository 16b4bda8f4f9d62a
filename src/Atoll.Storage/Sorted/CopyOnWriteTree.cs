using System.Diagnostics.CodeAnalysis;
using Atoll.Foundation.Checks;

namespace Atoll.Storage.Sorted;

/// <summary>
/// A B+tree (Bayer and McCreight, 1972; Comer, 1979) whose snapshots cost O(1) and stay as they are while it is written. Every node carries
/// the epoch in which it was made; taking a snapshot begins a new epoch, and a write copies each older node on its path once.
/// Single-threaded, except that snapshots may be read anywhere: their nodes never change again.
/// </summary>
/// <typeparam name="TKey">The keys; must not change while in the tree.</typeparam>
/// <typeparam name="TValue">The values; copied with their leaf, so small structures or references.</typeparam>
/// <typeparam name="TOrder">The order of the keys.</typeparam>
public sealed class CopyOnWriteTree<TKey, TValue, TOrder>
    where TOrder : struct, ITreeOrder<TKey>
{
    /// <summary>Levels of a tree. With at least 16 children a node, ten levels hold more than 2^40 keys.</summary>
    internal const int LevelsMax = 12;

    // The way from the root to the leaf of the current write: the inner nodes, and which child was taken. Kept to save allocations.
    private readonly TreeNode<TKey, TValue, TOrder>[] _path = new TreeNode<TKey, TValue, TOrder>[LevelsMax];
    private readonly int[] _slots = new int[LevelsMax];

    private TreeNode<TKey, TValue, TOrder> _root;
    private ulong _epoch;

    /// <summary>An empty tree.</summary>
    public CopyOnWriteTree() => _root = TreeNode<TKey, TValue, TOrder>.Leaf(0);

    /// <summary>Keys in the tree.</summary>
    public long Count { get; private set; }

    /// <summary>Counts the writes, for cursors that must not outlive one.</summary>
    internal ulong Writes { get; private set; }

    internal TreeNode<TKey, TValue, TOrder> RootNode => _root;

    /// <summary>The value under a key.</summary>
    /// <returns>False when the key is not in the tree.</returns>
    public bool TryGet(in TKey key, [MaybeNullWhen(false)] out TValue value) => TryGet(_root, key, out value);

    /// <summary>Puts a value under a key.</summary>
    /// <param name="key">The key; kept when it is new, else the equal key that is there stays.</param>
    /// <param name="value">The value.</param>
    /// <param name="previous">The value that was replaced.</param>
    /// <returns>True when a value was replaced, false when the key is new.</returns>
    public bool Put(in TKey key, in TValue value, [MaybeNullWhen(false)] out TValue previous)
    {
        var leaf = DescendForWrite(key, out var level);
        var position = leaf.LowerBound(key, out var found);
        if (found)
        {
            ref var slot = ref leaf.Value(position);
            previous = slot;
            slot = value;
            return true;
        }

        previous = default;
        Count++;
        if (!leaf.IsFull)
        {
            leaf.InsertEntry(position, key, value);
            return false;
        }

        // Keys that arrive in order leave full leaves behind: at the tree's right edge nothing is moved.
        var at = position == leaf.Count && IsRightEdge(level) ? leaf.Count : leaf.Count / 2;
        var right = leaf.SplitLeaf(at);
        if (position <= at && at < TreeNode<TKey, TValue, TOrder>.KeysMax)
        {
            leaf.InsertEntry(position, key, value);
        }
        else
        {
            right.InsertEntry(position - at, key, value);
        }

        AddChild(level, leaf, right.Key(0), right);
        return false;
    }

    /// <summary>Removes a key.</summary>
    /// <returns>False when it was not in the tree; then nothing was copied either.</returns>
    public bool Remove(in TKey key, [MaybeNullWhen(false)] out TValue removed)
    {
        if (!TryGet(_root, key, out removed))
        {
            return false;
        }

        var node = DescendForWrite(key, out var level);
        var position = node.LowerBound(key, out var found);
        Check.That(found);
        node.RemoveEntry(position);
        Count--;
        while (level > 0 && node.Count < TreeNode<TKey, TValue, TOrder>.KeysMin)
        {
            level--;
            var parent = _path[level];
            var separator = Math.Max(0, _slots[level] - 1);
            parent.Balance(separator, WritableChild(parent, separator), WritableChild(parent, separator + 1));
            node = parent;
        }

        if (!_root.IsLeaf && _root.Count == 0)
        {
            _root = _root.Child(0);
        }

        return true;
    }

    /// <summary>Forgets everything; snapshots keep what they have.</summary>
    public void Clear()
    {
        _root = TreeNode<TKey, TValue, TOrder>.Leaf(_epoch);
        Count = 0;
        Writes++;
    }

    /// <summary>The tree as it is now, for ever. O(1).</summary>
    public TreeSnapshot<TKey, TValue, TOrder> Snapshot()
    {
        // From now on every node of today is older than the epoch, so no write changes it in place.
        _epoch++;
        return new TreeSnapshot<TKey, TValue, TOrder>(_root, Count);
    }

    /// <summary>A cursor over the tree as it is now; it may not be used after the next write.</summary>
    public TreeCursor<TKey, TValue, TOrder> OpenCursor() => new(this);

    /// <summary>Checks order, separators, fill and depth of every node. Costs a walk over everything.</summary>
    /// <exception cref="CheckFailedException">The tree is broken.</exception>
    public void CheckInvariants() => Check.That(TreeInvariants<TKey, TValue, TOrder>.CountChecked(_root) == Count);

    internal static bool TryGet(TreeNode<TKey, TValue, TOrder> root, in TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        var node = root;
        while (!node.IsLeaf)
        {
            node = node.Child(node.UpperBound(key));
        }

        var position = node.LowerBound(key, out var found);
        value = found ? node.Value(position) : default;
        return found;
    }

    /// <summary>Goes to the leaf of a key, remembering the way and copying every node of it that a snapshot may share.</summary>
    private TreeNode<TKey, TValue, TOrder> DescendForWrite(in TKey key, out int level)
    {
        Writes++;
        if (_root.Epoch != _epoch)
        {
            _root = _root.Clone(_epoch);
        }

        var node = _root;
        level = 0;
        while (!node.IsLeaf)
        {
            var slot = node.UpperBound(key);
            _path[level] = node;
            _slots[level] = slot;
            level++;
            node = WritableChild(node, slot);
        }

        return node;
    }

    private TreeNode<TKey, TValue, TOrder> WritableChild(TreeNode<TKey, TValue, TOrder> parent, int slot)
    {
        var child = parent.Child(slot);
        if (child.Epoch != _epoch)
        {
            child = child.Clone(_epoch);
            parent.SetChild(slot, child);
        }

        return child;
    }

    /// <summary>Hangs a new right neighbour beside a node, splitting full parents on the way up.</summary>
    private void AddChild(int level, TreeNode<TKey, TValue, TOrder> left, TKey separator, TreeNode<TKey, TValue, TOrder> right)
    {
        while (level > 0)
        {
            level--;
            var parent = _path[level];
            var slot = _slots[level];
            if (!parent.IsFull)
            {
                parent.InsertChild(slot, separator, right);
                return;
            }

            var upper = parent.SplitInner(out var middle);
            if (slot <= parent.Count)
            {
                parent.InsertChild(slot, separator, right);
            }
            else
            {
                upper.InsertChild(slot - parent.Count - 1, separator, right);
            }

            (left, separator, right) = (parent, middle, upper);
        }

        _root = TreeNode<TKey, TValue, TOrder>.Root(_epoch, left, separator, right);
    }

    private bool IsRightEdge(int levels)
    {
        for (var level = 0; level < levels; level++)
        {
            if (_slots[level] != _path[level].Count)
            {
                return false;
            }
        }

        return true;
    }
}
