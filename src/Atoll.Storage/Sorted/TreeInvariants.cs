using Atoll.Foundation.Checks;

namespace Atoll.Storage.Sorted;

/// <summary>What holds for every tree between two calls.</summary>
internal static class TreeInvariants<TKey, TValue, TOrder>
    where TOrder : struct, ITreeOrder<TKey>
{
    /// <summary>Checks every node, and counts the keys.</summary>
    internal static long CountChecked(TreeNode<TKey, TValue, TOrder> root)
    {
        var depth = -1;
        return CountChecked(root, 0, true, true, default!, false, default!, false, ref depth);
    }

    // Recursion is as deep as the tree: at most LevelsMax.
    private static long CountChecked(
        TreeNode<TKey, TValue, TOrder> node,
        int level,
        bool isRoot,
        bool isRightEdge,
        TKey low,
        bool hasLow,
        TKey high,
        bool hasHigh,
        ref int leafLevel)
    {
        Check.That(level < CopyOnWriteTree<TKey, TValue, TOrder>.LevelsMax);
        Check.That(isRoot || node.Count >= (isRightEdge && node.IsLeaf ? 1 : TreeNode<TKey, TValue, TOrder>.KeysMin));
        for (var i = 0; i < node.Count; i++)
        {
            Check.That(i == 0 || TOrder.Compare(node.Key(i - 1), node.Key(i)) < 0);
            Check.That(!hasLow || TOrder.Compare(low, node.Key(i)) <= 0);
            Check.That(!hasHigh || TOrder.Compare(node.Key(i), high) < 0);
        }

        if (node.IsLeaf)
        {
            Check.That(leafLevel < 0 || leafLevel == level);
            leafLevel = level;
            return node.Count;
        }

        Check.That(node.Count > 0);
        long count = 0;
        for (var i = 0; i <= node.Count; i++)
        {
            count += CountChecked(
                node.Child(i),
                level + 1,
                false,
                isRightEdge && i == node.Count,
                i > 0 ? node.Key(i - 1) : low,
                i > 0 || hasLow,
                i < node.Count ? node.Key(i) : high,
                i < node.Count || hasHigh,
                ref leafLevel);
        }

        return count;
    }
}
