using Atoll.Foundation.Checks;

namespace Atoll.Storage.Sorted;

/// <summary>
/// A position in a tree or snapshot, moving both ways. A seek or step that finds nothing leaves it nowhere. Over a live tree every use
/// after a write, other than a new seek, is a failed check.
/// </summary>
/// <typeparam name="TKey">The keys.</typeparam>
/// <typeparam name="TValue">The values.</typeparam>
/// <typeparam name="TOrder">The order of the keys.</typeparam>
public sealed class TreeCursor<TKey, TValue, TOrder>
    where TOrder : struct, ITreeOrder<TKey>
{
    private readonly CopyOnWriteTree<TKey, TValue, TOrder>? _tree;
    private readonly TreeSnapshot<TKey, TValue, TOrder>? _snapshot;

    // The inner nodes from the root to the leaf, and which child was taken.
    private readonly TreeNode<TKey, TValue, TOrder>[] _path =
        new TreeNode<TKey, TValue, TOrder>[CopyOnWriteTree<TKey, TValue, TOrder>.LevelsMax];

    private readonly int[] _slots = new int[CopyOnWriteTree<TKey, TValue, TOrder>.LevelsMax];

    private TreeNode<TKey, TValue, TOrder>? _leaf;
    private int _position;
    private int _levels;
    private ulong _writes;

    internal TreeCursor(CopyOnWriteTree<TKey, TValue, TOrder> tree) => _tree = tree;

    internal TreeCursor(TreeSnapshot<TKey, TValue, TOrder> snapshot) => _snapshot = snapshot;

    /// <summary>True when the cursor stands on a key.</summary>
    public bool IsValid => _leaf is not null;

    /// <summary>The key that it stands on.</summary>
    public ref readonly TKey Key => ref Leaf().Key(_position);

    /// <summary>The value that it stands on.</summary>
    public ref readonly TValue Value => ref Leaf().Value(_position);

    /// <summary>Goes to the first key.</summary>
    public bool SeekFirst()
    {
        Descend(Root(), toLast: false);
        return Settle(0);
    }

    /// <summary>Goes to the last key.</summary>
    public bool SeekLast()
    {
        Descend(Root(), toLast: true);
        return Settle(_leaf!.Count - 1);
    }

    /// <summary>Goes to the first key that is not before the given one.</summary>
    public bool SeekAtOrAfter(in TKey key)
    {
        DescendTo(key);
        return Settle(_leaf!.LowerBound(key, out _));
    }

    /// <summary>Goes to the first key after the given one.</summary>
    public bool SeekAfter(in TKey key)
    {
        DescendTo(key);
        return Settle(_leaf!.UpperBound(key));
    }

    /// <summary>Goes to the last key that is not after the given one.</summary>
    public bool SeekAtOrBefore(in TKey key)
    {
        DescendTo(key);
        return Settle(_leaf!.UpperBound(key) - 1);
    }

    /// <summary>Goes to the last key before the given one.</summary>
    public bool SeekBefore(in TKey key)
    {
        DescendTo(key);
        return Settle(_leaf!.LowerBound(key, out _) - 1);
    }

    /// <summary>Goes one key on.</summary>
    public bool Next()
    {
        Leaf();
        return Settle(_position + 1);
    }

    /// <summary>Goes one key back.</summary>
    public bool Previous()
    {
        Leaf();
        return Settle(_position - 1);
    }

    private TreeNode<TKey, TValue, TOrder> Leaf()
    {
        Check.That(_leaf is not null);
        Check.That(_tree is null || _tree.Writes == _writes);
        return _leaf;
    }

    private TreeNode<TKey, TValue, TOrder> Root()
    {
        _levels = 0;
        if (_tree is null)
        {
            return _snapshot!.RootNode;
        }

        _writes = _tree.Writes;
        return _tree.RootNode;
    }

    private void DescendTo(in TKey key)
    {
        var node = Root();
        while (!node.IsLeaf)
        {
            node = Enter(node, node.UpperBound(key));
        }

        _leaf = node;
    }

    private void Descend(TreeNode<TKey, TValue, TOrder> node, bool toLast)
    {
        while (!node.IsLeaf)
        {
            node = Enter(node, toLast ? node.Count : 0);
        }

        _leaf = node;
    }

    private TreeNode<TKey, TValue, TOrder> Enter(TreeNode<TKey, TValue, TOrder> node, int slot)
    {
        _path[_levels] = node;
        _slots[_levels] = slot;
        _levels++;
        return node.Child(slot);
    }

    /// <summary>Stands on a position of the leaf, or, when it lies just outside, on the nearest of the neighbouring leaf.</summary>
    private bool Settle(int position)
    {
        if (position >= 0 && position < _leaf!.Count)
        {
            _position = position;
            return true;
        }

        var forward = position >= 0;
        while (_levels > 0)
        {
            _levels--;
            var node = _path[_levels];
            var slot = _slots[_levels] + (forward ? 1 : -1);
            if (slot >= 0 && slot <= node.Count)
            {
                Descend(Enter(node, slot), toLast: !forward);
                _position = forward ? 0 : _leaf!.Count - 1;
                return true;
            }
        }

        _leaf = null;
        return false;
    }
}
