namespace Atoll.Storage.Sorted;

/// <summary>
/// The order of a tree's keys; a type argument rather than an object, so that comparisons are compiled into the tree's code.
/// </summary>
/// <typeparam name="TKey">The keys.</typeparam>
public interface ITreeOrder<TKey>
{
    /// <summary>Negative, zero or positive as <paramref name="a"/> comes before, is, or comes after <paramref name="b"/>.</summary>
    static abstract int Compare(in TKey a, in TKey b);
}

/// <summary>The natural order of numbers.</summary>
public readonly struct NumberOrder : ITreeOrder<ulong>
{
    /// <inheritdoc />
    public static int Compare(in ulong a, in ulong b) => a.CompareTo(b);
}

/// <summary>The order of byte strings everywhere in Atoll: byte by byte, unsigned, a prefix before what it begins.</summary>
public readonly struct ByteKeyOrder : ITreeOrder<ByteKey>
{
    /// <inheritdoc />
    public static int Compare(in ByteKey a, in ByteKey b) => a.CompareTo(b);
}
