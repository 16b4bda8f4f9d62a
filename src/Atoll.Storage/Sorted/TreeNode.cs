using Atoll.Foundation.Checks;

namespace Atoll.Storage.Sorted;

/// <summary>
/// A node of a <see cref="CopyOnWriteTree{TKey, TValue, TOrder}"/>: a leaf with a value for each key, or an inner node with one child more
/// than it has keys. Key i of an inner node separates child i (all keys below it) from child i + 1 (all keys at or above it).
/// </summary>
internal sealed class TreeNode<TKey, TValue, TOrder>
    where TOrder : struct, ITreeOrder<TKey>
{
    /// <summary>Keys of a node: large enough that a million keys need three levels, small enough that copying a leaf is cheap.</summary>
    internal const int KeysMax = 64;

    /// <summary>Below this a node is filled from, or merged with, a neighbour.</summary>
    internal const int KeysMin = KeysMax / 4;

    /// <summary>
    /// Two nodes become one when they have together at most this: not full, so that the next insertion does not part them again.
    /// </summary>
    internal const int MergedKeysMax = KeysMax * 3 / 4;

    private readonly TKey[] _keys = new TKey[KeysMax];
    private readonly TValue[]? _values;
    private readonly TreeNode<TKey, TValue, TOrder>[]? _children;

    private TreeNode(ulong epoch, bool isLeaf)
    {
        Epoch = epoch;
        if (isLeaf)
        {
            _values = new TValue[KeysMax];
        }
        else
        {
            _children = new TreeNode<TKey, TValue, TOrder>[KeysMax + 1];
        }
    }

    /// <summary>The tree's epoch in which the node was made: an older one means that a snapshot may share it.</summary>
    internal ulong Epoch { get; }

    internal int Count { get; private set; }

    internal bool IsLeaf => _children is null;

    internal bool IsFull => Count == KeysMax;

    internal static TreeNode<TKey, TValue, TOrder> Leaf(ulong epoch) => new(epoch, true);

    /// <summary>A root over two children.</summary>
    internal static TreeNode<TKey, TValue, TOrder> Root(
        ulong epoch, TreeNode<TKey, TValue, TOrder> left, in TKey separator, TreeNode<TKey, TValue, TOrder> right)
    {
        var root = new TreeNode<TKey, TValue, TOrder>(epoch, false) { Count = 1 };
        root._keys[0] = separator;
        root._children![0] = left;
        root._children[1] = right;
        return root;
    }

    internal ref readonly TKey Key(int position) => ref _keys[position];

    internal ref TValue Value(int position) => ref _values![position];

    internal TreeNode<TKey, TValue, TOrder> Child(int position) => _children![position];

    internal void SetChild(int position, TreeNode<TKey, TValue, TOrder> child) => _children![position] = child;

    internal TreeNode<TKey, TValue, TOrder> Clone(ulong epoch)
    {
        var clone = new TreeNode<TKey, TValue, TOrder>(epoch, IsLeaf) { Count = Count };
        Array.Copy(_keys, clone._keys, Count);
        if (IsLeaf)
        {
            Array.Copy(_values!, clone._values!, Count);
        }
        else
        {
            Array.Copy(_children!, clone._children!, Count + 1);
        }

        return clone;
    }

    /// <summary>The position of the first key that is not below the given one; Count when there is none.</summary>
    internal int LowerBound(in TKey key, out bool found)
    {
        var low = 0;
        var high = Count;
        found = false;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            var order = TOrder.Compare(_keys[middle], key);
            if (order == 0)
            {
                found = true;
                return middle;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>The position of the first key above the given one; in an inner node the child that may hold the key.</summary>
    internal int UpperBound(in TKey key)
    {
        var position = LowerBound(key, out var found);
        return found ? position + 1 : position;
    }

    /// <summary>Puts a key and its value into a leaf that is not full.</summary>
    internal void InsertEntry(int position, in TKey key, in TValue value)
    {
        Check.That(IsLeaf && !IsFull);
        Open(_keys, position, Count);
        Open(_values!, position, Count);
        _keys[position] = key;
        _values![position] = value;
        Count++;
    }

    /// <summary>Puts a separator and the child to its right into an inner node that is not full.</summary>
    internal void InsertChild(int position, in TKey separator, TreeNode<TKey, TValue, TOrder> right)
    {
        Check.That(!IsLeaf && !IsFull);
        Open(_keys, position, Count);
        Open(_children!, position + 1, Count + 1);
        _keys[position] = separator;
        _children![position + 1] = right;
        Count++;
    }

    internal void RemoveEntry(int position)
    {
        Close(_keys, position, Count);
        Close(_values!, position, Count);
        Count--;
    }

    /// <summary>Moves the keys from a position on into a new leaf.</summary>
    internal TreeNode<TKey, TValue, TOrder> SplitLeaf(int at)
    {
        var right = new TreeNode<TKey, TValue, TOrder>(Epoch, true) { Count = Count - at };
        Move(_keys, at, right._keys, 0, right.Count);
        Move(_values!, at, right._values!, 0, right.Count);
        Count = at;
        return right;
    }

    /// <summary>Moves the upper half into a new inner node; the key between the halves goes up.</summary>
    internal TreeNode<TKey, TValue, TOrder> SplitInner(out TKey separator)
    {
        const int at = KeysMax / 2;
        Check.That(IsFull);
        var right = new TreeNode<TKey, TValue, TOrder>(Epoch, false) { Count = Count - at - 1 };
        separator = _keys[at];
        Move(_keys, at + 1, right._keys, 0, right.Count);
        Move(_children!, at + 1, right._children!, 0, right.Count + 1);
        _keys[at] = default!;
        Count = at;
        return right;
    }

    /// <summary>Evens out two neighbouring children, or makes one of them.</summary>
    /// <param name="position">The separator between them.</param>
    /// <param name="left">The child left of it, writable.</param>
    /// <param name="right">The child right of it, writable.</param>
    internal void Balance(int position, TreeNode<TKey, TValue, TOrder> left, TreeNode<TKey, TValue, TOrder> right)
    {
        var together = left.Count + right.Count + (left.IsLeaf ? 0 : 1);
        if (together <= MergedKeysMax)
        {
            left.TakeFromRight(right, right.Count, _keys[position], everything: true, out _);
            Close(_keys, position, Count);
            Close(_children!, position + 1, Count + 1);
            Count--;
            return;
        }

        var move = (left.Count - right.Count) / 2;
        if (move < 0)
        {
            left.TakeFromRight(right, -move, _keys[position], everything: false, out _keys[position]);
        }
        else
        {
            right.TakeFromLeft(left, move, _keys[position], out _keys[position]);
        }
    }

    /// <summary>Appends the first keys of the right neighbour; for inner nodes the separator comes down between.</summary>
    private void TakeFromRight(
        TreeNode<TKey, TValue, TOrder> right, int count, TKey separator, bool everything, out TKey newSeparator)
    {
        if (IsLeaf)
        {
            Move(right._keys, 0, _keys, Count, count);
            Move(right._values!, 0, _values!, Count, count);
            Count += count;
            right.Shift(count);
            newSeparator = everything ? separator : right._keys[0];
            return;
        }

        // The separator is the first key that moves. Of the keys behind it all move when the node goes, else the last becomes the
        // separator.
        var keys = everything ? count : count - 1;
        var children = keys + 1;
        _keys[Count] = separator;
        newSeparator = everything ? separator : right._keys[keys];
        Move(right._keys, 0, _keys, Count + 1, keys);
        Move(right._children!, 0, _children!, Count + 1, children);
        Count += children;
        if (!everything)
        {
            right.Shift(children);
        }
    }

    /// <summary>Puts the last keys of the left neighbour in front; for inner nodes the separator comes down between.</summary>
    private void TakeFromLeft(TreeNode<TKey, TValue, TOrder> left, int count, TKey separator, out TKey newSeparator)
    {
        newSeparator = separator;
        if (count == 0)
        {
            return;
        }

        Array.Copy(_keys, 0, _keys, count, Count);
        if (IsLeaf)
        {
            Array.Copy(_values!, 0, _values!, count, Count);
            Move(left._keys, left.Count - count, _keys, 0, count);
            Move(left._values!, left.Count - count, _values!, 0, count);
            newSeparator = _keys[0];
        }
        else
        {
            Array.Copy(_children!, 0, _children!, count, Count + 1);
            _keys[count - 1] = separator;
            Move(left._keys, left.Count - count + 1, _keys, 0, count - 1);
            Move(left._children!, left.Count - count + 1, _children!, 0, count);
            newSeparator = left._keys[left.Count - count];
            left._keys[left.Count - count] = default!;
        }

        left.Count -= count;
        Count += count;
    }

    /// <summary>Drops the first keys (and as many children), whose slots were cleared by moving them.</summary>
    private void Shift(int count)
    {
        var left = Count - count;
        Array.Copy(_keys, count, _keys, 0, left);
        Array.Clear(_keys, left, count);
        if (IsLeaf)
        {
            Array.Copy(_values!, count, _values!, 0, left);
            Array.Clear(_values!, left, count);
        }
        else
        {
            Array.Copy(_children!, count, _children!, 0, left + 1);
            Array.Clear(_children!, left + 1, count);
        }

        Count = left;
    }

    private static void Open<T>(T[] items, int position, int count) => Array.Copy(items, position, items, position + 1, count - position);

    private static void Close<T>(T[] items, int position, int count)
    {
        Array.Copy(items, position + 1, items, position, count - position - 1);
        items[count - 1] = default!;
    }

    // What left a node must not be kept alive by it.
    private static void Move<T>(T[] from, int fromPosition, T[] to, int toPosition, int count)
    {
        Array.Copy(from, fromPosition, to, toPosition, count);
        Array.Clear(from, fromPosition, count);
    }
}
