using System.Numerics;
using Atoll.Foundation.Checks;

namespace Atoll.Kernel.Eventual;

/// <summary>
/// The hashes of a token range, kept up to date with every write (Dynamo, 2007, section 4.7, without its rebuilding). A leaf is an equal
/// part of the range; its value is the sum of the hashes of its partitions, and an inner node's the sum of its two children's, so that a
/// write costs one addition a level and the order of writes does not matter. Two replicas with equal data have equal trees.
/// Nodes are numbered as in a heap: the root is 1, the children of n are 2n and 2n + 1.
/// </summary>
public sealed class MerkleTree
{
    /// <summary>The deepest tree: 64 Ki leaves, 2 MiB.</summary>
    public const int DepthMax = 16;

    private readonly UInt128[] _nodes;
    private readonly int _shift;

    /// <summary>The tree of an empty range.</summary>
    /// <param name="firstToken">The range's first token, in the order of unsigned integers.</param>
    /// <param name="lastToken">The range's last token.</param>
    /// <param name="depth">Levels below the root: two to this power are the leaves.</param>
    public MerkleTree(ulong firstToken, ulong lastToken, int depth)
    {
        Check.That(firstToken <= lastToken && depth >= 0 && depth <= DepthMax);
        FirstToken = firstToken;
        LastToken = lastToken;
        Depth = depth;
        _nodes = new UInt128[2 << depth];

        // Leaves are a power of two wide, so that finding one is a shift.
        var bits = 64 - BitOperations.LeadingZeroCount(lastToken - firstToken);
        _shift = Math.Max(0, bits - depth);
    }

    /// <summary>The range's first token.</summary>
    public ulong FirstToken { get; }

    /// <summary>The range's last token.</summary>
    public ulong LastToken { get; }

    /// <summary>Levels below the root.</summary>
    public int Depth { get; }

    /// <summary>The number of leaves; some at the end may be outside of the range.</summary>
    public int Leaves => 1 << Depth;

    /// <summary>The hash of everything.</summary>
    public UInt128 Root => _nodes[1];

    /// <summary>The node's hash.</summary>
    public UInt128 HashOf(int node) => _nodes[node];

    /// <summary>Whether there is such a node.</summary>
    public bool Contains(int node) => node >= 1 && node < _nodes.Length;

    /// <summary>Whether the node is a leaf.</summary>
    public bool IsLeaf(int node) => node >= Leaves;

    /// <summary>The leaf of a token.</summary>
    public int LeafOf(ulong token)
    {
        Check.That(token >= FirstToken && token <= LastToken);
        var offset = token - FirstToken;
        return _shift == 64 ? Leaves : Leaves + (int)(offset >> _shift);
    }

    /// <summary>The tokens of a leaf; empty when the first is behind the last.</summary>
    public (ulong First, ulong Last) TokensOf(int leaf)
    {
        Check.That(IsLeaf(leaf) && Contains(leaf));
        var index = (UInt128)(leaf - Leaves);
        var first = (UInt128)FirstToken + (index << _shift);
        var last = first + ((UInt128.One << _shift) - 1);
        return first > LastToken ? (1, 0) : ((ulong)first, last > LastToken ? LastToken : (ulong)last);
    }

    /// <summary>A partition's hash changed; 0 stands for a partition that is not there.</summary>
    /// <param name="token">The partition's token.</param>
    /// <param name="before">Its hash before the write.</param>
    /// <param name="after">Its hash after the write. It must cover the partition's key.</param>
    public void Update(ulong token, UInt128 before, UInt128 after)
    {
        var delta = unchecked(after - before);
        for (var node = LeafOf(token); node >= 1; node >>= 1)
        {
            _nodes[node] = unchecked(_nodes[node] + delta);
        }
    }
}
